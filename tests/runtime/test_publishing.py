"""Generations: what publishes the next one, what it says, and what is refused."""

import json
from itertools import pairwise

import pytest
from django.db import IntegrityError, connection, transaction

from audit import Conflict, Refused, clock
from audit.models import Change, Entry
from audit.refusals import NotAllowed
from audit.verifying import verify
from evidence import transitions as evidence
from registry.effective import number_at
from registry.models import Environment, ServingEndpoint
from registry.roles import Role
from runtime import routing, transitions
from runtime.compiling import document
from runtime.models import Activation, Deployment, Snapshot, Suspension
from runtime.publishing import current
from tests import make
from tests.gates.stories import WHY, approved, days, story
from tests.runtime.stories import generations, next_release, operator, place, running

pytestmark = pytest.mark.django_db


def routed(told, **facts):
    """Return what the environment's snapshot answers now."""
    active = current(told.environment)
    return routing.decide(
        json.loads(active.snapshot.content),
        routing.read({"use_case": told.use_case.slug, **facts}),
        clock.now(),
        generation=active.generation,
        digest=active.snapshot.digest,
    )


def codes(answer):
    return {
        reason["code"]
        for refused in answer["candidates"]["refused"]
        for reason in refused["reasons"]
    }


def test_a_new_environment_begins_with_an_empty_generation():
    environment = make.make_environment()
    assert generations(environment) == [(1, "begun")]
    content = json.loads(current(environment).snapshot.content)
    assert (content["routes"], content["deployments"]) == ({}, [])


def test_activating_publishes_what_routes_need():
    told = running()
    assert generations(told.environment)[-1] == (2, "placed")
    active = current(told.environment)
    assert active.change.actor == operator(told) and active.change.reason == WHY
    entry = Entry.objects.get(row=active.key)
    assert entry.event == "environment.activated" and entry.change == active.change
    answer = routed(told)
    assert answer["status"] == "routed"
    assert answer["selected"]["release"]["digest"] == told.release.digest
    assert answer["generation"] == 2 and answer["digest"] == active.snapshot.digest


def test_what_is_not_approved_is_not_placed():
    told = story()
    told.give_all()
    told.ask()
    with pytest.raises(Refused) as raised:
        place(told)
    assert "SIGN_OFF_WANTED" in {reason.code for reason in raised.value.reasons}
    assert generations(told.environment) == [(1, "begun")] and not Deployment.objects.exists()


def test_an_endpoint_that_no_approval_covers_is_refused_and_named():
    told = approved()
    other = make.make_endpoint(version=told.release.model_version)
    with pytest.raises(Refused, match=f"at {other.slug}"):
        place(told, endpoints=[told.endpoint, other])
    with pytest.raises(Refused, match="at least one endpoint"):
        place(told, endpoints=[])


def test_placing_takes_an_operator_of_the_team():
    told = approved()
    for role, team in ((Role.REGISTRAR, told.use_case.team), (Role.OPERATOR, make.make_team())):
        with pytest.raises(NotAllowed, match="operator"):
            place(told, actor=make.make_person(make.name("who"), role, team=team))


def test_the_same_release_is_not_placed_twice_at_an_endpoint():
    told = running()
    with pytest.raises(Conflict, match="already"):
        place(told)


def test_taking_out_and_ranking_publish_the_next_generation():
    told = running()
    deployment = Deployment.objects.get()
    transitions.rank(deployment.pk, priority=3, actor=operator(told), reason=WHY)
    assert generations(told.environment)[-1] == (3, "ranked")
    assert routed(told)["selected"]["priority"] == 3
    transitions.remove(deployment.pk, actor=operator(told), reason=WHY)
    assert generations(told.environment)[-1] == (4, "removed")
    assert routed(told)["reason"] == "NO_ROUTE"
    with pytest.raises(Conflict, match="taken out"):
        transitions.rank(deployment.pk, priority=1, actor=operator(told), reason=WHY)


def test_withdrawn_evidence_ends_the_route_in_the_same_change():
    told = running()
    item = told.release.evidence.first()
    evidence.withdraw(item.pk, actor=told.contributor, reason="It was wrong.")
    active = current(told.environment)
    assert (active.generation, active.cause) == (3, "followed")
    assert active.change.reason == "It was wrong."
    assert codes(routed(told)) == {"APPROVAL_ENDED"}


def test_a_published_policy_reaches_the_route_in_the_same_change():
    told = running()
    elsewhere = make.make_region()
    make.make_policy(**{"residency.processing": [elsewhere.slug]})
    assert generations(told.environment)[-1][1] == "followed"
    assert "RESIDENCY" in codes(routed(told))


