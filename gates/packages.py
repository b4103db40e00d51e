"""The package: what a promotion asks and rests on, frozen as canonical bytes.

A package carries its schema and is always recomputed in the schema that was signed, so a later
version of this code still gives the same bytes for the same facts. Time is not in it: evidence
that ends while a promotion is in review makes its finding stale, not the package another.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from audit import clock
from audit.rules import canonical, digest
from gates.assessing import findings_of
from gates.facts import Gate, Gathered, gate_for, gather, rollback_target
from gates.models import Package, Promotion
from gates.policy import Asked, Judged, judged
from gates.rules import Finding
from gates.ties import ties
from registry.models import Person

SCHEMA = "gatehouse.package/1"


@dataclass(frozen=True)
class Live:
    """The package as it would be signed now, with what it was made from."""

    promotion: Promotion
    gate: Gate
    gathered: Gathered
    #: The policy in force for what is asked, each clause judged.
    policy: Judged
    findings: tuple[Finding, ...]
    #: person id -> ties (codes of `gates.rules.signing.TIES`)
    involved: dict[int, tuple[str, ...]]
    content: str
    digest: str

    @property
    def document(self) -> dict:
        """The package's content, parsed."""
        return json.loads(self.content)


def live(promotion: Promotion, at: datetime | None = None) -> Live:
    """Recompute the package of `promotion` from the rows as they are, judged at `at` (now)."""
    at = at or clock.now()
    release, environment = promotion.release, promotion.environment
    endpoints = [
        link.endpoint
        for link in promotion.endpoint_links.select_related(
            "endpoint__version__model", "endpoint__host"
        ).order_by("endpoint__slug")
    ]
    gate = gate_for(environment, release.use_case)
    gathered = gather(release, environment, endpoints, promotion.evidence_up_to, gate)
    asked = Asked(promotion.pk, release, environment, tuple(one.slug for one in endpoints))
    policy = judged([asked], at, up_to=promotion.evidence_up_to)[promotion.pk]
    # Where a clause is met by evidence that came while the facts were gathered, it is of them too.
    for pk in {pk for verdict in policy.verdicts for pk in verdict.rests_on}:
        gathered.items.setdefault(pk, policy.items[pk])
    findings = findings_of(gate, gathered, policy, at)
    involved = ties(promotion, endpoints, gathered, findings)
    document = SCHEMAS[SCHEMA](promotion, endpoints, gate, gathered, policy, findings, involved)
    content = canonical(document)
    return Live(
        promotion, gate, gathered, policy, findings, involved, content.decode(), digest(content)
    )


def _document_1(
    promotion: Promotion,
    endpoints: list,
    gate: Gate,
    gathered: Gathered,
    policy: Judged,
    findings: Iterable[Finding],
    involved: dict[int, tuple[str, ...]],
) -> dict:
    """Schema gatehouse.package/1."""
    release, environment = promotion.release, promotion.environment
    use_case = release.use_case
    people = Person.objects.in_bulk(involved)
    plans = [
        gathered.items[item]
        for finding in findings
        if finding.fix_at == ("evidence", "rollback_plan")
        for item in finding.rests_on[0]
    ]
    return {
        "schema": "gatehouse.package/1",
        "promotion": promotion.pk,
        "submission": promotion.submission,
        "release": {
            "use_case": use_case.slug,
            "number": release.number,
            "digest": release.digest,
            "model_version": str(release.model_version),
        },
        "endpoints": [{"slug": one.slug, "digest": one.digest} for one in endpoints],
        "environment": {
            "slug": environment.slug,
            "stage": environment.stage,
            "jurisdiction": environment.jurisdiction,
            "regions": sorted(environment.region_links.values_list("region__slug", flat=True)),
        },
        "gate": {
            "effective": gate.name,
            "versions": [
                {"gate": one.gate, "number": one.number, "digest": one.digest}
                for one in gate.versions
            ],
            "slots": [str(slot) for slot in gate.slots],
        },
        "use_case": {
            "slug": use_case.slug,
            "risk_tier": use_case.risk_tier,
            "data_classification": use_case.data_classification,
        },
        "effective_policy": policy.policy.digest,
        "demands": [
            {
                "metric": one.metric,
                "name": one.name,
                "threshold": one.threshold,
                "higher_is_better": one.higher_is_better,
            }
            for one in gathered.facts.demands
        ],
        "rests_on": [_rests_on(finding, gathered) for finding in findings],
        "waivers": [
            _waiver(finding, gathered) for finding in findings if finding.waiver is not None
        ],
        "rollback": [rollback_target(plan) for plan in plans],
        "requester": promotion.requested_by.username,
        "involved": [
            {"id": pk, "name": people[pk].username, "ties": list(involved[pk])}
            for pk in sorted(involved)
        ],
    }


def _waiver(finding: Finding, gathered: Gathered) -> dict:
    waiver = gathered.waivers[finding.waiver]
    return {
        "id": waiver.pk,
        "requirement": f"{finding.gate}.{finding.code}",
        "reason": waiver.reason,
        "compensating_control": waiver.compensating_control,
        "asked_by": waiver.asked_by.username,
        "granted_by": waiver.answer.answered_by.username,
        "ends_at": waiver.ends_at,
    }


def _rests_on(finding: Finding, gathered: Gathered) -> dict:
    evidence, runs = finding.rests_on
    demanded = [demand.metric for demand in gathered.facts.demands]
    return {
        "requirement": f"{finding.gate}.{finding.code}",
        "evidence": [
            {
                "id": pk,
                "digest": gathered.items[pk].digest,
                "holds_until": finding.until
                if len(evidence) == 1 and finding.until
                else gathered.items[pk].expires_at,
            }
            for pk in evidence
        ],
        "scores": [
            {"run": run, "metric": metric, "text": gathered.scores[run, metric].text}
            for run in runs
            for metric in demanded
            if (run, metric) in gathered.scores
        ],
    }


SCHEMAS = {SCHEMA: _document_1}


def stored(promotion: Promotion, live_digest: str) -> Package | None:
    """Return the package of that digest, if it was written."""
    return Package.objects.filter(promotion=promotion, digest=live_digest).first()
