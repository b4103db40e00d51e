"""Waivers read from the record, and how each stands."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from audit import clock
from gates.models import Waiver, WaiverAnswer
from gates.rules.waivers import Waived
from registry.models import Environment, Person, Release

WITH = (
    "release__use_case__team",
    "environment",
    "requirement__gate_version",
    "asked_by",
    "answer__answered_by",
)

GRANTED = Q(answer__verdict=WaiverAnswer.Verdict.GRANTED)


def granted(
    release: Release, environment: Environment, number: int | None = None
) -> dict[int, Waiver]:
    """Return every waiver granted there, ended or not, as known after change `number`, or now."""
    rows = Waiver.objects.filter(GRANTED, release=release, environment=environment)
    if number is not None:
        rows = rows.filter(answer__change__number__lte=number)
    return {one.pk: one for one in rows.select_related(*WITH).order_by("pk")}


def facts_of(waivers: Iterable[Waiver]) -> list[Waived]:
    """Return granted waivers as the rules see them."""
    return [
        Waived(
            id=one.pk,
            gate=one.requirement.gate_version.gate,
            code=one.requirement.code,
            terms=one.requirement.terms,
            asked_by=one.asked_by.username,
            granted_by=one.answer.answered_by.username,
            control=one.compensating_control,
            granted_at=one.answer.answered_at,
            ends_at=one.ends_at,
        )
        for one in waivers
    ]


def open_for(requirement, release: Release, environment: Environment) -> int:
    """Return how many waivers of this are asked for and wait for an answer that may still come."""
    return Waiver.objects.filter(
        release=release,
        environment=environment,
        requirement__code=requirement.code,
        requirement__gate_version__gate=requirement.gate,
        answer=None,
        ends_at__gt=clock.now(),
    ).count()


def in_force(user: Person) -> QuerySet:
    """Return the waivers that hold now, as far as `user` may see them, soonest end first."""
    rows = Waiver.objects.visible_to(user).filter(GRANTED, ends_at__gt=clock.now())
    return rows.select_related(*WITH).order_by("ends_at", "pk")


def waiting(user: Person) -> QuerySet:
    """Return the waivers that nobody answered and that somebody still can, oldest first."""
    # Found first: joined, a database may begin with all that a team ever asked for.
    pending = Waiver.objects.filter(answer=None, ends_at__gt=clock.now())
    rows = Waiver.objects.visible_to(user).filter(pk__in=list(pending.values_list("pk", flat=True)))
    return rows.select_related(*WITH).order_by("asked_at", "pk")


def state_of(waiver: Waiver, at: datetime | None = None) -> str:
    """Return how a waiver stands: asked, lapsed, refused, waived or ended."""
    at = at or clock.now()
    answer = getattr(waiver, "answer", None)
    if answer is None:
        return "asked" if waiver.ends_at > at else "lapsed"
    if answer.verdict == WaiverAnswer.Verdict.REFUSED:
        return "refused"
    return "waived" if waiver.ends_at > at else "ended"
