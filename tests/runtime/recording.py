"""A router that reports what ran: records as its client makes them, sent as it sends them."""

import gzip
import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from django.test import Client
from django.utils.http import http_date

from audit import clock
from audit.rules import instant_text
from registry.models import Environment, Router
from runtime import routing
from runtime.models import Activation
from runtime.publishing import current
from tests import make

ADDRESS = "/ingest/v1/records/"
KEYED = "hmac-sha256:" + 64 * "7"


def new_id(at: datetime | None = None) -> str:
    """Return a UUID of version 7 made at `at` (now)."""
    at = at or clock.now()
    random = uuid.uuid4().int & ((1 << 76) - 1)
    number = int(at.timestamp() * 1000) << 80 | 7 << 76 | random
    return str(uuid.UUID(int=number & ~(3 << 62) | 2 << 62))


@dataclass
class Reporting:
    """One router with its token; `numbers` are those of its records."""

    environment: Environment
    router: Router | None = None
    token: str = ""
    numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self):
        if not self.token:
            self.router = make.make_router(self.environment)
            robot = make.make_service()
            self.token = make.make_token(robot, scope="router", router=self.router)

    def decided(self, use_case: str, at: datetime | None = None, **facts) -> dict[str, Any]:
        """Return what the environment's present snapshot answers to a request."""
        active: Activation = current(self.environment)
        return routing.decide(
            json.loads(active.snapshot.content),
            routing.read({"use_case": use_case, **facts}),
            at or clock.now(),
            generation=active.generation,
            digest=active.snapshot.digest,
        )

    def route(self, use_case: str, at: datetime | None = None, facts=None, **changed) -> dict:
        """Return a record of a request that was routed (or refused) as the snapshot says."""
        at = at or clock.now()
        facts = facts or {}
        answer = self.decided(use_case, at, **facts)
        offer = answer["selected"] or {"deployment": None, "release": {"digest": None}}
        made = {
            "id": new_id(at),
            "kind": "route",
            "seq": next(self.numbers),
            "at": instant_text(at),
            "request": make.name("request"),
            "attempt": 1,
            "environment": self.environment.slug,
            "use_case": use_case,
            "facts": facts,
            **{name: answer[name] for name in ("engine", "generation", "digest")},
            **{name: answer[name] for name in ("status", "reason")},
            "deployment": offer["deployment"],
            "release": offer["release"]["digest"],
        }
        return made | changed

    def outcome(self, route: dict, **changed) -> dict:
        """Return the record of what came of a route."""
        said = {**route, "id": new_id(), "kind": "outcome", "seq": next(self.numbers)}
        for name in ("facts", "reason"):
            said.pop(name, None)
        return said | {"status": "served", "at": instant_text(clock.now())} | changed

    def send(self, *records, packed: bool = False, body: bytes | None = None, **headers):
        """Send records, and return the response."""
        body = body if body is not None else lines(*records)
        if packed:
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body)
        return Client(raise_request_exception=False).post(
            ADDRESS,
            body,
            content_type=headers.pop("content_type", "application/x-ndjson"),
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )

    def told(self, *records, **how) -> list[dict]:
        """Send records, and return the answer to each."""
        response = self.send(*records, **how)
        assert response.status_code == 200, response.content
        return [json.loads(line) for line in response.content.splitlines()]

    def outcomes(self, *records, **how) -> list[str]:
        """Send records, and return what became of each."""
        return [one["outcome"] for one in self.told(*records, **how)]


def lines(*records) -> bytes:
    """Return records as the lines of a body."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in records)


def dated(at: datetime) -> dict[str, str]:
    """Return the header by which a router says when it sends."""
    return {"date": http_date(at.timestamp())}
