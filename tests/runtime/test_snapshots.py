"""Snapshots as routers follow them: signed heads, tags, waiting, and who may read."""

import base64
import gzip
import json
from contextlib import contextmanager
from datetime import timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connection
from django.test import Client
from django.utils.dateparse import parse_datetime

from audit import clock, keys
from audit.rules import digest
from registry.models import ApiToken, RouterReport
from registry.roles import Role
from registry.transitions import revoke_token
from runtime import snapshot_api, transitions
from tests import make
from tests.gates.stories import WHY
from tests.runtime.stories import operator, place, running

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
            patched.setattr(snapshot_api, "monotonic", lambda: float("inf"))

    with monkeypatch.context() as patched:
        patched.setattr(snapshot_api, "sleep", pause)
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


def test_a_304_brings_a_fresh_head_and_packed_bytes_their_own_tag():
    told = running()
    follower = Follower(told.environment)
    plain = follower.get()
    packed = follower.get(**{"accept-encoding": "br, gzip"})
    assert gzip.decompress(packed.content) == plain.content
    assert packed["Content-Encoding"] == "gzip"
    # A strong tag stands for bytes, and these are others.
    assert packed["ETag"] == plain["ETag"][:-1] + '+gzip"'
    refused = follower.get(**{"accept-encoding": "gzip;q=0, identity"})
    assert (refused.content, refused.get("Content-Encoding")) == (plain.content, None)
    # Each is known again, however it is asked for, and weakened by a proxy or among others too.
    for tag in (plain["ETag"], packed["ETag"], f"W/{plain['ETag']}", f'"x", {packed["ETag"]}', "*"):
        for accepted, own in (("identity", plain["ETag"]), ("gzip", packed["ETag"])):
            answer = follower.get(held=tag, **{"accept-encoding": accepted})
            assert (answer.status_code, answer.content) == (304, b""), tag
            assert (answer["ETag"], answer["Cache-Control"]) == (own, "private, no-cache")
            assert verified(answer)["generation"] == told.environment.activations.count()
    assert follower.get(held='"sha256:else"').status_code == 200
    head = follower.client.head(f"/api/v1/environments/{told.environment.slug}/snapshot/")
    assert (head.status_code, head.content) == (200, b"") and verified(head)
    # Fresh at each answer: a kept one would be what freezes a router.
    with clock.at(clock.now() + timedelta(minutes=5)):
        later = verified(follower.get(held=plain["ETag"]))
    assert later["issued_at"] > verified(plain)["issued_at"]


def test_a_head_that_was_touched_holds_no_more():
    follower = Follower(make.make_environment())
    answer = follower.get()
    protected, payload, signature = answer["Routing-Head"].split(".")
    said = json.loads(_decoded(payload))
    forged = keys.coded(json.dumps({**said, "generation": said["generation"] + 1}).encode())
    answer["Routing-Head"] = f"{protected}.{forged}.{signature}"
    with pytest.raises(InvalidSignature):
        verified(answer)


def test_without_a_key_nothing_is_said(settings, tmp_path, caplog):
    told = running()
    follower = Follower(told.environment)
    tag = follower.get()["ETag"]
    settings.SIGNING_KEYS_DIR = tmp_path / "keys"
    for held in ("", tag):
        answer = follower.get(held=held)
        assert answer.status_code == 503
        assert "No key signs here" in answer.json()["detail"]
        assert "Routing-Head" not in answer and "ETag" not in answer
    assert "make_key" in caplog.text
    assert Client().get("/readyz").json()["failing"] == ["keys"]
    assert Client().get(KEYS).json() == {"keys": []}