def test_an_endpoint_that_changes_is_covered_no_more():
    told = running()
    make.save(ServingEndpoint, {"address": "https://moved.example.org"}, pk=told.endpoint.pk)
    assert codes(routed(told)) == {"APPROVAL_ENDED"}


def test_a_change_that_matters_to_no_route_publishes_nothing():
    told = running()
    before = generations(told.environment)
    make.make_team()
    make.make_provider()
    make.make_prompt_version()
    approved()
    assert generations(told.environment) == before


def test_time_alone_needs_no_new_generation():
    told = running()
    later = clock.now() + days(1000)
    with clock.at(later):
        assert codes(routed(told)) == {"APPROVAL_ENDED"}
    assert generations(told.environment)[-1] == (2, "placed")


@pytest.mark.parametrize("noun", ["release", "version", "endpoint", "maker", "host"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_what_is_suspended_serves_nothing_until_it_is_lifted(noun, everywhere):
    told = running()
    version = told.release.model_version
    subject = {
        "release": told.release,
        "version": version,
        "endpoint": told.endpoint,
        "maker": version.maker,
        "host": told.endpoint.host,
    }[noun]
    ops = make.make_person(make.name("ops"), Role.OPERATOR)
    where = {"environment": None if everywhere else told.environment}
    again = {"password": make.PASSWORD, "actor": ops}
    suspension = transitions.suspend(subject, reason="It lies.", **where, **again)
    assert generations(told.environment)[-1] == (3, "suspended")
    answer = routed(told)
    assert codes(answer) == {"SUSPENDED"} and "It lies." in json.dumps(answer)
    with pytest.raises(Conflict, match="already"):
        transitions.suspend(subject, reason=WHY, **where, **again)
    transitions.lift(suspension.pk, reason="Mended.", **again)
    assert generations(told.environment)[-1] == (4, "resumed")
    assert routed(told)["status"] == "routed"
    with pytest.raises(Conflict, match="lifted already"):
        transitions.lift(suspension.pk, reason=WHY, **again)


def test_a_suspension_elsewhere_changes_nothing_here():
    told = running()
    ops = operator(told)
    transitions.suspend(
        told.release,
        environment=make.make_environment(),
        password=make.PASSWORD,
        actor=ops,
        reason=WHY,
    )
    assert routed(told)["status"] == "routed"


def test_suspending_takes_the_password_and_the_right_to():
    told = running()
    with pytest.raises(Refused, match="password"):
        transitions.suspend(
            told.release, environment=None, password="x", actor=operator(told), reason=WHY
        )
    with pytest.raises(NotAllowed, match="operator for all teams"):
        transitions.suspend(
            told.endpoint.host,
            environment=None,
            password=make.PASSWORD,
            actor=operator(told),
            reason=WHY,
        )
    assert not Suspension.objects.exists()


# Rolling back


def rolled(told, generation, **values):
    values = {"password": make.PASSWORD, "actor": operator(told), "reason": "It lies.", **values}
    return transitions.roll_back(told.environment, generation, **values)


def replaced():
    """Return a story whose second release took the first one's place."""
    told = running()
    after = next_release(told)
    transitions.remove(Deployment.objects.get().pk, actor=operator(told), reason=WHY)
    place(after)
    assert generations(told.environment)[-1][0] == 4
    return told, after


def test_rolling_back_is_a_new_generation_and_keeps_the_left_release_out():
    told, after = replaced()
    activation = rolled(told, 2)
    assert (activation.generation, activation.cause, activation.restored) == (5, "rolled_back", 2)
    answer = routed(told)
    assert answer["selected"]["release"]["digest"] == told.release.digest
    assert answer["fallbacks"] == []
    left = Suspension.objects.get()
    assert (left.release, left.environment) == (after.release, told.environment)
    place(after)
    assert routed(told)["candidates"]["refused"][0]["reasons"][0]["code"] == "SUSPENDED"


def test_nobody_goes_back_to_what_today_forbids():
    told, after = replaced()
    item = told.release.evidence.first()
    evidence.withdraw(item.pk, actor=told.contributor, reason=WHY)
    before = generations(told.environment)
    with pytest.raises(Refused, match="approval ended"):
        rolled(told, 2)
    assert generations(told.environment) == before
    assert routed(told)["selected"]["release"]["digest"] == after.release.digest


@pytest.mark.parametrize("generation", [0, 4, 5, 99])
def test_one_goes_back_to_the_past_only(generation):
    told, _ = replaced()
    with pytest.raises(Refused, match=f"no generation {generation}"):
        rolled(told, generation)


def test_rolling_back_takes_the_password_and_an_operator():
    told, _ = replaced()
    with pytest.raises(Refused, match="password"):
        rolled(told, 2, password="wrong")
    with pytest.raises(NotAllowed, match="operator"):
        rolled(told, 2, actor=told.requester)


# What the record says of it


def test_no_instant_has_two_states_or_none():
    told, _ = replaced()
    rows = list(told.environment.activations.select_related("change").order_by("generation"))
    for before, after in pairwise(rows):
        assert before.change.at < after.change.at
        assert current(told.environment, number_at(before.change.at)) == before
        assert current(told.environment, before.change.number) == before
        assert current(told.environment, after.change.number - 1) == before
    assert current(told.environment, rows[0].change.number - 1) is None


def test_the_record_of_it_agrees_and_a_missing_generation_is_found():
    told, _ = replaced()
    rolled(told, 2)
    assert verify("record").found == []
    if connection.vendor == "sqlite":
        drop = "DROP TRIGGER {}"
        names = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s"
    else:
        drop = "DROP TRIGGER {} ON runtime_activation"
        names = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = %s::regclass"
    with connection.cursor() as cursor:
        cursor.execute(names, ["runtime_activation"])
        for (name,) in cursor.fetchall():
            cursor.execute(drop.format(name))
        cursor.execute("DELETE FROM runtime_activation WHERE generation = 3")
    found = {one.code for one in verify("record").found}
    assert {"GENERATION_ORDER", "ROW_MISSING"} <= found


@pytest.mark.parametrize("table", ["runtime_activation", "runtime_snapshot"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id + 100", "DELETE FROM {}"])
def test_states_are_never_changed_or_deleted(table, statement):
    running()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))
    assert Activation.objects.exists() and Snapshot.objects.exists()


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"release_id": None}, "suspension_of_one_thing"),
        ({"provider_id": "host"}, "suspension_of_one_thing"),
        ({"lifted_at": "2026-01-01 00:00:00+00:00"}, "suspension_lifting_is_signed"),
    ],
)
def test_the_database_holds_what_a_suspension_is(columns, constraint):
    told = running()
    suspension = transitions.suspend(
        told.release, environment=None, password=make.PASSWORD, actor=operator(told), reason=WHY
    )
    values = {
        name: told.endpoint.host_id if value == "host" else value for name, value in columns.items()
    }
    sets = ", ".join(f"{name} = %s" for name in values)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE runtime_suspension SET {sets} WHERE id = %s",
                [*values.values(), suspension.pk],
            )


