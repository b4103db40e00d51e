"""Going back: what can be chosen and why not, the dry run, kept facts, emergencies, quarantine."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from audit import Conflict, Refused, clock
from audit.refusals import NotAllowed
from evidence import transitions as evidence
from registry.roles import Role
from runtime import reviewing, routing, transitions
from runtime.models import Activation, Deployment, KeptFacts, Rollback, Suspension
from runtime.publishing import current
from runtime.reports import note
from runtime.targets import target_of, targets_of
from tests import make
from tests.gates.stories import WHY, Story, days
from tests.runtime.stories import generations, next_release, operator, place, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def told() -> Story:
    """A use case whose second release took the place of its first, as generations 3 and 4."""
    told = running()
    told.after = next_release(told)
    transitions.remove(Deployment.objects.get().pk, actor=operator(told), reason=WHY)
    place(told.after)
    return told


def rolled(told, generation=2, **values) -> Activation:
    values = {"password": make.PASSWORD, "actor": operator(told), "reason": "It lies.", **values}
    return transitions.roll_back(told.environment, generation, **values)


def keep(told, expected="routed", name="usual", **facts) -> KeptFacts:
    return transitions.keep_facts(
        told.use_case,
        name=name,
        facts=routing.read({"use_case": told.use_case.slug, **facts}),
        expected=expected,
        actor=operator(told),
        reason=WHY,
    )


def reviewer(told, username="rae"):
    return make.make_person(make.name(username), Role.REVIEWER, team=told.use_case.team)


# What can be chosen


def test_earlier_releases_and_generations_are_offered_each_with_why_not(told):
    item = told.release.evidence.first()
    found = [(one.use_case, one.activation.generation) for one in targets_of(told.environment)]
    assert found == [(told.use_case.slug, 2), ("", 3), ("", 2), ("", 1)]
    assert not any(one.against for one in targets_of(told.environment))
    evidence.withdraw(item.pk, actor=told.contributor, reason=WHY)
    why = {
        (one.use_case, one.activation.generation): {reason.code for _, reason in one.against}
        for one in targets_of(told.environment)
    }
    assert why[told.use_case.slug, 2] == why["", 2] == {"APPROVAL_ENDED"}
    assert why["", 1] == set()


def test_one_use_case_goes_back_and_all_else_stays(told):
    other = running()
    elsewhere = next_release(other)
    # The other one runs in the same environment, as it was before and after.
    elsewhere.environment = told.environment
    elsewhere.ask()
    elsewhere.sign_all()
    placed = place(elsewhere)
    target = target_of(told.environment, 2, told.use_case.slug)
    assert [one.release for one in target.leaving] == [told.after.release]
    assert [one.release for one in target.coming] == [told.release]
    assert placed in target.staying
    activation = rolled(told, use_case=told.use_case)
    assert (activation.cause, activation.restored) == ("rolled_back", 2)
    row = Rollback.objects.get()
    assert (row.use_case, row.generation, row.emergency) == (told.use_case, 2, False)
    assert row.change_id == activation.change_id
    assert Deployment.objects.get(pk=placed.pk).removed_at is None
    with pytest.raises(Refused, match="no generation 1 that offered something"):
        rolled(told, 1, use_case=told.use_case)


def test_as_many_queries_for_many_targets_as_for_few(told):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            found = targets_of(told.environment)
        return len(asked), len(found)

    queries()
    before, few = queries()
    for priority in range(4):
        row = Deployment.objects.get(removed_at=None)
        transitions.rank(row.pk, priority=priority, actor=operator(told), reason=WHY)
    after, many = queries()
    assert many == few + 4 and after <= before


def test_what_is_quarantined_says_so_and_cannot_be_gone_back_to(told, client):
    rolled(told)
    (left,) = Suspension.objects.all()
    assert left.quarantine and str(left).startswith("quarantine of")
    target = target_of(told.environment, 4)
    assert {reason.code for _, reason in target.against} == {"SUSPENDED"}
    client.force_login(operator(told))
    text = client.get(told.environment.get_absolute_url()).content.decode()
    assert "Quarantined" in text and "Lift the quarantine of" in text
    assert "Lift the quarantine" in client.get(f"/suspensions/{left.pk}/lift/").content.decode()
    choices = client.get(f"{told.environment.get_absolute_url()}roll-back/").content.decode()
    assert "Quarantined by a rollback: It lies." in choices and "Cannot be chosen" in choices


def test_whoever_sees_no_team_of_it_is_told_that_something_is_in_the_way(told, client):
    evidence.withdraw(told.release.evidence.first().pk, actor=told.contributor, reason=WHY)
    client.force_login(make.make_person("olga", Role.OPERATOR, team=make.make_team()))
    text = client.get(f"{told.environment.get_absolute_url()}roll-back/").content.decode()
    assert "that you may not see" in text and "AGAINST_OTHERS" in text
    assert told.use_case.slug not in text and told.use_case.team.name not in text
    where = f"{told.environment.get_absolute_url()}roll-back/?generation=2"
    assert client.get(where).status_code == 403
    assert client.get(f"{where}&use_case={told.use_case.slug}").status_code == 404


# Kept facts, and the dry run


def test_facts_are_kept_from_a_route_that_was_tried_and_tried_again_there(told, client):
    client.force_login(operator(told))
    asked = f"use_case={told.use_case.slug}&environment={told.environment.slug}"
    text = client.get(f"/routes/try/?{asked}&tokens=5").content.decode()
    assert f"/routes/keep/?{asked.replace('&', '&amp;')}&amp;tokens=5" in text
    posted = {"name": "short", "expected": "routed", "reason": WHY}
    where = f"/routes/keep/?{asked}&tokens=5"
    assert client.get(where).status_code == 200
    assert client.post(where, posted).status_code == 302
    row = KeptFacts.objects.get()
    assert (row.name, row.facts, row.expected) == ("short", '{"tokens":5}', "routed")
    answer = client.post(where, posted)
    assert answer.status_code == 422 and "kept already" in answer.content.decode()
    assert client.get(f"/routes/keep/?{asked}&tokens=many").status_code == 400
    text = client.get(f"/routes/try/?{asked}").content.decode()
    assert "As expected" in text and f"/routes/facts/{row.pk}/drop/" in text
    transitions.suspend(
        told.after.release,
        environment=None,
        password=make.PASSWORD,
        actor=operator(told),
        reason=WHY,
    )
    assert "Not as expected" in client.get(f"/routes/try/?{asked}").content.decode()
    assert client.post(f"/routes/facts/{row.pk}/drop/", {"reason": WHY}).status_code == 302
    assert client.get(f"/routes/facts/{row.pk}/drop/").status_code == 404
    with pytest.raises(Conflict, match="dropped already"):
        transitions.drop_facts(row.pk, actor=operator(told), reason=WHY)


def test_keeping_takes_an_operator_and_has_an_end(told, monkeypatch):
    with pytest.raises(NotAllowed):
        transitions.keep_facts(
            told.use_case,
            name="x",
            facts=routing.Facts(told.use_case.slug),
            expected="routed",
            actor=told.requester,
            reason=WHY,
        )
    monkeypatch.setattr("runtime.transitions.keeping.MOST", 1)
    keep(told)
    with pytest.raises(Refused, match="keeps 1 already"):
        keep(told, name="more")
    with pytest.raises(Refused, match="These facts are of nobody"):
        transitions.keep_facts(
            told.use_case,
            name="x",
            facts=routing.Facts("nobody"),
            expected="routed",
            actor=operator(told),
            reason=WHY,
        )


def test_a_dry_run_tells_what_differs_and_how_kept_facts_fare(told, client):
    keep(told)
    keep(told, "refused", "too long", tokens=10**9)
    client.force_login(operator(told))
    where = f"{told.environment.get_absolute_url()}roll-back/"
    text = client.get(f"{where}?generation=2").content.decode()
    assert "release 1 is offered at" in text and "offered at" in text
    assert "usual" in text and "Moves" in text and "Every hard rule passes today." in text
    assert f"{told.after.release} is left" in text
    before = generations(told.environment)
    text = client.get(f"{where}?generation=1").content.decode()
    assert "Would be refused" in text and "Goes on in an emergency alone" in text
    assert generations(told.environment) == before
    assert client.get(f"{where}?generation=2&use_case=nobody").status_code == 404


# Emergencies


def test_kept_facts_stop_a_rollback_and_an_emergency_goes_on_and_is_reviewed(told, client):
    token, _ = make.make_token_row(
        make.make_service(), scope="router", environment=told.environment
    )
    keep(told)
    with pytest.raises(Refused, match="“usual” would be refused"):
        rolled(told, 1)
    ops = operator(told)
    activation = rolled(told, 1, incident="INC-7", actor=ops)
    assert current(told.environment) == activation
    row = Rollback.objects.get()
    assert (row.emergency, row.incident) == (True, "INC-7")
    rae = reviewer(told)
    client.force_login(rae)
    assert "Review the emergency rollback" in client.get("/").content.decode()
    assert reviewing.overdue(rae) == []
    page = client.get(row.get_absolute_url()).content.decode()
    assert "Taken up by routers" in page and "Not yet" in page
    note(token, activation.generation, activation.generation)
    page = client.get(row.get_absolute_url()).content.decode()
    assert "first heard from" in page and "Not yet" not in page
    assert "A review is wanted." in page and "Give the review" in page
    with clock.at(clock.now() + days(1.1)):
        assert reviewing.overdue(rae) == [row]
        client.force_login(rae)
        assert "Review overdue" in client.get("/").content.decode()
        assert "The review is overdue." in client.get(row.get_absolute_url()).content.decode()
    client.force_login(ops)
    assert "You cannot review this" in client.get(row.get_absolute_url()).content.decode()
    posted = {"outcome": "justified", "reason": "It had to be."}
    assert client.post(row.get_absolute_url(), posted).status_code == 403
    client.force_login(rae)
    assert client.post(row.get_absolute_url(), {"reason": WHY}).status_code == 422
    assert client.post(row.get_absolute_url(), posted).status_code == 302
    assert "found it justified" in client.get(row.get_absolute_url()).content.decode()
    assert "Review the emergency" not in client.get("/").content.decode()
    with pytest.raises(Conflict, match="reviewed it already"):
        transitions.review_rollback(row.pk, outcome="justified", actor=rae, reason=WHY)


def test_who_reviews_is_somebody_else_with_a_reviewing_role_in_every_team(told):
    ops = make.make_person(make.name("both"), Role.OPERATOR, Role.REVIEWER, team=told.use_case.team)
    rolled(told, incident="INC-7", actor=ops)
    row = Rollback.objects.get()
    stranger = make.make_person(make.name("zed"), Role.REVIEWER, team=make.make_team())
    assert not list(reviewing._to_review(stranger, {"reviewer": set(stranger.team_ids)}))
    assert list(reviewing._to_review(reviewer(told), {"reviewer": {told.use_case.team_id}}))
    assert list(reviewing._to_review(stranger, {"reviewer": None}))
    with pytest.raises(Refused, match="somebody else"):
        transitions.review_rollback(row.pk, outcome="justified", actor=ops, reason=WHY)
    with pytest.raises(NotAllowed, match="reviewer"):
        transitions.review_rollback(row.pk, outcome="justified", actor=stranger, reason=WHY)
    with pytest.raises(Refused, match="Say whether"):
        transitions.review_rollback(row.pk, outcome="?", actor=reviewer(told), reason=WHY)


def test_what_was_no_emergency_has_no_review(told):
    rolled(told)
    row = Rollback.objects.get()
    assert row.review_due is None
    with pytest.raises(Refused, match="no emergency"):
        transitions.review_rollback(row.pk, outcome="justified", actor=reviewer(told), reason=WHY)


NO_INCIDENT = """INSERT INTO runtime_rollback (change_id, environment_id, generation, emergency,
incident, reason, rolled_back_by_id, rolled_back_at) SELECT change_id, environment_id, 1, emergency,
'', reason, rolled_back_by_id, rolled_back_at FROM runtime_rollback"""
BY_ONESELF = """INSERT INTO runtime_rollbackreview (change_id, rollback_id, outcome,
rolled_back_by_id, reviewed_by_id, reviewed_at, reason) SELECT change_id, id, 'justified',
rolled_back_by_id, rolled_back_by_id, rolled_back_at, 'x' FROM runtime_rollback"""


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (NO_INCIDENT, "rollback_emergency_names_its_incident"),
        (BY_ONESELF, "rollbackreview_by_somebody_else"),
        (
            "UPDATE runtime_suspension SET environment_id = NULL",
            "suspension_quarantine_of_a_release_here",
        ),
    ],
)
def test_the_database_holds_what_a_rollback_is(told, statement, constraint):
    keep(told)
    rolled(told, incident="INC-7")
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
