"""Runs and their scores: given under an item, and accepted by somebody else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import audit
from audit import Change, Reason
from audit.refusals import Conflict, NotAllowed
from evidence import intervals, rules
from evidence.intervals import Interval
from evidence.matching import READ_FROM
from evidence.models import EvaluationRun, EvidenceItem, RunAcceptance, Score
from evidence.transitions.judging import field_reasons, key_of, lock_item, refuse, refuse_withdrawn
from registry import rights
from registry.models import Metric, Person, SuiteVersion

ENDED = Reason("ENDED", "This item has ended; a run under it would never count. Give a new item.")


def add_run(
    item_pk: UUID,
    *,
    suite_version: SuiteVersion | int,
    ran_at: datetime,
    source: str,
    scores: Sequence[Mapping],
    completeness: str = EvaluationRun.Completeness.COMPLETE,
    config: Mapping | None = None,
    actor,
    reason: str,
) -> EvaluationRun:
    """Add one run of a suite to an item that stands; it counts once somebody else accepts it.

    Each score is a mapping of `metric` (row or key), `text` as the source spells the number, and
    where there are any `filter`, `subset`, `stderr`, `samples`, and
    the interval as `low`, `high` and `level`.
    """
    run = run_of(suite_version, ran_at, source, scores, completeness, config)
    (row,) = _add(item_pk, {"": run}, actor=actor, reason=reason)
    return row


def add_runs(item_pk: UUID, *, runs: Sequence[Mapping], actor, reason: str) -> list[EvaluationRun]:
    """Add several runs in one change; each is a mapping of `add_run`'s own arguments.

    A reason names its run as `runs.<n>.`. What was read from one file is given once for a suite
    version. Raises as `add_run` does.
    """
    judged = {f"runs.{place}.": run_of(**run) for place, run in enumerate(runs)}
    return _add(item_pk, judged, actor=actor, reason=reason)


def _add(item_pk: UUID, runs: Mapping[str, "Run"], *, actor, reason: str) -> list[EvaluationRun]:
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        item = lock_item(change, item_pk)
        rights.demand(person, "give_evidence", item.subject)
        refuse_withdrawn(item)
        if change.now >= item.expires_at:
            raise Conflict(ENDED)
        _refuse_read_already(item, runs.values())
        refuse([reason for at, run in runs.items() for reason in judge_run(run, change.now, at)])
        return [save_run(change, item, run, person) for run in runs.values()]


def _refuse_read_already(item: EvidenceItem, runs: Iterable["Run"]) -> None:
    """Raise `Conflict` when a file's scores of a suite version are there already."""
    new = {(run.suite_version, _read_from(run.config)): run for run in runs}
    if not any(sha256 for _, sha256 in new):
        return
    versions = {version for version, _ in new}
    for row in item.runs.filter(suite_version__in=versions).select_related("suite_version__suite"):
        sha256 = _read_from(row.config)
        if sha256 and (row.suite_version_id, sha256) in new:
            sentence = f"The scores of {row.suite_version} were read from this file: run {row.pk}."
            raise Conflict(Reason("READ_ALREADY", sentence))


def _read_from(config: Any) -> str:
    told = config.get(READ_FROM) if isinstance(config, Mapping) else None
    return str(told.get("sha256", "")) if isinstance(told, Mapping) else ""


def accept_run(run_pk: int, *, actor, reason: str) -> RunAcceptance:
    """Let a run count, for or against; by a reviewing role, and never by who gave the run."""
    # Read before the change, because items are locked before what hangs on them.
    item_pk = EvaluationRun._base_manager.values_list("item_id", flat=True).get(pk=run_pk)
    with audit.change(actor=actor, reason=reason) as change:
        person = rights.acting(change, actor)
        item = lock_item(change, item_pk)
        run = change.lock(EvaluationRun, run_pk)
        if reasons := may_accept(person, run, item):
            raise NotAllowed(reasons)
        refuse_withdrawn(item)
        if hasattr(run, "acceptance"):
            raise Conflict(
                Reason("ACCEPTED", f"{run.acceptance.accepted_by} accepted this run already.")
            )
        return change.save(
            RunAcceptance(
                run=run,
                given_by=run.given_by,
                accepted_by=person,
                accepted_at=change.now,
                reason=change.reason,
            ),
            event="run.accepted",
            facts={"item": item.key},
        )


