"""A server as a router sees it: it signs heads, and says whatever a test tells it to."""

import base64
import gzip
import hashlib
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from runtime.client import thumbprint
from runtime.routing import instant_text

MAX_AGE = {"public": 86400, "internal": 3600, "confidential": 300, "restricted": 60}
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """A key that comes from a seed, so that what it signs is always the same."""

    def __init__(self, seed: int = 1):
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.jwk = {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": coded(self.key.public_key().public_bytes_raw()),
        }
        self.kid = thumbprint(self.jwk)
        self.jwk |= {"kid": self.kid, "alg": "EdDSA", "use": "sig"}

    def sign(self, payload: dict, **header) -> str:
        protected = {"alg": "EdDSA", "kid": self.kid, "typ": "gatehouse-head+jws", **header}
        signed = ".".join(coded(json.dumps(part).encode()) for part in (protected, payload))
        return f"{signed}.{coded(self.key.sign(signed.encode()))}"


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def payload(body: bytes, generation: int = 1, issued_at: datetime = NOW, **changed) -> dict:
    return {
        "schema": "routing-head/1",
        "environment": "production-eu",
        "generation": generation,
        "digest": digest(body),
        "issued_at": instant_text(issued_at),
        "expires_at": instant_text(issued_at + timedelta(days=1)),
        "max_age": MAX_AGE,
        **changed,
    }


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.time, self.seconds = NOW, 1000.0

    def now(self):
        return self.time

    def steady(self):
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.seconds += seconds


class Said:
    """What the server says next, and what it was asked."""

    def __init__(self, clock: Clock):
        self.clock, self.signer = clock, Signer()
        self.keys, self.asked = [self.signer.jwk], []
        self.body, self.generation = b"{}", 1
        self.changed, self.head, self.status = {}, None, None

    def publish(self, snapshot: dict, generation: int) -> None:
        self.body = json.dumps(snapshot).encode()
        self.generation = generation

    def told(self) -> str:
        said = payload(self.body, self.generation, self.clock.now())
        return self.head or self.signer.sign({**said, **self.changed})


@contextmanager
def told_by(said: Said):
    """Serve what `said` says; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            said.asked.append((self.path, dict(self.headers)))
            if self.path.startswith("/.well-known/"):
                return self.answer(200, json.dumps({"keys": said.keys}).encode())
            if said.status:
                return self.answer(said.status, b"", Location="http://127.0.0.1:1/elsewhere")
            tag = f'"{digest(said.body)}"'
            if self.headers.get("If-None-Match") == tag:
                return self.answer(304, b"", **{"Routing-Head": said.told(), "ETag": tag})
            told = {"Routing-Head": said.told(), "ETag": tag, "Content-Encoding": "gzip"}
            return self.answer(200, gzip.compress(said.body), **told)

        def answer(self, status, body, **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *given):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
