"""Where OpenTelemetry exporters and collectors send traces: `POST /v1/traces` (OTLP over HTTP)."""

from threading import BoundedSemaphore

from django.conf import settings
from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from audit.api.answers import parameter_problems
from audit.refusals import NotUnderstood
from runtime.records.ingest import TRY_AGAIN, MayAppend, unpacked
from runtime.traces import wire
from runtime.traces.keeping import take

#: Bytes of one body, packed or unpacked.
MOST_BYTES = 4 * 1024**2
#: Different reasons that an answer tells.
MOST_SENTENCES = 5


class TooMuch(exceptions.APIException):
    status_code = 413
    default_detail = (
        f"A body has at most {MOST_BYTES // 1024**2} MiB, unpacked as well, and "
        f"{wire.MOST_SPANS} spans. Nothing was kept; send less at once."
    )


class PerToken(SimpleRateThrottle):
    """So many bodies of one token in a time; each process counts its own."""

    def get_rate(self):
        return settings.TRACES_INGEST_RATE

    def get_cache_key(self, request, view):
        return f"ingest-traces:{request.auth.pk}"


class Bytes(BaseParser):
    """A body as it is, packed with gzip or not, read no further than it may be long."""

    def parse(self, stream, media_type=None, parser_context=None) -> bytes:
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
        return body


class Protobuf(Bytes):
    media_type = wire.PROTOBUF


class Json(Bytes):
    media_type = wire.JSON


class TracesView(APIView):
    """Appending what traces tell."""

    http_method_names = ("post", "options")
    permission_classes = (MayAppend,)
    parser_classes = (Protobuf, Json)
    throttle_classes = (PerToken,)
    places = BoundedSemaphore(settings.RECORDS_AT_ONCE)

    @extend_schema(
        operation_id="append_traces",
        request={
            wire.PROTOBUF: {"type": "string", "format": "binary"},
            wire.JSON: {"type": "object", "description": "The same message as OTLP/JSON."},
        },
        responses={
            (200, wire.PROTOBUF): {"type": "string", "format": "binary"},
            (200, wire.JSON): {
                "type": "object",
                "properties": {
                    "partialSuccess": {
                        "type": "object",
                        "properties": {
                            "rejectedSpans": {"type": "string"},
                            "errorMessage": {"type": "string"},
                        },
                    }
                },
            },
        },
    )
    def post(self, request):
        """Append traces (OTLP/HTTP) of the token's own router: at most 4 MiB, 10,000 spans.

        A span that calls a model becomes a record if it carries `gatehouse.release` or
        `gatehouse.generation`; without them it is counted as unattributed traffic. Other spans are
        left out. Content is dropped, and its names are kept as erased. The answer is in the
        encoding of the body; sending a body again is harmless.
        """
        body = request.data
        if not self.places.acquire(blocking=False):
            raise exceptions.Throttled(TRY_AGAIN, "Other traces are being kept.")
        try:
            spans = wire.spans(body, self.encoding)
            kept = take(spans, body, request.auth.router, actor=request.user)
        except wire.NotTraces as problem:
            raise exceptions.ParseError(str(problem)) from None
        except wire.TooManySpans:
            raise TooMuch from None
        finally:
            self.places.release()
        sentence = " ".join(kept.sentences[:MOST_SENTENCES]) if kept.refused else ""
        return self._answered(200, wire.answer(self.encoding, kept.refused, sentence))

    @property
    def encoding(self) -> str:
        """The encoding of the body, in which it is answered as well."""
        given = self.request.content_type or ""
        return wire.JSON if given.partition(";")[0].strip().lower() == wire.JSON else wire.PROTOBUF

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if reasons := parameter_problems(request.query_params, frozenset()):
            raise NotUnderstood(reasons)

    def perform_content_negotiation(self, request, force=False):
        return self.get_renderers()[0], self.encoding

    def finalize_response(self, request, response, *args, **kwargs):
        if response.status_code >= 400:
            # Exporters read a status of RPC, and nothing else.
            said = response.data if isinstance(response.data, dict) else {}
            body = wire.status(
                self.encoding, response.status_code, str(said.get("detail", "It was refused."))
            )
            told = self._answered(response.status_code, body)
            for name in ("Retry-After", "WWW-Authenticate", "Allow"):
                if name in response:
                    told[name] = response[name]
            response = told
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, ("Authorization",))
        return response

    def _answered(self, status: int, body: bytes) -> HttpResponse:
        headers = {"Cache-Control": "no-store"}
        return HttpResponse(body, status=status, content_type=self.encoding, headers=headers)
