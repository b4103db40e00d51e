"""Two operators activate and roll back at once: one order, one active state, on either database."""

import os
from itertools import pairwise

import pytest

from audit import Refused
from audit.verifying import verify
from runtime import transitions
from runtime.models import Activation, Deployment, Suspension
from runtime.publishing import current
from tests import make
from tests.gates.stories import WHY
from tests.gates.test_races import at_once
from tests.runtime.stories import next_release, operator, running

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 200 if os.environ.get("GATEHOUSE_LONG") else 20


def offered(told) -> set[tuple[int, str]]:
    rows = Deployment.objects.filter(environment=told.environment, removed_at=None)
    return set(rows.values_list("release__number", "endpoint__slug"))


def test_activating_and_rolling_back_at_once():
    told = running()
    ops = operator(told)
    after = next_release(told)
    first = offered(told)
    by = {"actor": ops, "reason": WHY}
    again = {"password": make.PASSWORD, **by}
    both = first | {(after.release.number, told.endpoint.slug)}

    def activate():
        return transitions.activate(after.release, told.environment, [told.endpoint], **by)

    def roll_back():
        return transitions.roll_back(told.environment, 2, **again)

    for _ in range(ROUNDS):
        newest = current(told.environment).generation
        placed, rolled = at_once(activate, roll_back)
        assert not isinstance(placed, Refused), placed
        # Rolled back first, there was nothing to do; else what was just placed is gone again.
        if isinstance(rolled, Refused):
            # In the first round, generation 2 is the one that runs.
            said = "to go back to" if newest == 2 else "is offered now"
            assert said in str(rolled) and offered(told) == both
            transitions.roll_back(told.environment, 2, **again)
        assert offered(told) == first
        assert current(told.environment).generation == newest + 2
        left = Suspension.objects.get(lifted_at=None)
        transitions.lift(left.pk, **again)
    rows = list(
        Activation.objects.filter(environment=told.environment)
        .select_related("change")
        .order_by("generation")
    )
    assert [one.generation for one in rows] == list(range(1, len(rows) + 1))
    for one, following in pairwise(rows):
        assert one.change.number < following.change.number
        assert one.change.at < following.change.at
        assert current(told.environment, following.change.number - 1) == one
    assert verify("record").found == []
