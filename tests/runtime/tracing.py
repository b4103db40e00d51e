"""Traces as OpenTelemetry makes them, sent by its own exporter to the test's server."""

import gzip
import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from django.test import Client
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from requests.adapters import BaseAdapter

ADDRESS = "/v1/traces"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
SHARED = Path(os.environ.get("GATEHOUSE_SHARED", "../shared")) / "data" / "otlp"
#: When the shared files were made; a later clock finds them too old.
MADE = datetime(2026, 11, 24, tzinfo=UTC)


def shared(name: str) -> bytes:
    """Return a shared file, or skip the test where there are none."""
    if not (SHARED / name).exists():
        pytest.skip(f"{SHARED / name} is not there.")
    return (SHARED / name).read_bytes()


def send(token: str, body: bytes, encoding: str = PROTOBUF, *, packed: bool = False, **headers):
    """Send a body, and return the response."""
    if packed:
        headers["content-encoding"] = "gzip"
        body = gzip.compress(body)
    return Client(raise_request_exception=False).post(
        ADDRESS,
        body,
        content_type=encoding,
        headers={"Authorization": f"Bearer {token}", **headers},
    )


class ToTestClient(BaseAdapter):
    """What the exporter posts goes to the application of this process."""

    def __init__(self):
        super().__init__()
        self.bodies: list[tuple[bytes, str, bool]] = []

    def send(self, request, **kwargs):
        """Answer as the server would over the network."""
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("content-type", "content-length")
        }
        told = Client(raise_request_exception=False).post(
            ADDRESS, request.body, content_type=request.headers["Content-Type"], headers=headers
        )
        self.bodies.append(told)
        response = requests.Response()
        response.status_code, response.url, response.request = (
            told.status_code,
            request.url,
            request,
        )
        response.headers.update(told.headers)
        response.raw = io.BytesIO(told.content)
        return response

    def close(self):
        """There is no connection."""


def tracer(token: str, url: str = "", resource: dict | None = None, **options):
    """Return a tracer whose spans are sent when they end, and what its exporter was answered."""
    session, adapter = requests.Session(), ToTestClient()
    if not url:
        session.mount("http://", adapter)
    exporter = OTLPSpanExporter(
        endpoint=f"{url or 'http://testserver'}{ADDRESS}",
        headers={"Authorization": f"Bearer {token}"},
        session=session,
        **options,
    )
    provider = TracerProvider(resource=Resource({"service.name": "chat-web", **(resource or {})}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("example.genai", "1.0"), adapter