def test_who_may_read_which_snapshot():
    told, other = running(), Follower(make.make_environment())
    follower = Follower(told.environment)
    current = f"/api/v1/environments/{told.environment.slug}/snapshot/"
    fixed = (
        f"/api/v1/snapshots/{told.environment.activations.latest('generation').snapshot.digest}/"
    )

    def asked(token: str) -> list[int]:
        client = Client(headers={"authorization": f"Bearer {token}"})
        return [client.get(address).status_code for address in (current, fixed)]

    team = told.use_case.team
    reads = {
        "all": make.make_token(make.make_service("", Role.VIEWER)),
        "one": make.make_token(make.make_service("", Role.VIEWER, team=team)),
        "none": make.make_token(make.make_service()),
        "gives": make.make_token(make.make_service(), scope="evidence", team=team),
    }
    assert {name: asked(token) for name, token in reads.items()} == {
        "all": [200, 200],
        # A snapshot names what other teams run besides.
        "one": [403, 403],
        "none": [404, 404],
        "gives": [403, 403],
    }
    assert [follower.client.get(one).status_code for one in (current, fixed)] == [200, 200]
    # Another environment's token finds nothing there, and nothing else reads with a router's.
    assert [other.client.get(one).status_code for one in (current, fixed)] == [404, 404]
    assert other.client.get("/api/v1/environments/").status_code == 403
    assert Client().get(current).status_code == 401
    assert follower.client.get(f"/api/v1/snapshots/sha256:{'0' * 64}/").status_code == 404
    immutable = follower.client.get(fixed)
    assert immutable["Cache-Control"] == "private, max-age=31536000, immutable"
    assert digest(immutable.content) in fixed
    again = follower.client.get(fixed, headers={"if-none-match": immutable["ETag"]})
    assert (again.status_code, again["ETag"]) == (304, immutable["ETag"])


def test_a_router_that_is_switched_off_or_has_lost_its_token_is_refused():
    environment = make.make_environment()
    off, revoked = Follower(environment), Follower(environment)
    assert [one.get().status_code for one in (off, revoked)] == [200, 200]
    router = off.row.router
    make.save(type(router), {"is_active": False}, actor=make.admin(), pk=router.pk)
    revoke_token(revoked.row.pk, actor=make.admin(), reason=WHY)
    assert [one.get().status_code for one in (off, revoked)] == [401, 401]


def test_what_cannot_be_asked_is_named():
    follower = Follower(make.make_environment())
    for applied in ("0", "-1", "1.0", "x", "１", " ", "9" * 10, "1,2"):
        answer = follower.get(applied=applied)
        assert answer.status_code == 400, applied
        assert [one["field"] for one in answer.json()["errors"]] == ["Applied-Generation"]
    for wait in ("-1", "31", "1.5", "x", "9" * 40):
        answer = follower.get(query=f"?wait={wait}")
        assert answer.status_code == 400, wait
        assert [one["field"] for one in answer.json()["errors"]] == ["wait"]
    assert follower.get(query="?waits=1").status_code == 400
    both = follower.get(applied="x", query="?wait=x").json()["errors"]
    assert [one["field"] for one in both] == ["wait", "Applied-Generation"]
    assert follower.reports() == []


def test_a_quiet_answer_costs_one_look(django_assert_num_queries):
    follower = Follower(running().environment)
    tag = follower.get(applied=2)["ETag"]
    with django_assert_num_queries(1):
        assert follower.get(held=tag, applied=2).status_code == 304
    with django_assert_num_queries(1):
        assert follower.get(applied=2).status_code == 200


def test_what_a_router_holds_is_noted_when_it_changes():
    follower = Follower(make.make_environment())
    at = clock.now().replace(second=0)
    with clock.at(at):
        follower.get()
        assert follower.reports() == []
        for held in (1, 1, 2, 1):
            follower.get(applied=held)
    assert follower.reports() == [1, 2]
    # A minute later it is noted once more that it holds it still, and since when stays.
    for seconds in (60, 61):
        with clock.at(at + timedelta(seconds=seconds)):
            follower.get(applied=2)
    report = RouterReport.objects.get(generation=2)
    assert (report.first_seen_at, report.last_seen_at) == (at, at + timedelta(seconds=60))
    # What a reader says it holds is nobody's report.
    reader = make.make_token(make.make_service("", Role.VIEWER))
    client = Client(headers={"authorization": f"Bearer {reader}", "applied-generation": "9"})
    address = f"/api/v1/environments/{follower.environment.slug}/snapshot/"
    assert client.get(address).status_code == 200
    assert RouterReport.objects.count() == 2


