"""Asking people by name: to mend a finding, to sign, and once more."""

import re
from datetime import date, timedelta

import pytest
from django.core import mail

from audit import Refused, clock
from audit.refusals import Conflict, NotAllowed
from gates import queue, transitions
from gates.models import Assignment, Notice
from gates.notices.sending import send_all
from gates.notices.telling import tell_all
from gates.rules import Finding, Status
from gates.rules.helping import assigning_problems
from gates.transitions.helping import close_met
from registry.models import Person
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, days, story, verify_record

TODAY = date(2026, 11, 21)


def finding(status: str) -> Finding:
    return Finding("privacy_review", "production", Status(status), "A privacy review.", "None.")


@pytest.mark.parametrize(
    ("status", "code", "due", "undecided", "codes"),
    [
        ("missing", "production.privacy_review", 0, True, []),
        ("stale", "production.privacy_review", 365, True, []),
        ("met", "production.privacy_review", 1, True, ["FINDING_MET"]),
        ("waived", "production.privacy_review", 1, True, ["FINDING_MET"]),
        ("missing", "production.red_team", 1, True, ["FINDING_UNKNOWN"]),
        ("missing", "production.privacy_review", -1, True, ["DUE_PAST"]),
        ("missing", "production.privacy_review", 366, True, ["DUE_FAR"]),
        ("met", "", -1, False, ["DECIDED", "FINDING_UNKNOWN", "DUE_PAST"]),
    ],
)
def test_what_may_be_assigned(status, code, due, undecided, codes):
    reasons = assigning_problems(
        [finding(status)], code, TODAY + timedelta(days=due), TODAY, undecided=undecided
    )
    assert [reason.code for reason in reasons] == codes


@pytest.fixture
def told(db):
    told = story()
    told.give_all(without=["data_boundary"])
    told.ask()
    told.reviewer = told.signer("reviewer")
    return told


CODE = "sandbox.data_boundary"


def assign(told, **values):
    values = {
        "finding": CODE,
        "assignee": told.contributor,
        "due_on": (clock.now() + days(3)).date(),
        "actor": told.requester,
        "reason": "You know where it runs.",
        **values,
    }
    return transitions.assign(told.promotion.pk, **values)


def waiting(person):
    return queue.waiting_for(Person.objects.get(pk=person.pk))[0]


def tick():
    tell_all()
    send_all()


def subjects(person) -> list[str]:
    return [one.subject for one in mail.outbox if one.to == [person.email]]


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


# To mend a finding


def test_it_waits_for_the_one_who_is_asked_with_its_due_date(told):
    row = assign(told)
    [found] = waiting(told.contributor)
    assert found.sentence == f"Mend “{row.sentence}” for {told.release} into {told.environment}"
    assert (found.due, found.why) == (row.due_on, f"asked by {told.requester}")
    assert found.url.endswith("#finding-sandbox-data_boundary")
    tick()
    short = f"{told.release} into {told.environment}"
    assert subjects(told.contributor) == [f"Assigned to you: {short}"]


def test_it_is_done_by_itself_when_the_finding_is_met(told):
    row = assign(told)
    assert close_met() == "0 assignments done"
    told.give("data_boundary")
    assert waiting(told.contributor) == []
    # Given and not taken in, the finding is missing still: nothing is closed for good.
    assert close_met() == "0 assignments done"
    transitions.take_in(told.promotion.pk, actor=told.requester, reason=WHY)
    assert close_met() == "1 assignments done"
    row.refresh_from_db()
    assert row.done_at is not None
    assert row.history.latest().history_user is None
    assert verify_record().outcome == "clean"
    assert close_met() == "0 assignments done"


def test_it_is_taken_back_and_can_be_given_to_somebody_else(told):
    row = assign(told)
    with pytest.raises(Conflict, match="on this finding already"):
        assign(told, assignee=told.reviewer)
    transitions.withdraw_assignment(row.pk, actor=told.requester, reason="On leave.")
    assert waiting(told.contributor) == []
    with pytest.raises(Conflict, match="withdrawn already"):
        transitions.withdraw_assignment(row.pk, actor=told.requester, reason=WHY)
    assign(told, assignee=told.reviewer)
    assert any("Mend" in one.sentence for one in waiting(told.reviewer))


def test_only_requesters_assign_and_only_who_sees_it_is_asked(told):
    with pytest.raises(NotAllowed):
        assign(told, actor=told.contributor)
    row = assign(told)
    with pytest.raises(NotAllowed):
        transitions.withdraw_assignment(row.pk, actor=told.contributor, reason=WHY)
    stranger = make.make_person("", Role.REVIEWER, team=make.make_team())
    service = make.make_service("", Role.EVIDENCE_CONTRIBUTOR)
    for person in (stranger, service):
        with pytest.raises(Refused, match="sees this promotion"):
            assign(told, finding="sandbox.safety_checks", assignee=person)


def test_what_somebody_leaves_unmended_is_named_before_they_go(told):
    from gates.leaving import open_ends

    row = assign(told)
    assert f"They are asked to mend “{row.sentence}” for promotion {told.promotion.pk}." in [
        one.sentence for one in open_ends(told.contributor)
    ]


def test_a_decided_promotion_asks_nobody(told):
    assign(told)
    transitions.withdraw(told.promotion.pk, actor=told.requester, reason=WHY)
    assert waiting(told.contributor) == []


