"""Gather what the rules judge: a fixed number of queries, whatever the number of rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import Max, Q

from audit.models import Change, Verification
from evidence.models import EvidenceItem
from evidence.models import Score as ScoreRow
from gates.approvals import holding
from gates.models import GateVersion, Promotion, Waiver
from gates.rules import Demand, Evidence, Facts, Known, Requirement, Score, Slot, Verified
from gates.rules.findings import effective_gate, gates_up_to
from gates.waivers import granted
from registry.completeness import facts_of_release, lineage_gaps
from registry.models import Release, ServingEndpoint


@dataclass(frozen=True)
class Gate:
    """The effective gate: its versions weakest first, with all their requirements and slots."""

    name: str
    why: str
    versions: tuple[GateVersion, ...]
    requirements: tuple[Requirement, ...]
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Gathered:
    """What `assess` needs for one promotion, and the rows behind it."""

    facts: Facts
    items: dict[str, EvidenceItem] = field(default_factory=dict)
    scores: dict[tuple[int, int], ScoreRow] = field(default_factory=dict)
    #: Every waiver granted for it, ended or not.
    waivers: dict[int, Waiver] = field(default_factory=dict)


def gate_for(environment, use_case) -> Gate:
    """Return the effective gate of an environment for a use case, as published now."""
    name = effective_gate(environment.stage, use_case.risk_tier)
    published = (
        GateVersion.objects.filter(gate__in=gates_up_to(name), published_at__isnull=False)
        .order_by("gate", "number")
        .prefetch_related("requirements", "slots")
    )
    newest = {version.gate: version for version in published}
    versions = tuple(newest[gate] for gate in gates_up_to(name))
    requirements = tuple(
        Requirement(
            gate=version.gate,
            code=row.code,
            type=row.type,
            sentence=row.sentence,
            terms=row.terms,
            guidance=row.guidance,
        )
        for version in versions
        for row in version.requirements.all()
    )
    counts: dict[str, int] = {}
    for version in versions:
        for row in version.slots.all():
            counts[row.role] = counts.get(row.role, 0) + row.count
    slots = tuple(
        Slot(role, place) for role, count in counts.items() for place in range(1, count + 1)
    )
    if name == environment.stage:
        why = f"{environment.slug} is a {name} environment."
    else:
        why = f"The use case is {use_case.risk_tier} risk, which asks for the {name} gate."
    return Gate(name, why, versions, requirements, slots)


def gather(
    release: Release,
    environment,
    endpoints: Iterable[ServingEndpoint],
    up_to: int | None = None,
) -> Gathered:
    """Read the facts for letting `release` into `environment` at `endpoints`.

    `up_to` is the number of the change up to which evidence is taken in; None takes in all.
    """
    use_case = release.use_case
    demands = list(
        use_case.score_demands.select_related("metric__suite_version__suite").order_by("pk")
    )
    about = Q(release=release) | Q(version=release.model_version)
    items = {
        str(item.pk): item
        for item in EvidenceItem.objects.filter(about)
        .select_related("author", "withdrawal", "change")
        .prefetch_related("files")
        .order_by("created_at", "pk")
    }
    scores = list(
        ScoreRow.objects.filter(
            Q(run__item__release=release) | Q(run__item__version=release.model_version),
            metric__in=[demand.metric_id for demand in demands],
            filter="",
            subset="",
        )
        .select_related("run__acceptance__change", "run__change", "run__given_by")
        .order_by("run_id")
    )
    rows = {release.key, release.model_version.key, *(endpoint.key for endpoint in endpoints)}
    rows |= {
        link.prompt_version.key for link in release.prompt_links.select_related("prompt_version")
    }
    evidence_rows = {item.key for item in items.values()} | {
        file.key for item in items.values() for file in item.files.all()
    }
    facts = Facts(
        risk_tier=use_case.risk_tier,
        data_classification=use_case.data_classification,
        evidence=tuple(_evidence(item, up_to) for item in items.values()),
        scores=tuple(_score(score, items, up_to) for score in scores),
        demands=tuple(_demand(demand) for demand in demands),
        metadata={
            fact.code: Known(fact.code, fact.label, fact.known, fact.fix)
            for fact in facts_of_release(release, endpoints)
        },
        lineage_gaps=tuple(lineage_gaps(release)),
        approved_releases=_approved_releases(release, environment),
        record_verified=_verified(None),
        evidence_verified=_verified(Verification.Scope.EVIDENCE),
        rows=frozenset(rows | evidence_rows),
        evidence_rows=frozenset(evidence_rows),
        rows_position=_position(items.values(), release, endpoints),
    )
    return Gathered(
        facts,
        items,
        {(score.run_id, score.metric_id): score for score in scores},
        granted(release, environment),
    )


def _evidence(item: EvidenceItem, up_to: int | None) -> Evidence:
    withdrawal = getattr(item, "withdrawal", None)
    return Evidence(
        id=str(item.pk),
        kind=item.kind,
        title=item.title,
        verdict=item.verdict,
        standing=item.standing,
        digest=item.digest,
        author=item.author.username,
        created_at=item.created_at,
        expires_at=item.expires_at,
        taken_in=up_to is None or item.change.number <= up_to,
        withdrawn_at=withdrawal.withdrawn_at if withdrawal else None,
        rollback=rollback_target(item),
    )


def rollback_target(item: EvidenceItem) -> str:
    """Return what a rollback plan puts back: a release digest, "switch_off", or ""."""
    if item.kind != "rollback_plan":
        return ""
    target = item.answers.get("target", "")
    return item.answers.get("release", "") if target == "release" else target


def _score(score: ScoreRow, items: dict[str, EvidenceItem], up_to: int | None) -> Score:
    run, item = score.run, items[str(score.run.item_id)]
    acceptance = getattr(run, "acceptance", None)
    return Score(
        metric=score.metric_id,
        run=run.pk,
        item=str(item.pk),
        text=score.text,
        value=Decimal(score.text),
        subject="release" if item.release_id else "version",
        ran_at=run.ran_at,
        expires_at=item.expires_at,
        complete=run.completeness == run.Completeness.COMPLETE,
        accepted=acceptance is not None,
        taken_in=up_to is None or (acceptance is not None and acceptance.change.number <= up_to),
        withdrawn=hasattr(item, "withdrawal"),
    )


def _demand(demand) -> Demand:
    return Demand(
        metric=demand.metric_id,
        name=str(demand.metric),
        threshold=demand.threshold,
        higher_is_better=demand.metric.higher_is_better,
        unit=demand.metric.unit,
    )


def _approved_releases(release: Release, environment) -> frozenset[str]:
    """Digests of the other releases of the use case whose approval there holds now."""
    promotions = Promotion.objects.filter(
        environment=environment,
        release__use_case=release.use_case_id,
        state=Promotion.State.APPROVED,
    ).exclude(release=release)
    return frozenset(promotion.release.digest for promotion in holding(promotions))


def _verified(scope: str | None) -> Verified | None:
    rows = Verification.objects.order_by("-finished_at", "-pk")
    last = rows.filter(scope=scope).first() if scope else rows.first()
    if last is None:
        return None
    return Verified(
        finished_at=last.finished_at,
        position=last.position,
        broken=tuple((one["row"], one["sentence"]) for one in last.discrepancies),
        incomplete=tuple(last.not_checked),
    )


def _position(items, release: Release, endpoints) -> int:
    """Return the number of the newest change to what the checks speak of."""
    ids = [item.change_id for item in items]
    ids += [release.change_id, release.model_version.change_id]
    ids += [endpoint.change_id for endpoint in endpoints]
    return Change.objects.filter(pk__in=ids).aggregate(newest=Max("number"))["newest"] or 0
