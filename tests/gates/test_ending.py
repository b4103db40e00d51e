"""Ending at once, and letting in for hours: revocation and break-glass."""

import pytest
from django.db import IntegrityError, connection, transaction

from audit import Conflict, Refused, clock
from audit.refusals import NotAllowed
from audit.verifying import verify
from gates import endings, queue, transitions
from gates.approvals import approvals
from gates.decisions import decide
from gates.latest import latest_ends
from gates.models import BreakGlass, BreakGlassReview, LatestEnd, Promotion, Revocation
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, approved, days, story

pytestmark = pytest.mark.django_db


def codes(told, at=None) -> list[str]:
    return [one["code"] for one in decide(told.release, told.environment, at)["reasons"]]


def refusal(verb, *arguments, **values) -> set[str]:
    with pytest.raises(Refused) as refused:
        verb(*arguments, **values)
    return {reason.code for reason in refused.value.reasons}


def revoke(told, actor=None, password: str = make.PASSWORD):
    actor = actor or told.signer(Role.RISK_OWNER)
    return transitions.revoke(
        told.promotion.pk, password=password, actor=actor, reason="It leaks names."
    )


def execute(sql: str, values: list = ()) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, list(values))


def copied(model, pk, **values) -> str:
    meta = model._meta
    columns = [field.column for field in meta.concrete_fields if field.column != "id"]
    chosen = [str(values.get(one, one)) for one in columns]
    return (
        f"INSERT INTO {meta.db_table} ({', '.join(columns)}) "
        f"SELECT {', '.join(chosen)} FROM {meta.db_table} WHERE id = {pk}"
    )


# Revocation


def test_one_risk_owner_ends_an_approval_at_once():
    told = approved()
    before = clock.now()
    revoke(told)
    answer = decide(told.release, told.environment)
    assert answer["allowed"] is False
    assert [one["code"] for one in answer["reasons"]] == ["REVOKED"]
    assert "revoked it: “It leaks names.”" in answer["reasons"][0]["sentence"]
    assert codes(told, before) == ["APPROVED"], "then it was not known"
    with pytest.raises(Conflict):
        revoke(told)
    (ended,) = endings.ended_lately(told.requester)
    assert "revoked it" in ended.because
    assert endings.active(told.requester).count() == 0
    assert verify("record").found == []


def test_revoking_takes_the_role_the_password_and_an_approval():
    told = approved()
    assert refusal(revoke, told, password="not mine") == {"PASSWORD_WRONG"}
    for role in (Role.REVIEWER, Role.REQUESTER):
        with pytest.raises(NotAllowed):
            revoke(told, make.make_person("", role, team=told.use_case.team))
    with pytest.raises(NotAllowed):
        revoke(told, make.make_person("", Role.RISK_OWNER, team=make.make_team()))
    with pytest.raises(NotAllowed):
        revoke(told, make.admin())
    open_one = story()
    open_one.ask()
    assert refusal(revoke, open_one) == {"NOT_APPROVED"}
    # Whoever made it may still end it.
    make.grant(make.registrar(), Role.RISK_OWNER)
    revoke(told, make.registrar())


def test_revoking_ends_this_approval_and_a_new_one_is_asked_for(client):
    told = approved()
    client.force_login(told.signer(Role.RISK_OWNER))
    there = f"/gates/promotion/{told.promotion.pk}/revoke/"
    assert "Revoke the approval" in client.get(told.promotion.get_absolute_url()).content.decode()
    assert client.post(there, {"reason": WHY}).status_code == 422
    sent = {"reason": WHY, "password": make.PASSWORD}
    assert client.post(there, sent).status_code == 302
    page = client.get(told.promotion.get_absolute_url()).content.decode()
    assert "Ended on" in page
    assert "revoked the approval" in page
    assert client.post(there, sent).status_code == 409
    told.ask()
    assert told.sign_all().state == Promotion.State.APPROVED
    assert codes(told) == ["APPROVED"]


def test_a_revocation_stays_and_says_who_and_why():
    told = approved()
    row = revoke(told)
    for sql in ("UPDATE gates_revocation SET id = id", "DELETE FROM gates_revocation"):
        with pytest.raises(Exception, match="never"):
            execute(sql)
    with pytest.raises(IntegrityError):
        execute(copied(Revocation, row.pk))
    other = approved()
    for column in ("authentication", "reason"):
        with pytest.raises(IntegrityError, match="revocation_says_why"):
            execute(copied(Revocation, row.pk, promotion_id=other.promotion.pk, **{column: "''"}))


# Break-glass


def broken(told=None, **values) -> BreakGlass:
    """Break the glass for a story's release, as its reviewer."""
    return (told or story()).break_glass(**values)


