"""The reference router against a server that says what a test tells it to."""

import json
import shutil
import subprocess
import sys
import time
import urllib.error
from datetime import timedelta
from pathlib import Path

import pytest

from runtime import client, routing
from runtime.client import AnswerBegun, NotTrusted, Refused, Router, SpoolFull, Unreachable
from tests.runtime.signing import NOW, Clock, Said, Signer, payload, told_by
from tests.runtime.test_routing import deployment, snapshot

VECTORS = Path(__file__).with_name("heads.json")
CHAT = {"use_case": "chat"}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def said(clock):
    said = Said(clock)
    said.publish(snapshot(deployment(), deployment("chat-1@two", priority=20)), 4)
    return said


@pytest.fixture
def started(said, clock, tmp_path):
    """Return a function that starts a router on the folder; the one before is closed."""
    with told_by(said) as url:
        routers = []

        def start(**more):
            for one in routers:
                one.close()
            more = {"clock": clock, **more}
            routers.append(Router(url, "production-eu", "token", tmp_path / "router", **more))
            return routers[-1]

        yield start
        for one in routers:
            one.close()


def reason(router, **facts):
    return router.decide({**CHAT, **facts})["reason"]


# Heads


def head_cases():
    """Yield (name, head, code of refusal or None); the same at every call."""
    one, other = Signer(1), Signer(2)
    good = payload(b"{}", 7)
    yield "good", one.sign(good), None
    yield "more is said than is known", one.sign({**good, "more": 1}), None
    yield "key unknown", other.sign(good), "KEY_UNKNOWN"
    yield "signed by another than it says", other.sign(good, kid=one.kid), "SIGNATURE"
    changed = one.sign(good).split(".")
    changed[1] = one.sign({**good, "generation": 8}).split(".")[1]
    yield "changed after it was signed", ".".join(changed), "SIGNATURE"
    yield "no algorithm", one.sign(good, alg="none"), "HEAD_UNREADABLE"
    yield "another algorithm", one.sign(good, alg="HS256"), "HEAD_UNREADABLE"
    yield "another type", one.sign(good, typ="JWT"), "HEAD_UNREADABLE"
    yield "brings its own key", one.sign(good, jwk=one.jwk), "HEAD_UNREADABLE"
    yield "not three parts", one.sign(good) + ".e30", "HEAD_UNREADABLE"
    yield "padding", one.sign(good) + "==", "HEAD_UNREADABLE"
    yield "too long", one.sign({**good, "more": "x" * 9000}), "HEAD_UNREADABLE"
    yield "another schema", one.sign({**good, "schema": "routing-head/2"}), "HEAD_UNREADABLE"
    yield "no generation", one.sign({**good, "generation": None}), "HEAD_UNREADABLE"
    yield "a generation that is true", one.sign({**good, "generation": True}), "HEAD_UNREADABLE"
    yield "no zone", one.sign({**good, "issued_at": "2026-11-25T12:00:00"}), "HEAD_UNREADABLE"
    yield "no ages", one.sign({**good, "max_age": None}), "HEAD_UNREADABLE"
    yield "an age in words", one.sign({**good, "max_age": {"public": "long"}}), "HEAD_UNREADABLE"
    yield "a list", one.sign([good]), "HEAD_UNREADABLE"


def test_heads_are_judged_as_the_vectors_for_other_routers_say():
    """The vectors are written out by: python -m tests.runtime.test_client."""
    kept = json.loads(VECTORS.read_text())
    assert kept == vectors()
    keys = client.keys_of(kept["keys"])
    for case in kept["heads"]:
        if case["refused"] is None:
            head = client.opened(case["head"], keys)
            assert (head.generation, head.issued_at, head.kid) == (7, NOW, Signer().kid)
            continue
        with pytest.raises(NotTrusted) as raised:
            client.opened(case["head"], keys)
        assert raised.value.code == case["refused"], case["name"]


def vectors() -> dict:
    cases = [{"name": name, "head": head, "refused": code} for name, head, code in head_cases()]
    return {"keys": {"keys": [Signer().jwk]}, "heads": cases}


