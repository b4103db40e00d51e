"""Scores that a source reports become self-reported runs of a sealed version."""

from audit import clock
from evidence.imports.said import Run, slug_of
from evidence.models import EvaluationRun, EvidenceItem
from evidence.transitions import give_in
from registry import rights
from registry.models import EvaluationSuite, Metric, ModelVersion, SuiteVersion
from registry.transitions.evaluation import publish_in
from registry.transitions.rows import save_in

#: Under this key a run's settings hold the fingerprint of what the source said.
KEY = "imported"


def give_runs(walk, version: ModelVersion, runs: tuple[Run, ...]) -> None:
    """Give all runs that the version does not have yet, as one self-reported item."""
    if not runs:
        return
    if version.sealed_at is None:
        why = (
            "The version is a draft and may change under its scores. Seal it and run this "
            "again: the scores are given then."
        )
        for run in runs:
            walk.note("skip", "evaluation run", run.suite, why, scores=_shown(walk, run))
        return
    if objections := rights.may(walk.person, "give_evidence", version):
        for run in runs:
            because = " ".join(reason.sentence for reason in objections)
            walk.note("skip", "evaluation run", run.suite, because, scores=_shown(walk, run))
        return
    there: dict[str, list[EvaluationRun]] = {}
    for row in EvaluationRun.objects.filter(item__version=version).prefetch_related(
        "scores__metric"
    ):
        if isinstance(row.config, dict) and KEY in row.config:
            there.setdefault(row.config[KEY], []).append(row)
    new = [run for run in runs if _is_new(walk, run, there)]
    # All that is asked of one suite, so that it gets one new version and not one for each run.
    asked: dict[str, dict[str, str | None]] = {}
    for run in new:
        asked.setdefault(run.suite, {}).update({s.metric: _unit(walk, run, s) for s in run.scores})
    given = [_run(walk, run, asked[run.suite]) for run in new]
    given = [run for run in given if run is not None]
    if given:
        _give(walk, version, given)


def _give(walk, version: ModelVersion, runs: list[dict]) -> None:
    said = walk.said
    item = give_in(
        walk.change,
        walk.person,
        version=version,
        kind="benchmark",
        title=f"Scores reported by {said.kind} {said.source.partition(' (')[0]}"[:200],
        verdict=EvidenceItem.Verdict.NOTED,
        standing=EvidenceItem.Standing.SELF_REPORTED,
        vouched_by=f"Whoever wrote the {said.kind}",
        answers={
            "setup": f"As reported by {said.kind} {said.source}; it was not run here.",
            "limits": "Nobody here has repeated the measurement.",
        },
        runs=runs,
    )
    why = "Self-reported; it counts once somebody else accepts its runs."
    walk.note("create", "evidence item", item.title, why)


def _is_new(walk, run: Run, there: dict[str, list[EvaluationRun]]) -> bool:
    """Whether the figures are not given yet, or in units that a person now says otherwise."""
    for row in there.get(run.fingerprint, []):
        units = {score.metric.name: score.metric.unit for score in row.scores.all()}
        wanted = {score.metric: _unit(walk, run, score) for score in run.scores}
        if all(unit is None or units.get(name) == unit for name, unit in wanted.items()):
            walk.note("skip", "evaluation run", run.suite, "It was given already.")
            return False
    return True


def _run(walk, run: Run, wanted: dict[str, str | None]) -> dict | None:
    """Return the run as `give` takes it, on a suite version that has its metrics and units."""
    suite = EvaluationSuite.objects.filter(slug=slug_of(run.suite)).first()
    latest = suite.versions.order_by("-number").first() if suite else None
    metrics = {m.name: m for m in latest.metrics.order_by("pk")} if latest else {}
    for name, unit in wanted.items():
        kept = metrics[name].unit if name in metrics else ""
        if kept and unit is None:
            why = (
                f"The suite keeps {name} in “{kept}”, and the source does not say its unit. "
                "Confirm the unit and run this again."
            )
            walk.note("skip", "evaluation run", run.suite, why, scores=_shown(walk, run))
            return None
        if kept and unit != kept:
            why = f"The suite keeps {name} in “{kept}”, not in “{unit}”."
            walk.note("conflict", "evaluation run", run.suite, why, scores=_shown(walk, run))
            return None
    if any(
        name not in metrics or (unit or "") != metrics[name].unit for name, unit in wanted.items()
    ):
        latest = _suite_version(walk, run, suite, metrics, wanted)
        metrics = {m.name: m for m in latest.metrics.order_by("pk")}
    ran_at = run.ran_at or walk.wish.ran_at
    if ran_at is None:
        warning = "The source does not say when it was run; the time of the import is kept."
        if warning not in walk.warnings:
            walk.warnings.append(warning)
    walk.note("create", "evaluation run", run.suite, scores=_shown(walk, run))
    return {
        "suite_version": latest,
        "ran_at": ran_at or clock.now(),
        "source": run.source,
        "config": {**run.config, KEY: run.fingerprint},
        "scores": [
            {
                "metric": metrics[score.metric],
                "text": score.text,
                "filter": score.filter,
                "subset": score.subset,
                "low": score.low,
                "high": score.high,
            }
            for score in run.scores
        ],
    }


def _suite_version(
    walk,
    run: Run,
    suite: EvaluationSuite | None,
    metrics: dict[str, Metric],
    wanted: dict[str, str | None],
) -> SuiteVersion:
    if suite is None:
        values = {"slug": slug_of(run.suite), "name": run.suite[:200]}
        suite = save_in(walk.change, walk.person, EvaluationSuite, None, values=values)
        walk.note("create", "suite", suite.slug)
    listed = [
        {"name": m.name, "unit": m.unit, "higher_is_better": m.higher_is_better}
        for m in metrics.values()
        if m.name not in wanted
    ]
    for name, unit in wanted.items():
        better = metrics[name].higher_is_better if name in metrics else name not in walk.wish.lower
        listed.append({"name": name, "unit": unit or "", "higher_is_better": better})
    version = publish_in(
        walk.change,
        walk.person,
        suite.pk,
        notes=f"Metrics as {walk.said.kind} {walk.said.source} reports them.",
        metrics=listed,
    )
    described = [
        f"{metric['name']} ({metric['unit'] or 'no unit'}, "
        f"{'more' if metric['higher_is_better'] else 'less'} is better)"
        for metric in listed
    ]
    walk.note("create", "suite version", str(version), ", ".join(described))
    return version


def _unit(walk, run: Run, score) -> str | None:
    """Return the unit that a person confirms or the source says; a number alone never tells."""
    return walk.wish.unit_of(run.suite, score.metric) or score.unit or None


def _shown(walk, run: Run) -> list[dict]:
    return [
        {
            "metric": score.metric,
            "value": score.text,
            "unit": _unit(walk, run, score) or "",
            "filter": score.filter,
            "subset": score.subset,
        }
        for score in run.scores
    ]