def test_a_token_from_before_routers_were_registered_still_reads():
    """It is bound to its environment alone, so that it leaves no report."""
    follower = Follower(make.make_environment())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE registry_apitoken SET router_id = NULL WHERE id = %s", [follower.row.pk]
        )
    assert follower.get(applied=1).status_code == 200
    assert follower.reports() == []


def test_waiting_ends_with_what_is_new(monkeypatch):
    told = running()
    follower = Follower(told.environment)
    first = follower.get()
    generation = verified(first)["generation"]
    placed = told.environment.deployments.get()

    def remove(deployment):
        transitions.remove(deployment.pk, actor=operator(told), reason=WHY)

    with in_the_meantime(monkeypatch, make.make_region, lambda: remove(placed)) as pauses:
        answer = follower.get(held=first["ETag"], applied=generation, query="?wait=30")
    if ON_POSTGRESQL:
        assert (answer.status_code, len(pauses)) == (200, 2)
        assert verified(answer)["generation"] == generation + 1
    else:
        # Nobody writes while somebody reads there: it answers at once.
        assert (answer.status_code, pauses) == (304, [])
        remove(placed)
    # Who holds something else is answered at once, and so is who asks without holding anything.
    for asked in ({"held": first["ETag"]}, {}, {"held": follower.get()["ETag"], "applied": 1}):
        with in_the_meantime(monkeypatch) as pauses:
            assert verified(follower.get(**asked, query="?wait=30"))["generation"] == generation + 1
        assert pauses == []
    # The same state again is another generation: told too, although the bytes are known.
    held = follower.get()["ETag"]
    with in_the_meantime(monkeypatch, lambda: remove(place(told))):
        answer = follower.get(held=held, query="?wait=30")
    assert answer.status_code == 304
    assert verified(answer)["generation"] == generation + 1 + 2 * ON_POSTGRESQL


@pytest.mark.skipif(not ON_POSTGRESQL, reason="On SQLite nobody waits.")
def test_waiting_has_its_limits(monkeypatch):
    follower = Follower(make.make_environment())
    tag = follower.get()["ETag"]
    with in_the_meantime(monkeypatch) as pauses:
        answer = follower.get(held=tag, query="?wait=30")
    # The time was up: the same, under a head of now.
    assert (answer.status_code, len(pauses)) == (304, 1) and verified(answer)
    # A third answers at once.
    held = [snapshot_api.places.acquire(blocking=False) for _ in range(2)]
    assert held == [True, True]
    with in_the_meantime(monkeypatch) as pauses:
        assert follower.get(held=tag, query="?wait=30").status_code == 304
    assert pauses == []
    for _ in held:
        snapshot_api.places.release()

    def revoked():
        revoke_token(follower.row.pk, actor=make.admin(), reason=WHY)

    # Whoever is shut out while waiting is told nothing, and leaves the place to others.
    with in_the_meantime(monkeypatch, revoked):
        assert follower.get(held=tag, query="?wait=30").status_code == 401
    held = [snapshot_api.places.acquire(blocking=False) for _ in range(3)]
    assert held == [True, True, False]
    for _ in range(2):
        snapshot_api.places.release()


def test_a_router_token_names_its_router():
    router = make.make_router()
    row, _ = make.make_token_row(make.make_service(), scope="router", router=router)
    assert (row.router, row.environment) == (router, router.environment)
    assert row.scope == ApiToken.Scope.ROUTER