def test_the_thumbprint_is_that_of_the_standard():
    """RFC 8037, A.3."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert client.thumbprint({"crv": "Ed25519", "kty": "OKP", "x": x}) == (
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    )


@pytest.mark.parametrize(
    "keys", [{}, {"keys": []}, {"keys": [1]}, {"keys": [{**Signer().jwk, "kid": "mine"}]}]
)
def test_keys_that_cannot_be_read_are_none(keys):
    with pytest.raises(NotTrusted, match="KEY_UNREADABLE"):
        client.keys_of(keys)


# Following


def test_it_takes_a_snapshot_tells_what_it_applied_and_takes_the_next(started, said):
    router = started()
    assert reason(router) == "NOT_READY"
    assert router.refresh() is True and router.generation == 4
    assert router.decide(CHAT)["selected"]["deployment"] == "chat-1@one"
    assert router.refresh() is False  # 304
    path, headers = said.asked[-1]
    assert path == "/api/v1/environments/production-eu/snapshot/"
    assert headers["Applied-Generation"] == "4" and headers["Authorization"] == "Bearer token"
    said.publish(snapshot(deployment(suspended=["It lies."])), 5)
    assert router.refresh(wait=3) is True
    assert said.asked[-1][0].endswith("?wait=3")
    assert reason(router) == "POLICY"
    # Rolled back: an old snapshot under a higher number.
    said.publish(snapshot(deployment()), 6)
    assert router.refresh() is True and reason(router) == "ROUTED"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"environment": "sandbox"}, "ENVIRONMENT"),
        ({"generation": 3}, "DOWNGRADE"),
        ({"digest": "sha256:" + "0" * 64}, "DIGEST"),
        ({"generation": 4, "digest": "sha256:" + "0" * 64}, "DIGEST"),
        ({"generation": 9, "digest": "sha256:" + "0" * 64}, "DIGEST"),
        ({"expires_at": "2026-11-25T12:00:00Z"}, "EXPIRED"),
        ({"issued_at": "2026-11-25T12:01:01Z"}, "FROM_THE_FUTURE"),
    ],
)
def test_what_is_not_trusted_changes_nothing_not_even_after_a_restart(started, said, changed, code):
    router = started()
    router.refresh()
    said.changed = changed
    for again in (False, True):
        if again:
            router = started()
        with pytest.raises(NotTrusted) as raised:
            router.refresh()
        assert raised.value.code == code
        assert router.generation == 4 and reason(router) == "ROUTED"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no JSON", "SNAPSHOT_UNREADABLE"),
        (json.dumps(snapshot() | {"schema": "x/9"}).encode(), "SNAPSHOT_UNREADABLE"),
        (json.dumps(snapshot() | {"environment": {"slug": "x"}}).encode(), "SNAPSHOT_UNREADABLE"),
    ],
)
def test_a_signed_snapshot_that_it_cannot_read_is_not_taken(started, said, body, code):
    router = started()
    said.body = body
    with pytest.raises(NotTrusted, match=code):
        router.refresh()
    assert reason(router) == "NOT_READY"


@pytest.mark.parametrize("status", [302, 401, 404, 429, 500, 503])
def test_an_answer_that_says_nothing_keeps_what_is_held(started, said, status):
    router = started()
    router.refresh()
    said.status = status
    with pytest.raises(Unreachable) as raised:
        router.refresh()
    assert raised.value.status == status and reason(router) == "ROUTED"


def test_a_head_that_another_process_signed_earlier_makes_nothing_younger(started, said, clock):
    router = started()
    early = said.told()
    clock.pass_by(50)
    router.refresh()
    said.head = early
    assert router.refresh() is False and router.age() == 0


# Age


def test_data_are_refused_by_how_closely_they_are_held(started, said, clock):
    router = started()
    said.publish(snapshot(deployment(), classification="restricted"), 5)
    router.refresh()
    steps = ((60, "ROUTED", "ROUTED"), (1, "SNAPSHOT_STALE", "ROUTED"))
    for seconds, restricted, confidential in steps:
        clock.pass_by(seconds)
        assert reason(router) == restricted
        assert reason(router, data_classification="confidential") == confidential
    clock.pass_by(3600)
    answer = router.decide({**CHAT, "data_classification": "internal"})
    assert (answer["status"], answer["reason"]) == ("refused", "SNAPSHOT_STALE")
    assert answer["selected"] is None and answer["retryable"] and answer["generation"] == 5
    assert reason(router, data_classification="public") == "ROUTED"
    # Nothing fresher is known of a use case without a route: it has the shortest time.
    assert reason(router, use_case="triage") == "SNAPSHOT_STALE"
    router.refresh()
    assert reason(router) == "ROUTED" and reason(router, use_case="triage") == "NO_ROUTE"
    clock.pass_by(86400)
    assert reason(router, data_classification="public") == "HEAD_EXPIRED"


def test_a_clock_that_is_set_back_makes_nothing_younger_and_ends_no_approval_later(
    started, said, clock
):
    ends = routing.instant_text(NOW + timedelta(seconds=200))
    said.publish(snapshot(deployment(not_after=ends)), 5)
    router = started()
    router.refresh()
    clock.pass_by(250)
    clock.time = NOW - timedelta(hours=5)
    assert router.age() == 250 and reason(router) == "POLICY"
    # After a restart there is only the time of day, and the head is of after it.
    assert reason(started()) == "NOT_READY"


def test_a_head_that_was_old_when_it_came_is_that_much_older(started, said, clock):
    said.head = said.told()
    clock.pass_by(3590)
    router = started()
    router.refresh()
    assert router.age() == 3590
    clock.pass_by(11)
    assert reason(router) == "SNAPSHOT_STALE"


def test_a_class_without_an_age_is_never_fresh_enough(started, said):
    said.changed = {"max_age": {"public": 60}}
    router = started()
    router.refresh()
    assert reason(router) == "SNAPSHOT_STALE"
    assert reason(router, data_classification="public") == "ROUTED"


# Disk


def test_it_starts_from_disk_while_the_head_holds(started, said, clock):
    started().refresh()
    said.status = 503
    clock.pass_by(3599)
    router = started()
    assert router.generation == 4 and router.age() == 3599 and reason(router) == "ROUTED"
    clock.pass_by(2)
    assert reason(started()) == "SNAPSHOT_STALE"
    clock.pass_by(86400)
    router = started()
    assert reason(router) == "NOT_READY"
    # The ratchet outlives the snapshot.
    said.status, said.generation = None, 3
    with pytest.raises(NotTrusted, match="DOWNGRADE"):
        router.refresh()


def test_what_is_changed_on_disk_is_not_taken(started, said, tmp_path):
    started().refresh()
    kept = next((tmp_path / "router").glob("snapshot-*.json"))
    kept.write_text(kept.read_text().replace("heron-7b", "heron-8b"))
    router = started()
    assert reason(router) == "NOT_READY"
    router.refresh()
    assert reason(router) == "ROUTED"
    (tmp_path / "router" / "state.json").write_text("{")
    with pytest.raises(RuntimeError, match=r"state\.json is damaged"):
        started()


def test_two_routers_do_not_share_a_folder_nor_one_two_environments(started, said, tmp_path):
    router = started()
    router.refresh()
    with pytest.raises(RuntimeError, match="Another router uses"):
        Router("https://x", "production-eu", "token", tmp_path / "router")
    router.close()
    with pytest.raises(RuntimeError, match="is of a router of production-eu"):
        Router("https://x", "sandbox", "token", tmp_path / "router")
    with pytest.raises(ValueError, match="is not https"):
        Router("http://gatehouse.example", "sandbox", "token", tmp_path / "other")


def test_a_disk_that_takes_nothing_leaves_what_is_held(started, said, monkeypatch):
    router = started()
    router.refresh()
    said.publish(snapshot(deployment(suspended=["It lies."])), 5)

    def full(*given):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        router.refresh()
    monkeypatch.undo()
    assert router.generation == 4
    assert started().generation == 4


# Keys


def test_pinned_keys_are_all_that_is_trusted(started, said):
    other = Signer(2)
    router = started(keys={"keys": [other.jwk]})
    with pytest.raises(NotTrusted, match="KEY_UNKNOWN"):
        router.refresh()
    assert [path for path, _ in said.asked if "well-known" in path] == []
    said.signer = other
    assert router.refresh() is True


def test_a_new_key_is_taken_beside_a_known_one_and_begins_anew(started, said):
    router = started()
    said.generation = 900  # a thief of the key ran ahead
    router.refresh()
    old, said.signer, said.generation = said.signer, Signer(2), 5
    said.keys = [said.signer.jwk]
    with pytest.raises(NotTrusted, match="None of the server's keys"):
        router.refresh()
    said.keys = [old.jwk, said.signer.jwk]
    router.refresh()
    assert router.generation == 5
    # What the old key signs is measured by all that was seen.
    said.signer, said.generation = old, 4
    for again in (False, True):
        if again:
            router = started()
        with pytest.raises(NotTrusted, match="DOWNGRADE"):
            router.refresh()


# Serving


def taken(router):
    lines = []

    def take(batch):
        lines.extend(json.loads(line) for line in batch.splitlines())
        return [line["id"] for line in lines]

    router.records.hand_over(take)
    return lines


@pytest.mark.parametrize(
    ("failure", "goes_on"),
    [
        (TimeoutError(), True),
        (ConnectionRefusedError(), True),
        (urllib.error.URLError(ConnectionResetError()), True),
        (urllib.error.HTTPError("", 429, "", {}, None), True),
        (urllib.error.HTTPError("", 503, "", {}, None), True),
        (urllib.error.HTTPError("", 400, "", {}, None), False),
        (urllib.error.HTTPError("", 403, "", {}, None), False),
        (urllib.error.URLError("unknown url type"), False),
        (AnswerBegun(), False),
        (ValueError(), False),
    ],
)
def test_the_next_is_called_only_when_the_failure_says_nothing_of_the_request(
    started, failure, goes_on
):
    router = started()
    router.refresh()
    called = []

    def send(offer, answer):
        called.append(offer["deployment"])
        if len(called) == 1:
            raise failure
        return "served"

    if goes_on:
        assert router.serve(CHAT, send) == "served"
    else:
        with pytest.raises(type(failure)):
            router.serve(CHAT, send)
    assert called == ["chat-1@one", "chat-1@two"][: 1 + goes_on]
    told = [(one["kind"], one["attempt"], one["status"]) for one in taken(router)]
    first = [("route", 1, "routed"), ("outcome", 1, "failed")]
    assert told == first + [("route", 2, "routed"), ("outcome", 2, "served")] * goes_on


def test_what_is_suspended_while_another_is_tried_is_not_called(started, said):
    router = started()
    router.refresh()

    def send(offer, answer):
        two = deployment("chat-1@two", suspended=["It lies."])
        said.publish(snapshot(deployment(), two), 5)
        router.refresh()
        raise TimeoutError

    with pytest.raises(TimeoutError):
        router.serve(CHAT, send)
    told = taken(router)
    assert [one.get("generation") for one in told] == [4, 4, 5]
    assert told[-1]["status"] == "refused" and told[-1]["facts"]["exclude"] == ["chat-1@one"]
    with pytest.raises(Refused):
        router.serve({**CHAT, "exclude": ["chat-1@one"]}, send)
    assert [one["seq"] for one in taken(router)] == [4]


def test_without_room_for_its_record_a_request_is_not_served(started, said):
    router = started(most_bytes=600, patience=0.01)
    router.refresh()
    served = []
    with pytest.raises(SpoolFull):
        for _ in range(5):
            router.serve(CHAT, lambda offer, answer: served.append(offer))
    told = taken(router)
    # What was called has both its records, though the second found no room.
    assert 0 < len(served) == len(told) / 2 and router.records.waiting == 0
    router.serve(CHAT, lambda offer, answer: served.append(offer))


# By itself


def test_it_follows_by_itself(said, started):
    router = started(clock=None, interval=0.02)
    said.clock = client.router.Clock()
    router.start()

    def until(holds):
        end = time.monotonic() + 10
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.01)

    until(lambda: router.generation == 4)
    said.status = 503
    until(lambda: isinstance(router.trouble, Unreachable))
    said.status = None
    said.publish(snapshot(deployment()), 5)
    until(lambda: router.generation == 5 and router.trouble is None)
    until(lambda: said.asked[-1][1].get("Applied-Generation") == "5")


def test_it_runs_where_there_is_nothing_else_of_ours(tmp_path):
    package = Path(client.__file__).parent
    shutil.copytree(package, tmp_path / "runtime" / "client")
    shutil.copy(routing.__file__, tmp_path / "runtime")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import runtime.client as it\n"
        f"assert it.__file__.startswith({str(tmp_path)!r}), it.__file__\n"
        "ours = {'django', 'rfc8785', 'audit', 'registry', 'config', 'rest_framework'}\n"
        "assert not ours & set(sys.modules), ours & set(sys.modules)\n"
        "try: it.Router('https://x', 'sandbox', 'token', sys.argv[1]).decide({})\n"
        "except it.router.routing.NotAQuestion as problem: print(problem.field)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-c", program, str(tmp_path / "state")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (ran.stdout, ran.stderr) == ("use_case\n", "")


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), indent=1) + "\n")
