"""Waivers from asking to their end: what they let through, what they never do, and who grants."""

import json

import pytest
from django.db import IntegrityError, connection, transaction

from audit import Conflict, Refused, clock
from audit.refusals import NotAllowed
from audit.verifying import verify
from evidence import transitions as evidence
from gates import endings, queue, transitions
from gates.decisions import decide
from gates.models import PackagePerson, PackageWaiver, Promotion, Waiver, WaiverAnswer
from gates.packages import live
from gates.rules import in_the_way
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, days, story

pytestmark = pytest.mark.django_db


def waived(stage: str = "sandbox", code: str = "sandbox.safety_checks"):
    """Return a story in review whose one gap is waived for a month."""
    told = story(stage)
    told.give_all(without=["safety_check"])
    told.ask()
    told.waive(code)
    return told


def grant(waiver: Waiver, actor, password: str = make.PASSWORD):
    return transitions.grant_waiver(waiver.pk, password=password, actor=actor, reason=WHY)


def findings(told) -> dict[str, str]:
    promotion = Promotion.objects.get(pk=told.promotion.pk)
    return {one.code: str(one.status) for one in live(promotion).findings}


def codes(told, at=None) -> list[str]:
    return [one["code"] for one in decide(told.release, told.environment, at)["reasons"]]


def refusal(verb, *arguments, **values) -> set[str]:
    with pytest.raises(Refused) as refused:
        verb(*arguments, **values)
    return {reason.code for reason in refused.value.reasons}


def test_a_gap_is_asked_for_granted_signed_and_ends_the_approval_by_itself():
    told = story()
    told.give_all(without=["safety_check"])
    told.ask()
    waiver = told.ask_waiver()
    assert findings(told)["safety_checks"] == "missing", "asking alone waives nothing"
    grant(waiver, told.signer(Role.RISK_OWNER))
    assert findings(told)["safety_checks"] == "waived"
    promotion = told.sign_all()
    assert promotion.state == Promotion.State.APPROVED

    document = json.loads(promotion.decided_package.content)
    assert document["schema"] == "gatehouse.package/1"
    (written,) = document["waivers"]
    assert (written["id"], written["requirement"]) == (waiver.pk, "sandbox.safety_checks")
    assert (written["asked_by"], written["granted_by"]) == (
        told.requester.username,
        told.signer(Role.RISK_OWNER).username,
    )
    assert written["compensating_control"] == "Every answer is read by a person."
    rests = {one["requirement"]: one["evidence"] for one in document["rests_on"]}
    assert rests["sandbox.safety_checks"] == []
    ties = {one["name"]: one["ties"] for one in document["involved"]}
    assert "asked_waiver" in ties[told.requester.username]

    given = decide(told.release, told.environment)
    assert given["allowed"]
    assert "The waiver of sandbox.safety_checks ends." in given["reasons"][0]["sentence"]
    with clock.at(waiver.ends_at):
        assert codes(told) == ["WAIVER_ENDED"]
        assert findings(told)["safety_checks"] == "missing", "it reopens by itself"
    assert verify("record").found == []


def test_a_failed_finding_takes_a_waiver_and_a_met_one_none():
    told = story()
    told.give("data_boundary")
    told.give("safety_check", verdict="fail")
    told.ask()
    assert findings(told)["safety_checks"] == "failed"
    told.waive()
    assert findings(told)["safety_checks"] == "waived"
    promotion = told.sign_all()
    assert promotion.decided_package.evidence_links.count() == 1, "not on what failed"
    other = story()
    other.give_all()
    other.ask()
    other.waive()
    assert findings(other)["safety_checks"] == "met"
    assert other.sign_all().decided_package.waiver_links.count() == 0


def test_granting_makes_the_package_another_and_time_alone_does_not():
    told = story()
    given = told.give_all()
    told.ask()
    told.sign(told.signer(Role.REVIEWER), verdict="request_changes")
    transitions.submit(told.promotion.pk, actor=told.requester, reason=WHY)
    evidence.withdraw(given["safety_check"].pk, actor=told.contributor, reason=WHY)

    def digest() -> str:
        return live(Promotion.objects.get(pk=told.promotion.pk)).digest

    before = digest()
    waiver = told.waive()
    after = digest()
    assert before != after
    with clock.at(waiver.ends_at + days(1)):
        assert digest() == after


