"""Record logs of OpenAI evals, as JSON Lines. Pure."""

from collections import Counter
from typing import Any

from evidence.readers.result import Broken, Report, Result, is_broken_number, number
from evidence.readers.source import Source
from evidence.readers.stream import has_doubtful

TOOL = "openai-evals"
#: The spread of accuracy, as the tool spells it, and as it may one day.
SPREADS = ("boostrap_std", "bootstrap_std")
TOKENS = "usage_"
JUDGING = ("match", "metrics")


def claims(source: Source) -> bool:
    """Whether the file begins with the specification of an eval, or its report."""
    spec = source.first.get("spec")
    if isinstance(spec, dict):
        return bool({"eval_name", "base_eval", "completion_fns"} & spec.keys())
    return isinstance(source.first.get("final_report"), dict) and "run_id" in source.first


def read(source: Source) -> Result:
    """Return every figure of the final report, which may stand before the events."""
    report, events = Report(TOOL), Counter()
    spec: dict[str, Any] | None = None
    final: dict[str, Any] | None = None
    for line, entry in source.lines():
        if "spec" in entry:
            if spec is not None:
                raise Broken(f"A second run begins in line {line}. Give one log a file.")
            spec = _kept(entry, "spec", line)
        elif "final_report" in entry:
            if final is not None:
                raise Broken(f"A second final report stands in line {line}.")
            final = _kept(entry, "final_report", line)
        else:
            events[str(entry.get("type"))[:40]] += 1
    if spec is None:
        raise Broken("No line of it is the specification of the eval.")
    count = max(events[kind] for kind in JUDGING)
    if final is None:
        report.gap("The log ends before its final report.")
    _scores(str(spec.get("eval_name") or spec.get("base_eval")), final or {}, count, report)
    settings = spec.get("run_config")
    settings = settings if isinstance(settings, dict) else {}
    if settings.get("max_samples") is not None:
        report.gap(f"The run was limited to {settings['max_samples']} samples.")
    completions = spec.get("completion_fns")
    completions = completions if isinstance(completions, list) else [completions]
    report.subject = ", ".join(name for name in completions if isinstance(name, str))
    report.created = spec.get("created_at")
    report.details = {
        "eval": spec.get("base_eval"),
        "split": spec.get("split"),
        "run_id": spec.get("run_id"),
        "events": dict(events),
        "seed": settings.get("seed"),
        "max_samples": settings.get("max_samples"),
        "usage": {key: value for key, value in (final or {}).items() if key.startswith(TOKENS)},
    }
    return report.close("It has no final report with a figure.")


def _kept(entry: dict, key: str, line: int) -> dict:
    if not isinstance(entry[key], dict):
        raise Broken(f"The “{key}” in line {line} is not an object.")
    if has_doubtful(entry[key]):
        raise Broken(f"A text in line {line} has a NUL or half of a surrogate pair.")
    return entry[key]


def _scores(suite: str, final: dict, count: int, report: Report) -> None:
    for key, value in final.items():
        if key.startswith(TOKENS) or key in SPREADS:
            continue
        if number(value) is None and not is_broken_number(value) and value is not None:
            continue  # texts and tables that an eval adds
        stderr = next((final[spread] for spread in SPREADS if spread in final), None)
        report.add(suite, key, value, stderr=stderr if key == "accuracy" else None, n=count)
