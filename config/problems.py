"""Answers for tools when something is wrong: problem details as in RFC 9457."""

import re
from http import HTTPStatus

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from audit import Refused
from portal import views as pages

CONTENT_TYPE = "application/problem+json"

#: Addresses that tools call; everything else is the portal's, which answers with pages.
FOR_TOOLS = r"^(?:api|ingest|v1|ofrep|static|\.well-known)(?:/|$)"


def body(status: int, detail: str, **more) -> dict:
    """Return a problem body; `more` are members of its own, such as `errors`."""
    return {"title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}


def problem(status: int, detail: str, **more) -> JsonResponse:
    """Answer with a problem body."""
    return JsonResponse(body(status, detail, **more), status=status, content_type=CONTENT_TYPE)


def not_found(request, *args, **kwargs) -> JsonResponse:
    """Answer 404 to a tool, where the portal would send an anonymous caller to its sign-in."""
    return problem(404, "There is nothing at this address that you may see.")


def answer_exception(error: Exception, context) -> Response | None:
    """Turn what an API view raised into a problem; unknown exceptions are left to be a 500."""
    headers = {}
    if isinstance(error, Refused):
        errors = [
            {"code": reason.code, "sentence": reason.sentence, "field": reason.field}
            for reason in error.reasons
        ]
        status, answer = error.status, body(error.status, str(error), errors=errors)
    elif isinstance(error, Http404):
        # Its own text names the model that was asked for.
        status, answer = 404, body(404, "There is nothing at this address that you may see.")
    elif isinstance(error, PermissionDenied):
        status, answer = 403, body(403, str(error) or "You may see this, but not do it.")
    elif isinstance(error, exceptions.ValidationError):
        status, answer = 400, body(400, "The request does not fit.", errors=error.detail)
    elif isinstance(error, exceptions.APIException):
        status, answer = error.status_code, body(error.status_code, str(error.detail))
        if challenge := getattr(error, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
        if wait := getattr(error, "wait", None):
            headers["Retry-After"] = f"{wait:.0f}"
    else:
        return None
    set_rollback()
    return Response(answer, status=status, headers=headers, content_type=CONTENT_TYPE)


def _handler(status: int, detail: str, page):
    """Return an error handler: a problem for tools, the page `page` makes for people."""

    def handler(request, exception=None) -> HttpResponse:
        if re.match(FOR_TOOLS, request.path.lstrip("/")):
            return problem(status, detail)
        return page(request) if exception is None else page(request, exception)

    return handler


bad_request = _handler(400, "The request cannot be read.", defaults.bad_request)
permission_denied = _handler(403, "You may not do this.", pages.forbidden)
page_not_found = _handler(
    404, "There is nothing at this address that you may see.", pages.not_found
)
server_error = _handler(500, "This failed here; it is in the log.", pages.server_error)
