"""Records of requests: what is taken, what is refused and how it is kept (promise 15)."""

import gzip
import json
from datetime import timedelta
from threading import BoundedSemaphore

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock, triggers
from audit.changes import NotInChange
from audit.kept import position
from audit.models import Entry
from audit.rules import instant_text
from audit.verifying import verify
from runtime import transitions
from runtime.models import Activation, RecordBatch, RecordCount, RequestRecord
from runtime.records import fields, gaps, partitions
from runtime.records.ingest import AppendView
from runtime.records.judging import Generation, doubt, published
from runtime.records.reading import items
from runtime.records.verifying import _counts
from tests import make
from tests.api.reading import assert_problem
from tests.runtime.recording import KEYED, Reporting, dated, lines, new_id
from tests.runtime.stories import operator, running

pytestmark = pytest.mark.django_db

OTHER = "sha256:" + 64 * "0"


@pytest.fixture
def told():
    return running()


@pytest.fixture
def router(told):
    return Reporting(told.environment)


def test_every_column_says_what_kind_of_thing_it_holds():
    columns = {field.name for field in RequestRecord._meta.concrete_fields}
    assert columns == set(fields.CLASSES)
    kinds = {fields.IDENTIFIER, fields.FACT, fields.MEASURE, fields.SENSITIVE}
    assert set(fields.CLASSES.values()) <= kinds
    # Whatever takes text takes a pattern, a list of words or a digest: no room for a prompt.
    prose = "Please summarise the attached contract for me."
    for name, known in fields.FIELDS.items():
        for value in (prose, [prose], {"tools": [prose]}, {"text": prose}):
            with pytest.raises(fields.Misread):
                assert known.read(value) is None, name


WRONG = {
    "an id of another version": ({"id": "8c7e1f5e-4f0b-4c1e-9a55-0d1c2b3a4f5e"}, "id"),
    "an id of long ago": ({"id": new_id(clock.now() - timedelta(days=60))}, "id"),
    "an id of tomorrow": ({"id": new_id(clock.now() + timedelta(days=1))}, "id"),
    "a kind nobody knows": ({"kind": "prompt"}, "kind"),
    "a number of nothing": ({"seq": 0}, "seq"),
    "a truth for a number": ({"seq": True}, "seq"),
    "no instant": ({"at": "yesterday"}, "at"),
    "an instant without zone": ({"at": "2026-03-01T12:00:00"}, "at"),
    "a request with blanks": ({"request": "my request"}, "request"),
    "a trace of nothing": ({"trace": 32 * "0"}, "trace"),
    "a user by name": ({"user": "alice@example.org"}, "user"),
    "a status of the other kind": ({"status": "served"}, "status"),
    "no status": ({"status": None}, "status"),
    "no facts": ({"facts": None}, "facts"),
    "a fact nobody knows": ({"facts": {"prompt": "x"}}, "facts.prompt"),
    "facts in prose": ({"facts": {"tools": ["call my mother"]}}, "facts.tools"),
    "facts of another use case": ({"facts": {"use_case": "other"}}, "facts.use_case"),
    "no deployment": ({"deployment": None}, "deployment"),
    "no generation": ({"generation": None}, "generation"),
    "another environment": ({"environment": "elsewhere"}, "environment"),
    "the text of a prompt": ({"prompt": "You are helpful."}, "prompt"),
    "the text of an answer": ({"completion": "Gladly."}, "completion"),
    "a measure below nothing": ({"latency_ms": -1}, "latency_ms"),
    "a fraction": ({"tokens_in": 1.5}, "tokens_in"),
    "a digest cut short": ({"release": "sha256:abc"}, "release"),
}


def test_what_is_wrong_is_named_by_its_field(router, told):
    good = router.route(told.use_case.slug)
    found = router.told(*({**good, **wrong} for wrong, _ in WRONG.values()))
    for (why, (_, field)), one in zip(WRONG.items(), found, strict=True):
        assert one["outcome"] == "invalid", why
        assert field in [error["field"] for error in one["errors"]], (why, one)
        assert all(error["sentence"] for error in one["errors"]), why
    assert not RequestRecord.objects.exists()
    assert router.outcomes(good) == ["accepted"]


@pytest.mark.parametrize(
    "line",
    [
        b"prose",
        b"[]",
        b"\xff\xfe",
        b'{"id": 1, "id": 2}',
        b'{"seq": NaN}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\u0000"}',
        b'{"a": 123456789012345678901234567890}',
        b"[" * 5000,
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
        b'{"a": "' + 20_000 * b"x" + b'"}',
    ],
)
def test_what_is_no_record_is_answered_on_its_own_line(router, told, line):
    good = lines(router.route(told.use_case.slug))
    assert router.outcomes(body=line + b"\n\n" + good) == ["invalid", "accepted"]


