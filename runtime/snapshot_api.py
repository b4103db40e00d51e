"""What routers follow: the snapshot that is active, under a signed head, and any by its digest."""

import gzip
import re
from dataclasses import dataclass
from functools import lru_cache
from threading import BoundedSemaphore
from time import monotonic, sleep

from django.db import connection
from django.http import Http404, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions
from rest_framework.generics import get_object_or_404
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from audit import Reason
from audit.api.answers import Answers
from audit.kept import Unsettled, kept
from audit.refusals import NotUnderstood
from registry.authentication import TokenAuthentication
from registry.models import ApiToken, Environment
from runtime import reports
from runtime.heads import head
from runtime.models import Activation, Snapshot

#: Seconds that a request may wait for something new, and those between two looks.
LONGEST_WAIT, PAUSE = 30, 0.5
#: Requests of one process that wait at once. A thread that waits answers nobody else.
AT_ONCE = 2
places = BoundedSemaphore(AT_ONCE)

NUMBER = re.compile(r"[0-9]{1,9}")

SNAPSHOT = {
    "type": "object",
    "description": "The canonical bytes that the digest is taken over.",
    "additionalProperties": True,
}
HEAD = OpenApiParameter(
    "Routing-Head",
    str,
    OpenApiParameter.HEADER,
    response=[200, 304],
    description="The signed head: a compact JWS that names generation and digest, and ends.",
)


class MayFollow(BasePermission):
    """A router's token, or one of scope `read` whose owner sees the rows of all teams."""

    def has_permission(self, request, view) -> bool:
        token = request.auth
        if token is None:
            return False
        if token.scope == ApiToken.Scope.EVIDENCE:
            raise exceptions.PermissionDenied(
                "This token has the scope evidence; snapshots take one of scope router or read. "
                "An administrator issues one."
            )
        if token.scope == ApiToken.Scope.READ and request.user.grants and not request.user.sees_all:
            raise exceptions.PermissionDenied(
                "A snapshot tells what every team runs; reading it takes a role for all teams, or "
                "the token of a router."
            )
        return True


class OfSnapshots(Answers, APIView):
    """What the two views share."""

    permission_classes = (MayFollow,)

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, ("Accept-Encoding",))
        return response


class CurrentSnapshotView(OfSnapshots):
    """The snapshot that is active in an environment, under a signed head that proves it fresh.

    For routers of the environment, and for readers with a role for all teams. With `wait` and
    the ETag of what is active, the answer comes once something else is, or when the time is up;
    few may wait at once, so an answer may come at once all the same.
    """

    def dispatch(self, request, *args, **kwargs):
        # Asked every few seconds by every router, and nearly always answered so.
        return _unchanged(request, kwargs["slug"]) or super().dispatch(request, *args, **kwargs)

    @extend_schema(
        operation_id="environment_snapshot",
        parameters=[
            OpenApiParameter("slug", str, "path", description="Its slug."),
            OpenApiParameter(
                "wait",
                {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT, "default": 0},
                description="Seconds to wait for something new.",
            ),
            OpenApiParameter(
                "Applied-Generation",
                {"type": "integer", "minimum": 1, "maximum": 999_999_999},
                OpenApiParameter.HEADER,
                description="The generation that the router decides from; noted when it changes.",
            ),
            HEAD,
        ],
        responses={200: OpenApiResponse(SNAPSHOT)},
    )
    def get(self, request, slug):
        reasons: list[Reason] = []
        seconds = _number(
            request.query_params.get("wait", "0"), "wait", 0, LONGEST_WAIT, "seconds", reasons
        )
        applied = request.headers.get("Applied-Generation")
        if applied is not None:
            applied = _number(
                applied, "Applied-Generation", 1, 999_999_999, "as a generation", reasons
            )
        if reasons:
            raise NotUnderstood(reasons)
        environment = environment_of(request, slug)
        active = active_in(environment, request.position)
        if applied is not None and request.auth.scope == ApiToken.Scope.ROUTER:
            reports.note(request.auth, applied, active.generation)
        if seconds and applied in (None, active.generation) and _holds(request, active.digest):
            active = _wait(request, environment, active, seconds)
        signed = {"Routing-Head": head(environment.slug, active.generation, active.digest)}
        return _answer(request, active.digest, signed, "private, no-cache")

    def parameters(self):
        return frozenset({"wait"})


class SnapshotView(OfSnapshots):
    """A snapshot by its digest, for good: what it says never changes."""

    @extend_schema(
        operation_id="snapshot",
        parameters=[OpenApiParameter("digest", str, "path", description="Its digest.")],
        responses={200: OpenApiResponse(SNAPSHOT)},
    )
    def get(self, request, digest):
        found = Snapshot.objects.filter(digest=digest)
        if request.auth.scope == ApiToken.Scope.ROUTER:
            found = found.filter(environment=request.auth.environment_id)
        else:
            found = found.filter(pk__in=Snapshot.objects.visible_to(request.user).values("pk"))
        if not found.exists():
            raise Http404
        return _answer(request, digest, {}, "private, max-age=31536000, immutable")