def test_every_noun_that_is_immaterial_is_one_that_exists():
    from django.apps import apps

    from audit.models import GovernedModel
    from runtime.publishing import IMMATERIAL, OF_DEPLOYMENTS

    labels = {
        model._meta.label_lower for model in apps.get_models() if issubclass(model, GovernedModel)
    }
    assert IMMATERIAL | OF_DEPLOYMENTS.keys() <= labels
    assert Environment._meta.label_lower not in IMMATERIAL


def test_broken_glass_lets_in_for_hours_and_no_longer():
    told = story()
    glass = told.break_glass()
    place(told)
    (one,) = json.loads(current(told.environment).snapshot.content)["deployments"]
    assert one["not_after"] is not None
    assert routed(told)["status"] == "routed"
    with clock.at(glass.opened_at + days(4)):
        assert codes(routed(told)) == {"APPROVAL_ENDED"}
    assert generations(told.environment)[-1] == (2, "placed")


def test_what_was_active_is_found_after_every_change_there_ever_was():
    told, _ = replaced()
    other = running()
    for environment in (told.environment, other.environment, make.make_environment()):
        rows = list(environment.activations.order_by("generation").select_related("change"))
        for number in range(Change.objects.count() + 2):
            before = [row for row in rows if row.change.number <= number]
            assert current(environment, number) == (before[-1] if before else None)
        assert current(environment) == rows[-1]


def test_a_suspension_is_followed_where_it_may_matter_and_nowhere_else(monkeypatch):
    told, elsewhere = running(), running()
    compiled = []

    def noted(environment, *given):
        compiled.append(environment)
        return document(environment, *given)

    monkeypatch.setattr("runtime.publishing.document", noted)
    version, host = told.release.model_version, told.endpoint.host
    for subject in (told.release, version, told.endpoint, host, version.maker):
        who = make.make_person(make.name("ops"), Role.OPERATOR)
        by = {"password": make.PASSWORD, "actor": who, "reason": WHY}
        before = len(generations(told.environment))
        standing = transitions.suspend(subject, environment=None, **by)
        transitions.lift(standing.pk, **by)
        assert len(generations(told.environment)) == before + 2, subject
    assert set(compiled) == {told.environment} and len(generations(elsewhere.environment)) == 2