def may_accept(person, run: EvaluationRun, item: EvidenceItem) -> list[Reason]:
    """Return why `person` may not accept a run; the page shows the same sentences."""
    reasons = rights.may(person, "accept_run", item.subject)
    if run.given_by_id == person.pk:
        reasons.append(
            Reason("OWN_RUN", "You gave this run. Somebody else accepts it, so that it counts.")
        )
    return reasons


# What was given


@dataclass
class Run:
    """A run as its giver names it, before it is judged."""

    suite_version: int
    ran_at: datetime
    source: str
    scores: list[dict]
    completeness: str
    config: Any


def run_of(
    suite_version,
    ran_at: datetime,
    source: str,
    scores: Sequence[Mapping],
    completeness: str = EvaluationRun.Completeness.COMPLETE,
    config: Mapping | None = None,
) -> Run:
    """Return a run as it will be judged, from the arguments of `add_run`."""
    scores = [_score(score) for score in scores]
    return Run(key_of(suite_version), ran_at, source.strip(), scores, completeness, config or {})


_TEXTS = ("filter", "subset", "stderr", "low", "high", "level")
_SCORE = {"samples": None, **dict.fromkeys(_TEXTS, "")}


def _score(given: Mapping) -> dict:
    score = _SCORE | {**given, "metric": key_of(given["metric"])}
    return score | {name: score[name].strip() for name in ("text", *_TEXTS)}


# Judging and saving


def judge_run(run: Run, now: datetime, field: str = "") -> list[Reason]:
    """Return every reason why a run cannot be kept; `field` begins the names of its fields."""
    keys = [(score["metric"], score["filter"], score["subset"]) for score in run.scores]
    reasons = rules.run_problems(
        ran_at=run.ran_at, source=run.source, keys=keys, now=now, field=field
    )
    row = EvaluationRun(source=run.source or "-", completeness=run.completeness, config=run.config)
    reasons += field_reasons(row, "source", "completeness", "config", field=field)
    if not isinstance(run.config, Mapping):
        sentence = 'Give the settings as a JSON object, such as {"shots": 5}.'
        reasons.append(Reason("CONFIG_NOT_OBJECT", sentence, f"{field}config"))
    metrics = Metric.objects.filter(suite_version=run.suite_version).in_bulk()
    if not metrics:
        sentence = "There is no such suite version. Choose one that was published."
        reasons.append(Reason("SUITE_UNKNOWN", sentence, f"{field}suite_version"))
    for place, score in enumerate(run.scores):
        at = f"{field}scores.{place}"
        metric = metrics.get(score["metric"])
        if metric is None:
            sentence = "A score is of a metric that this suite version does not have."
            reasons.append(Reason("METRIC_UNKNOWN", sentence, f"{at}.metric"))
            continue
        figures = {name: score[name] for name in ("text", "stderr", "samples")}
        reasons += rules.score_problems(metric.name, **figures, field=at)
        interval = Interval(score["low"], score["high"], score["level"])
        reasons += intervals.problems(metric.name, interval, f"{at}.interval")
        row = Score(filter=score["filter"], subset=score["subset"])
        reasons += field_reasons(row, "filter", "subset", field=f"{at}.")
    return reasons


def save_run(change: Change, item: EvidenceItem, run: Run, person: Person) -> EvaluationRun:
    """Save a judged run with its scores, in the change that is open."""
    row = change.save(
        EvaluationRun(
            item=item,
            suite_version_id=run.suite_version,
            completeness=run.completeness,
            ran_at=run.ran_at,
            source=run.source,
            config=run.config,
            given_by=person,
            created_at=change.now,
        ),
        event="run.given",
    )
    for score in run.scores:
        columns = {**score, "metric_id": score["metric"], "value": rules.parse_score(score["text"])}
        del columns["metric"]
        change.save(Score(run=row, **columns))
    return row
