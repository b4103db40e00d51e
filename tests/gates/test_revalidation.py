"""Approvals that are due for renewal: who is told, why, and the one press that asks anew."""

from dataclasses import replace

import pytest

from audit import Conflict, clock
from audit.refusals import NotAllowed
from evidence import transitions as evidence
from gates import transitions
from gates.models import GateVersion, Promotion
from gates.revalidation import due_for_renewal
from registry.models import Provider, UseCase
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, approved, days

pytestmark = pytest.mark.django_db


def values(row, **changed) -> dict:
    fields = [one for one in row._meta.concrete_fields if one.editable and one.name != "id"]
    return {one.name: getattr(row, one.name) for one in fields} | changed


def codes(person) -> list[str]:
    return [trigger.code for one in due_for_renewal(person) for trigger in one.triggers]


def another_sandbox() -> None:
    paula = make.author()
    sandbox = GateVersion.objects.filter(gate="sandbox").latest("number")
    draft = transitions.new_gate_version_from(sandbox.pk, actor=paula, reason=WHY)
    transitions.publish_gate_version(draft.pk, actor=make.author("percy"), reason=WHY)


def test_nothing_is_due_while_nothing_changed():
    told = approved()
    assert due_for_renewal(told.requester) == []


def test_each_trigger_is_told_to_requester_and_risk_owner_and_to_nobody_else():
    told = approved()
    owner = told.signer(Role.RISK_OWNER)
    another_sandbox()
    assert codes(told.requester) == codes(owner) == ["GATE_CHANGED"]
    make.make_policy(review_months=6)
    host = Provider.objects.get(pk=told.endpoint.host_id)
    make.save(Provider, values(host, name="Renamed"), pk=host.pk, actor=make.admin())
    case = UseCase.objects.get(pk=told.use_case.pk)
    make.save(UseCase, values(case, data_classification="confidential"), pk=case.pk)
    expected = ["GATE_CHANGED", "POLICY_CHANGED", "USE_CASE_CHANGED", "PROVIDER_CHANGED"]
    assert codes(told.requester) == codes(owner) == expected
    for role in (Role.REVIEWER, Role.AUDITOR):
        assert due_for_renewal(make.make_person("", role, team=told.use_case.team)) == []
    stranger = make.make_person("", Role.RISK_OWNER, team=make.make_team())
    assert due_for_renewal(stranger) == []
    assert codes(make.make_person("", Role.RISK_OWNER)) == expected


def test_what_ends_soon_and_what_ended_is_due():
    told = approved()
    with clock.at(clock.now() + days(160)):
        assert codes(told.requester) == ["ENDING"]
    with clock.at(clock.now() + days(190)):
        assert codes(told.requester) == ["ENDED"]
    with clock.at(clock.now() + days(220)):
        assert codes(told.requester) == [], "a month is enough to be told"


def test_a_newer_failing_run_and_a_withdrawal_make_it_due():
    told = approved("production")
    told.give_run("0.1", ran_at=clock.now())
    (due,) = due_for_renewal(told.requester)
    assert not due.holds
    assert "has" in due.triggers[0].sentence
    other = approved()
    item = other.release.evidence.get(kind="safety_check")
    evidence.withdraw(item.pk, actor=other.contributor, reason=WHY)
    assert codes(other.requester) == ["ENDED"]


def test_what_was_revoked_is_not_asked_for_anew_by_itself():
    told = approved()
    owner = told.signer(Role.RISK_OWNER)
    transitions.revoke(told.promotion.pk, password=make.PASSWORD, actor=owner, reason=WHY)
    assert due_for_renewal(told.requester) == []


def test_what_another_release_followed_is_not_due():
    told = approved()
    release = make.make_release(use_case=told.use_case, version=told.release.model_version)
    later = replace(told, release=release, promotion=None)
    later.give_all()
    later.ask()
    later.sign_all()
    with clock.at(clock.now() + days(190)):
        (due,) = due_for_renewal(told.requester)
    assert due.title == f"{release} into {told.environment}"


def test_one_press_asks_anew_and_takes_it_off_the_list(client):
    told = approved()
    another_sandbox()
    client.force_login(told.requester)
    page = client.get("/").content.decode()
    assert "Due for renewal" in page
    assert "It was judged by sandbox v1; v2 is in force." in page
    (due,) = due_for_renewal(told.requester)
    shown = client.get(due.renew_url)
    reason = shown.context["form"].initial["reason"]
    assert client.post(due.renew_url, {"reason": reason}).status_code == 302
    new = Promotion.objects.latest("pk")
    assert (new.state, new.release, new.environment) == ("draft", told.release, told.environment)
    assert [link.endpoint for link in new.endpoint_links.all()] == [told.endpoint]
    assert new.purpose.startswith(f"Renewal of promotion {told.promotion.pk}: ")
    assert due_for_renewal(told.requester) == []
    assert client.post(due.renew_url, {"reason": reason}).status_code == 409
    told.promotion = transitions.submit(new.pk, actor=told.requester, reason=WHY)
    told.sign_all()
    assert due_for_renewal(told.requester) == [], "the newest approval is up to date"


def test_a_risk_owner_is_told_and_does_not_ask():
    told = approved()
    another_sandbox()
    owner = told.signer(Role.RISK_OWNER)
    (due,) = due_for_renewal(owner)
    assert due.renew_url == ""
    with pytest.raises(NotAllowed):
        transitions.renew(told.promotion.pk, actor=owner, reason=WHY)
    draft = told.ask(submit=False)
    with pytest.raises(Conflict):
        transitions.renew(draft.pk, actor=told.requester, reason=WHY)


def test_the_environment_says_what_is_allowed_by_whom_and_until_when(client):
    told = approved("production")
    client.force_login(told.requester)
    page = client.get(f"/environments/{told.environment.slug}/").content.decode()
    for role in (Role.REVIEWER, Role.RISK_OWNER):
        assert f"{told.signer(role).name}, {role.label}" in page
    assert f"asked for by {told.requester.username}" in page
    assert "By whom" in page