def test_it_lets_in_for_hours_under_a_code_of_its_own():
    told = story()
    before = clock.now()
    row = broken(told)
    answer = decide(told.release, told.environment)
    assert answer["allowed"] is True
    (reason,) = answer["reasons"]
    assert reason["code"] == "BREAK_GLASS"
    assert "for incident INC-2041" in reason["sentence"]
    assert (answer["promotion"], answer["endpoints"]) == (None, [told.endpoint.slug])
    assert answer["expires_at"].startswith(f"{row.ends_at:%Y-%m-%dT%H:%M}")
    assert codes(told, before) == ["NEVER_REQUESTED"]
    with clock.at(row.ends_at):
        assert codes(told) == ["BREAK_GLASS_ENDED"]
        assert codes(told, row.opened_at + (row.ends_at - row.opened_at) / 2) == ["BREAK_GLASS"]
    with clock.at(row.ends_at + days(3)):
        assert codes(told) == ["NEVER_REQUESTED"]
    assert verify("record").found == []


def test_it_stands_beside_an_approval():
    told = approved()
    broken(told)
    answer = decide(told.release, told.environment)
    assert codes(told) == ["APPROVED", "BREAK_GLASS"]
    assert answer["promotion"] == told.promotion.pk
    revoke(told)
    assert codes(told) == ["BREAK_GLASS"]


def test_an_endpoint_that_changes_and_a_policy_that_forbids_end_it():
    told = story()
    broken(told)
    make.save(
        type(told.endpoint), {"address": "https://elsewhere.example.org/"}, pk=told.endpoint.pk
    )
    assert codes(told) == ["ENDPOINT_CHANGED"]
    other = story()
    broken(other)
    make.make_policy(providers={"deny": [other.endpoint.host.slug]})
    assert decide(other.release, other.environment)["allowed"] is False
    assert refusal(broken, story_at(other)) == {"POLICY_FORBIDS"}


def story_at(told):
    told.environment = make.make_environment()
    return told


def test_who_may_not_and_what_is_too_much():
    told = story()
    assert refusal(broken, told, hours=73) == {"TOO_LONG"}
    assert refusal(broken, told, incident=" ") == {"INCIDENT_MISSING"}
    assert refusal(broken, told, password="guess") == {"PASSWORD_WRONG"}
    assert refusal(broken, told, endpoints=[]) == {"ENDPOINT_MISSING"}
    assert refusal(broken, told, endpoints=[make.make_endpoint()]) == {"ENDPOINT_SERVES_ANOTHER"}
    # The sandbox wants a reviewer: a risk owner is not eligible there.
    assert refusal(broken, told, actor=told.signer(Role.RISK_OWNER)) == {"NO_ROLE"}
    with pytest.raises(NotAllowed):
        broken(told, actor=told.requester)
    make.grant(make.registrar(), Role.REVIEWER)
    assert refusal(broken, told, actor=make.registrar()) == {"INVOLVED"}
    assert BreakGlass.objects.count() == 0


def review(row, actor, outcome: str = "justified"):
    return transitions.review_break_glass(row.pk, outcome=outcome, actor=actor, reason=WHY)


def test_somebody_else_reviews_it_in_time_or_the_team_breaks_no_other():
    told = story()
    row = broken(told)
    opener, second = told.signer(Role.REVIEWER), told.signer(Role.PRIVACY_OFFICER)
    assert refusal(review, row, second) == {"STILL_OPEN"}
    with clock.at(row.ends_at):
        assert refusal(review, row, opener) == {"OPENED_IT"}
        with pytest.raises(NotAllowed):
            review(row, told.requester)
        (waiting,) = queue.waiting_for(second)[0]
        assert waiting.sentence.startswith(f"Review break-glass {row.pk}")
        assert queue.count_waiting(opener) == 0
    with clock.at(row.review_due):
        broken(told)
    with clock.at(row.review_due + days(0.001)):
        assert refusal(broken, told) == {"REVIEW_OVERDUE"}
        review(row, second, "not_justified")
        with pytest.raises(Conflict):
            review(row, second)
        broken(told)
        broken(story())  # another team's is its own


def test_a_risk_owner_ends_it_before_its_time():
    told = story()
    row = broken(told)
    owner = told.signer(Role.RISK_OWNER)
    with pytest.raises(NotAllowed):
        transitions.end_break_glass(
            row.pk, password=make.PASSWORD, actor=told.signer(Role.REVIEWER), reason=WHY
        )
    transitions.end_break_glass(row.pk, password=make.PASSWORD, actor=owner, reason=WHY)
    assert codes(told) == ["REVOKED"]
    assert refusal(
        transitions.end_break_glass, row.pk, password=make.PASSWORD, actor=owner, reason=WHY
    ) == {"ENDED_ALREADY"}
    review(row, owner)


