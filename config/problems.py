"""Answers for tools when something is wrong: problem details as in RFC 9457."""

import re
from collections.abc import Iterator
from http import HTTPStatus

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse, UnreadablePostError
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from audit import Refused
from audit.kept import Unsettled
from portal import views as pages

CONTENT_TYPE = "application/problem+json"

#: Addresses that tools call; everything else is the portal's, which answers with pages.
FOR_TOOLS = r"^(?:api|ingest|v1|ofrep|static|\.well-known)(?:/|$)"

NOTHING_HERE = "There is nothing at this address that you may see."
FULL = "The database has no room left. Nothing was changed; tell whoever runs Gatehouse."
CUT_OFF = "The body ended before it was complete. Nothing was kept; send it again."
BUSY = "The database was too busy to answer. Nothing was changed; try again."


def body(status: int, detail: str, **more) -> dict:
    """Return a problem body; `more` are members of its own, such as `errors`."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}


def problem(status: int, detail: str, **more) -> JsonResponse:
    """Answer with a problem body."""
    return JsonResponse(
        body(status, detail, **more),
        status=status,
        content_type=CONTENT_TYPE,
        headers={"Cache-Control": "no-store"},
    )


def not_found(request, *args, **kwargs) -> JsonResponse:
    """Answer 404 to a tool, where the portal would send an anonymous caller to its sign-in."""
    return problem(404, NOTHING_HERE)


def answer_exception(error: Exception, context) -> Response | None:
    """Turn what an API view raised into a problem; unknown exceptions are left to be a 500."""
    headers = {}
    if isinstance(error, Refused):
        errors = [
            {"field": reason.field, "code": reason.code, "sentence": reason.sentence}
            for reason in error.reasons
        ]
        answer = body(error.status, str(error), errors=errors)
        if error.status == 503:
            headers["Retry-After"] = "30"
    elif isinstance(error, Http404):
        # Its own text names the model that was asked for.
        answer = body(404, NOTHING_HERE)
    elif isinstance(error, PermissionDenied):
        answer = body(403, str(error) or "You may see this, but not do it.")
    elif isinstance(error, Unsettled):
        answer = body(503, BUSY)
        headers["Retry-After"] = "1"
    elif isinstance(error, UnreadablePostError):
        answer = body(400, CUT_OFF)
    elif isinstance(error, exceptions.NotAuthenticated):
        answer = body(401, "This takes an API token, sent as `Authorization: Bearer <token>`.")
        headers["WWW-Authenticate"] = error.auth_header
    elif isinstance(error, exceptions.ValidationError):
        errors = list(_errors(error.detail))
        answer = body(400, " ".join(one["sentence"] for one in errors), errors=errors)
    elif isinstance(error, exceptions.APIException):
        answer = body(error.status_code, str(error.detail))
        if challenge := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = f"{wait:.0f}"
    else:
        return None
    set_rollback()
    return Response(answer, answer["status"], headers=headers, content_type=CONTENT_TYPE)


def _errors(detail, field: str = "") -> Iterator[dict[str, str]]:
    """Yield each error of REST framework's nested lists and dicts in the shape of a reason."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _errors(inner, f"{field}.{name}" if field else str(name))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _errors(inner, field)
    else:
        code = getattr(detail, "code", "invalid")
        yield {"field": field, "code": code.upper(), "sentence": str(detail)}


def busy(request) -> HttpResponse:
    """Answer 503 to a tool or a person: the same request may well succeed in a moment."""
    answer = problem(503, BUSY) if _is_for_tools(request) else pages.busy(request)
    answer["Retry-After"] = "1"
    return answer


def full(request) -> HttpResponse:
    """Answer 507: the disk of the database has no room; what was asked for did not happen."""
    return _refused(request, 507, "There is no room", FULL)


def too_large(request, most: int) -> HttpResponse:
    """Answer 413 to a body of more than `most` bytes, which nobody read."""
    sentence = (
        f"What was sent is larger than {most // 1024**2} MiB, the most that is taken here. "
        "Nothing was kept; send less at once."
    )
    return _refused(request, 413, "Too large", sentence)


def signed_out(request) -> HttpResponse:
    """Answer 403 to files from somebody whose session ended while they chose them."""
    sentence = "You are signed out. Sign in in another tab, then send it again from here."
    return _refused(request, 403, "Signed out", sentence)


def no_length(request) -> HttpResponse:
    """Answer 411 to a body that does not say how long it is."""
    sentence = "Say how long the body is with Content-Length; a body in chunks is not taken."
    return _refused(request, 411, "No length", sentence)


def uploads_wait(request, seconds: int) -> HttpResponse:
    """Answer 503 to an upload while others are under way, so that pages still get their answers."""
    sentence = f"Other uploads are under way. Nothing was kept; send it again in {seconds} seconds."
    answer = _refused(request, 503, "Others are uploading", sentence)
    answer["Retry-After"] = str(seconds)
    return answer


def _refused(request, status: int, title: str, sentence: str) -> HttpResponse:
    if _is_for_tools(request):
        return problem(status, sentence)
    return pages.refused(request, status, title, sentence)


def _is_for_tools(request) -> bool:
    return re.match(FOR_TOOLS, request.path.lstrip("/")) is not None


def _handler(status: int, detail: str, page):
    """Return an error handler: a problem for tools, the page `page` makes for people."""

    def handler(request, exception=None) -> HttpResponse:
        if _is_for_tools(request):
            return problem(status, detail)
        return page(request) if exception is None else page(request, exception)

    return handler


bad_request = _handler(400, "The request cannot be read.", defaults.bad_request)
permission_denied = _handler(403, "You may not do this.", pages.forbidden)
page_not_found = _handler(404, NOTHING_HERE, pages.not_found)
server_error = _handler(500, "This failed here; it is in the log.", pages.server_error)
