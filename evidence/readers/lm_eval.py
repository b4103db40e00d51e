"""Results and samples of lm-evaluation-harness, 0.3 and 0.4. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from evidence.imports.said import mapping
from evidence.readers.result import Broken, Report, Result, listed, number, shown
from evidence.readers.source import Source

TOOL = "lm-evaluation-harness"

#: Keys of a task's row that are no metrics; the blank one stands in groups without figures.
NO_METRICS = {"alias", "name", "sample_len", "sample_count", "samples", " ", ""}
#: How the tool writes that there is no standard error.
NO_FIGURE = ("N/A", "", None)
SAMPLE_KEYS = {"doc_id", "target"}
CONFIG = ("model", "model_args", "num_fewshot", "limit", "batch_size", "device", "random_seed")


def claims(source: Source) -> bool:
    """Whether the file is the results of tasks, or the samples of one."""
    return _has_results(source) or _is_samples(source)


def _has_results(source: Source) -> bool:
    results = source.first.get("results")
    if not isinstance(results, dict) or not all(isinstance(row, dict) for row in results.values()):
        return False
    if {"versions", "configs", "n-shot"} & source.first.keys():
        return True
    # Cut off before its sides come: known by its rows.
    return source.broken is not None and any(
        "alias" in row or any(number(value) is not None for value in row.values())
        for row in results.values()
    )


def _is_samples(source: Source) -> bool:
    return SAMPLE_KEYS.issubset(source.first) and bool(
        {"resps", "filtered_resps"} & source.first.keys()
    )


def read(source: Source) -> Result:
    """Return the scores of every task, groups once; a file of samples has none."""
    return _results(source.document()) if _has_results(source) else _samples(source)


# Results


def _results(document: dict[str, Any]) -> Result:
    report = Report(TOOL)
    rows, groups = _rows(document, report)
    better, config = mapping(document.get("higher_is_better")), mapping(document.get("config"))
    counts = _counts(document, rows)
    for task, row in rows.items():
        for metric, kind, value in _metrics(row):
            stderr = row.get(_key(f"{metric}_stderr", kind))
            report.add(
                task,
                metric,
                value,
                kind=kind,
                stderr=None if stderr in NO_FIGURE else stderr,
                n=counts.get(task),
                higher_is_better=mapping(better.get(task)).get(metric),
            )
    _judge_limit(document, config, report)
    report.subject = _subject(document, config)
    report.created = _created(document.get("date"))
    report.details = {
        "version": document.get("lm_eval_version"),
        "tasks": len(rows),
        "groups": groups,
        "model_sha": config.get("model_sha"),
        "config": {key: config[key] for key in CONFIG if key in config},
        "task_versions": document.get("versions"),
        "n_shot": document.get("n-shot"),
    }
    return report.close("No task in it has a figure.")


def _rows(document: dict, report: Report) -> tuple[dict[str, dict], list[str]]:
    """Return all rows and the names of groups, which stand both among tasks and on their own."""
    rows, groups = dict(document["results"]), mapping(document.get("groups"))
    for name, row in groups.items():
        if not isinstance(row, dict):
            raise Broken(f"The group “{name[:80]}” is not a row of figures.")
        known = rows.setdefault(name, row)
        if any(known.get(key) != value for key, value in row.items()):
            report.warn(f"{name}: the group's figures differ from its row; the row is taken.")
    return rows, list(groups)


def _metrics(row: dict) -> Iterator[tuple[str, str | None, Any]]:
    """Yield metric, filter and value of each figure of a row: since 0.4 keyed `metric,filter`."""
    for key, value in row.items():
        metric, comma, kind = key.rpartition(",")
        metric, kind = (metric, kind) if comma else (key, None)
        if key in NO_METRICS or metric.endswith("_stderr") or not metric:
            continue
        # Beside its figures a row may keep texts and lists of its own.
        if comma or number(value) is not None or isinstance(value, float) or value is None:
            yield metric, kind, value


def _key(metric: str, kind: str | None) -> str:
    return metric if kind is None else f"{metric},{kind}"


def _counts(document: dict, rows: dict[str, dict]) -> dict[str, int]:
    """Return the samples of each task; those of a group are the ones of its tasks."""
    counts: dict[str, int] = {}
    for task, told in mapping(document.get("n-samples")).items():
        if isinstance(count := mapping(told).get("effective"), int):
            counts[task] = count
    subtasks = mapping(document.get("group_subtasks"))
    for task, row in rows.items():
        if task in counts:
            continue
        if isinstance(row.get("sample_len"), int):
            counts[task] = row["sample_len"]
        elif leaves := _leaves(task, subtasks):
            known = [counts.get(leaf) for leaf in leaves]
            if None not in known:
                counts[task] = sum(known)
    return counts


def _leaves(group: str, subtasks: dict) -> set[str]:
    """Return the tasks below a group, walked without end even where groups form a ring."""
    leaves, seen, waiting = set(), {group}, list(listed(subtasks.get(group)))
    while waiting:
        name = waiting.pop()
        if not isinstance(name, str) or name in seen:
            continue
        seen.add(name)
        if below := listed(subtasks.get(name)):
            waiting += below
        else:
            leaves.add(name)
    return leaves


def _judge_limit(document: dict, config: dict, report: Report) -> None:
    """Say so when the run took fewer samples than its tasks have."""
    counted = [mapping(told) for told in mapping(document.get("n-samples")).values()]
    short = [
        told
        for told in counted
        if isinstance(told.get("effective"), int)
        and isinstance(told.get("original"), int)
        and told["effective"] < told["original"]
    ]
    limit = config.get("limit")
    if limit is not None and (short or not counted):
        report.gap(f"The run was limited to {shown(limit)} samples a task.")
    elif short:
        report.gap(f"{len(short)} of its tasks took only a part of their samples.")


def _subject(document: dict, config: dict) -> str | None:
    if isinstance(name := document.get("model_name"), str) and name:
        return name
    given = config.get("model_args")
    if isinstance(given, str):
        given = dict(pair.partition("=")[::2] for pair in given.split(",") if "=" in pair)
    given = mapping(given)
    return given.get("pretrained") or given.get("model") or config.get("model")


def _created(date: Any) -> str | None:
    seconds = number(date)
    if seconds is None or not 0 < seconds < 2**34:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


# Samples


def _samples(source: Source) -> Result:
    """Return what the samples are of; their scores are in the file of results beside them."""
    report, documents = Report(TOOL), 0
    sums: dict[str, list[float]] = {}
    for _, row in source.lines():
        documents += 1
        for metric in listed(row.get("metrics")):
            value = number(row.get(metric)) if isinstance(metric, str) else None
            if value is not None and (metric in sums or len(sums) < 100):
                told = sums.setdefault(metric, [0, 0.0])
                told[0] += 1
                told[1] += value
    report.details = {
        "documents": documents,
        "metrics": {
            name: {"n": count, "mean": total / count} for name, (count, total) in sums.items()
        },
    }
    return report.close(
        f"It holds {documents:,} samples, one a line, and no scores of the whole. "
        "Give the file of results beside it."
    )
