"""How releases came to run: the operator places what was approved, soon after."""

from collections.abc import Iterator
from datetime import datetime

from gates.approvals import approvals
from gates.models import Promotion
from portal.demo.world import World
from registry.models import ServingEndpoint
from runtime import transitions
from runtime.models import Deployment

OPERATOR = "ops.lead"
#: The days before now on which the operator looks, and the hour.
ROUNDS, HOUR = (205, 190, 170, 150, 130, 110, 90, 70, 50, 30, 12, 6), 15


def running(world: World) -> Iterator[datetime]:
    """Tell how, on each round, what is approved and offered nowhere yet was activated."""
    for ago in ROUNDS:
        yield world.day(ago, HOUR)
        for approval in _standing(world):
            _place(world, approval)


def _standing(world: World) -> list:
    rows = Promotion.objects.select_related("release__use_case", "environment").order_by("pk")
    with world.act():
        return [one for one in approvals(rows) if one.holds and one.covered]


def _place(world: World, approval) -> None:
    promotion = approval.promotion
    here = Deployment.objects.filter(
        release=promotion.release, environment=promotion.environment, removed_at=None
    )
    endpoints = ServingEndpoint.objects.filter(slug__in=approval.covered).exclude(
        pk__in=here.values("endpoint")
    )
    if endpoints:
        with world.act():
            transitions.activate(
                promotion.release,
                promotion.environment,
                endpoints,
                actor=world.who(OPERATOR),
                reason=f"Approved by promotion {promotion.pk}.",
            )
