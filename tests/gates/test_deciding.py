"""Promise 9 in a crowd: twenty threads and four processes decide one promotion at once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from threading import Barrier

import pytest
from django.db import connection

from audit.models import Entry
from audit.verifying import verify
from gates import transitions
from gates.models import Condition, PackagePerson, Promotion
from gates.packages import live
from gates.rules.signing import VERDICTS, meanings
from tests.gates.deciding import deciders, press
from tests.gates.stories import WHY, story
from tests.gates.test_races import reviewers

pytestmark = pytest.mark.django_db(transaction=True)
THREADS, PROCESSES = 20, 4
#: What each verdict makes of a promotion that wants one signature.
STATES = {
    "approve": "approved",
    "approve_with_conditions": "approved",
    "request_changes": "changes_requested",
    "reject": "rejected",
}


def asked(told, promotion: Promotion | None) -> Promotion:
    """Put the request into review once more, a new one where the last is decided."""
    if promotion is None or promotion.decided_at is not None:
        return told.ask()
    return transitions.submit(promotion.pk, actor=told.requester, reason=WHY)


def orders(told, promotion: Promotion, people: list) -> list[dict]:
    """Return what is pressed: everybody's own form on the same package, all verdicts among them."""
    digest = live(promotion).digest
    return [
        {
            "promotion": promotion.pk,
            "challenge": str(
                transitions.issue_challenge(
                    promotion.pk, actor=person, verdict=verdict, package_digest=digest
                ).pk
            ),
            "package_digest": digest,
            "verdict": verdict,
            "meaning": meanings(verdict, "reviewer")[0][0],
            "owner": told.requester.pk,
            "actor": person.pk,
        }
        for person, verdict in zip(people, cycle(VERDICTS), strict=False)
    ]


def at_once(given: list[dict], processes: list, pool: ThreadPoolExecutor) -> list[list[str]]:
    """Let the processes press the first of them and the threads the others; return refusals."""
    barrier = Barrier(THREADS + 1)

    def wait_and_press(order: dict) -> list[str]:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=60)
            return press(order)
        finally:
            connection.close()

    for process, order in zip(processes, given[:PROCESSES], strict=True):
        process.tell(order)
    pressed = [pool.submit(wait_and_press, order) for order in given[PROCESSES:]]
    barrier.wait(timeout=60)
    for process in processes:
        process.go()
    return [process.outcome() for process in processes] + [one.result() for one in pressed]


@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.long)])
def test_a_crowd_decides_once(rounds):
    told, promotion = story(), None
    told.give_all()
    people = reviewers(told, THREADS + PROCESSES)
    with deciders(PROCESSES) as processes, ThreadPoolExecutor(THREADS) as pool:
        for turn in range(rounds):
            promotion = asked(told, promotion)
            # By turns another verdict stands at the front, and with the processes.
            given = orders(told, promotion, people[turn % 4 :] + people[: turn % 4])
            seen = Entry.objects.order_by("-seq").values_list("seq", flat=True)[0]
            refusals = at_once(given, processes, pool)

            won = [order for order, why in zip(given, refusals, strict=True) if not why]
            assert len(won) == 1, refusals
            assert all(all(why) for why in refusals), "a refusal is in words"
            (winner,) = won
            promotion = Promotion.objects.get(pk=promotion.pk)
            assert promotion.state == STATES[winner["verdict"]]
            # One signature with all that belongs to it, and not a line of anybody else's.
            signed = PackagePerson.objects.get(
                kind="signer", package_digest=winner["package_digest"]
            )
            assert (signed.person_id, signed.verdict) == (winner["actor"], winner["verdict"])
            conditions = Condition.objects.filter(sign_off=signed).count()
            assert conditions == (signed.verdict == "approve_with_conditions")
            entries = Entry.objects.filter(seq__gt=seen).order_by("seq")
            assert list(entries.values_list("event", flat=True)) == [
                f"promotion.signed_{signed.verdict}",
                *["condition.set"] * conditions,
                f"promotion.{promotion.state}",
            ]
    assert verify("record").found == []