def test_the_ended_waiver_stands_in_the_way_of_a_signature():
    told = waived()
    with clock.at(clock.now() + days(40)):
        package = live(Promotion.objects.get(pk=told.promotion.pk))
        assert [one.code for one in in_the_way(package.findings)] == ["safety_checks"]
        assert refusal(told.sign, told.signer(Role.REVIEWER)) == {"FINDING_MISSING"}


@pytest.mark.parametrize(
    ("stage", "requirement", "code"),
    [
        ("sandbox", "sandbox.basic_metadata", "UNWAIVABLE"),
        ("regulated", "regulated.log_traceable", "UNWAIVABLE"),
        ("regulated", "regulated.evidence_complete", "UNWAIVABLE"),
        ("sandbox", "production.privacy_review", "NOT_ASKED_FOR"),
        ("sandbox", "policy.review_months", "NOT_ASKED_FOR"),
    ],
)
def test_what_is_never_waived(stage, requirement, code):
    told = story(stage)
    assert refusal(told.ask_waiver, requirement) == {code}
    assert Waiver.objects.count() == 0


def test_a_policy_clause_is_never_waived():
    told = story()
    told.give_all()
    make.make_policy(providers={"deny": [told.endpoint.host.slug]})
    told.ask()
    assert findings(told)["providers"] == "failed"
    assert refusal(told.ask_waiver, "policy.providers") == {"NOT_ASKED_FOR"}


def test_who_asks_does_not_grant_and_who_made_it_does_not_either():
    told = story()
    asker = make.make_person(
        make.name("both"), Role.REQUESTER, Role.RISK_OWNER, team=told.use_case.team
    )
    waiver = told.ask_waiver(actor=asker)
    assert refusal(grant, waiver, asker) == {"ASKED_IT"}
    maker = make.registrar()
    make.grant(maker, Role.RISK_OWNER)
    assert refusal(grant, waiver, maker) == {"INVOLVED"}
    giver = told.contributor
    make.grant(giver, Role.RISK_OWNER, team=told.use_case.team)
    grant(waiver, giver)  # has given nothing yet
    told.give("data_boundary")
    told.ask()
    second = told.ask_waiver("sandbox.safety_checks")
    assert refusal(grant, second, giver) == {"INVOLVED"}
    make.grant(told.requester, Role.RISK_OWNER, team=told.use_case.team)
    assert refusal(grant, second, told.requester) == {"ASKED_IT", "INVOLVED"}


def test_granting_takes_the_password_the_role_and_one_answer():
    told = story()
    waiver = told.ask_waiver()
    owner = told.signer(Role.RISK_OWNER)
    assert refusal(grant, waiver, owner, "not mine") == {"PASSWORD_WRONG"}
    with pytest.raises(NotAllowed):
        grant(waiver, told.signer(Role.REVIEWER))
    with pytest.raises(NotAllowed):
        grant(waiver, make.make_person(make.name("far"), Role.RISK_OWNER, team=make.make_team()))
    with pytest.raises(NotAllowed):
        told.ask_waiver(actor=owner)
    transitions.refuse_waiver(waiver.pk, password=make.PASSWORD, actor=owner, reason=WHY)
    with pytest.raises(Conflict):
        grant(waiver, owner)
    assert refusal(told.ask_waiver, ends_at=clock.now() + days(200)) == {"TOO_LONG"}
    again = told.ask_waiver()
    assert refusal(told.ask_waiver) == {"ASKED_ALREADY"}
    with clock.at(again.ends_at):
        assert refusal(grant, again, owner) == {"ENDED_ALREADY"}