@dataclass(frozen=True)
class Active:
    """Which snapshot is active, as which generation."""

    generation: int
    digest: str


def environment_of(request, slug: str) -> Environment:
    """Return the environment that a token reads: a router's own, or one in its owner's sight."""
    token = request.auth
    if token.scope != ApiToken.Scope.ROUTER:
        return get_object_or_404(Environment.objects.visible_to(request.user), slug=slug)
    if token.environment.slug != slug:
        raise Http404
    return token.environment


def active_in(environment: Environment, position: int) -> Active:
    """Return what is active, kept under the position of the last governed change."""
    return kept.answer(("active", environment.pk), lambda: (_find(environment.pk), None), position)


def _find(environment: int) -> Active:
    rows = Activation.objects.filter(environment=environment).order_by("-generation")
    found = rows.values_list("generation", "snapshot__digest").first()
    if found is None:
        raise Http404
    return Active(*found)


def _unchanged(request, slug: str) -> HttpResponse | None:
    """Return 304 for a router that holds what is active; None for all that takes a closer look."""
    if request.method != "GET" or request.GET or "If-None-Match" not in request.headers:
        return None
    asked = Request(request)
    try:
        _, token = TokenAuthentication().authenticate(asked) or (None, None)
        if token is None or token.scope != ApiToken.Scope.ROUTER or token.environment.slug != slug:
            return None
        active = active_in(token.environment, asked.position)
        applied = request.headers.get("Applied-Generation", str(active.generation))
        if applied != str(active.generation) or not _holds(request, active.digest):
            return None
        if "Applied-Generation" in request.headers:
            reports.note(token, active.generation, active.generation)
        signed = {"Routing-Head": head(slug, active.generation, active.digest)}
    except (exceptions.APIException, Http404, Unsettled):
        return None
    answer = _answer(request, active.digest, signed, "private, no-cache")
    patch_vary_headers(answer, ("Accept-Encoding", "Authorization"))
    return answer


def _wait(request, environment: Environment, active: Active, seconds: int) -> Active:
    """Return what is active once that is another generation, or when the time is up.

    Whether the caller may know is asked again at each look: a token may end meanwhile. SQLite
    lets nobody write while somebody reads, so nobody waits there.
    """
    if connection.vendor == "sqlite" or not places.acquire(blocking=False):
        return active
    try:
        until = monotonic() + seconds
        found = active
        while found == active and (left := until - monotonic()) > 0:
            sleep(min(left, PAUSE))
            # One statement: the position. Token and answer are kept under it.
            _, request.auth = TokenAuthentication().authenticate(request)
            found = active_in(environment, request.position)
        return found
    finally:
        places.release()


# The answer


@lru_cache(maxsize=64)
def _bytes(digest: str) -> tuple[bytes, bytes]:
    """Return a snapshot's bytes, plain and packed: the same for good, so kept without a look."""
    content = Snapshot.objects.values_list("content", flat=True).get(digest=digest).encode()
    return content, gzip.compress(content, mtime=0)


def _answer(request, digest: str, headers: dict[str, str], cache: str) -> HttpResponse:
    packed = _takes_gzip(request.headers.get("Accept-Encoding", ""))
    # Other bytes, so another tag: a strong one stands for bytes. Either is known when it returns.
    marked = {**headers, "ETag": f'"{digest}{PACKED * packed}"', "Cache-Control": cache}
    if _holds(request, digest):
        return HttpResponseNotModified(headers=marked)
    if packed:
        marked["Content-Encoding"] = "gzip"
    return HttpResponse(_bytes(digest)[packed], content_type="application/json", headers=marked)


#: What stands behind the digest in the tag of packed bytes.
PACKED = "+gzip"


def _holds(request, digest: str) -> bool:
    """Whether the caller names the snapshot as what it holds; a proxy may have weakened the tag."""
    named = parse_etags(request.headers.get("If-None-Match", ""))
    tags = {tag.removeprefix("W/").strip('"').removesuffix(PACKED) for tag in named}
    return digest in tags or "*" in tags


def _takes_gzip(accepted: str) -> bool:
    """Whether `Accept-Encoding` names gzip and does not rule it out."""
    for part in accepted.split(","):
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        if name == "gzip":
            return not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", one) for one in parameters)
    return False


def _number(
    text: str, field: str, least: int, most: int, unit: str, reasons: list[Reason]
) -> int | None:
    if NUMBER.fullmatch(text) and least <= int(text) <= most:
        return int(text)
    sentence = f"{field} takes a whole number from {least} to {most} ({unit})."
    reasons.append(Reason("NOT_A_NUMBER", sentence, field))
    return None
