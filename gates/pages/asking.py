"""What the form that asks for a promotion shows: which gate, why, and what it would find."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from audit import clock
from audit.naming import conceal
from gates.assessing import findings_of
from gates.facts import gate_for, gather
from gates.models import Promotion
from gates.policy import Asked, judged
from gates.rules import Finding
from gates.rules.findings import effective_gate
from registry.models import Environment, Person, Release


@dataclass(frozen=True)
class Choice:
    """One environment that may be asked for, with the gate it would take."""

    slug: str
    name: str
    url: str
    gate: str
    why: str
    note: str
    note_url: str


@dataclass(frozen=True)
class Requirement:
    """One requirement of the effective gate: whose it is, why, and how it would be found."""

    gate: str
    sentence: str
    guidance: str
    guidance_url: str
    state: str
    fact: str


@dataclass(frozen=True)
class Preview:
    """The effective gate for a release in an environment, as it would be judged now."""

    gate: str
    why: str
    versions: list[str]
    slots: list[str]
    requirements: list[Requirement]
    open: int


def choices(release: Release, user: Person) -> list[Choice]:
    """Return the environments to choose from, in three queries."""
    standing: dict[int, Promotion] = {}
    promotions = Promotion.objects.visible_to(user).filter(release=release)
    for promotion in promotions.filter(
        state__in=(*Promotion.UNDECIDED, Promotion.State.APPROVED)
    ).order_by("pk"):
        kept = standing.get(promotion.environment_id)
        if kept is None or not kept.is_undecided:
            standing[promotion.environment_id] = promotion
    return [
        _choice(environment, release, standing.get(environment.pk))
        for environment in Environment.objects.visible_to(user)
    ]


def _choice(environment: Environment, release: Release, there: Promotion | None) -> Choice:
    tier = release.use_case.risk_tier
    gate = effective_gate(environment.stage, tier)
    asks = f"{reverse('admin:gates_promotion_add')}?release={release.pk}"
    return Choice(
        slug=environment.slug,
        name=environment.name,
        # One that is open already is not asked for twice.
        url=""
        if there is not None and there.is_undecided
        else f"{asks}&environment={environment.pk}",
        gate=gate,
        why=f"It is a {environment.stage} environment."
        if gate == environment.stage
        else f"The use case is {tier} risk, which asks for the {gate} gate.",
        note=f"Promotion {there.pk}: {there.get_state_display()}" if there else "",
        note_url=there.get_absolute_url() if there else "",
    )


def preview(release: Release, environment: Environment) -> Preview:
    """Judge the release as if it were asked for now, at all endpoints of its version."""
    endpoints = list(release.model_version.endpoints.order_by("slug"))
    gate = gate_for(environment, release.use_case)
    now = clock.now()
    asked = Asked(release.pk, release, environment, tuple(one.slug for one in endpoints))
    policy = judged([asked], now)[release.pk]
    findings = findings_of(gate, gather(release, environment, endpoints, gate=gate), policy, now)
    guidance = {(one.gate, one.code): (one.guidance, one.guidance_url) for one in gate.requirements}
    return Preview(
        gate=gate.name,
        why=gate.why,
        versions=[f"{version.gate} v{version.number}" for version in gate.versions],
        slots=_slots(gate.slots),
        requirements=[_requirement(one, guidance) for one in findings],
        open=sum(1 for one in findings if one.stands_in_the_way),
    )


def _requirement(finding: Finding, guidance: dict) -> Requirement:
    told, url = guidance.get((finding.gate, finding.code), ("", ""))
    return Requirement(
        gate=finding.gate,
        sentence=finding.sentence,
        guidance=told,
        guidance_url=url,
        state=str(finding.status),
        fact=finding.fact,
    )


def _slots(slots: Iterable) -> list[str]:
    counts: dict[str, int] = {}
    for slot in slots:
        counts[slot.role] = counts.get(slot.role, 0) + 1
    return [
        f"{f'{count} × ' if count > 1 else ''}{role.replace('_', ' ')}"
        for role, count in counts.items()
    ]


def sealed_releases(user: Person, limit: int = 100) -> list[Release]:
    """Return the newest sealed releases of the teams where `user` may ask, at most `limit`."""
    releases = Release.objects.visible_to(user).filter(sealed_at__isnull=False)
    teams = {team for role, team in user.grants if role == "requester"}
    if None not in teams:
        releases = releases.filter(use_case__team__in=teams)
    named = releases.select_related("use_case", "model_version__model").order_by("-sealed_at")
    found = list(named[:limit])
    conceal(found, user, "model_version")
    return found