def test_a_batch_is_one_entry_and_each_line_has_its_answer(router, told):
    route = router.route(
        told.use_case.slug, trace=32 * "a", user=KEYED, facts={"tokens": 10, "health": {"x": True}}
    )
    outcome = router.outcome(route, tokens_in=7, tokens_out=9, latency_ms=120)
    before, held, seq = position(), Activation.objects.count(), Entry.objects.count()

    assert router.outcomes(route, outcome, packed=True) == ["accepted", "accepted"]

    (batch,) = RecordBatch.objects.all()
    (entry,) = Entry.objects.filter(seq__gte=seq)
    assert (batch.count, batch.router) == (2, router.router)
    assert (str(batch.first_id), str(batch.last_id)) == (route["id"], outcome["id"])
    assert (entry.event, entry.row) == ("records.appended", batch.key)
    # It makes no answer another, and publishes nothing.
    assert (position(), Activation.objects.count()) == (before, held)
    assert make.make_team() and position() == before + 2

    row = RequestRecord.objects.get(pk=route["id"])
    assert (row.release, row.use_case, row.unverified) == (told.release, told.use_case, "")
    assert row.model_version == told.release.model_version
    assert row.policy_digest.startswith("sha256:") and not row.skewed
    assert (row.facts, row.user_hash) == ({"tokens": 10, "health": {"x": True}}, KEYED)
    assert RequestRecord.objects.get(pk=outcome["id"]).latency_ms == 120
    assert verify("record").found == []


def test_sending_again_is_harmless_and_another_body_is_a_conflict(router, told):
    first, second = router.route(told.use_case.slug), router.route(told.use_case.slug)
    assert router.outcomes(first, first, {**first, "attempt": 2}) == [
        "accepted",
        "duplicate",
        "conflict",
    ]
    other = Reporting(told.environment)
    # The order of its members is no difference; another router may not repeat it.
    turned = dict(reversed(first.items()))
    assert router.outcomes(turned, {**first, "attempt": 2}) == ["duplicate", "conflict"]
    assert other.outcomes(first) == ["conflict"]
    assert Entry.objects.filter(event="records.appended").count() == 1
    assert router.outcomes(first, second) == ["duplicate", "accepted"]
    assert [batch.count for batch in RecordBatch.objects.order_by("received_at")] == [1, 1]
    (error,) = router.told({**first, "attempt": 2})[0]["errors"]
    assert (error["field"], error["code"]) == ("id", "CONFLICT")


def test_a_body_that_is_too_much_or_none_is_refused_whole(router, told, settings):
    good = router.route(told.use_case.slug)
    assert_problem(router.send(body=b"{}\n" * 1001), 413)
    assert_problem(router.send(body=b"x" * (1024**2 + 1)), 413)
    # A megabyte of blanks packs to a kilobyte.
    assert_problem(router.send(body=b" " * (1024**2 + 1), packed=True), 413)
    broken = {"content-encoding": "gzip"}
    assert_problem(router.send(body=b"no gzip", **broken), 400)
    whole = gzip.compress(lines(good))
    assert_problem(router.send(body=whole[:-5], **broken), 400)
    assert_problem(router.send(body=whole + whole, **broken), 400)
    assert_problem(router.send(body=whole, **{"content-encoding": "br"}), 415)
    assert_problem(router.send(good, content_type="application/json"), 415)
    assert router.told(body=b"") == []
    assert not RequestRecord.objects.exists()


def test_only_a_router_appends_and_who_is_behind_is_told_when_to_come_again(
    router, told, settings, monkeypatch
):
    good = router.route(told.use_case.slug)
    reading = Reporting(told.environment, token=make.make_token(make.admin()))
    assert_problem(reading.send(good), 403)
    assert_problem(Reporting(told.environment, token="nobody").send(good), 401)
    taken = BoundedSemaphore(1)
    taken.acquire()
    with monkeypatch.context() as patched:
        patched.setattr(AppendView, "places", taken)
        refused = router.send(good)
        assert_problem(refused, 429)
        assert refused["Retry-After"] == "1"
    settings.RECORDS_INGEST_RATE = "2/min"
    assert router.outcomes(good) == ["accepted"]
    refused = router.send(good)
    assert_problem(refused, 429)
    assert int(refused["Retry-After"]) > 1


