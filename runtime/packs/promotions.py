"""What a pack says of one promotion: a document for each question, as known at one instant."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from audit import Reason, Refused
from audit.naming import seen_keys
from gates.approvals import approvals
from gates.facts import gate_for
from gates.models import GateVersion, Package, Promotion
from gates.pages import words
from gates.past import assess, endpoints_at
from gates.rules import Finding
from registry import lineage
from registry.effective import effective_policy
from registry.models import ModelVersion, PolicyVersion, PromptVersion, ServingEndpoint
from registry.past import row_at, rows_at
from runtime.packs.evidence import tell_evidence
from runtime.packs.ran import tell_ran
from runtime.packs.signed import tell_conditions, tell_signatures, tell_waivers
from runtime.packs.telling import Told, View

WITH = (
    "release__use_case__team",
    "release__model_version__model",
    "release__derived_from__use_case",
    "environment",
    "requested_by",
    "change",
)


class NotThere(Refused):
    """The promotion was not there at the instant that is asked about."""


def tell_promotion(promotion: Promotion, view: View) -> Told:
    """Return all that a pack says of a promotion. Raises `NotThere`."""
    then = row_at(promotion, view.number)
    if then is None:
        sentence = f"Promotion {promotion.pk} was not asked for by then. Give a later instant."
        raise NotThere(Reason("NOT_THERE_YET", sentence, "as_of"))
    told = Told()
    packages = list(view.known(promotion.packages.all()).order_by("pk"))
    decided = next((one for one in packages if one.pk == then.decided_package_id), None)
    shown = decided or (packages[-1] if packages else None)
    document = json.loads(shown.content) if shown else None
    for one in packages:
        told.seal("packages", one.digest, one.content)
    told.documents["promotion"] = _promotion(told, promotion, then, view, packages, shown)
    told.documents["effective_policy"] = _policies(told, promotion, then, view)
    told.documents["findings"] = _findings(promotion, then, view)
    told.documents["signatures"] = tell_signatures(told, promotion, view, shown)
    told.documents["conditions"] = tell_conditions(told, promotion, view)
    told.documents["waivers"] = tell_waivers(told, promotion, view)
    told.documents["evidence"] = tell_evidence(told, promotion, view, packages, document)
    told.documents["lineage"] = _lineage(promotion, view)
    told.documents["ran"] = tell_ran(told, promotion, view)
    _note(told, promotion, view)
    return told


def _promotion(
    told: Told,
    promotion: Promotion,
    then: Promotion,
    view: View,
    packages: list[Package],
    shown: Package | None,
) -> dict[str, Any]:
    release, environment = promotion.release, row_at(promotion.environment, view.number)
    document = json.loads(shown.content) if shown else {}
    return {
        "id": promotion.pk,
        "question": words.question(promotion),
        "state": then.state,
        "purpose": then.purpose,
        "requested_by": promotion.requested_by.username,
        "created_at": then.created_at,
        "wanted_by": then.wanted_by,
        "submission": then.submission,
        "submitted_at": then.submitted_at,
        "decided_at": then.decided_at,
        "review_at": then.review_at,
        "environment": {
            "slug": environment.slug,
            "stage": environment.stage,
            "jurisdiction": environment.jurisdiction,
        },
        "release": {
            "name": str(release),
            "digest": release.digest,
            "path": told.seal("releases", release.digest, release.content),
            "made_of": json.loads(release.content),
        },
        "use_case": document.get("use_case"),
        "endpoints": _endpoints(promotion, view, document),
        "gate": document.get("gate"),
        "involved": document.get("involved", []),
        "rollback": document.get("rollback", []),
        "package": shown.digest if shown else None,
        "packages": [
            {
                "digest": one.digest,
                "created_at": one.created_at,
                "path": f"packages/{one.digest.removeprefix('sha256:')}.json",
            }
            for one in packages
        ],
        "approval": _approval(promotion, then, view),
    }


def _endpoints(promotion: Promotion, view: View, document: dict) -> list[dict[str, Any]]:
    """Return the endpoints asked for, as they were then, and whether each is as it was signed."""
    signed = {one["slug"]: one["digest"] for one in document.get("endpoints", ())}
    links = promotion.endpoint_links.model
    rows = rows_at(links, view.number, promotion=promotion.pk)
    found = []
    for one in endpoints_at([row.endpoint_id for row in rows], view.number):
        regions: dict[str, list[str]] = {}
        for place in one.region_links.all():
            regions.setdefault(place.purpose, []).append(place.region.slug)
        found.append(
            {
                "slug": one.slug,
                "host": one.host.slug,
                "digest": one.digest,
                "signed": signed.get(one.slug),
                "regions": {purpose: sorted(slugs) for purpose, slugs in sorted(regions.items())},
            }
        )
    return found


def _approval(promotion: Promotion, then: Promotion, view: View) -> dict[str, Any] | None:
    if then.state != Promotion.State.APPROVED:
        return None
    [found] = approvals(Promotion.objects.filter(pk=promotion.pk), view.at)
    return {
        "holds": found.holds,
        "until": found.until,
        "ended_by": [_ending(one) for one in found.ended_by],
        "first_to_end": {**_ending(found.ends[0]), "sentence": found.ends[0].coming},
        "endpoints": list(found.covered),
    }


def _ending(one) -> dict[str, Any]:
    return {"code": one.code, "sentence": one.sentence, "at": one.at}


def _moments(then: Promotion, view: View) -> dict[str, datetime | None]:
    """Return the instants that policy and findings are told of."""
    return {"at_decision": then.decided_at, "as_of": view.at}


def _policies(told: Told, promotion: Promotion, then: Promotion, view: View) -> dict[str, Any]:
    use_case, environment = promotion.release.use_case, promotion.environment
    found: dict[str, Any] = {}
    for name, at in _moments(then, view).items():
        if at is None:
            found[name] = None
            continue
        policy = effective_policy(use_case, environment, at)
        said = {one["clause"]: one for one in policy.document["clauses"]}
        told.seal("effective", policy.digest, policy.content)
        found[name] = {
            "digest": policy.digest,
            "packs": list(policy.packs),
            "clauses": [{**said[key], "words": held.words} for key, held in policy.clauses.items()],
        }
    names = {
        origin["digest"]
        for one in found.values()
        for clause in (one["clauses"] if one else ())
        for origin in clause["origins"]
    }
    # What was in force at the decision may be replaced by now: sealed, it is found by its digest.
    for version in PolicyVersion.objects.filter(digest__in=names):
        told.seal("policies", version.digest, version.content)
        told.note([version])
    return found


def _findings(promotion: Promotion, then: Promotion, view: View) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, at in _moments(then, view).items():
        judged = assess(promotion, at) if at else None
        found[name] = judged and {
            "at": at,
            "gate": judged.gate.name,
            "versions": [f"{one.gate} v{one.number}" for one in judged.gate.versions],
            "findings": [_finding(one) for one in judged.findings],
        }
    return found


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "gate": one.gate,
        "code": one.code,
        "status": str(one.status.value),
        "sentence": one.sentence,
        "fact": one.fact,
        "fix": one.fix,
        "evidence": list(one.evidence),
        "runs": list(one.runs),
        "until": one.until,
        "waiver": one.waiver,
    }


def _lineage(promotion: Promotion, view: View) -> dict[str, Any]:
    graph = lineage.made_of(promotion.release, view.reader, view.number)
    nodes = [
        {
            name: value
            for name, value in asdict(node).items()
            if name in ("key", "kind", "name", "note", "digest", "gap")
        }
        for node in graph.nodes.values()
    ]
    return {
        "subject": graph.subject,
        "nodes": sorted(nodes, key=lambda one: one["key"]),
        "edges": sorted(list(edge) for edge in graph.edges),
        "hidden": graph.hidden,
    }


def _note(told: Told, promotion: Promotion, view: View) -> None:
    """Name the rows whose entries go along: the promotion's, and of what it is made of."""
    release, reader = promotion.release, view.reader
    told.note([promotion, release])
    made_with = {
        ModelVersion: [release.model_version_id],
        PromptVersion: list(release.prompt_links.values_list("prompt_version", flat=True)),
        ServingEndpoint: list(promotion.endpoint_links.values_list("endpoint", flat=True)),
    }
    for noun, pks in made_with.items():
        keys = seen_keys(noun, pks, reader)
        told.keys |= {f"{noun._meta.label_lower}:{pk}" for pk in keys}
    environment = row_at(promotion.environment, view.number)
    gate = gate_for(environment, release.use_case, number=view.number)
    digests = {
        one["digest"]
        for content in told.sealed
        if content.startswith("packages/")
        for one in json.loads(told.sealed[content])["gate"]["versions"]
    } | {one.digest for one in (gate.versions if gate else ())}
    for version in GateVersion.objects.filter(digest__in=digests):
        told.seal("gates", version.digest, version.content)
        told.note([version])
