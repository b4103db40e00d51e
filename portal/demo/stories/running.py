"""How releases came to run, and what the operators did when something went wrong.

The operator places what was approved, soon after, and keeps what it took the place of as its
fallback. Kept facts are tried by every rollback: one is gone back to by daylight, another at night.
"""

from collections.abc import Iterator
from datetime import datetime

from gates.approvals import approvals
from gates.models import Promotion
from portal.demo.people import PASSWORD
from portal.demo.world import World
from registry.models import Environment, ServingEndpoint, UseCase
from runtime import routing, transitions
from runtime.models import Deployment, Suspension
from runtime.targets import targets_of

OPERATOR = "ops.lead"
#: The days before now on which the operator looks, and the hour.
ROUNDS, HOUR = (205, 190, 170, 150, 130, 110, 90, 70, 50, 30, 12, 6), 15
#: The priority of what a newer release took the place of.
FALLBACK = 20

#: Use case, name, facts and what is expected of their route.
KEPT = (
    ("customer-chat", "An everyday question", {"tokens": 1200}, "routed"),
    ("customer-chat", "A question that stays in Germany", {"regions": ["fra-dc-1"]}, "refused"),
    ("claims-triage", "A claim with its attachments", {"tokens": 24000}, "routed"),
    ("code-assistant", "A whole file to complete", {"tokens": 30000}, "routed"),
    ("code-assistant", "More than any model holds", {"tokens": 4000000}, "refused"),
)


def running(world: World) -> Iterator[datetime]:
    """Tell how, on each round, what is approved and offered nowhere yet was activated."""
    for ago in ROUNDS:
        yield world.day(ago, HOUR)
        for approval in _standing(world):
            _place(world, approval)


def going_back(world: World) -> Iterator[datetime]:
    """Tell how facts were kept, and what was gone back to, stopped and let go on."""
    yield world.day(95, 10)
    for slug, name, facts, expected in KEPT:
        _keep(world, slug, name, facts, expected)
    yield world.day(64, 11)
    _roll_back(world, "production-eu", "customer-chat", "Answers got twice as long overnight.")
    yield world.day(62, 14)
    _let_go_on(world, "production-eu", "customer-chat", "The length is bounded by the caller now.")
    yield world.day(4, 2)
    _roll_back(
        world,
        "sandbox-eu",
        "code-assistant",
        "Completions contain keys from another repository.",
        incident="INC-2041",
    )
    yield world.day(2, 8)
    with world.act():
        transitions.suspend(
            ServingEndpoint.objects.get(slug="vllm-claims-triage-par"),
            environment=Environment.objects.get(slug="regulated-eu"),
            password=PASSWORD,
            actor=world.who(OPERATOR),
            reason="The Paris cluster answers after 20 seconds.",
        )


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
    # What was gone back from is not placed again by the way.
    left = Suspension.objects.filter(
        release=promotion.release, environment=promotion.environment, lifted_at=None
    )
    if endpoints and not left:
        _activate(
            world,
            promotion.release,
            promotion.environment,
            endpoints,
            f"Approved by promotion {promotion.pk}.",
        )


def _activate(world: World, release, environment: Environment, endpoints, why: str) -> None:
    with world.act():
        transitions.activate(release, environment, endpoints, actor=world.who(OPERATOR), reason=why)
    before = Deployment.objects.filter(
        environment=environment, release__use_case=release.use_case, removed_at=None
    ).exclude(release=release)
    for one in before.exclude(priority=FALLBACK).order_by("pk"):
        with world.act():
            transitions.rank(
                one.pk,
                priority=FALLBACK,
                actor=world.who(OPERATOR),
                reason=f"Release {release.number} takes its place; it stays as the fallback.",
            )


def _keep(world: World, slug: str, name: str, facts: dict, expected: str) -> None:
    with world.act():
        transitions.keep_facts(
            UseCase.objects.get(slug=slug),
            name=name,
            facts=routing.read({"use_case": slug, **facts}),
            expected=expected,
            actor=world.who(OPERATOR),
            reason="What is asked every day, and what must never be let through.",
        )


def _roll_back(world: World, where: str, slug: str, why: str, incident: str = "") -> None:
    """Go back to the newest earlier release of the use case that may be chosen."""
    environment = Environment.objects.get(slug=where)
    with world.act():
        target = next(
            one for one in targets_of(environment) if one.use_case == slug and not one.against
        )
    with world.act():
        transitions.roll_back(
            environment,
            target.activation.generation,
            use_case=UseCase.objects.get(slug=slug),
            incident=incident,
            password=PASSWORD,
            actor=world.who(OPERATOR),
            reason=why,
        )


def _let_go_on(world: World, where: str, slug: str, why: str) -> None:
    """Lift the quarantine of what was left, and offer it again where it was offered."""
    left = Suspension.objects.select_related("release", "environment").get(
        environment__slug=where, release__use_case__slug=slug, quarantine=True, lifted_at=None
    )
    with world.act():
        transitions.lift(left.pk, password=PASSWORD, actor=world.who(OPERATOR), reason=why)
    offered = Deployment.objects.filter(environment=left.environment, release=left.release)
    endpoints = ServingEndpoint.objects.filter(pk__in=offered.values("endpoint"))
    _activate(world, left.release, left.environment, endpoints, why)
