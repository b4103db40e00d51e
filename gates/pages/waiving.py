"""What the pages of waivers show."""

from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html

from gates.facts import gate_for
from gates.models import Promotion, Waiver
from gates.pages import words
from gates.rules.findings import applies_to, day
from gates.rules.waivers import LONGEST_MONTHS, unwaivable
from gates.waivers import in_force, state_of
from registry.models import Environment, Person, Release

#: Promotions that one page lists.
SHOWN = 20

#: How a waiver stands, in words.
WORDS = {
    "asked": "Waits for an answer",
    "waived": "In force",
    "ended": "Ended",
    "refused": "Refused",
    "lapsed": "Never answered",
}


@dataclass(frozen=True)
class Asking:
    """The requirements of the effective gate that may be waived, and those that never are."""

    gate: str
    why: str
    choices: tuple[tuple[str, str], ...]
    never: tuple[tuple[str, str], ...]
    longest_months: int = LONGEST_MONTHS


def asking(release: Release, environment: Environment) -> Asking:
    """Return what may be waived for a release in an environment."""
    gate = gate_for(environment, release.use_case)
    use_case = release.use_case
    asked = [
        one
        for one in gate.requirements
        if applies_to(one, use_case.risk_tier, use_case.data_classification)
    ]
    return Asking(
        gate=gate.name,
        why=gate.why,
        choices=tuple(
            (f"{one.gate}.{one.code}", f"{one.sentence} ({one.gate})")
            for one in asked
            if not unwaivable(one)
        ),
        never=tuple((one.sentence, why) for one in asked if (why := unwaivable(one))),
    )


def facts(waiver: Waiver) -> list[dict[str, Any]]:
    """Return what a waiver says, as the grid of facts."""
    release = waiver.release
    return [
        {
            "label": "Waives",
            "value": waiver.requirement.sentence,
            "note": f"{waiver.code}, as {waiver.requirement.gate_version} asks for it",
        },
        {
            "label": "Release",
            "value": format_html('<a href="{}">{}</a>', release.get_absolute_url(), release),
            "note": f"into {waiver.environment}, nowhere else",
        },
        {"label": "Asked by", "value": waiver.asked_by.username, "note": day(waiver.asked_at)},
        {"label": "Ends", "value": day(waiver.ends_at), "note": WORDS[state_of(waiver)]},
    ]


def rests_on(waiver: Waiver, user: Person) -> list[Promotion]:
    """Return the newest approvals that rest on a waiver, as far as the reader may see them."""
    rows = Promotion.objects.visible_to(user).filter(
        state=Promotion.State.APPROVED,
        decided_package__in=waiver.package_links.values("package"),
    )
    found = list(rows.select_related("release__use_case", "environment").order_by("-pk")[:SHOWN])
    for one in found:
        one.title = words.short(one)
    return found


# Waivers in force, on the pages of others


@dataclass(frozen=True)
class InForce:
    """The waivers in force of one place, soonest end first; `count` is of all of them."""

    rows: list[Waiver]
    count: str
    url: str


def shown_in_force(user: Person, **where) -> InForce | None:
    """Return the waivers in force that `user` may see, or None; two queries."""
    rows = in_force(user).filter(**where)
    shown = list(rows[:SHOWN])
    if not shown:
        return None
    count = words.count(rows.count(), "waiver")
    url = f"{reverse('admin:gates_waiver_changelist')}?state=waived"
    return InForce(shown, f"{count}, soonest end first", url)


def of_release(request, release: Release) -> str:
    """Return the waivers in force for a release, or nothing."""
    return _box(request, shown_in_force(request.user, release=release))


def of_environment(request, environment: Environment) -> str:
    """Return the waivers in force in an environment, or nothing."""
    return _box(request, shown_in_force(request.user, environment=environment))


def _box(request, waivers: InForce | None) -> str:
    return render_to_string("gates/_waivers.html", {"waivers": waivers}, request) if waivers else ""
