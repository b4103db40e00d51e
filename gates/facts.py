"""Gather what the rules judge: a fixed number of queries, whatever the number of rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db.models import Exists, Max, OuterRef, Q

from audit.models import Change, Verification
from evidence.models import EvaluationRun, EvidenceItem
from evidence.models import Score as ScoreRow
from gates.approvals import holding
from gates.models import GateVersion, Promotion, Waiver
from gates.rules import Demand, Evidence, Facts, Known, Requirement, Score, Slot, Verified
from gates.rules.findings import applies_to, effective_gate, gates_up_to
from gates.waivers import granted
from registry.completeness import counted_gaps, facts_of_release
from registry.models import Metric, Release, ScoreDemand, ServingEndpoint
from registry.past import known_after, rows_at


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


def gate_for(
    environment, use_case, draft: GateVersion | None = None, number: int | None = None
) -> Gate | None:
    """Return the effective gate of an environment for a use case, as published now.

    `draft` takes the place of the version in force of its gate, to try what it would do. After
    change `number` it is the gate as published by then, or None before all of it was.
    """
    name = effective_gate(environment.stage, use_case.risk_tier)
    published = (
        GateVersion.objects.filter(gate__in=gates_up_to(name), published_at__isnull=False)
        .order_by("gate", "number")
        .prefetch_related("requirements", "slots")
    )
    if number is not None:
        published = known_after(published, number)
    newest = {version.gate: version for version in published}
    if number is not None and set(gates_up_to(name)) - newest.keys():
        return None
    if draft is not None and draft.gate in newest:
        newest[draft.gate] = draft
    versions = tuple(newest[gate] for gate in gates_up_to(name))
    requirements = tuple(
        Requirement(
            gate=version.gate,
            code=row.code,
            type=row.type,
            sentence=row.sentence,
            terms=row.terms,
            guidance=row.guidance,
            guidance_url=row.guidance_url,
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
    gate: Gate | None = None,
    at: datetime | None = None,
    number: int | None = None,
) -> Gathered:
    """Read the facts for letting `release` into `environment` at `endpoints`.

    `up_to` is the number of the change up to which evidence is taken in; None takes in all.
    `gate` may demand scores of its own. With `number`, what later changes wrote is not looked at;
    release, environment and endpoints are then given as they were at `at`.
    """
    use_case = release.use_case
    demands = demanded(use_case, gate, number)
    known = Q() if number is None else Q(change__number__lte=number)
    about = Q(release=release) | Q(version=release.model_version)
    items = {
        str(item.pk): item
        for item in EvidenceItem.objects.filter(known, about)
        .annotate(
            has_runs=Exists(_runs(number)),
            has_complete_run=Exists(_runs(number, completeness=_COMPLETE)),
        )
        .select_related("author", "withdrawal__change", "change")
        .prefetch_related("files__scans")
        .order_by("created_at", "pk")
    }
    scores = list(
        ScoreRow.objects.filter(
            Q(run__item__release=release) | Q(run__item__version=release.model_version),
            metric__in=[demand.metric for demand in demands],
            filter="",
            subset="",
            **({} if number is None else {"run__change__number__lte": number}),
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
        evidence=tuple(_evidence(item, up_to, number) for item in items.values()),
        scores=tuple(_score(score, items, up_to, number) for score in scores),
        demands=demands,
        metadata={
            fact.code: Known(fact.code, fact.label, fact.known, fact.fix)
            for fact in facts_of_release(release, endpoints, number=number)
        },
        lineage_gaps=tuple(counted_gaps(release, number)),
        approved_releases=_approved_releases(release, environment, at, items.values()),
        record_verified=_verified(None, known),
        evidence_verified=_verified(Verification.Scope.EVIDENCE, known),
        rows=frozenset(rows | evidence_rows),
        evidence_rows=frozenset(evidence_rows),
        rows_position=_position(items.values(), release, endpoints),
    )
    return Gathered(
        facts,
        items,
        {(score.run_id, score.metric_id): score for score in scores},
        granted(release, environment, number),
    )


_COMPLETE = EvaluationRun.Completeness.COMPLETE


def _runs(number: int | None, **of):
    """Return the runs of the item of the outer query, as known after change `number`."""
    known = {} if number is None else {"change__number__lte": number}
    return EvaluationRun.objects.filter(item=OuterRef("pk"), **known, **of)


def _known(row, number: int | None):
    """Return a row that hangs on another one, if it is there and was known after that change."""
    return row if row and (number is None or row.change.number <= number) else None


def _evidence(item: EvidenceItem, up_to: int | None, number: int | None) -> Evidence:
    withdrawal = _known(getattr(item, "withdrawal", None), number)
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
        partial=item.has_runs and not item.has_complete_run,
        held=next((f"“{f.name}” {f.safety.holds}" for f in item.files.all() if f.safety.holds), ""),
    )


def rollback_target(item: EvidenceItem) -> str:
    """Return what a rollback plan puts back: a release digest, "switch_off", or ""."""
    if item.kind != "rollback_plan":
        return ""
    target = item.answers.get("target", "")
    return item.answers.get("release", "") if target == "release" else target


def _score(
    score: ScoreRow, items: dict[str, EvidenceItem], up_to: int | None, number: int | None
) -> Score:
    run, item = score.run, items[str(score.run.item_id)]
    acceptance = _known(getattr(run, "acceptance", None), number)
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
        withdrawn=_known(getattr(item, "withdrawal", None), number) is not None,
    )


def demanded(use_case, gate: Gate | None, number: int | None = None) -> tuple[Demand, ...]:
    """Return the scores that the use case demands, and the gate's own; the stricter of two."""
    if number is None:
        rows = use_case.score_demands.select_related("metric__suite_version__suite").order_by("pk")
    else:
        rows = rows_at(ScoreDemand, number, use_case=use_case.pk)
    found = {row.metric_id: _demand(row.metric, row.threshold) for row in rows}
    asked = [
        one
        for requirement in (gate.requirements if gate else ())
        if applies_to(requirement, use_case.risk_tier, use_case.data_classification)
        for one in requirement.terms.get("demands", ())
    ]
    for one in asked:
        metrics = Metric.objects.filter(
            suite_version__suite__slug=one["suite"],
            name=one["metric"],
            **({} if number is None else {"suite_version__change__number__lte": number}),
        ).select_related("suite_version__suite")
        newest = metrics.order_by("-suite_version__number").first()
        if newest is None:
            continue
        own = _demand(newest, Decimal(one["threshold"]))
        known = found.get(newest.pk)
        if known is None or not own.met_by(known.threshold):
            found[newest.pk] = own
    return tuple(found.values())


def _demand(metric: Metric, threshold: Decimal) -> Demand:
    return Demand(
        metric=metric.pk,
        name=str(metric),
        threshold=threshold,
        higher_is_better=metric.higher_is_better,
        unit=metric.unit,
    )


def _approved_releases(
    release: Release, environment, at: datetime | None, items: Iterable[EvidenceItem]
) -> frozenset[str]:
    """Digests of what rollback plans put back, where its approval there holds at `at` (now).

    Only of other releases of the use case, and only of those that a plan names: to judge each that
    was ever approved there would cost more with every release.
    """
    named = {rollback_target(item) for item in items} - {"", "switch_off", release.digest}
    if not named:
        return frozenset()
    promotions = Promotion.objects.filter(
        environment=environment,
        release__use_case=release.use_case_id,
        release__digest__in=named,
        state=Promotion.State.APPROVED,
    )
    return frozenset(promotion.release.digest for promotion in holding(promotions, at))


def _verified(scope: str | None, known: Q) -> Verified | None:
    rows = Verification.objects.filter(known).order_by("-finished_at", "-pk")
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
