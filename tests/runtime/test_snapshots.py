"""Snapshots as routers follow them: signed heads, tags, waiting, and who may read."""

import base64
import json
from contextlib import contextmanager
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection
from django.test import Client
from django.utils.dateparse import parse_datetime

from audit import clock
from audit.rules import digest
from registry.models import RouterReport
from runtime import snapshot_api
from tests import make
from tests.runtime.stories import running

pytestmark = pytest.mark.django_db

KEYS = "/.well-known/gatehouse-keys.json"
ON_POSTGRESQL = connection.vendor == "postgresql"


class Follower:
    """A router of an environment, as the server sees it."""

    def __init__(self, environment):
        self.environment = environment
        self.row, token = make.make_token_row(
            make.make_service(), scope="router", environment=environment
        )
        self.client = Client(headers={"authorization": f"Bearer {token}"})

    def get(self, held: str = "", applied: int | str = "", query: str = "", **headers):
        if held:
            headers["if-none-match"] = held
        if applied != "":
            headers["applied-generation"] = str(applied)
        address = f"/api/v1/environments/{self.environment.slug}/snapshot/{query}"
        return self.client.get(address, headers=headers)

    def reports(self) -> list[int]:
        rows = RouterReport.objects.filter(router=self.row.router).order_by("pk")
        return list(rows.values_list("generation", flat=True))


def verified(answer) -> dict:
    """Return what the head of an answer says, verified by what is published."""
    head, payload, signature = answer["Routing-Head"].split(".")
    said = json.loads(_decoded(head))
    assert said == {"alg": "EdDSA", "kid": said["kid"], "typ": "gatehouse-head+jws"}
    published = {key["kid"]: key for key in Client().get(KEYS).json()["keys"]}
    key = Ed25519PublicKey.from_public_bytes(_decoded(published[said["kid"]]["x"]))
    key.verify(_decoded(signature), f"{head}.{payload}".encode())
    return json.loads(_decoded(payload))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@contextmanager
def in_the_meantime(monkeypatch, *happenings):
    """Let each look of a request that waits find what happened just before; yield the pauses."""
    due, pauses = list(happenings), []

    def pause(seconds):
        pauses.append(seconds)
        if due:
            due.pop(0)()
        else:
            # Nothing more comes: the time is up.
            monkeypatch.setattr(snapshot_api.time, "monotonic", lambda: float("inf"))

    with monkeypatch.context() as patched:
        patched.setattr(snapshot_api, "pause", pause)
        yield pauses


def test_a_router_is_given_the_stored_bytes_under_a_head_that_holds(settings):
    told = running()
    follower = Follower(told.environment)
    activation = told.environment.activations.latest("generation")
    answer = follower.get()
    assert answer.status_code == 200
    assert answer.content == activation.snapshot.content.encode()
    assert digest(answer.content) == activation.snapshot.digest
    assert answer["ETag"] == f'"{activation.snapshot.digest}"'
    assert answer["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Accept-Encoding"} <= set(answer["Vary"].split(", "))
    said = verified(answer)
    issued_at, expires_at = (
        parse_datetime(said.pop(f"{name}_at")) for name in ["issued", "expires"]
    )
    assert said == {
        "schema": "routing-head/1",
        "environment": told.environment.slug,
        "generation": activation.generation,
        "digest": activation.snapshot.digest,
        "max_age": {"public": 86400, "internal": 3600, "confidential": 300, "restricted": 60},
    }
    assert expires_at - issued_at == timedelta(seconds=86400)
    assert abs(clock.now() - issued_at) < timedelta(seconds=30)
