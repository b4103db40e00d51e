"""Two at once at the verbs that end, except and publish: one outcome, one refusal in words."""

import pytest

from audit import Refused
from audit.verifying import verify
from gates import transitions
from gates.models import BreakGlassReview, GateVersion, Revocation, Waiver, WaiverAnswer
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, approved, days, story
from tests.gates.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def one_of(outcomes: list) -> Refused:
    """Assert that one act went through and the other was refused; return the refusal."""
    refused = [one for one in outcomes if isinstance(one, Refused)]
    assert len(refused) == len(outcomes) - 1, outcomes
    assert verify("record").found == []
    return refused[0]


def owners(told, number: int = 2) -> list:
    team = told.use_case.team
    return [make.make_person("", Role.RISK_OWNER, team=team) for _ in range(number)]


def test_one_grants_while_another_refuses():
    told = story()
    waiver = told.ask_waiver()
    first, second = owners(told)
    by = {"password": make.PASSWORD, "reason": WHY}
    refusal = one_of(
        at_once(
            lambda: transitions.grant_waiver(waiver.pk, actor=first, **by),
            lambda: transitions.refuse_waiver(waiver.pk, actor=second, **by),
        )
    )
    assert {one.code for one in refusal.reasons} == {"ANSWERED"}
    assert WaiverAnswer.objects.count() == 1


def test_two_ask_for_the_same_waiver():
    told = story()
    refusal = one_of(at_once(told.ask_waiver, told.ask_waiver))
    assert {one.code for one in refusal.reasons} == {"ASKED_ALREADY"}
    assert Waiver.objects.count() == 1


def test_two_revoke_one_approval():
    told = approved()
    by = {"password": make.PASSWORD, "reason": WHY}
    acts = [
        lambda owner=owner: transitions.revoke(told.promotion.pk, actor=owner, **by)
        for owner in owners(told)
    ]
    refusal = one_of(at_once(*acts))
    assert {one.code for one in refusal.reasons} == {"REVOKED"}
    assert Revocation.objects.count() == 1


def test_two_review_one_break_glass():
    from audit import clock

    told = story()
    row = told.break_glass()
    acts = [
        lambda owner=owner: transitions.review_break_glass(
            row.pk, outcome="justified", actor=owner, reason=WHY
        )
        for owner in owners(told)
    ]
    transitions.end_break_glass(
        row.pk, password=make.PASSWORD, actor=told.signer(Role.RISK_OWNER), reason=WHY
    )
    one_of(at_once(*acts))
    assert BreakGlassReview.objects.count() == 1
    assert row.ends_at < clock.now() + days(1)


def test_two_publish_one_draft_and_two_begin_one():
    sandbox = GateVersion.objects.get(gate="sandbox")
    authors = [make.author("percy"), make.author("petra")]
    begun = at_once(
        *(
            lambda who=who: transitions.new_gate_version_from(sandbox.pk, actor=who, reason=WHY)
            for who in authors
        )
    )
    one_of(begun)
    draft = GateVersion.objects.get(published_at=None)
    others = [make.author("paula"), make.author("pia")]
    one_of(
        at_once(
            *(
                lambda who=who: transitions.publish_gate_version(draft.pk, actor=who, reason=WHY)
                for who in others
            )
        )
    )
    assert GateVersion.objects.filter(gate="sandbox", published_at__isnull=False).count() == 2
