"""A promotion as a CycloneDX bill of materials with declarations: what is claimed of its release,
on which evidence, and who signed that. Nothing is claimed before it is approved."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from evidence.exports import cyclonedx, missing, pages
from evidence.exports.api import BomView, LackingView, key_of
from evidence.exports.cyclonedx import properties, ref_of_release
from evidence.exports.gathering import Told, of_release
from evidence.exports.missing import Gap
from evidence.exports.words import instant
from evidence.models import EvidenceItem
from gates.models import Condition, PackagePerson, Promotion, Requirement
from gates.pages.loaded import Loaded, load
from registry.models import ServingEndpoint

WITH = (
    *(f"release__{name}" for name in pages.RELEASE),
    *("environment", "requested_by", "decided_package", "change", "revocation__change"),
)


def bom(loaded: Loaded, told: Told) -> dict[str, Any]:
    """Return the bill of materials of the release that is promoted, with what is declared of it."""
    promotion, document = loaded.promotion, loaded.document
    items = _items(loaded)
    signed = _signed(loaded)
    requirements = _requirements(document)
    told.saw(
        promotion.change.at,
        *(one.created_at for one in items),
        *(one.signed_at for one in signed),
    )
    if hasattr(promotion, "revocation"):
        told.saw(promotion.revocation.change.at)
    made = cyclonedx.bom(told)
    made["metadata"].setdefault("properties", []).extend(_properties(loaded, items, signed))
    if claimed(promotion):
        made["definitions"] = {"standards": _standards(document, requirements)}
    made["declarations"] = {
        name: part
        for name, part in (
            *(_claims(loaded, requirements) if claimed(promotion) else ()),
            ("evidence", [_evidence(one, loaded) for one in items]),
            ("affirmation", _affirmation(loaded, signed)),
        )
        if part
    }
    return made


def claimed(promotion: Promotion) -> bool:
    """Whether somebody stands for what its package says."""
    return promotion.state == Promotion.State.APPROVED


def gaps(loaded: Loaded, told: Told) -> list[Gap]:
    """Return what the bill of materials of a promotion lacks."""
    found = missing.of_bom(told, loaded.user)
    if not claimed(loaded.promotion):
        sentence = "It is not approved, so nothing is claimed and no requirement is attested."
        found.append(Gap("declarations.claims", sentence))
        for one in loaded.in_the_way:
            fix = f"{loaded.promotion.get_absolute_url()}#findings"
            place = f"declarations.attestations {one.gate}.{one.code}"
            found.append(Gap(place, one.sentence, "See the findings.", fix))
    as_signed = {one.slug for one in _as_signed(loaded.document)}
    for one in loaded.document["endpoints"]:
        if one["slug"] not in as_signed:
            sentence = (
                f"“{one['slug']}” was changed after the package on show named it: what it is now "
                "was not approved, and stands nowhere in it."
            )
            found.append(Gap("services", sentence))
    if not _signed(loaded):
        found.append(Gap("declarations.affirmation", "Nobody signed the package on show."))
    for item in _items(loaded):
        if loaded.sees(item) and _reviewer(item, loaded) is None:
            sentence = f"Nobody but its giver accepted “{item.title}”."
            found.append(Gap("declarations.evidence.reviewer", sentence))
    sentence = (
        "Signatures are records of the log and no JSF signatures: each signatory names the record, "
        "which the evidence pack proves."
    )
    return [*found, Gap("declarations.affirmation.signatories.signature", sentence)]


def _items(loaded: Loaded) -> list[EvidenceItem]:
    """Return the items that the package on show rests on, in one order."""
    named = {one["id"] for rest in loaded.document["rests_on"] for one in rest["evidence"]}
    rows = EvidenceItem.objects.filter(pk__in=named).select_related("author", "change")
    return list(
        rows.prefetch_related("files", "runs__acceptance__accepted_by").order_by("created_at", "pk")
    )


def _signed(loaded: Loaded) -> list[PackagePerson]:
    return [one for one in loaded.signed if one.package_digest == loaded.digest]


def _requirements(document: dict) -> dict[str, Requirement]:
    """Return the requirements of the gate's versions by gate and code."""
    found = {}
    for version in document["gate"]["versions"]:
        rows = Requirement.objects.filter(
            gate_version__gate=version["gate"], gate_version__number=version["number"]
        )
        for row in rows.order_by("position", "code"):
            found[f"{version['gate']}.{row.code}"] = row
    return found


