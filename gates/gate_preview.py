"""Before a gate version is published: what it would find of what is approved and asked for now."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.contrib import admin
from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from audit import clock
from gates.approvals import approvals
from gates.assessing import findings_of
from gates.endings import active
from gates.facts import gate_for, gather
from gates.models import GateVersion, Promotion
from gates.pages import gateversion, words
from gates.policy import Asked, judged
from gates.previewing import Attempt, followed
from gates.rules import Finding
from gates.rules.findings import STAGES, effective_gate, gates_up_to
from registry.models import Person
from registry.models.use_cases import RiskTier

#: Approvals, and open promotions, that one preview judges: each is assessed twice, in full.
MOST = 20
WITH = ("release__use_case__team", "release__model_version__model", "environment", "requested_by")


@dataclass(frozen=True)
class Effect:
    """What a draft would find otherwise of one promotion."""

    promotion: Promotion
    title: str
    broken: tuple[Finding, ...]
    freed: tuple[Finding, ...]
    slots: tuple[str, ...]

    @property
    def approved(self) -> bool:
        """Whether it is an approval, which stands until its review date all the same."""
        return self.promotion.state == Promotion.State.APPROVED


def effects(draft: GateVersion, user: Person, at: datetime | None = None) -> list[Effect]:
    """Return what the draft would find otherwise now, of the newest that `user` may see."""
    at = at or clock.now()
    found = []
    for promotion in [*_approved(draft, user), *_open(draft, user)]:
        was, before = _judge(promotion, None, at)
        would, after = _judge(promotion, draft, at)
        broken = tuple(one for key, one in after.items() if key not in before)
        freed = tuple(one for key, one in before.items() if key not in after)
        slots = tuple(
            [f"wants a {words.role(one)} to sign" for one in sorted(would - was)]
            + [f"wants no {words.role(one)} to sign" for one in sorted(was - would)]
        )
        if broken or freed or slots:
            found.append(Effect(promotion, words.short(promotion), broken, freed, slots))
    return found


def _judge(promotion: Promotion, draft: GateVersion | None, at: datetime):
    """Return the roles that sign, and the findings that stand in the way by requirement."""
    release, environment = promotion.release, promotion.environment
    endpoints = [
        link.endpoint for link in promotion.endpoint_links.select_related("endpoint__host")
    ]
    gate = gate_for(environment, release.use_case, draft)
    gathered = gather(release, environment, endpoints, promotion.evidence_up_to, gate)
    asked = Asked(0, release, environment, tuple(one.slug for one in endpoints))
    findings = findings_of(gate, gathered, judged([asked], at)[0], at)
    in_the_way = {(one.gate, one.code): one for one in findings if one.stands_in_the_way}
    return {slot.role for slot in gate.slots}, in_the_way


def _under(gate: str) -> Q:
    """Return the promotions that meet a gate, alone or among others."""
    places = (
        Q(environment__stage=stage, release__use_case__risk_tier=tier)
        for stage in STAGES
        for tier in RiskTier.values
        if gate in gates_up_to(effective_gate(stage, tier))
    )
    return reduce(or_, places)


def _approved(draft: GateVersion, user: Person) -> list[Promotion]:
    rows = active(user).filter(_under(draft.gate)).order_by("-decided_at")
    pks = list(rows.values_list("pk", flat=True)[:MOST])
    held = approvals(Promotion.objects.filter(pk__in=pks))
    keys = [one.promotion.pk for one in held if one.holds]
    return list(Promotion.objects.filter(pk__in=keys).select_related(*WITH).order_by("-pk"))


def _open(draft: GateVersion, user: Person) -> list[Promotion]:
    rows = Promotion.objects.visible_to(user).filter(
        _under(draft.gate), state__in=Promotion.UNDECIDED
    )
    return list(rows.select_related(*WITH).order_by("-pk")[:MOST])


@require_safe
def preview(request, pk):
    """What a draft would find otherwise, promotion by promotion."""
    rows = GateVersion.objects.visible_to(request.user)
    draft = get_object_or_404(rows, pk=pk, published_at=None)
    found = effects(draft, request.user)
    everything = Promotion.objects.filter(_under(draft.gate)).filter(
        state__in=(*Promotion.UNDECIDED, Promotion.State.APPROVED)
    )
    seen = Promotion.objects.visible_to(request.user).filter(pk__in=everything.values("pk"))
    broken = [one for one in found if one.broken]
    context = {
        **admin.site.each_context(request),
        "title": f"What gate {draft} would change",
        "draft": draft,
        "draft_url": f"/gates/gateversion/{draft.pk}/change/",
        "headline": _headline(found, broken),
        "approvals": [one for one in found if one.approved],
        "requests": [one for one in found if not one.approved],
        "hidden": everything.count() - seen.count(),
        "most": MOST,
        "page": gateversion.gate_page(draft),
        # No route rests on a gate: what was approved by an earlier version stays approved.
        "followed": followed(Attempt(), request.user),
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "gates/gate_preview.html", context)


def _headline(found: list[Effect], broken: list[Effect]) -> str:
    if not found:
        return "It would find nothing otherwise of what is approved or asked for now."
    approved = sum(1 for one in broken if one.approved)
    return (
        f"{words.count(approved, 'approval')} would not pass any more, and "
        f"{words.count(len(broken) - approved, 'open promotion')} would be held up."
    )