def test_records_are_never_changed_or_deleted(router, told):
    router.outcomes(router.route(told.use_case.slug))
    row, table = RequestRecord.objects.get(), RequestRecord._meta.db_table
    for verb in (row.save, row.delete, RequestRecord.objects.all().delete):
        with pytest.raises(NotInChange):
            verb()
    statements = [f"UPDATE {table} SET status = 'refused'", f"DELETE FROM {table}"]
    if connection.vendor == "postgresql":
        (held,) = _partitions_with_rows()
        assert held.endswith(f"{clock.now():%Y_%m}")
        statements += [f"TRUNCATE {table}", f"TRUNCATE {held}", f"DELETE FROM {held}"]
    for statement in statements:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(IntegrityError, match="record_status_of_its_kind"), transaction.atomic():
        _copied(row, status="'served'")
    with pytest.raises(IntegrityError, match="record_of_what_ran_says_what"), transaction.atomic():
        _copied(row, deployment="''")


def _copied(row, **changed) -> None:
    """Insert a copy of a record by plain SQL, past every rule of ours."""
    columns = [field.column for field in RequestRecord._meta.concrete_fields]
    other = new_id() if connection.vendor == "postgresql" else new_id().replace("-", "")
    changed["id"] = f"'{other}'"
    picked = ", ".join(changed.get(name, name) for name in columns)
    table = RequestRecord._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {picked} FROM {table}")


def _partitions_with_rows() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT tableoid::regclass::text FROM {partitions.TABLE}")
        return [name for (name,) in cursor.fetchall()]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no partitions.")
def test_partitions_are_made_ahead_with_their_triggers():
    with clock.at(clock.now() + timedelta(days=200)):
        made = partitions.keep_ahead()
        assert made.endswith("partitions made") and not made.startswith("0")
        assert partitions.keep_ahead() == "0 partitions made"
    assert triggers.differing() == []


# Whether it was published so


def test_a_doubt_is_found_and_the_record_is_kept(router, told):
    slug = told.use_case.slug
    good = router.route(slug)
    later = clock.now() + timedelta(days=4000)
    document = json.loads(Activation.objects.latest("pk").snapshot.content)
    (item,) = items([lines(good)], told.environment.slug, clock.now())
    values = dict(item.values)
    generation = Generation(
        Activation.objects.latest("pk").change.at, values["snapshot_digest"], published(document)
    )
    table = {
        "": {},
        "GENERATION_UNKNOWN": {"snapshot_digest": OTHER},
        "GENERATION_LATER": {"occurred_at": generation.at - timedelta(hours=1)},
        "DEPLOYMENT_UNKNOWN": {"deployment": "other-1@nowhere"},
        "RELEASE_OTHER": {"release_digest": OTHER},
        "APPROVAL_ENDED": {"occurred_at": later},
        "PROMPTS_OTHER": {"prompts": [OTHER]},
        "POLICY_OTHER": {"policy_digest": OTHER},
    }
    for code, changed in table.items():
        assert doubt(values | changed, generation) == code
    # What began in time may end later.
    assert doubt(values | {"kind": "outcome", "occurred_at": later}, generation) == ""
    assert doubt(values, None) == "GENERATION_UNKNOWN"

    wrong = {**router.route(slug), "release": OTHER}
    assert router.outcomes(wrong, {**router.route(slug), "generation": 99}) == 2 * ["accepted"]
    assert set(RequestRecord.objects.values_list("unverified", flat=True)) == {
        "RELEASE_OTHER",
        "GENERATION_UNKNOWN",
    }
    transitions.suspend(
        subject=told.release,
        environment=told.environment,
        password=make.PASSWORD,
        actor=operator(told),
        reason=make.WHY,
    )
    active = Activation.objects.latest("pk")
    ran_on = {"generation": active.generation, "digest": active.snapshot.digest}
    router.outcomes({**good, "id": new_id(), **ran_on})
    assert RequestRecord.objects.latest("received_at").unverified == "SUSPENDED"


def test_a_clock_that_is_off_is_marked(router, told):
    slug, now = told.use_case.slug, clock.now()
    ahead = router.route(slug, at=now + timedelta(minutes=4))
    router.outcomes(ahead, router.route(slug, at=now - timedelta(days=3)), **dated(now))
    assert not RequestRecord.objects.filter(skewed=True).exists()
    router.outcomes(router.route(slug), **dated(now - timedelta(minutes=10)))
    assert RequestRecord.objects.filter(skewed=True).count() == 1


def test_the_log_says_which_records_were_refused_and_why(router, told, caplog):
    late = [router.route(told.use_case.slug, at=clock.now() + timedelta(hours=1)) for _ in "ab"]
    assert router.outcomes(*late, {"kind": "prose"}) == ["invalid"] * 3
    (of_clock,) = [one for one in caplog.messages if "CLOCK" in one]
    assert of_clock.startswith(f"{router.router}: 2 records refused (CLOCK).")
    assert "put the clock of the router right" in of_clock