def _standards(document: dict, requirements: dict[str, Requirement]) -> list[dict]:
    """Return the gate's versions as standards, so that claims name what they answer."""
    return [
        {
            "bom-ref": f"gate:{version['gate']}/{version['number']}",
            "name": f"Gate {version['gate']}",
            "version": str(version["number"]),
            "requirements": [
                {
                    "bom-ref": f"requirement:{name}",
                    "identifier": row.code,
                    "text": row.sentence,
                }
                for name, row in requirements.items()
                if name.partition(".")[0] == version["gate"]
            ],
        }
        for version in document["gate"]["versions"]
    ]


def _claims(loaded: Loaded, requirements: dict[str, Requirement]):
    """Yield the claims and the attestation of an approved package."""
    document, release = loaded.document, loaded.promotion.release
    waived = {one["requirement"]: one for one in document["waivers"]}
    claims, answered = [], []
    for rest in document["rests_on"]:
        name = rest["requirement"]
        claim = f"claim:{name}"
        if name in waived:
            conformance = {"score": 0, "rationale": _waiver_words(waived[name])}
        else:
            sentence = requirements[name].sentence if name in requirements else name
            claims.append(
                {
                    "bom-ref": claim,
                    "target": ref_of_release(release),
                    "predicate": sentence,
                    "reasoning": _reasoning(rest),
                    "evidence": [f"evidence:{one['id']}" for one in rest["evidence"]],
                }
            )
            conformance = {"score": 1, "rationale": "Met by the package that was approved."}
        if name in requirements:
            met = {} if name in waived else {"claims": [claim]}
            answered.append(
                {"requirement": f"requirement:{name}", **met, "conformance": conformance}
            )
    yield "claims", [{k: v for k, v in one.items() if v} for one in claims]
    where = loaded.promotion.environment.slug
    yield (
        "attestations",
        [{"summary": f"Approved for {where} in package {loaded.digest}.", "map": answered}],
    )


def _reasoning(rest: dict) -> str:
    scores = [f"run {one['run']}: {one['metric']} = {one['text']}" for one in rest["scores"]]
    return "; ".join(scores)


def _waiver_words(waiver: dict) -> str:
    return (
        f"Waived until {waiver['ends_at']} by {waiver['granted_by']}: {waiver['reason']} "
        f"Instead: {waiver['compensating_control']}"
    )


def _evidence(item: EvidenceItem, loaded: Loaded) -> dict[str, Any]:
    if not loaded.sees(item):
        return {
            "bom-ref": f"evidence:{item.pk}",
            "propertyName": f"gatehouse:evidence:{item.kind}",
            "created": instant(item.created_at),
            "expires": instant(item.expires_at),
        }
    here = item.get_absolute_url()
    reviewer = _reviewer(item, loaded)
    return {
        "bom-ref": f"evidence:{item.pk}",
        "propertyName": f"gatehouse:evidence:{item.kind}",
        "data": [
            {"name": item.title, "contents": {"url": here}},
            *(
                {"name": file.name, "contents": {"url": f"{here}files/{file.pk}/"}}
                for file in item.files.all()
            ),
        ],
        "created": instant(item.created_at),
        "expires": instant(item.expires_at),
        "author": {"name": item.author.username},
        **({"reviewer": {"name": reviewer}} if reviewer else {}),
    }


def _reviewer(item: EvidenceItem, loaded: Loaded) -> str | None:
    """Return who accepted its runs, the first of them, by the decision; None where nobody did."""
    decided = loaded.promotion.decided_at
    accepted = [
        run.acceptance
        for run in item.runs.all()
        if hasattr(run, "acceptance") and (decided is None or run.acceptance.accepted_at <= decided)
    ]
    if not accepted:
        return None
    return min(accepted, key=lambda one: one.accepted_at).accepted_by.username


def _affirmation(loaded: Loaded, signed: list[PackagePerson]) -> dict[str, Any]:
    signed = [one for one in signed if one.verdict in PackagePerson.APPROVALS]
    if not signed:
        return {}
    # Of people we know no employer; where their signatures are kept is what is known.
    kept_at = urlsplit(settings.GATEHOUSE_URL).netloc
    return {
        "statement": f"Signed over package {loaded.digest}, each in the meaning given.",
        "signatories": [
            {
                "name": one.printed_name,
                "role": f"{one.get_role_display()}: {one.get_verdict_display()}",
                "organization": {"name": kept_at},
                "externalReference": {
                    "type": "electronic-signature",
                    "url": f"{loaded.promotion.get_absolute_url()}signatures/{one.pk}/",
                    "comment": f"{one.meaning}; {instant(one.signed_at)}; {one.authentication}",
                },
            }
            for one in sorted(signed, key=lambda one: one.pk)
        ],
    }


