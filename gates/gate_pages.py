"""The effective gate of a use case in an environment, with why each requirement applies."""

import re
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime

from django.contrib import admin
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import clock
from audit.api.answers import Answers
from audit.instants import read_instant
from audit.refusals import NotUnderstood, Reason
from audit.rules import instant_text
from gates.facts import Gate, Requirement, gate_for
from gates.pages import words
from gates.pages.gateversion import terms_said
from gates.past import gate_at
from gates.rules.findings import applies_to
from gates.rules.waivers import unwaivable
from registry.models import Environment, UseCase

SLUG = re.compile(r"[-a-zA-Z0-9_]{1,50}")


@dataclass(frozen=True)
class Asked:
    """One requirement of the effective gate: whether it applies, and why or why not."""

    gate: str
    code: str
    type: str
    sentence: str
    guidance: str
    guidance_url: str
    terms: list[str]
    applies: bool
    why: str
    never_waived: str


@dataclass(frozen=True)
class Effective:
    """The effective gate, in words for pages and as values for tools."""

    gate: str
    why: str
    versions: list[dict]
    slots: list[str]
    signs: str
    requirements: list[Asked]


def effective_gate_of(
    use_case: UseCase, environment: Environment, at: datetime | None = None
) -> Effective:
    """Return the gate that a release of the use case meets there, now or at a past instant."""
    if at is None:
        gate, place = gate_for(environment, use_case), (use_case, environment)
    else:
        gate, *place = gate_at(environment, use_case, at)
    if gate is None:
        raise Http404
    tier, data = place[0].risk_tier, place[0].data_classification
    return Effective(
        gate=gate.name,
        why=gate.why,
        versions=[
            {"gate": one.gate, "number": one.number, "digest": one.digest, "id": one.pk}
            for one in gate.versions
        ],
        slots=[str(slot) for slot in gate.slots],
        signs=_signs(gate),
        requirements=[_asked(one, gate, tier, data) for one in gate.requirements],
    )


def _signs(gate: Gate) -> str:
    """Return who signs, in words, with a number where there are several."""
    counts = Counter(slot.role for slot in gate.slots)
    return words.listed(
        f"{f'{count} × ' if count > 1 else ''}{words.role(role)}" for role, count in counts.items()
    )


def _asked(requirement: Requirement, gate: Gate, tier: str, data: str) -> Asked:
    return Asked(
        gate=requirement.gate,
        code=requirement.code,
        type=requirement.type,
        sentence=requirement.sentence,
        guidance=requirement.guidance,
        guidance_url=requirement.guidance_url,
        terms=terms_said(requirement.type, requirement.terms),
        applies=applies_to(requirement, tier, data),
        why=_why(requirement, gate, tier, data),
        never_waived=unwaivable(requirement),
    )


def _why(requirement: Requirement, gate: Gate, tier: str, data: str) -> str:
    """Say by what the requirement is asked for here, or why it is not."""
    terms = requirement.terms
    if "tiers" in terms and tier not in terms["tiers"]:
        return f"Not asked: the use case is {tier} risk."
    if "classifications" in terms and data not in terms["classifications"]:
        return f"Not asked: the use case has {data} data."
    said = [f"The {requirement.gate} gate asks for it."]
    if requirement.gate != gate.name:
        said = [f"The {gate.name} gate adds to the {requirement.gate} gate, which asks for it."]
    if "tiers" in terms:
        said.append(f"The use case is {tier} risk.")
    if "classifications" in terms:
        said.append(f"The use case has {data} data.")
    return " ".join(said)


@require_safe
def effective(request):
    """The effective gate for a use case in an environment, as a page."""
    given = request.GET
    use_cases = UseCase.objects.visible_to(request.user).order_by("slug")
    environments = Environment.objects.visible_to(request.user).order_by("slug")
    context = {
        **admin.site.each_context(request),
        "title": "Effective gate",
        "use_cases": use_cases.values_list("slug", flat=True),
        "environments": environments.values_list("slug", flat=True),
        "given": given,
    }
    if given.get("use_case") and given.get("environment"):
        use_case = get_object_or_404(use_cases, slug=given["use_case"][:50])
        environment = get_object_or_404(environments, slug=given["environment"][:50])
        found = effective_gate_of(use_case, environment)
        context |= {
            "title": f"Effective gate: {use_case.slug} in {environment.slug}",
            "use_case": use_case,
            "environment": environment,
            "page": found,
            "applying": [one for one in found.requirements if one.applies],
            "others": [one for one in found.requirements if not one.applies],
        }
    request.current_app = admin.site.name
    return TemplateResponse(request, "gates/effective_gate.html", context)


class EffectiveGateVersionSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    gate = serializers.CharField()
    number = serializers.IntegerField()
    digest = serializers.CharField()


class EffectiveRequirementSerializer(serializers.Serializer):
    gate = serializers.CharField()
    code = serializers.CharField()
    type = serializers.CharField()
    sentence = serializers.CharField()
    guidance = serializers.CharField()
    guidance_url = serializers.CharField()
    terms = serializers.ListField(child=serializers.CharField(), help_text="In words.")
    applies = serializers.BooleanField()
    why = serializers.CharField(help_text="Why it is asked for here, or why it is not.")
    never_waived = serializers.CharField(help_text="Why no waiver stands in; empty if one may.")


class EffectiveGateSerializer(serializers.Serializer):
    use_case = serializers.SlugField()
    environment = serializers.SlugField()
    at = serializers.DateTimeField(allow_null=True)
    gate = serializers.CharField()
    why = serializers.CharField()
    versions = EffectiveGateVersionSerializer(many=True)
    slots = serializers.ListField(child=serializers.CharField())
    signs = serializers.CharField(help_text="Who signs, in words.")
    requirements = EffectiveRequirementSerializer(many=True)


class EffectiveGateView(Answers, APIView):
    """The gate that a release of a use case meets in an environment, and why each thing is asked.

    Gates are cumulative: what a weaker gate asks for is asked for by the stronger ones too.
    """

    @extend_schema(
        operation_id="effective_gate",
        parameters=[
            OpenApiParameter("use_case", str, required=True, description="Its slug."),
            OpenApiParameter("environment", str, required=True, description="Its slug."),
            OpenApiParameter(
                "at",
                {"type": "string", "format": "date-time"},
                description="A past instant (RFC 3339); what was published then counts.",
            ),
        ],
        responses=EffectiveGateSerializer,
    )
    def get(self, request):
        given, reasons = request.query_params, []
        for name, noun in (("use_case", "a use case"), ("environment", "an environment")):
            if not SLUG.fullmatch(given.get(name, "")):
                reasons.append(Reason("NOT_A_SLUG", f"Give the slug of {noun}.", name))
        at = None
        if "at" in given:
            at, problem = read_instant(given["at"])
            if not problem and at > clock.now():
                problem = "This instant lies in the future. Leave it out to ask about now."
            if problem:
                reasons.append(Reason("NOT_AN_INSTANT", problem, "at"))
        if reasons:
            raise NotUnderstood(reasons)
        user = request.user
        use_case = get_object_or_404(UseCase.objects.visible_to(user), slug=given["use_case"])
        environments = Environment.objects.visible_to(user)
        environment = get_object_or_404(environments, slug=given["environment"])
        found = effective_gate_of(use_case, environment, at)
        return Response(
            {
                "use_case": use_case.slug,
                "environment": environment.slug,
                "at": instant_text(at) if at else None,
                **asdict(found),
            }
        )

    def parameters(self):
        return frozenset({"use_case", "environment", "at"})