# Gaps


def test_spans_merge_and_what_lies_between_is_missing(router, told):
    numbered = [(number, None) for number in (3, 1, 2, 7, 2)]
    assert gaps.runs(numbered) == [gaps.Run(1, 3), gaps.Run(7, 7)]
    spans = [gaps.Run(7, 9), gaps.Run(1, 3, 1, 3), gaps.Run(4, 5, 4, 5), gaps.Run(8, 12)]
    assert gaps.merged(spans) == [gaps.Run(1, 5, 1, 5), gaps.Run(7, 12)]
    made = [router.route(told.use_case.slug) for _ in range(9)]
    router.outcomes(*made[1:3], made[5])
    found = gaps.missing(router.router)
    assert [gap[:2] for gap in found.named] == [(4, 5), (1, 1)]
    assert (found.gaps, found.records) == (2, 3)
    # Since when: between what came before it and what came behind it.
    assert instant_text(found.named[0].after) == made[2]["at"]
    assert instant_text(found.named[0].before) == made[5]["at"]
    assert found.named[1].after is None
    router.outcomes(made[8], made[0])
    router.outcomes(made[3], made[4])
    assert [gap[:2] for gap in gaps.missing(router.router).named] == [(7, 8)]
    router.outcomes(*made)
    assert gaps.missing(router.router) == gaps.Gaps((), 0, 0)
    assert gaps.missing(make.make_router()).gaps == 0


# What was lost or altered is found


def test_a_record_that_was_altered_or_lost_is_named(router, told):
    made = [router.route(told.use_case.slug) for _ in range(3)]
    router.outcomes(*made)
    table, batch = RequestRecord._meta.db_table, RecordBatch.objects.get()
    ids = [one["id"] if connection.vendor == "postgresql" else one["id"].replace("-", "")
           for one in made]  # fmt: skip

    def found(statement, *values):
        """Return what is found after one statement of whoever owns the tables."""
        with transaction.atomic(), connection.cursor() as cursor:
            point = transaction.savepoint()
            if connection.vendor == "sqlite":
                triggers.lift()
            else:
                cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(statement, values)
            wrong = {(one.code, one.row) for one in verify("record").found}
            transaction.savepoint_rollback(point)
        return {(code, row) for code, row in wrong if code != "TRIGGER"}

    key = f"runtime.requestrecord:{made[1]['id']}"
    assert found(f"UPDATE {table} SET latency_ms = 1 WHERE id = %s", ids[1]) == {
        ("RECORD_ALTERED", key)
    }
    assert found(f"UPDATE {table} SET facts = 'x' WHERE id = %s", ids[1]) == {
        ("RECORD_ALTERED", key)
    }
    assert found(f"DELETE FROM {table} WHERE id = %s", ids[1]) == {("RECORDS_MISSING", batch.key)}
    assert found(f"UPDATE {table} SET leaf = %s WHERE id = %s", 64 * "0", ids[1]) == {
        ("RECORD_ALTERED", key)
    }
    for bundle in ("prompt", "policy"):
        other = f"UPDATE {table} SET {bundle}_bundle_id = 999999 WHERE id = %s"
        assert found(other, ids[1]) == {("RECORD_NOT_FOUND", key)}
    # It names prompts, and a list narrowed to one of them would leave it out.
    assert RequestRecord.objects.get(pk=made[1]["id"]).prompts
    assert found(f"UPDATE {table} SET prompt_bundle_id = NULL WHERE id = %s", ids[1]) == {
        ("RECORD_NOT_FOUND", key)
    }
    counts = RecordCount._meta.db_table
    miscounted = ("RECORDS_MISCOUNTED", router.router.key)
    for statement in (f"DELETE FROM {counts}", f"UPDATE {counts} SET count = count + 1"):
        assert found(statement) == {miscounted}
    batches = RecordBatch._meta.db_table
    assert {code for code, _ in found(f"DELETE FROM {batches}")} == {
        "ROW_MISSING",
        "RECORD_EXTRA",
        "RECORDS_MISCOUNTED",
    }
    assert verify("record").found == []


def test_a_batch_that_comes_while_it_is_counted_is_no_discrepancy(router, told):
    router.outcomes(router.route(told.use_case.slug))
    late = []

    def another(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if not late and "recordbatch" in sql and "SUM" in sql.upper():
            late.append(router.route(told.use_case.slug))
            router.outcomes(*late)
        return answer

    with connection.execute_wrapper(another):
        assert list(_counts()) == []
    assert late
