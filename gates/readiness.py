"""What a release still lacks for an environment's gate, before anybody asks for a promotion.

It is judged as a promotion would be that asks now for all endpoints of its model version.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from django.contrib import admin
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from audit import clock
from audit.naming import seen_keys
from evidence.models import EvidenceItem
from gates.facts import Gate, Gathered, gate_for, gather
from gates.models import Promotion
from gates.pages import words
from gates.pages.asking import choices
from gates.pages.findings import shown_findings
from gates.policy import Asked, judged, policy_findings
from gates.rules import Finding, assess, in_the_way
from registry.models import Environment, ModelVersion, Person, Release, ServingEndpoint

SLUG = r"[-a-zA-Z0-9_]{1,60}"


@dataclass(frozen=True)
class Readiness:
    """A release before the gate of an environment, with what stands in the way."""

    release: Release
    environment: Environment
    gate: Gate
    endpoints: list[ServingEndpoint]
    gathered: Gathered
    findings: tuple[Finding, ...]

    @property
    def in_the_way(self) -> list[Finding]:
        """What stands in the way, worst first."""
        return in_the_way(self.findings)

    @property
    def complete(self) -> bool:
        """Whether nothing stands in the way but the signatures."""
        return not self.in_the_way


def readiness(release: Release, environment: Environment) -> Readiness:
    """Return how the release would be found before the gate and the policy there, now."""
    now = clock.now()
    endpoints = list(release.model_version.endpoints.order_by("slug"))
    gate = gate_for(environment, release.use_case)
    gathered = gather(release, environment, endpoints)
    asked = Asked(release.pk, release, environment, tuple(one.slug for one in endpoints))
    policy = judged([asked], now)[release.pk]
    for pk in {pk for verdict in policy.verdicts for pk in verdict.rests_on}:
        gathered.items.setdefault(pk, policy.items[pk])
    findings = (*assess(gate.requirements, gathered.facts, now), *policy_findings(policy))
    return Readiness(release, environment, gate, endpoints, gathered, findings)


class Unasked:
    """A promotion that nobody has asked for, as far as its findings are shown to one reader."""

    #: Nobody is on it yet, and nothing is there to assign.
    may_request = False

    def __init__(self, found: Readiness, user: Person):
        self.promotion = Promotion(release=found.release, environment=found.environment)
        self.package, self.endpoints, self.in_the_way = found, found.endpoints, found.in_the_way
        self.user, self.now, self.assigned = user, clock.now(), {}

    @cached_property
    def _sees_version(self) -> bool:
        version = self.promotion.release.model_version_id
        return bool(seen_keys(ModelVersion, [version], self.user))

    def sees(self, item: EvidenceItem) -> bool:
        """Whether the reader may open an item."""
        return item.version_id is None or self._sees_version


def lacks_button(request, release: Release) -> list[dict]:
    """Return the button that leads to what a release lacks, environment by environment."""
    url = f"{release.get_absolute_url()}readiness/"
    return [{"name": "lacks", "label": "What it lacks", "url": url, "objections": []}]


@require_safe
def page(request, slug, number):
    """What is incomplete for the gate of the environment that is chosen."""
    rows = Release.objects.visible_to(request.user).select_related("use_case", "model_version")
    release = get_object_or_404(rows, use_case__slug=slug, number=number)
    context = {
        **admin.site.each_context(request),
        "title": f"What {release.use_case} release {release.number} lacks",
        "release": release,
        "choices": choices(release, request.user),
    }
    if wanted := request.GET.get("environment", ""):
        if not re.fullmatch(SLUG, wanted):
            raise Http404("There is no such environment.")
        seen = Environment.objects.visible_to(request.user)
        found = readiness(release, get_object_or_404(seen, slug=wanted))
        context |= _shown(found, request.user)
    request.current_app = admin.site.name
    return TemplateResponse(request, "gates/readiness.html", context)


def _shown(found: Readiness, user: Person) -> dict:
    findings = shown_findings(Unasked(found, user))
    name = found.environment.slug
    return {
        "title": f"What {found.release} lacks for {name}",
        "environment": found.environment,
        "gate": found.gate,
        "findings": findings,
        "headline": f"Nothing is incomplete for the {found.gate.name} gate."
        if found.complete
        else f"{words.count(len(found.in_the_way), 'finding')} of {len(found.findings)} "
        f"stand{'s' if len(found.in_the_way) == 1 else ''} in the way at the "
        f"{found.gate.name} gate.",
        "state": "met" if found.complete else str(found.in_the_way[0].status),
        "slots": words.listed(words.role(slot.role) for slot in found.gate.slots),
    }