def test_a_risk_owner_who_granted_may_sign_and_one_who_asked_may_not():
    told = waived("production")
    told.promotion = Promotion.objects.get(pk=told.promotion.pk)
    told.sign(told.signer(Role.RISK_OWNER))
    asker = make.make_person(
        make.name("both"), Role.REQUESTER, Role.REVIEWER, team=told.use_case.team
    )
    second = told.ask_waiver("production.rollback_plan", actor=asker)
    grant(second, told.signer(Role.RISK_OWNER))
    assert refusal(told.sign, told.signer(Role.RISK_OWNER)) == {"ALREADY_SIGNED"}, "not needed"


# What the database holds by itself


def execute(sql: str, values: list) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_nobody_grants_what_they_asked_for_where_no_python_rule_runs():
    told = waived()
    answer = WaiverAnswer.objects.get()
    waiver = told.ask_waiver("sandbox.safety_checks")
    columns = (
        "(waiver_id, verdict, asked_by_id, answered_by_id, answered_at, reason, authentication, "
        "change_id)"
    )
    copied = "SELECT %s, verdict, {}, {}, answered_at, reason, {}, change_id"
    for asked, answered, how, broken in (
        ("asked_by_id", "asked_by_id", "authentication", "waiveranswer_by_somebody_else"),
        ("asked_by_id", "answered_by_id", "''", "waiveranswer_authenticated"),
    ):
        with pytest.raises(IntegrityError, match=broken):
            execute(
                f"INSERT INTO gates_waiveranswer {columns} "
                f"{copied.format(asked, answered, how)} FROM gates_waiveranswer WHERE id = %s",
                [waiver.pk, answer.pk],
            )
    with pytest.raises(IntegrityError):
        execute(
            f"INSERT INTO gates_waiveranswer {columns} "
            f"{copied.format('asked_by_id', 'answered_by_id', 'authentication')} "
            "FROM gates_waiveranswer WHERE id = %s",
            [answer.waiver_id, answer.pk],
        )


@pytest.mark.parametrize(
    ("column", "value", "broken"),
    [
        ("ends_at", "asked_at", "waiver_ends_after_it_begins"),
        ("compensating_control", "''", "waiver_says_what_instead"),
    ],
)
def test_a_waiver_has_an_end_and_says_what_instead_even_in_plain_sql(column, value, broken):
    waiver = story().ask_waiver()
    columns = [field.column for field in Waiver._meta.concrete_fields if field.column != "id"]
    chosen = [value if one == column else one for one in columns]
    with pytest.raises(IntegrityError, match=broken):
        execute(
            f"INSERT INTO gates_waiver ({', '.join(columns)}) "
            f"SELECT {', '.join(chosen)} FROM gates_waiver WHERE id = %s",
            [waiver.pk],
        )


@pytest.mark.parametrize("table", ["gates_waiver", "gates_waiveranswer", "gates_packagewaiver"])
def test_what_was_granted_stays(table):
    told = waived()
    told.sign_all()
    assert PackageWaiver.objects.exists()
    for sql in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):
        with pytest.raises(Exception, match="never"):
            execute(sql, [])


def test_no_waiver_is_slipped_into_a_package_later():
    told = waived()
    package = told.sign_all().decided_package
    other = told.ask_waiver("sandbox.safety_checks")
    with pytest.raises(Exception, match="comes with its package"):
        execute(
            "INSERT INTO gates_packagewaiver (package_id, waiver_id, change_id) "
            "SELECT package_id, %s, %s FROM gates_packagewaiver WHERE package_id = %s",
            [other.pk, other.change_id.hex, package.pk]
            if connection.vendor == "sqlite"
            else [other.pk, other.change_id, package.pk],
        )


# Where it is seen