def _properties(loaded: Loaded, items: list, signed: list) -> list[dict[str, str]]:
    promotion, document = loaded.promotion, loaded.document
    decided: datetime | None = promotion.decided_at
    conditions = Condition.objects.filter(sign_off__in=signed, promotion=promotion).select_related(
        "owner"
    )
    return properties(
        [
            ("promotion:number", str(promotion.pk)),
            ("promotion:state", promotion.state),
            ("promotion:environment", document["environment"]),
            ("promotion:package", loaded.digest),
            ("promotion:effective-policy", document["effective_policy"]),
            ("promotion:decided-at", decided and instant(decided)),
            ("promotion:revocation", _revocation(promotion)),
            (
                "promotion:objection",
                [
                    {
                        "name": one.printed_name,
                        "role": one.role,
                        "verdict": one.verdict,
                        "at": instant(one.signed_at),
                    }
                    for one in sorted(signed, key=lambda one: one.pk)
                    if one.verdict not in PackagePerson.APPROVALS
                ],
            ),
            ("promotion:endpoint", document["endpoints"]),
            ("promotion:use-case", document["use_case"]),
            ("promotion:review-at", promotion.review_at and instant(promotion.review_at)),
            ("promotion:requested-by", document["requester"]),
            (
                "promotion:condition",
                [
                    {"text": one.text, "owner": one.owner.username, "due": instant(one.due_at)}
                    for one in conditions.order_by("pk")
                ],
            ),
            ("promotion:waiver", document["waivers"]),
            ("evidence:digest", [{"id": str(one.pk), "digest": one.digest} for one in items]),
            (
                "evidence:standing",
                [
                    {
                        "id": str(one.pk),
                        "verdict": one.verdict,
                        "standing": one.standing,
                        "vouched_by": one.vouched_by,
                    }
                    for one in items
                    if loaded.sees(one)
                ],
            ),
        ]
    )


def _revocation(promotion: Promotion) -> dict[str, str] | None:
    row = getattr(promotion, "revocation", None)
    return row and {"by": row.printed_name, "at": instant(row.revoked_at), "reason": row.reason}


# Entrances


def _found(request, pk: int) -> tuple[Loaded, Told]:
    rows = Promotion.objects.visible_to(request.user).select_related(*WITH)
    promotion = get_object_or_404(rows, pk=key_of(pk))
    loaded = load(promotion, request.user)
    # What came after the decision is nothing that was approved.
    number = promotion.change.number if promotion.decided_at else None
    endpoints = _as_signed(loaded.document)
    return loaded, of_release(promotion.release, request.user, endpoints, number)


def _as_signed(document: dict) -> QuerySet:
    """Return the endpoints that are still what the package names: changed, they are others."""
    same = Q(pk__in=())
    for one in document["endpoints"]:
        same |= Q(slug=one["slug"], digest=one["digest"])
    return ServingEndpoint.objects.filter(same)


@require_safe
def page(request, pk):
    """What a promotion is exported as, and what that lacks."""
    loaded, told = _found(request, pk)
    row = loaded.promotion
    more = ", and what is claimed, on which evidence and signed by whom"
    offers = [
        pages.offered_bom(row.get_absolute_url(), f"promotions/{row.pk}", gaps(loaded, told), more)
    ]
    return pages.page(request, row, offers, f"promotions/{row.pk}")


@require_safe
def as_file(request, pk):
    """The bill of materials of a promotion, as a file."""
    content = cyclonedx.written(bom(*_found(request, pk)))
    return pages.answer(content, cyclonedx.CONTENT_TYPE, f"promotion-{pk}.cdx.json")


class PromotionBomView(BomView):
    """A promotion as a CycloneDX 1.6 bill of materials with declarations."""

    def document(self, pk):
        return bom(*_found(self.request, pk))


class PromotionLackingView(LackingView):
    """What the bill of materials of a promotion lacks."""

    def lacking(self, pk):
        return {"cyclonedx": gaps(*_found(self.request, pk))}