def test_it_is_short_and_reviewed_by_somebody_else_even_in_plain_sql():
    told = story()
    row = broken(told)
    for hours in (0, 73):
        with pytest.raises(IntegrityError, match="breakglass_is_short"):
            execute(copied(BreakGlass, row.pk, hours=hours))
    for column in ("incident", "reason", "authentication"):
        with pytest.raises(IntegrityError, match="breakglass_says_why"):
            execute(copied(BreakGlass, row.pk, **{column: "''"}))
    with clock.at(row.ends_at):
        found = review(row, told.signer(Role.PRIVACY_OFFICER))
        second = broken(told)
    with pytest.raises(IntegrityError, match="breakglassreview_by_somebody_else"):
        execute(
            copied(
                BreakGlassReview, found.pk, break_glass_id=second.pk, reviewed_by_id="opened_by_id"
            )
        )
    for table in ("gates_breakglass", "gates_breakglassreview"):
        for sql in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
            with pytest.raises(Exception, match="never"):
                execute(sql)


def test_it_is_opened_seen_and_reviewed_in_the_portal(client):
    told = story()
    client.force_login(told.signer(Role.REVIEWER))
    page = client.get(told.release.get_absolute_url()).content.decode()
    assert "Break glass…" in page
    assert client.get("/gates/breakglass/add/").status_code == 200
    address = f"/gates/breakglass/add/?release={told.release.pk}"
    assert client.get(address).status_code == 200
    sent = {
        "environment": told.environment.pk,
        "endpoints": [told.endpoint.pk],
        "incident": "INC-1",
        "hours": "4",
        "reason": WHY,
        "password": make.PASSWORD,
    }
    for wrong in ({"hours": "73"}, {"password": "guess"}, {"incident": ""}, {"endpoints": []}):
        assert client.post(address, {**sent, **wrong}).status_code == 422, wrong
    assert client.post(address, sent).status_code == 302
    row = BreakGlass.objects.get()
    for where in ("/", told.release.get_absolute_url(), f"/environments/{told.environment.slug}/"):
        assert "Let in by break-glass" in client.get(where).content.decode(), where
    stranger = make.make_person("", Role.VIEWER, team=make.make_team())
    client.force_login(stranger)
    assert "Let in by break-glass" not in client.get("/").content.decode()
    assert client.get(row.get_absolute_url()).status_code == 404
    client.force_login(told.signer(Role.PRIVACY_OFFICER))
    with clock.at(row.ends_at):
        there = f"/gates/breakglass/{row.pk}/review/"
        assert row.reason in client.get(there).content.decode()
        assert client.post(there, {"reason": WHY}).status_code == 422
        done = client.post(there, {"reason": WHY, "outcome": "justified"})
        assert done.status_code == 302
        assert "Ended and reviewed." in client.get(row.get_absolute_url()).content.decode()
        assert client.get("/gates/breakglass/").status_code == 200


# By when an approval has ended at the latest


def test_what_approves_also_writes_by_when_it_ends_and_nothing_moves_that():
    told = approved()
    (one,) = approvals(Promotion.objects.filter(pk=told.promotion.pk))
    latest = LatestEnd.objects.get()
    assert (latest.promotion_id, latest.ends_by) == (told.promotion.pk, one.until)
    revoke(told)
    assert LatestEnd.objects.get().ends_by == latest.ends_by
    refused = story()
    refused.give_all()
    refused.ask()
    refused.sign(refused.signer(Role.REVIEWER), "reject")
    assert LatestEnd.objects.count() == 1


def test_approvals_from_before_it_was_kept_get_the_same():
    told = approved()
    kept = LatestEnd.objects.get()
    rows = Promotion.objects.values_list("pk", "review_at", "decided_package__content")
    (made,) = latest_ends(LatestEnd, rows)
    assert (made.promotion_id, made.ends_by) == (told.promotion.pk, kept.ends_by)


def test_a_latest_end_decides_nothing():
    told = approved()
    LatestEnd.objects.update(ends_by=clock.now() - days(1))
    assert codes(told) == ["APPROVED"]
    LatestEnd.objects.all().delete()
    assert codes(told) == ["APPROVED"]


def test_who_sees_few_of_the_ends_still_sees_theirs(monkeypatch):
    """Ends are walked along a few at a time; a step with nothing for the reader is not the last."""
    monkeypatch.setattr(endings, "STEP", 2)
    told = approved()
    for _ in range(4):
        approved()
    viewer = make.make_person(make.name("viewer"), Role.VIEWER, team=told.release.use_case.team)
    ends = LatestEnd.objects.order_by("ends_by", "pk")
    own = list(Promotion.objects.visible_to(viewer).values_list("pk", flat=True))
    assert endings.walk(ends, Promotion.objects.visible_to(viewer), 30) == own
    assert own == [told.promotion.pk]
    assert endings.walk(ends, Promotion.objects.all(), 3) == [one.pk for one in ends[:3]]
