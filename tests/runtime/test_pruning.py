"""Retention by policy, legal hold by incident, and what is left of a record (promise 15)."""

import uuid
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from audit import clock
from audit.models import Entry
from audit.verifying import verify
from runtime.incidents import transitions
from runtime.models import PrunedRecord, Pruning, RecordBatch, RequestRecord
from runtime.records import partitions, pruning
from runtime.records.fields import first_id
from runtime.records.pruned import leaves_of
from tests import make
from tests.runtime.incidents import opened, reviewer
from tests.runtime.recording import Reporting
from tests.runtime.stories import operator, running

pytestmark = pytest.mark.django_db
DAYS = 30


@pytest.fixture
def told():
    return running()


@pytest.fixture
def router(told):
    return Reporting(told.environment)


def sent(told, router, *ages: float) -> list[dict]:
    """Send a record of each age in days, each when it was made; return them."""
    now, made = clock.now(), []
    for days in sorted(ages, reverse=True):
        with clock.at(now - timedelta(days=days)):
            made.append(router.route(told.use_case.slug, at=clock.now()))
            assert router.outcomes(made[-1]) == ["accepted"]
    return made


def bound(days: int = DAYS):
    return make.make_policy(retention_days=days)


def left() -> set[str]:
    return {str(pk) for pk in RequestRecord.objects.values_list("pk", flat=True)}


def codes() -> set[str]:
    return {one.code for one in verify("record").found}


def test_what_policy_keeps_no_longer_goes_and_its_hash_stays(told, router):
    old, new = sent(told, router, 40, 2)
    leaves = dict(RequestRecord.objects.values_list("pk", "leaf"))
    assert pruning.prune() == "0 records pruned"  # nothing bounds the keeping yet
    bound()
    assert pruning.prune() == "1 records pruned"
    assert left() == {new["id"]}
    gone = PrunedRecord.objects.get()
    assert (str(gone.pk), gone.leaf) == (old["id"], leaves[gone.pk])
    row = Pruning.objects.get()
    assert (row.count, row.retention_days, row.use_case) == (1, DAYS, told.use_case)
    entry = Entry.objects.get(event="records.pruned")
    assert entry.about == told.environment.key
    assert codes() == set()
    assert pruning.prune() == "0 records pruned"


def test_the_least_of_all_packs_binds_and_each_route_its_own(told, router):
    old, new = sent(told, router, 20, 2)
    bound(25)
    pack = make.make_pack("domain", "domain")
    make.make_policy(pack, use_cases=[told.use_case], retention_days=10)
    other = make.make_use_case()
    here = (one for one in pruning.routes() if one.environment == told.environment.pk)
    found = {one.use_case: one.days for one in here}
    assert (found[told.use_case.pk], found[other.pk], found[None]) == (10, 25, 25)
    pruning.prune()
    assert left() == {new["id"]} and old["id"] not in left()


def test_an_incident_holds_its_window_until_it_is_reviewed(told, router):
    before, inside, linked = sent(told, router, 44, 42, 40)
    now = clock.now()
    incident = opened(
        told,
        since=now - timedelta(days=42, hours=1),
        ends_at=now - timedelta(days=41),
        requests=[linked["request"]],
    )
    bound()
    line = next(pruning.foreseen(now))
    assert line.endswith("1 records older than 30 days would go, 2 are held.")
    assert pruning.prune() == "1 records pruned"
    assert left() == {inside["id"], linked["id"]} and before["id"] not in left()
    transitions.step(incident.pk, "resolve", actor=operator(told), reason="Over.")
    assert pruning.prune() == "0 records pruned"
    transitions.step(
        incident.pk, "review", trigger="A prompt.", actor=reviewer(told), reason="Seen."
    )
    assert pruning.prune() == "2 records pruned"
    assert left() == set() and codes() == set()


def test_an_incident_of_another_route_holds_nothing_here(told, router):
    sent(told, router, 40)
    elsewhere = make.make_environment()
    since = clock.now() - timedelta(days=45)
    opened(told, environment=elsewhere, use_case=None, owner=told.use_case.team, since=since)
    bound()
    assert pruning.prune() == "1 records pruned"


