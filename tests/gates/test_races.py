"""Promise 9: two people pressing at once, on either database: one outcome, one refusal in words."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.db import connection

from audit import Refused
from audit.verifying import verify
from gates import transitions
from gates.models import PackagePerson, Promotion
from gates.packages import live
from gates.rules.signing import meanings
from registry.roles import Role
from tests import make
from tests.gates.stories import WHY, story

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 20 if os.environ.get("GATEHOUSE_LONG") else 3


def at_once(*acts):
    """Run all acts at the same moment, each in a thread; return results or refusals in order."""
    barrier = Barrier(len(acts))

    def run(act):
        try:
            barrier.wait(timeout=30)
            return act()
        except Refused as refused:
            return refused
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(run, act) for act in acts]]


def pressing(told, person, verdict: str = "approve", role: str = "reviewer"):
    """Return the press of a button on a form that was opened before."""
    digest = live(told.promotion).digest
    challenge = transitions.issue_challenge(
        told.promotion.pk, actor=person, verdict=verdict, package_digest=digest
    )
    values = {
        "challenge": challenge.pk,
        "package_digest": digest,
        "verdict": verdict,
        "meaning": meanings(verdict, role)[0][0],
        "reason": WHY,
        "password": make.PASSWORD,
        "actor": person,
    }
    return lambda: transitions.sign(told.promotion.pk, **values)


def reviewers(told, number: int) -> list:
    return [
        make.make_person(make.name("reviewer"), Role.REVIEWER, team=told.use_case.team)
        for _ in range(number)
    ]


def ready(stage: str = "sandbox"):
    told = story(stage)
    told.give_all()
    told.ask()
    return told


def one_wins(results) -> list[Refused]:
    """Assert that exactly one of them was not refused, and return the refusals."""
    refused = [result for result in results if isinstance(result, Refused)]
    assert len(refused) == len(results) - 1, results
    assert all(str(one) for one in refused), "a refusal in words"
    return refused


def test_many_reviewers_press_for_one_slot():
    for _ in range(ROUNDS):
        told = ready()
        one_wins(at_once(*(pressing(told, person) for person in reviewers(told, 4))))
        promotion = Promotion.objects.get(pk=told.promotion.pk)
        assert promotion.state == "approved"
        assert promotion.people.filter(kind="signer").count() == 1
    assert verify("record").found == []


def test_one_person_presses_twice():
    for _ in range(ROUNDS):
        told = ready("production")
        (rita,) = reviewers(told, 1)
        form = pressing(told, rita)
        one_wins(at_once(form, form, pressing(told, rita)))
        assert PackagePerson.objects.filter(promotion=told.promotion, kind="signer").count() == 1


def test_approve_against_reject():
    for _ in range(ROUNDS):
        told = ready()
        rita, ruth = reviewers(told, 2)
        one_wins(at_once(pressing(told, rita), pressing(told, ruth, "reject")))
        promotion = Promotion.objects.get(pk=told.promotion.pk)
        signed = promotion.people.get(kind="signer")
        assert {"approve": "approved", "reject": "rejected"}[signed.verdict] == promotion.state


def test_the_last_two_signatures_arrive_together_and_the_decision_falls_once():
    for _ in range(ROUNDS):
        told = ready("production")
        rita, otto = told.signer(Role.REVIEWER), told.signer(Role.RISK_OWNER)
        results = at_once(pressing(told, rita), pressing(told, otto, role="risk_owner"))
        assert not [one for one in results if isinstance(one, Refused)], results
        assert Promotion.objects.get(pk=told.promotion.pk).state == "approved"
        decided = Promotion.history.filter(id=told.promotion.pk, state="approved")
        assert decided.count() == 1


def test_evidence_is_withdrawn_while_the_last_signature_is_given():
    from evidence import transitions as evidence
    from gates.decisions import decide

    for _ in range(ROUNDS):
        told = ready()
        (rita,) = reviewers(told, 1)
        item = told.release.evidence.get(kind="safety_check")
        withdrawing = partial(evidence.withdraw, item.pk, actor=told.contributor, reason=WHY)
        at_once(pressing(told, rita), withdrawing)
        assert not decide(told.release, told.environment)["allowed"]


def test_two_requesters_ask_for_the_same():
    for _ in range(ROUNDS):
        told = story()
        other = make.make_person(make.name("requester"), Role.REQUESTER, team=told.use_case.team)

        asking = partial(
            transitions.request,
            release=told.release,
            environment=told.environment,
            endpoints=[told.endpoint],
            purpose="For customers.",
            reason=WHY,
        )
        one_wins(at_once(partial(asking, actor=told.requester), partial(asking, actor=other)))
        assert told.release.promotions.count() == 1
