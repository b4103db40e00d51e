"""Logs of Inspect AI, as JSON and as `.eval` archives. Pure."""

from typing import Any

from evidence.imports.said import mapping
from evidence.readers.result import Broken, Report, Result, listed, shown
from evidence.readers.source import Source
from evidence.readers.stream import Rows

TOOL = "inspect-ai"
ROWS = {("samples",): Rows, ("reductions",): Rows}

HEADER, START = "header.json", "_journal/start.json"
STATUSES = ("success", "error", "cancelled", "started")
#: What is said of the others.
UNFINISHED = {
    "error": "The run failed before its end",
    "cancelled": "The run was cancelled",
    "started": "The run was not finished when this was written",
}
#: Standard errors, which belong to a figure and are none.
ERRORS = ("stderr", "bootstrap_stderr")
#: Other spreads, which are told and are no scores.
SPREADS = ("std", "var")


def claims(source: Source) -> bool:
    """Whether the file is a log, or an archive of one."""
    if source.is_zip:
        return bool({HEADER, START} & set(source.archive.namelist()))
    first = source.first
    about = first.get("eval")
    return first.get("status") in STATUSES and (
        isinstance(about, dict) or (source.broken is not None and "version" in first)
    )


def read(source: Source) -> Result:
    """Return the scores of the log, a row for each scorer and reducer."""
    if not source.is_zip:
        return _log(source.document(), _count(source.first.get("samples")))
    names = source.archive.namelist()
    samples = sum(name.startswith("samples/") for name in names)
    if HEADER in names:
        return _log(source.member(HEADER), samples)
    return _log({"status": "started", **source.member(START)}, samples)


def _count(samples: Any) -> int | None:
    return samples.count if isinstance(samples, Rows) else None


def _log(log: dict[str, Any], samples: int | None) -> Result:
    about, results = log.get("eval"), log.get("results")
    if not isinstance(about, dict) or log.get("status") not in STATUSES:
        raise Broken("The log does not say what was evaluated, or how it ended.")
    if results is not None and not isinstance(results, dict):
        raise Broken("The results of the log are not an object.")
    report, results = Report(TOOL), results or {}
    if log.get("version") != 2:
        report.warn(f"The log is of version {shown(log.get('version'))}; it is read as one of 2.")
    dataset, config = mapping(about.get("dataset")), mapping(about.get("config"))
    _judge_whole(log, results, dataset, config, report)
    task = str(about.get("task") or "task")
    for row in listed(results.get("scores")):
        _score(task, mapping(row), results, report)
    report.subject = about.get("model")
    report.created = about.get("created")
    report.details |= {
        "version": mapping(about.get("packages")).get("inspect_ai"),
        "status": log["status"],
        "task_version": about.get("task_version"),
        "run_id": about.get("run_id"),
        "eval_id": about.get("eval_id"),
        "dataset": {key: dataset.get(key) for key in ("name", "location", "samples")},
        "config": config,
        "total_samples": results.get("total_samples"),
        "completed_samples": results.get("completed_samples"),
        "samples_in_file": samples,
        "model_usage": mapping(log.get("stats")).get("model_usage"),
        "error": mapping(log.get("error")).get("message"),
        "tags": log.get("tags", about.get("tags")),
        "metadata": log.get("metadata", about.get("metadata")),
    }
    return report.close("The log has no scores.")


def _judge_whole(log: dict, results: dict, dataset: dict, config: dict, report: Report) -> None:
    """Say all for which this is not a full run of the task."""
    if log["status"] in UNFINISHED:
        error = mapping(log.get("error")).get("message")
        because = f": {shown(error)}" if isinstance(error, str) and error else ""
        report.gap(f"{UNFINISHED[log['status']]}{because}.")
    if log.get("invalidated") is True:
        report.gap("Somebody marked the log as invalid.")
    total, completed = results.get("total_samples"), results.get("completed_samples")
    if _is_count(total) and _is_count(completed) and completed < total:
        report.gap(f"{completed:,} of its {total:,} samples were completed.")
    there, chosen = dataset.get("samples"), dataset.get("sample_ids")
    limit = config.get("limit")
    if isinstance(limit, list) and len(limit) == 2 and all(map(_is_count, limit)):
        limit = limit[1] - limit[0]
    if isinstance(chosen, list) and _is_count(there) and len(chosen) < there:
        report.gap(f"It took {len(chosen):,} of the {there:,} samples of its dataset.")
    elif _is_count(limit) and (not _is_count(there) or limit < there):
        report.gap(f"The run was limited to {limit:,} samples.")


def _score(task: str, row: dict, results: dict, report: Report) -> None:
    """Note the metrics of one scorer; a spread goes with the figure that it must belong to."""
    metrics = {
        str(name): mapping(metric).get("value")
        for name, metric in mapping(row.get("metrics")).items()
    }
    name, reducer = str(row.get("name") or row.get("scorer") or "score"), row.get("reducer")
    kind = f"{name}/{reducer}" if reducer else name
    scored = row.get("scored_samples")
    count = scored if _is_count(scored) else results.get("completed_samples")
    if _is_count(unscored := row.get("unscored_samples")) and unscored:
        report.gap(f"{kind}: {unscored:,} samples have no score.")
    for spread in SPREADS:
        if spread in metrics:
            told = report.details.setdefault("spreads", {})
            told[f"{kind}/{spread}"] = metrics.pop(spread)
    errors = [error for error in ERRORS if error in metrics]
    figures = [metric for metric in metrics if metric not in ERRORS]
    # Of several figures, nobody says which one an error is of: it is told on its own.
    own = errors[0] if len(errors) == len(figures) == 1 else None
    for metric, value in metrics.items():
        if metric != own:
            report.add(
                task,
                metric,
                value,
                kind=kind,
                stderr=metrics[own] if own else None,
                n=count,
                higher_is_better=False if metric in ERRORS else None,
            )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
