"""Every finding about a promotion at any instant, for people and for tools alike."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import admin
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware
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
from gates.models import Promotion
from gates.pages import words
from gates.pages.findings import FindingRow, Shown, anchor, mended_at
from gates.past import Assessment, assess
from gates.rules import Finding, Status, in_the_way
from gates.serializers import FindingSerializer

WITH = ("release__use_case__team", "release__model_version__model", "environment")
FUTURE = "This instant lies in the future. Leave it out to ask about now."


@dataclass(frozen=True)
class Told:
    """An assessment as values for tools: the same findings that the page shows."""

    promotion: int
    at: str
    gate: str
    versions: list[str]
    findings: list[dict]


def told(promotion: Promotion, at: datetime | None = None) -> Told | None:
    """Return all findings about a promotion at an instant, or None before it was made."""
    found = assess(promotion, at)
    if found is None:
        return None
    return Told(
        promotion=promotion.pk,
        at=instant_text(found.at),
        gate=found.gate.name,
        versions=[str(one) for one in found.gate.versions],
        findings=[_told(one, promotion) for one in found.findings],
    )


def _told(finding: Finding, promotion: Promotion) -> dict:
    fix_url = ""
    if finding.stands_in_the_way:
        fix_url = f"{settings.GATEHOUSE_URL}{mended_at(finding, promotion)}"
    return asdict(finding) | {"status": str(finding.status), "fix_url": fix_url}


@require_safe
def findings(request, pk):
    """The findings of a promotion as of an instant, judged from what was known then."""
    rows = Promotion.objects.visible_to(request.user).select_related(*WITH)
    promotion = get_object_or_404(rows, pk=pk)
    given = request.GET.get("at", "")
    at, problem = _instant(given)
    found = None if problem else assess(promotion, at)
    context = {
        **admin.site.each_context(request),
        "title": f"Findings: {words.question(promotion)}",
        "promotion": promotion,
        "given": given,
        "problem": problem,
        "at": at,
        "now": clock.now(),
        "found": found,
        "shown": _shown(found, promotion) if found else None,
    }
    request.current_app = admin.site.name
    status = 400 if problem else 200
    return TemplateResponse(request, "gates/findings_at.html", context, status=status)


def _instant(text: str) -> tuple[datetime | None, str]:
    """Return the instant of a form's field, in UTC where it names no zone, or what is wrong."""
    if not text:
        return None, ""
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        return None, "Give an instant such as 2026-03-01T12:00; without a zone it is UTC."
    found = make_aware(found) if is_naive(found) else found
    return (None, FUTURE) if found > clock.now() else (found, "")


def _shown(found: Assessment, promotion: Promotion) -> Shown:
    rows = found.findings
    against = in_the_way(rows)
    return Shown(
        open=[_row(one, promotion) for one in against],
        waived=[_row(one, promotion) for one in rows if one.status == Status.WAIVED],
        met=[_row(one, promotion) for one in rows if one.status == Status.MET],
        count=f"{len(against)} open of {len(rows)}",
    )


def _row(finding: Finding, promotion: Promotion) -> FindingRow:
    waiver = f"/gates/waiver/{finding.waiver}/change/" if finding.waiver else ""
    return FindingRow(
        state=str(finding.status),
        requirement=finding.sentence,
        fact=finding.fact,
        code=f"{finding.gate}.{finding.code}",
        fix=finding.fix,
        fix_url=mended_at(finding, promotion) if finding.stands_in_the_way else "",
        fix_words="Where it is mended",
        until=finding.until,
        anchor=anchor(finding),
        waiver_url=waiver,
        waiver_words=f"See waiver {finding.waiver}" if waiver else "",
    )


class ToldFindingSerializer(FindingSerializer):
    fix_url = serializers.CharField(help_text="Where it is mended, or empty where nothing is.")


class AssessmentSerializer(serializers.Serializer):
    promotion = serializers.IntegerField()
    at = serializers.DateTimeField(help_text="The instant that the findings are about.")
    gate = serializers.CharField(help_text="The effective gate.")
    versions = serializers.ListField(
        child=serializers.CharField(), help_text="The gate versions that it was made of."
    )
    findings = ToldFindingSerializer(many=True)


class FindingsView(Answers, APIView):
    """Every finding about a promotion, judged now or at a past instant from what was known then."""

    @extend_schema(
        operation_id="promotion_findings",
        parameters=[
            OpenApiParameter(
                "at",
                {"type": "string", "format": "date-time"},
                description="A past instant (RFC 3339); what was known then counts. Default: now.",
            ),
        ],
        responses=AssessmentSerializer,
    )
    def get(self, request, pk: int):
        at = None
        if "at" in request.query_params:
            at, problem = read_instant(request.query_params["at"])
            if not problem and at > clock.now():
                problem = FUTURE
            if problem:
                raise NotUnderstood([Reason("NOT_AN_INSTANT", problem, "at")])
        rows = Promotion.objects.visible_to(request.user).select_related(*WITH)
        found = told(get_object_or_404(rows, pk=pk), at)
        if found is None:
            raise Http404
        return Response(AssessmentSerializer(found).data)

    def parameters(self):
        return frozenset({"at"})