def test_a_record_deleted_outside_pruning_is_refused_and_missed(told, router):
    (old, _) = sent(told, router, 40, 2)
    delete = "DELETE FROM runtime_requestrecord WHERE id = %s"
    key = uuid.UUID(old["id"])
    key = key if connection.vendor == "postgresql" else key.hex
    with pytest.raises(IntegrityError, match="append-only"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(delete, [key])
    # A hash that is not the record's own opens nothing.
    batch = RecordBatch.objects.order_by("received_at").first()
    insert = (
        "INSERT INTO runtime_prunedrecord (id, pruning_id, batch_id, payload_sha256, leaf) "
        "VALUES (%s, 999, %s, '', %s)"
    )
    batch_key = batch.pk if connection.vendor == "postgresql" else batch.pk.hex
    with pytest.raises(IntegrityError, match="append-only"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(insert, [key, batch_key, 64 * "0"])
            cursor.execute(delete, [key])
    # Whoever forges a hash gets past the trigger, and is found out by the log.
    leaf = RequestRecord.objects.get(pk=old["id"]).leaf
    with connection.cursor() as cursor:
        cursor.execute(insert, [key, batch_key, leaf])
        cursor.execute(delete, [key])
    assert codes() == {"PRUNED_BY_NOTHING"}


def test_what_was_pruned_is_known_when_it_is_sent_again(told, router):
    (old,) = sent(told, router, 40)
    bound()
    pruning.prune()
    with clock.at(clock.now() - timedelta(days=1)):
        assert router.outcomes(old) == ["duplicate"]
        assert router.outcomes({**old, "attempt": 2}) == ["conflict"]
    assert left() == set() and codes() == set()


def test_hashes_of_a_batch_stay_whole_when_part_of_it_is_pruned(told, router):
    now = clock.now()
    with clock.at(now - timedelta(days=DAYS - 1)):
        at, slug = clock.now(), told.use_case.slug
        made = [router.route(slug, at=at - timedelta(days=days)) for days in (4, 0)]
        router.outcomes(*made)
    batch = RecordBatch.objects.get()
    whole = leaves_of(batch.pk)
    bound()
    assert pruning.prune() == "1 records pruned"
    assert leaves_of(batch.pk) == whole and len(whole) == 2
    assert codes() == set()


def test_what_is_left_of_a_pruning_cannot_be_altered_unseen(told, router):
    sent(told, router, 40, 39)
    bound()
    pruning.prune()
    with pytest.raises(IntegrityError, match="append-only"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE runtime_prunedrecord SET leaf = leaf")
    with pytest.raises(IntegrityError, match="append-only"):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM runtime_prunedrecord")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one table.")
def test_a_whole_month_goes_with_its_partition_unless_something_of_it_is_held(told, router):
    now = clock.now()
    month = (now.replace(day=1) - timedelta(days=1)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    name = next(name for name, begins, _ in partitions.months_before(now) if begins == month)
    made = []
    for day in (3, 4):
        with clock.at(month + timedelta(days=day)):
            made.append(router.route(told.use_case.slug, at=clock.now()))
            router.outcomes(made[-1])
    bound(1)
    later = month + timedelta(days=80)
    incident = opened(told, since=month + timedelta(days=3), ends_at=month + timedelta(days=3.5))

    def present():
        return [one for one, _, _ in partitions.months_before(later)]

    with clock.at(later):
        assert pruning.prune() == "1 records pruned"
        assert name in present() and left() == {made[0]["id"]}
        transitions.step(incident.pk, "resolve", actor=operator(told), reason="Over.")
        transitions.step(
            incident.pk, "review", trigger="A prompt.", actor=reviewer(told), reason="Seen."
        )
        pruning.prune()
        assert name not in present() and left() == set()
        assert codes() == set()
    assert PrunedRecord.objects.filter(pk__gte=first_id(month)).count() == 2


def test_the_command_says_what_would_go_and_takes_it(told, router, capsys):
    sent(told, router, 40, 2)
    bound()
    call_command("prune_records", "--dry-run")
    assert "1 records older than 30 days would go, 0 are held." in capsys.readouterr().out
    assert len(left()) == 2
    call_command("prune_records")
    assert capsys.readouterr().out == "1 records pruned\n"