def test_it_waits_for_risk_owners_and_is_counted_everywhere(client):
    told = story()
    told.give_all(without=["safety_check"])
    told.ask()
    waiver = told.ask_waiver()
    owner = told.signer(Role.RISK_OWNER)
    sentences = [one.sentence for one in queue.waiting_for(owner)[0]]
    assert f"Answer the waiver of sandbox.safety_checks for {told.release}" in sentences
    assert queue.count_waiting(owner) == 1
    grant(waiver, owner)
    assert queue.count_waiting(owner) == 0
    promotion = told.sign_all()
    client.force_login(told.signer(Role.REVIEWER))
    review = client.get(promotion.get_absolute_url()).content.decode()
    assert "Waived, 1" in review
    assert f'href="/gates/waiver/{waiver.pk}/change/"' in review
    for address in (
        "/",
        told.release.get_absolute_url(),
        f"/environments/{told.environment.slug}/",
    ):
        page = client.get(address).content.decode()
        assert "Waivers in force" in page, address
        assert "1 waiver, soonest end first" in page, address
    stranger = make.make_person(make.name("far"), Role.VIEWER, team=make.make_team())
    client.force_login(stranger)
    assert "Waivers in force" not in client.get("/").content.decode()
    assert client.get(waiver.get_absolute_url()).status_code == 404
    soon, *_ = endings.ending_soon(owner)
    assert [one.because for one in soon] == ["The waiver of sandbox.safety_checks ends."]
    with clock.at(waiver.ends_at + days(1)):
        ended = endings.ended_lately(owner)
        assert [one.because for one in ended] == ["The waiver of sandbox.safety_checks ended."]


def test_asking_and_granting_in_the_portal(client):
    told = story()
    told.give_all(without=["safety_check"])
    promotion = told.ask()
    client.force_login(told.requester)
    review = client.get(promotion.get_absolute_url()).content.decode()
    assert "Ask for a waiver" in review
    assert client.get("/gates/waiver/add/").status_code == 200
    address = (
        f"/gates/waiver/add/?release={told.release.pk}&environment={told.environment.pk}"
        "&requirement=sandbox.safety_checks"
    )
    page = client.get(address)
    assert page.status_code == 200
    assert "Never waived" in page.content.decode()
    day = f"{clock.now() + days(20):%Y-%m-%d}"
    form = {
        "requirement": "sandbox.safety_checks",
        "compensating_control": "Read by a person.",
        "ends_at": day,
        "reason": "Closed until spring.",
    }
    for wrong in (
        {**form, "ends_at": ""},
        {**form, "requirement": "sandbox.basic_metadata"},
        {**form, "ends_at": "2001-01-01"},
        {**form, "compensating_control": " "},
    ):
        assert client.post(address, wrong).status_code == 422, wrong
    assert client.post(address, form).status_code == 302
    waiver = Waiver.objects.get()
    assert f"{waiver.ends_at:%Y-%m-%d}" == day
    assert "is asked for" in client.get(promotion.get_absolute_url()).content.decode()
    there = f"/gates/waiver/{waiver.pk}/"
    assert client.post(f"{there}grant/", {"reason": WHY}).status_code == 403

    client.force_login(told.signer(Role.RISK_OWNER))
    assert "Grant…" in client.get(f"{there}change/").content.decode()
    # What is judged stands where it is judged.
    asks = client.get(f"{there}grant/").content.decode()
    assert "Read by a person." in asks
    assert "Closed until spring." in asks
    wrong = client.post(f"{there}grant/", {"reason": WHY, "password": "guess"})
    assert wrong.status_code == 422
    assert "The password is not yours." in wrong.content.decode()
    right = client.post(f"{there}grant/", {"reason": WHY, "password": make.PASSWORD})
    assert right.status_code == 302
    assert "In force." in client.get(f"{there}change/").content.decode()
    assert client.get("/gates/waiver/?state=waived").status_code == 200
    assert str(waiver) in client.get("/gates/waiver/?state=waived").content.decode()
    assert client.post(f"{there}change/", form).status_code == 403
    assert PackagePerson.objects.filter(kind="signer").count() == 0


@pytest.mark.parametrize("query", ["release=x", "release=99999999", "release=9" + "9" * 30])
def test_an_address_that_names_nothing_is_not_there(client, query):
    told = story()
    client.force_login(told.requester)
    assert client.get(f"/gates/waiver/add/?{query}").status_code == 404