def test_the_page_assigns_and_says_who_is_on_it(client, told):
    client.force_login(told.requester)
    page = f"/promotions/{told.promotion.pk}/"
    assert f"{page}assign/?finding={CODE}" in client.get(page).content.decode()
    assert (
        f'value="{CODE}" selected' in client.get(f"{page}assign/?finding={CODE}").content.decode()
    )
    due = (clock.now() + days(3)).date()
    sent = {"finding": CODE, "person": told.contributor.pk, "due_on": due, "reason": WHY}
    answer = client.post(f"{page}assign/", {**sent, "due_on": due - days(9)})
    assert answer.status_code == 422
    assert "The due date is in the past." in text_of(answer)
    assert client.post(f"{page}assign/", sent).status_code == 302
    words = text_of(client.get(page))
    assert f"On it: {told.contributor.username}, due" in words
    assert f"asked somebody to mend a finding: {CODE}, {told.contributor}, due {due}." in words
    row = Assignment.objects.get()
    assert client.post(f"{page}assign/", {"assignment": "9" * 40}).status_code == 404
    client.post(f"{page}assign/", {"assignment": row.pk, "reason": ""})
    row.refresh_from_db()
    assert row.is_open
    client.post(f"{page}assign/", {"assignment": row.pk, "reason": "On leave."})
    row.refresh_from_db()
    assert not row.is_open


# To sign


def test_one_who_may_sign_is_asked_once_and_told(told):
    transitions.ask_to_sign(
        told.promotion.pk, person=told.reviewer, actor=told.requester, reason="You know Dutch."
    )
    with pytest.raises(Conflict, match="remind them instead"):
        transitions.ask_to_sign(
            told.promotion.pk, person=told.reviewer, actor=told.requester, reason=WHY
        )
    tick()
    short = f"{told.release} into {told.environment}"
    asked = f"{told.requester} asks you to sign: {short}"
    assert asked in subjects(told.reviewer)
    body = next(one.body for one in mail.outbox if one.subject == asked)
    assert body.startswith(f"{told.requester}: “You know Dutch.” Cannot be approved yet.")
    assert waiting(told.reviewer)[0].why == f"reviewer slot, asked by {told.requester}"


def test_who_may_not_sign_is_not_asked(told):
    for person in (told.requester, told.contributor, make.make_person("", Role.RISK_OWNER)):
        with pytest.raises(Refused, match="cannot sign this"):
            transitions.ask_to_sign(
                told.promotion.pk, person=person, actor=told.requester, reason=WHY
            )
    with pytest.raises(NotAllowed):
        transitions.ask_to_sign(
            told.promotion.pk,
            person=told.reviewer,
            actor=make.make_person("", Role.VIEWER),
            reason=WHY,
        )


def test_a_reminder_goes_out_once_a_day_to_whoever_was_asked(told):
    other = make.make_person(make.name("other"), Role.REVIEWER, team=told.use_case.team)
    tick()
    assert sorted(transitions.remind(told.promotion.pk, actor=told.requester)) == sorted(
        [told.reviewer.username, other.username]
    )
    with pytest.raises(Conflict, match="today already"):
        transitions.remind(told.promotion.pk, actor=told.requester)
    transitions.ask_to_sign(
        told.promotion.pk, person=other, actor=told.requester, reason="You know Dutch."
    )
    tick()
    mail.outbox.clear()
    with clock.at(clock.now() + days(1)):
        assert transitions.remind(told.promotion.pk, actor=told.requester) == [other.username]
        tick()
    short = f"{told.release} into {told.environment}"
    assert f"Still waiting for a signature: {short}" in subjects(other)
    assert not any("Still" in one for one in subjects(told.reviewer))
    with pytest.raises(NotAllowed):
        transitions.remind(told.promotion.pk, actor=make.make_person("", Role.AUDITOR))


def test_many_are_reminded_of_at_once_and_nothing_is_signed(client, told):
    draft = story()
    draft.ask(submit=False)
    client.force_login(make.make_person("", Role.REVIEWER, Role.REQUESTER))
    body = client.get("/gates/promotion/").content.decode()
    assert re.findall(r'<option value="(\w+)">', body) == ["remind"]
    sent = {
        "action": "remind",
        "_selected_action": [told.promotion.pk, draft.promotion.pk],
        "index": "0",
    }
    words = text_of(client.post("/gates/promotion/", sent, follow=True))
    assert "Reminders of 1 promotion go out." in words
    assert "1 promotion is not in review." in words
    assert Notice.objects.filter(kind="sign_off.reminder").count() == 1
    words = text_of(client.post("/gates/promotion/", sent, follow=True))
    assert "A reminder went out today already." in words
    client.force_login(make.make_person("", Role.VIEWER))
    assert 'value="remind"' not in client.get("/gates/promotion/").content.decode()


def test_the_page_offers_only_who_may_sign(client, told):
    client.force_login(told.requester)
    page = f"/promotions/{told.promotion.pk}/ask/"
    body = client.get(page).content.decode()
    assert told.reviewer.username in body
    assert f">{told.contributor.username}</option>" not in body
    answer = client.post(page, {"person": told.contributor.pk, "reason": WHY})
    assert answer.status_code == 422
    assert client.post(page, {"person": told.reviewer.pk, "reason": WHY}).status_code == 302
    assert f"asked somebody to sign: {told.reviewer}." in text_of(
        client.get(f"/promotions/{told.promotion.pk}/")
    )
    words = text_of(client.post(page, {"remind": "1"}, follow=True))
    assert f"Reminded: {told.reviewer}." in words
