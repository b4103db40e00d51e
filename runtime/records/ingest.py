"""Where routers append what ran: `POST /ingest/v1/records/`."""

import json
import zlib
from datetime import datetime
from email.utils import parsedate_to_datetime
from threading import BoundedSemaphore

from django.conf import settings
from django.utils.cache import patch_vary_headers
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from audit.api.answers import parameter_problems
from audit.refusals import NotUnderstood
from registry.models import ApiToken
from runtime.records.reading import MOST_BYTES, MOST_ITEMS
from runtime.records.storing import (
    ACCEPTED,
    CONFLICT,
    DUPLICATE,
    INVALID,
    Answer,
    take,
)

NDJSON = "application/x-ndjson"
#: Seconds after which a router that found no place may try again.
TRY_AGAIN = 1


class TooMuch(exceptions.APIException):
    status_code = 413
    default_detail = (
        f"A batch has at most {MOST_ITEMS} records and {MOST_BYTES // 1024**2} MiB, unpacked as "
        "well. Nothing was kept; send less at once."
    )


class Unreadable(exceptions.APIException):
    status_code = 400
    default_detail = "The body is not whole gzip. Nothing was kept; send it again."


class MayAppend(BasePermission):
    """A token of a router."""

    def has_permission(self, request, view) -> bool:
        token = request.auth
        if token is None:
            return False
        if token.router is not None:
            return True
        if token.scope == ApiToken.Scope.ROUTER:
            raise exceptions.PermissionDenied(
                "This token names an environment and no router, whose records these would be. "
                "An administrator issues one for a registered router."
            )
        raise exceptions.PermissionDenied(
            f"This token has the scope {token.scope}; appending records takes one of scope "
            "router. An administrator issues one."
        )


class PerToken(SimpleRateThrottle):
    """So many batches of one token in a time; each process counts its own."""

    def get_rate(self):
        return settings.RECORDS_INGEST_RATE

    def get_cache_key(self, request, view):
        return f"ingest-records:{request.auth.pk}"


class Lines(BaseParser):
    """A body of lines, packed with gzip or not, read no further than a batch may be long."""

    media_type = NDJSON

    def parse(self, stream, media_type=None, parser_context=None) -> list[bytes]:
        headers = parser_context["request"].headers
        packed = headers.get("Content-Encoding", "identity").strip().lower()
        if packed not in ("gzip", "identity"):
            raise exceptions.UnsupportedMediaType(
                packed, "The body may be packed with gzip, or not at all."
            )
        body = stream.read(MOST_BYTES + 1)
        if len(body) <= MOST_BYTES and packed == "gzip":
            body = unpacked(body, MOST_BYTES)
        if len(body) > MOST_BYTES:
            raise TooMuch
        lines = [line for line in body.split(b"\n") if line.strip()]
        if len(lines) > MOST_ITEMS:
            raise TooMuch
        return lines


def unpacked(body: bytes, most: int) -> bytes:
    """Return what one gzip member holds, and no more than one byte beyond `most`."""
    reader = zlib.decompressobj(wbits=31)
    try:
        found = reader.decompress(body, most + 1)
    except zlib.error:
        raise Unreadable from None
    if len(found) <= most and (not reader.eof or reader.unused_data):
        raise Unreadable
    return found


class Answered(BaseRenderer):
    """One line of JSON for each line that came."""

    media_type = NDJSON
    format = "ndjson"
    charset = None

    def render(self, data, accepted_media_type=None, renderer_context=None) -> bytes:
        return b"".join(json.dumps(one).encode() + b"\n" for one in data or ())


ITEM = {
    "type": "object",
    "description": "One line of the answer.",
    "required": ["line", "id", "outcome"],
    "properties": {
        "line": {"type": "integer", "description": "Of the body, blank ones left out; from 1."},
        "id": {"type": "string", "description": "Of the record, empty if it cannot be read."},
        "outcome": {"type": "string", "enum": [ACCEPTED, DUPLICATE, CONFLICT, INVALID]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "sentence"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "sentence": {"type": "string"},
                },
            },
        },
    },
}


class AppendView(APIView):
    """Appending records, a batch at a time."""

    http_method_names = ("post", "options")
    permission_classes = (MayAppend,)
    parser_classes = (Lines,)
    renderer_classes = (Answered,)
    throttle_classes = (PerToken,)
    places = BoundedSemaphore(settings.RECORDS_AT_ONCE)

    @extend_schema(
        operation_id="append_records",
        request={NDJSON: {"type": "string", "description": "One record on each line."}},
        responses={(200, NDJSON): ITEM},
    )
    def post(self, request):
        """Append records of the token's own router: at most 1,000, and 1 MiB.

        Each line is answered by a line. What is `accepted` or `duplicate` is there for good, and
        sending it again is harmless; `conflict` and `invalid` were not kept, and every field that
        is wrong is named. The body may be packed with gzip. A header `Date` says when it was sent:
        records of a router whose clock is off by more than five minutes are marked.
        """
        lines = request.data
        if not self.places.acquire(blocking=False):
            raise exceptions.Throttled(TRY_AGAIN, "Other batches are being kept.")
        try:
            answers = take(
                lines, request.auth.router, actor=request.user, sent_at=_sent_at(request)
            )
        finally:
            self.places.release()
        return Response([_line(one) for one in answers])

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if reasons := parameter_problems(request.query_params, frozenset()):
            raise NotUnderstood(reasons)

    def perform_content_negotiation(self, request, force=False):
        return Answered(), NDJSON

    def finalize_response(self, request, response, *args, **kwargs):
        if response.status_code >= 400:
            # A problem is JSON, whatever was sent.
            request.accepted_renderer = JSONRenderer()
            request.accepted_media_type = JSONRenderer.media_type
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, ("Authorization",))
        response["Cache-Control"] = "no-store"
        return response


def _line(answer: Answer) -> dict:
    said = {"line": answer.item.line, "id": answer.item.id, "outcome": answer.outcome}
    if answer.problems:
        said["errors"] = [
            {"field": one.field, "code": one.code, "sentence": one.sentence}
            for one in answer.problems
        ]
    return said


def _sent_at(request) -> datetime | None:
    """Return the router's own time at sending, if it said one that can be read."""
    try:
        said = parsedate_to_datetime(request.headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return said if said.tzinfo is not None else None
