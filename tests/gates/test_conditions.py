"""Approving with conditions: set with the signature, closed by evidence, ending the approval."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from audit import Conflict, Refused, clock
from audit.refusals import NotAllowed
from audit.verifying import verify
from evidence import transitions as evidence
from gates import endings, queue, transitions
from gates.decisions import decide
from gates.models import Condition, ConditionClosing, PackagePerson, Promotion
from gates.rules.conditions import Asked
from registry.roles import Role
from tests import make
from tests.api.reading import reader
from tests.gates.stories import WHY, days, story

pytestmark = pytest.mark.django_db


def asked(told, **values) -> Asked:
    return Asked(
        **{
            "text": "Measure refusals again.",
            "owner": told.requester.pk,
            "due_at": clock.now() + days(30),
            "evidence_kind": "operational_readiness",
            **values,
        }
    )


def on_condition(**values):
    """Return an approved story whose reviewer set one condition."""
    told = story()
    told.give_all()
    told.ask()
    told.sign(
        told.signer(Role.REVIEWER), "approve_with_conditions", conditions=[asked(told, **values)]
    )
    told.promotion = Promotion.objects.get(pk=told.promotion.pk)
    assert told.promotion.state == Promotion.State.APPROVED
    return told


def close(told, item, actor=None):
    condition = Condition.objects.get(promotion=told.promotion)
    actor = actor or told.signer(Role.PRIVACY_OFFICER)
    return transitions.close_condition(condition.pk, item=item, actor=actor, reason=WHY)


def refusal(verb, *arguments, **values) -> set[str]:
    with pytest.raises(Refused) as refused:
        verb(*arguments, **values)
    return {reason.code for reason in refused.value.reasons}


def codes(told, at=None) -> list[str]:
    return [one["code"] for one in decide(told.release, told.environment, at)["reasons"]]


def test_it_allows_names_what_is_open_and_ends_by_itself_when_overdue():
    told = on_condition()
    due = Condition.objects.get().due_at
    given = decide(told.release, told.environment)
    assert given["allowed"]
    (condition,) = given["conditions"]
    assert condition["text"] == "Measure refusals again."
    assert condition["owner"] == told.requester.username
    assert condition["evidence"] == "operational_readiness"
    assert condition["promotion"] == told.promotion.pk
    assert "falls due." in given["reasons"][0]["sentence"]
    with clock.at(due):
        assert codes(told) == ["CONDITION_OVERDUE"]
        assert decide(told.release, told.environment)["conditions"] == []
        late = told.give("operational_readiness")
        assert refusal(close, told, late) == {"OVERDUE"}
    assert verify("record").found == []


def test_evidence_closes_it_and_its_withdrawal_opens_it_again():
    told = on_condition()
    due = Condition.objects.get().due_at
    with clock.at(clock.now() + days(1)):
        item = told.give("operational_readiness")
        close(told, item)
        assert decide(told.release, told.environment)["conditions"] == []
    before = clock.now() + days(2)
    with clock.at(due + days(1)):
        assert codes(told) == ["APPROVED"]
        assert len(decide(told.release, told.environment, before)["conditions"]) == 0
        evidence.withdraw(item.pk, actor=told.contributor, reason=WHY)
        assert codes(told) == ["CONDITION_OVERDUE"]
        assert codes(told, due) == ["APPROVED"], "then it was not known to be withdrawn"


@pytest.mark.parametrize("late", [False, True])
def test_what_closed_it_is_withdrawn_and_every_list_says_so(client, late):
    told = on_condition()
    due = Condition.objects.get().due_at
    item = told.give("operational_readiness")
    close(told, item)
    client.force_login(told.contributor)
    asked = client.get(f"/evidence/evidenceitem/{item.pk}/withdraw/").content.decode()
    assert "without it the condition is open again" in asked
    assert queue.waiting_for(told.requester)[0] == []
    with clock.at(due + days(1) if late else clock.now()):
        assert endings.ended_lately(told.requester) == []
        evidence.withdraw(item.pk, actor=told.contributor, reason=WHY)
    if not late:
        (waiting,) = queue.waiting_for(told.requester)[0]
        assert waiting.sentence.startswith("Meet the condition ")
        soon, more, _ = endings.ending_soon(told.requester)
        assert [one.ends for one in soon] == [due]
        assert not more
    with clock.at(due + days(2)):
        (ended,) = endings.ended_lately(told.requester)
        assert "fell due and is not closed" in ended.because
        assert endings.ended_lately(told.contributor)
        assert not endings.active(told.requester).exists()


def test_withdrawn_in_time_it_is_closed_anew():
    told = on_condition()
    first, second = told.give("operational_readiness"), told.give("operational_readiness")
    close(told, first)
    with pytest.raises(Conflict):
        close(told, second)
    evidence.withdraw(first.pk, actor=told.contributor, reason=WHY)
    assert len(decide(told.release, told.environment)["conditions"]) == 1
    close(told, second)
    with clock.at(Condition.objects.get().due_at + days(1)):
        assert codes(told) == ["APPROVED"]


def test_neither_its_owner_nor_the_giver_of_the_evidence_closes_it():
    told = on_condition()
    item = told.give("operational_readiness")
    make.grant(told.contributor, Role.REVIEWER, team=told.use_case.team)
    assert refusal(close, told, item, told.contributor) == {"GAVE_IT"}
    make.grant(told.requester, Role.REVIEWER, team=told.use_case.team)
    assert refusal(close, told, item, told.requester) == {"OWNS_IT"}
    with pytest.raises(NotAllowed):
        close(told, item, make.make_person("", Role.VIEWER, team=told.use_case.team))
    old = told.give("red_team")
    assert refusal(close, told, old) == {"DOES_NOT_FIT"}
    close(told, item, told.signer(Role.REVIEWER))


@pytest.mark.parametrize(
    ("verdict", "conditions", "expected"),
    [
        ("approve_with_conditions", [], {"CONDITION_MISSING"}),
        ("approve", [{}], {"CONDITIONS_UNWANTED"}),
        ("reject", [{}], {"CONDITIONS_UNWANTED"}),
        ("approve_with_conditions", [{"owner": 0}], {"OWNER_UNKNOWN"}),
        ("approve_with_conditions", [{"text": " "}], {"TEXT_MISSING"}),
        (
            "approve_with_conditions",
            [{"due_at": clock.now() + timedelta(days=4000)}],
            {"DUE_TOO_LATE"},
        ),
    ],
)
def test_what_cannot_be_set_signs_nothing(verdict, conditions, expected):
    told = story()
    told.give_all()
    told.ask()
    given = [asked(told, **values) for values in conditions]
    assert refusal(told.sign, told.signer(Role.REVIEWER), verdict, conditions=given) == expected
    assert PackagePerson.objects.filter(kind="signer").count() == 0


def test_a_condition_stands_in_for_no_finding():
    told = story()
    told.give("data_boundary")
    told.ask()
    conditions = [asked(told, evidence_kind="safety_check")]
    assert refusal(
        told.sign, told.signer(Role.REVIEWER), "approve_with_conditions", conditions=conditions
    ) == {"FINDING_MISSING"}


def test_conditions_of_a_signature_that_no_longer_counts_bind_nobody():
    told = story("production")
    told.give_all()
    told.ask()
    told.sign(told.signer(Role.REVIEWER), "approve_with_conditions", conditions=[asked(told)])
    told.give("operational_readiness")
    transitions.take_in(told.promotion.pk, actor=told.requester, reason=WHY)
    assert told.sign_all().state == Promotion.State.APPROVED
    assert decide(told.release, told.environment)["conditions"] == []
    with clock.at(clock.now() + days(31)):
        assert codes(told) == ["APPROVED"]


# What the database holds by itself


def execute(sql: str, values: list) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def copied(model, pk, **values) -> str:
    meta = model._meta
    columns = [field.column for field in meta.concrete_fields if field.column != "id"]
    chosen = [values.get(one, one) for one in columns]
    return (
        f"INSERT INTO {meta.db_table} ({', '.join(columns)}) "
        f"SELECT {', '.join(chosen)} FROM {meta.db_table} WHERE id = {pk}"
    )


def test_a_condition_is_whole_and_comes_with_its_signature_in_plain_sql():
    told = on_condition()
    condition = Condition.objects.get()
    for column in ("text", "evidence_kind"):
        with pytest.raises(IntegrityError, match="condition_says_what_and_how"):
            execute(copied(Condition, condition.pk, **{column: "''", "number": "7"}), [])
    with pytest.raises(IntegrityError):
        execute(copied(Condition, condition.pk), [])
    item = told.give("operational_readiness")
    other = f"'{item.change_id.hex}'" if connection.vendor == "sqlite" else f"'{item.change_id}'"
    with pytest.raises(Exception, match="never later"):
        execute(copied(Condition, condition.pk, number="7", change_id=other), [])


def test_nobody_closes_by_their_own_evidence_in_plain_sql():
    told = on_condition()
    closing = close(told, told.give("operational_readiness"))
    with pytest.raises(IntegrityError):
        execute(copied(ConditionClosing, closing.pk), [])
    other = told.give("operational_readiness")
    item = f"'{other.pk.hex}'" if connection.vendor == "sqlite" else f"'{other.pk}'"
    with pytest.raises(IntegrityError, match="conditionclosing_by_somebody_else"):
        execute(copied(ConditionClosing, closing.pk, item_id=item, closed_by_id="given_by_id"), [])


@pytest.mark.parametrize("table", ["gates_condition", "gates_conditionclosing"])
def test_what_was_set_and_closed_stays(table):
    told = on_condition()
    close(told, told.give("operational_readiness"))
    for sql in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
        with pytest.raises(Exception, match="never"):
            execute(sql, [])


# Where it is seen


def test_it_is_signed_in_the_portal_seen_by_its_owner_and_closed_there(client):
    told = story()
    told.give_all()
    promotion = told.ask()
    client.force_login(told.signer(Role.REVIEWER))
    there = promotion.get_absolute_url()
    page = client.get(f"{there}?verdict=approve_with_conditions")
    assert page.status_code == 200
    form = {**page.context["form"].initial}
    filled = {
        **form,
        "meaning": "reviewed_on_condition",
        "reason": "Good, with one open end.",
        "password": make.PASSWORD,
        "condition_1_text": "Measure refusals again.",
        "condition_1_owner": told.requester.pk,
        "condition_1_due": f"{clock.now() + days(20):%Y-%m-%d}",
        "condition_1_kind": "operational_readiness",
    }
    wrong = client.post(there, {**filled, "condition_1_owner": ""})
    assert wrong.status_code == 422
    assert "Choose who meets it" in wrong.content.decode()
    rearmed = {name: wrong.context["form"].data[name] for name in ("challenge", "package_digest")}
    assert client.post(there, {**filled, **rearmed}).status_code == 302
    condition = Condition.objects.get()
    page = client.get(there).content.decode()
    assert "1 open of 1" in page
    assert "Approved with conditions" in page
    assert "Measure refusals again." in client.get(f"{there}?view=print").content.decode()
    (waiting,) = queue.waiting_for(told.requester)[0]
    assert waiting.sentence == "Meet the condition “Measure refusals again.”"
    gives = f"/evidence/evidenceitem/add/?kind=operational_readiness&amp;release={told.release.pk}"
    assert gives not in client.get(condition.get_absolute_url()).content.decode()
    client.force_login(told.contributor)
    assert gives in client.get(condition.get_absolute_url()).content.decode()
    client.force_login(told.signer(Role.REVIEWER))
    item = told.give("operational_readiness")
    (waiting,) = queue.waiting_for(told.signer(Role.REVIEWER))[0]
    assert waiting.sentence == "Close the condition “Measure refusals again.”"
    address = f"/gates/condition/{condition.pk}/close/"
    closing = client.get(address).content.decode()
    assert str(item.pk) in closing
    # Whoever finds it met reads there what it was.
    assert "Measure refusals again." in closing
    assert client.post(address, {"reason": WHY}).status_code == 422
    assert client.post(address, {"reason": WHY, "item": str(item.pk)}).status_code == 302
    assert "Found met" in client.get(condition.get_absolute_url()).content.decode()
    page = client.get(there).content.decode()
    assert "0 open of 1" in page
    assert "found a condition met" in page
    assert queue.count_waiting(told.requester) == 0


def test_the_overview_and_the_api_say_the_same(client):
    told = on_condition()
    soon, *_ = endings.ending_soon(told.requester)
    assert [one.because for one in soon] == [
        f"The condition “Measure refusals again.” of {told.requester.username} falls due."
    ]
    caller = reader("viewer", team=told.use_case.team)
    answer = caller.get(f"promotions/{told.promotion.pk}/").json()
    (condition,) = answer["conditions"]
    assert (condition["state"], condition["owner"]) == ("open", told.requester.username)
    with clock.at(Condition.objects.get().due_at):
        ended = endings.ended_lately(told.requester)
        assert ["fell due and is not closed" in one.because for one in ended] == [True]
