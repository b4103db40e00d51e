"""`audit.change`: what it writes, and every way past it that is closed."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

import audit
from audit import Reason, Refused, clock, system
from audit.changes import NotInChange
from audit.models import Change, Entry, Head
from registry.models import Environment, EnvironmentRegion, Region, Team
from tests import make

pytestmark = pytest.mark.django_db
WHY = "To try it."


def state():
    head = Head.objects.get(pk=1)
    return head.size, head.peaks, Team.objects.count(), Team.history.count(), Change.objects.count()


def new_team(change, slug="one"):
    return change.save(Team(slug=slug, name="One"))


def test_a_change_writes_row_history_and_entry_with_actor_and_reason():
    ada = make.admin()
    with audit.change(actor=ada, reason="  A team is needed. ") as change:
        team = new_team(change)
    entry = Entry.objects.order_by("-seq").first()
    body = json.loads(entry.body)
    assert (body["row"], body["event"]) == (team.key, "team.created")
    assert (body["actor"], body["reason"]) == (
        {"id": ada.pk, "name": "ada"},
        "A team is needed.",
    )
    assert body["before"] is None and body["after"].startswith("sha256:")
    assert body["fields"] == ["id", "slug", "name", "contact"]
    history = team.history.get()
    assert (history.history_user, history.history_change_reason) == (ada, "A team is needed.")
    assert history.change_id == team.change_id == entry.change_id


def test_a_change_moves_the_position_once_and_time_never_goes_back():
    make.admin()
    before = Head.objects.get(pk=1)
    with clock.at(datetime(2001, 1, 1, tzinfo=UTC)):
        with audit.change(actor=system("test"), reason=WHY) as change:
            new_team(change, "one")
            new_team(change, "two")
    after = Head.objects.get(pk=1)
    assert (after.position, after.size) == (before.position + 1, before.size + 2)
    assert after.last_at == before.last_at + timedelta(microseconds=1)


def test_a_change_without_saves_writes_nothing():
    before = state()
    with audit.change(actor=system("test"), reason=WHY):
        pass
    assert state() == before


def exception_in_the_block(change):
    new_team(change)
    raise RuntimeError


def not_valid(change):
    new_team(change)
    change.save(Team(slug="no spaces allowed", name=""))


def nested(change):
    new_team(change)
    with audit.change(actor=system("test"), reason=WHY):
        pass


def second_save_invalidated_by_database(change):
    new_team(change)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO registry_team (slug) VALUES ('broken')")


@pytest.mark.parametrize(
    "block", [exception_in_the_block, not_valid, nested, second_save_invalidated_by_database]
)
def test_what_goes_wrong_inside_leaves_nothing_behind(block):
    before = state()
    with pytest.raises(Exception), audit.change(actor=system("test"), reason=WHY) as change:  # noqa: B017, PT011
        block(change)
    assert state() == before


def test_a_change_whose_entry_cannot_be_written_does_not_happen(monkeypatch):
    before = state()
    monkeypatch.setattr("audit.changes.leaf_hash", lambda body: 1 / 0)
    with pytest.raises(ZeroDivisionError), audit.change(actor=system("x"), reason=WHY) as change:
        new_team(change)
    assert state() == before


def test_a_consequence_runs_inside_and_may_refuse(monkeypatch):
    seen = []
    monkeypatch.setattr("audit.changes.consequences", [lambda change: seen.append(change.reason)])
    with audit.change(actor=system("test"), reason=WHY) as change:
        new_team(change)
    assert seen == [WHY]

    def refuse(change):
        raise Refused(Reason("NO", "Not like this."))

    monkeypatch.setattr("audit.changes.consequences", [refuse])
    before = state()
    with pytest.raises(Refused), audit.change(actor=system("test"), reason=WHY) as change:
        new_team(change, "two")
    assert state() == before


def test_an_empty_reason_is_refused():
    with pytest.raises(Refused, match="reason"), audit.change(actor=system("x"), reason=" "):
        pass


def test_a_row_is_locked_before_it_is_saved():
    team = make.make_team()
    with pytest.raises(NotInChange, match="Lock"):
        with audit.change(actor=system("test"), reason=WHY) as change:
            change.save(team)


def test_a_save_inside_an_inner_transaction_is_refused():
    with pytest.raises(NotInChange, match="inner"):
        with audit.change(actor=system("test"), reason=WHY) as change:
            with transaction.atomic():
                new_team(change)


@pytest.mark.django_db(transaction=True)
def test_one_transaction_makes_one_change():
    with pytest.raises(NotInChange, match="already"), transaction.atomic():
        for slug in ("one", "two"):
            with audit.change(actor=system("test"), reason=WHY) as change:
                new_team(change, slug)
    assert not Team.objects.exists()


def past_the_change(team):
    """Every door of the ORM that would write without history and log."""
    return {
        "save": team.save,
        "delete": team.delete,
        "create": lambda: Team.objects.create(slug="x", name="x"),
        "get_or_create": lambda: Team.objects.get_or_create(slug="x"),
        "update_or_create": lambda: Team.objects.update_or_create(slug="x"),
        "update": lambda: Team.objects.update(name="x"),
        "filtered update": lambda: Team.objects.filter(pk=team.pk).update(name="x"),
        "queryset delete": lambda: Team.objects.filter(pk=team.pk).delete(),
        "bulk_create": lambda: Team.objects.bulk_create([Team(slug="x", name="x")]),
        "bulk_update": lambda: Team.objects.bulk_update([team], ["name"]),
        "save_base raw": lambda: team.save_base(raw=True),
        "entry update": lambda: Entry.objects.update(body=""),
        "entry delete": lambda: Entry.objects.filter(seq=0).delete(),
    }


@pytest.mark.parametrize("door", past_the_change(Team()))
def test_every_other_door_is_closed(door):
    team = make.make_team()
    before = state()
    with pytest.raises(NotInChange):
        past_the_change(team)[door]()
    assert state() == before


def test_parts_are_made_to_be_what_is_wanted_and_each_step_is_logged():
    ada = make.admin()
    first, second = make.make_region(), make.make_region()
    environment = make.make_environment(regions=[first])
    with audit.change(actor=ada, reason=WHY) as change:
        change.sync_parts(
            change.lock(Environment, environment.pk), EnvironmentRegion, [{"region": second}]
        )
    assert [link.region for link in environment.region_links.all()] == [second]
    events = Entry.objects.filter(about=environment.key, row__startswith="registry.")
    names = list(events.values_list("event", flat=True))
    assert names[-2:] == [
        "environmentregion.removed",
        "environmentregion.created",
    ]
    assert not Region.history.filter(history_type="-").exists()
