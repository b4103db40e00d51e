"""Finding what ran: filters, counts over time, objectives, proofs, and files that leave."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from django.db import connection
from django.test import Client

from audit import clock
from audit.rules import leaf_hash, push, root
from registry.models import PolicyVersion
from registry.roles import Role
from runtime.models import RecordCount, RequestRecord
from runtime.records import finding, objectives, proofs
from runtime.records.charting import chart, layered
from runtime.records.newest import PAGE
from runtime.records.summing import Bar, summary
from tests import make
from tests.runtime.recording import KEYED, Reporting
from tests.runtime.stories import next_release, place, running

OTHER = "sha256:" + 64 * "0"
PROMISED = {"metric": "answered within 1 s", "objective": "≥ 90 %", "window": "30 days"}


# Objectives. No database.

OUTCOMES = [objectives.Outcome(True, ms) for ms in (100, 200, 300, 1000)]
OUTCOMES += [objectives.Outcome(False, None)]
PROMISES = {
    ("answered within 300 ms", "≥ 60 %", "30 days"): (60.0, True),
    ("sorted within 1 s", "≥ 99.5 %", "7 days"): (80.0, False),
    ("availability", "80 %", "24 h"): (80.0, True),
    ("p50 latency", "≤ 200 ms", "1 week"): (0.2, True),
    ("latency p95", "< 0.5 s", "2 weeks"): (1.0, False),
}


@pytest.mark.parametrize("words", PROMISES)
def test_objectives_that_records_answer_are_measured(words):
    value, kept = PROMISES[words]
    said = objectives.promise(*words)
    assert said.measure(OUTCOMES) == pytest.approx(value)
    assert said.kept(value) is kept
    assert said.measure([]) is None


@pytest.mark.parametrize(
    "words",
    [
        ("first token within 2 s", "≥ 97 %", "30 days"),
        ("severe cases seen by a person within 1 h", "100 %", "7 days"),
        ("answered within 2 s", "≥ 97 %", "always"),
        ("p95 latency", "good", "30 days"),
        ("p0 latency", "1 s", "30 days"),
        ("kindness", "≥ 97 %", "30 days"),
    ],
)
def test_objectives_in_other_words_are_not_guessed_at(words):
    assert objectives.promise(*words) is None


# Charts


def test_a_request_is_drawn_once_and_bars_fit():
    counts = {"routed": 10, "served": 6, "failed": 1, "refused": 2, "error": 1}
    assert layered(counts) == {"served": 6, "failed": 1, "refused": 3, "open": 3}
    # What came in a trace has no route.
    assert layered({"served": 2})["open"] == 0
    begin, step = datetime(2026, 3, 1, tzinfo=UTC), timedelta(hours=1)
    bars = [Bar(begin + step * n, begin + step * (n + 1), {"served": n}) for n in range(48)]
    drawn = chart(bars, step)
    assert len(drawn.rows) == 48 and drawn.most == 47
    assert all(one.x >= 0 and one.x + one.width <= 960 and one.y >= 11 for one in drawn.pieces)
    assert drawn.step == "1 hour" and chart(bars[:1], step) is None


# Proofs


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33])
def test_every_leaf_climbs_to_the_root_and_no_other_does(size):
    leaves = [leaf_hash(str(number).encode()) for number in range(size)]
    peaks: list[bytes] = []
    for number, leaf in enumerate(leaves):
        push(peaks, number, leaf)
    for number, leaf in enumerate(leaves):
        steps = proofs.path(leaves, number)
        assert proofs.climbed(leaf, steps) == root(peaks)
        assert proofs.climbed(leaf_hash(b"other"), steps) != root(peaks)


def checked(proof: dict) -> None:
    """Check a proof as whoever holds it would: with SHA-256 alone."""
    at = sha256(b"\x00" + proof["record"].encode()).digest()
    assert at.hex() == proof["leaf"]
    for step in proof["path"]:
        beside = bytes.fromhex(step["hash"])
        at = sha256(b"\x01" + (beside + at if step["side"] == "left" else at + beside)).digest()
    assert f"sha256:{at.hex()}" == proof["batch"]["root"]
    body = json.loads(proof["entry"]["body"])
    assert proof["batch"]["root"] in json.dumps(body)
    assert sha256(b"\x00" + proof["entry"]["body"].encode()).hexdigest() == proof["entry"]["leaf"]
    assert proof["holds"] is True


# What is found


class Ran:
    """Two releases of one use case, one of another, and what ran of each."""

    def __init__(self):
        self.told = running(objectives=[PROMISED])
        self.slug = self.told.use_case.slug
        self.router = Reporting(self.told.environment)
        self.first = self.router.route(self.slug, user=KEYED)
        self.outcome = self.router.outcome(self.first, latency_ms=1500)
        self.router.outcomes(self.first, self.outcome)
        after = next_release(self.told)
        place(after)
        self.after = after
        self.refused = self.router.route(self.slug, facts={"regions": ["nowhere"]})
        self.doubtful = {**self.router.route(self.slug), "release": OTHER}
        self.other = running()
        self.others = Reporting(self.other.environment)
        self.foreign = self.others.route(self.other.use_case.slug)
        self.router.outcomes(self.refused, self.doubtful)
        self.others.outcomes(self.foreign)
        self.all = make.make_person(make.name("auditor"), Role.AUDITOR)
        team = self.told.use_case.team
        self.viewer = make.make_person(make.name("viewer"), Role.VIEWER, team=team)

    def wanted(self) -> dict[tuple[str, str], list[dict]]:
        """Return which records each filter names."""
        told, release = self.told, self.told.release
        ran, mine = [self.first, self.outcome], [self.refused, self.doubtful]
        version, prompt = release.model_version, release.prompt_links.first()
        found = {
            ("environment", told.environment.slug): ran + mine,
            ("use_case", self.slug): ran + mine,
            ("release", release.digest): ran,
            ("release", f"{self.slug}/{release.number}"): ran,
            ("model", f"{version.model.slug}/{version.version}"): ran,
            ("model", version.model.slug): ran,
            ("deployment", self.first["deployment"]): [*ran, self.doubtful],
            ("router", self.router.router.slug): ran + mine,
            ("status", "served"): [self.outcome],
            ("status", "refused"): [self.refused],
            ("doubtful", "yes"): [self.doubtful],
            ("from", "2100-01-01T00:00:00Z"): [],
            ("to", "2100-01-01T00:00:00Z"): [*ran, *mine, self.foreign],
        }
        if prompt is not None:
            named = prompt.prompt_version
            found["prompt", f"{named.template.slug}/{named.number}"] = ran
            found["prompt", named.digest] = ran
        return found


@pytest.fixture
def ran(db):
    return Ran()


def signed_in(person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    return client


def api(person, address: str, **given):
    client = Client(raise_request_exception=False)
    token = make.make_token(person)
    return client.get(f"/api/v1/{address}", given, headers={"Authorization": f"Bearer {token}"})


def test_filters_name_the_same_everywhere(ran):
    for (name, value), wanted in ran.wanted().items():
        filters, reasons = finding.read({name: value})
        assert not reasons
        ids = {one["id"] for one in wanted}
        found = {str(row.pk) for row in finding.matching(filters, ran.all)}
        assert found == ids, name
        if name in ("from", "to"):
            continue
        counted = summary(filters, ran.all)
        assert counted.count == len(ids), name
        assert sum(bar.total for bar in counted.bars) == len(ids), name
    said = api(ran.all, "requests/", release=ran.told.release.digest, limit=1).json()
    assert [one["id"] for one in said["results"]] == [ran.outcome["id"]]
    token = make.make_token(ran.all)
    following = Client().get(said["next"], headers={"Authorization": f"Bearer {token}"}).json()
    assert [one["id"] for one in following["results"]] == [ran.first["id"]]
    assert following["next"] is None


def test_a_policy_version_finds_what_it_bound(ran):
    held = RequestRecord.objects.get(pk=ran.first["id"])
    filters, _ = finding.read({"policy": held.policy_digest})
    if held.policy_bundle_id:
        found = {str(row.pk) for row in finding.matching(filters, ran.all)}
        assert ran.first["id"] in found
    for version in PolicyVersion.objects.select_related("pack")[:3]:
        filters, reasons = finding.read({"policy": f"{version.pack.slug}/{version.number}"})
        assert not reasons and isinstance(list(finding.matching(filters, ran.all)), list)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", "a/b/c"),
        ("prompt", "a"),
        ("policy", "a/b"),
        ("deployment", "a b"),
        ("release", "sha256:1"),
        ("release", "support/first"),
        ("from", "yesterday"),
        ("status", "gone"),
    ],
)
def test_a_filter_that_cannot_be_read_is_named(name, value):
    _, (reason,) = finding.read({name: value})
    assert reason.field == name and reason.sentence


def test_whoever_sees_less_counts_less(ran):
    everything, _ = finding.read({})
    assert summary(everything, ran.all).count == 5
    assert summary(everything, ran.viewer).count == 4
    nobody = make.make_person(make.name("nobody"))
    assert summary(everything, nobody).count == 0
    foreign = {"release": ran.other.release.digest}
    assert api(ran.viewer, "requests/", **foreign).json()["results"] == []
    assert api(ran.viewer, "request-counts/", **foreign).json()["count"] == 0
    assert api(ran.viewer, f"records/{ran.foreign['id']}/proof/").status_code == 404
    assert ran.foreign["id"] not in signed_in(ran.viewer).get("/requests.csv").getvalue().decode()


COLUMNS = {
    "environment": "environment_id",
    "use_case": "use_case_id",
    "release": "release_id",
    "model": "model_version_id",
    "prompt": "prompt_bundle_id",
    "policy": "policy_bundle_id",
    "deployment": "deployment",
    "router": "router_id",
    "status": "status",
}


def test_an_index_is_behind_every_filter(ran):
    held = RequestRecord.objects.get(pk=ran.first["id"])
    given = [*ran.wanted(), ("policy", held.policy_digest)]
    asked = [(name, value) for name, value in given if name in COLUMNS]
    assert {name for name, _ in asked} == set(COLUMNS)
    for name, value in asked:
        rows = finding.matching(finding.read({name: value})[0], ran.all)
        if connection.vendor == "postgresql":
            # A table of five rows is read whole, and in its order, if it may be.
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off")
            plan = rows.order_by()[:PAGE].explain()
            wanted = rf"Index Cond: \(+{COLUMNS[name]}\b"
        else:
            plan = rows[:PAGE].explain()
            wanted = rf"USING INDEX record_\w+ \({COLUMNS[name]}="
        assert re.search(wanted, plan), (name, plan)


def test_the_page_tells_counts_objectives_and_files(ran):
    client = signed_in(ran.viewer)
    page = client.get("/requests/", {"release": ran.told.release.digest})
    text = page.content.decode()
    assert page.status_code == 200
    assert "2 records" in text and "<svg" in text and "Missed" in text
    assert "0 %: share of requests that were served within 1 s, of 1 outcome." in text
    refused = client.get("/requests/", {"prompt": "x"})
    assert refused.status_code == 400 and "template/number" in refused.content.decode()
    assert client.get("/requests.csv", {"prompt": "x"}).status_code == 400

    sent = client.get("/requests.csv", {"use_case": ran.slug})
    assert sent["Content-Disposition"] == 'attachment; filename="requests.csv"'
    rows = list(csv.DictReader(io.StringIO(sent.getvalue().decode())))
    assert len(rows) == 4 and {row["request"] for row in rows} >= {ran.first["request"]}


def test_a_record_is_proven_by_its_batch_and_entry(ran):
    client = signed_in(ran.viewer)
    page = client.get(f"/requests/{ran.first['request']}/").content.decode()
    assert page.count("Proven") == 2
    sent = client.get(f"/records/{ran.first['id']}/proof/")
    assert sent["Content-Disposition"].startswith("attachment")
    checked(sent.json())
    assert ran.first["request"] in sent.json()["record"]
    checked(api(ran.viewer, f"records/{ran.outcome['id']}/proof/").json())

    whole = client.get(f"/requests/{ran.first['request']}/export/")
    assert whole["Content-Disposition"].startswith("attachment")
    said = whole.json()
    assert said["exported_by"] == ran.viewer.username
    assert [one["id"] for one in said["proofs"]] == [ran.first["id"], ran.outcome["id"]]
    for one in said["proofs"]:
        checked(one)
    assert said["attempts"][0]["served"]["release"]["digest"] == ran.told.release.digest
    assert client.get("/requests/unknown/export/").status_code == 404


def test_nouns_tell_which_requests_they_touched(ran):
    client = signed_in(ran.viewer)
    release = ran.told.release
    for address in (
        release.get_absolute_url(),
        release.model_version.get_absolute_url(),
        f"/registry/usecase/{ran.told.use_case.pk}/change/",
        f"/registry/router/{ran.router.router.pk}/change/",
    ):
        page = client.get(address)
        assert page.status_code == 200, address
        assert "Requests that it touched" in page.content.decode(), address
    assert "2 records" in client.get(release.get_absolute_url()).content.decode()


def test_a_router_tells_what_is_missing_since_when(ran):
    next(ran.router.numbers)
    late = ran.router.route(ran.slug)
    ran.router.outcomes(late)
    page = signed_in(ran.viewer).get(f"/registry/router/{ran.router.router.pk}/change/")
    text = page.content.decode()
    assert "Records are missing" in text and f"no. {late['seq'] - 1}" in text and "since" in text


def test_counts_follow_the_clock_of_ids_and_bars_are_bounded(ran):
    made = clock.now() - timedelta(days=20)
    ran.router.outcomes(ran.router.route(ran.slug, at=made))
    filters, _ = finding.read({"use_case": ran.slug})
    found = summary(filters, ran.all)
    assert (found.count, len(found.bars) <= 49) == (5, True)
    assert sum(bar.total for bar in found.bars) == 5
    assert abs(found.first - made) < timedelta(seconds=1)
    since = {"use_case": ran.slug, "from": f"{clock.now() - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}
    assert summary(finding.read(since)[0], ran.all).count == 4
    assert RecordCount.objects.filter(doubtful=True).count() >= 1
