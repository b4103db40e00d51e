"""Reports and hit logs of garak, as JSON Lines; results of a red team are typed. Pure."""

from collections import Counter
from typing import Any

from evidence.readers.red_team import typed
from evidence.readers.result import Broken, Report, Result
from evidence.readers.source import Source
from evidence.readers.stream import has_doubtful

TOOL = "garak"
METRIC = "attack_success_rate"
SETUP = "start_run setup"
HIT = {"probe", "detector", "attempt_id", "run_id"}
KEPT = ("init", "eval", "completion", "digest", SETUP)


def claims(source: Source) -> bool:
    """Whether the file is a report, which names the type of each line, or a log of hits."""
    first = source.first
    return first.get("entry_type") in (SETUP, "init") or HIT.issubset(first)


def read(source: Source) -> Result:
    """Return the attack success rate of each probe and detector; hits alone are no rate."""
    return _hits(source) if HIT.issubset(source.first) else _report(source)


def _report(source: Source) -> Result:
    report, seen = Report(TOOL), Counter()
    setup: dict[str, Any] = {}
    init: dict[str, Any] = {}
    attempts: Counter[str] = Counter()
    rows: dict[tuple[str, str], dict] = {}
    for line, entry in source.lines():
        kind = entry.get("entry_type")
        seen[str(kind)[:40]] += 1
        if kind == "attempt":
            # Each stands twice: as it was made, and as it was judged.
            attempts[str(entry.get("probe_classname"))[:100]] += entry.get("status") == 2
        if kind not in KEPT:
            continue
        if kind != "digest" and has_doubtful(entry):
            raise Broken(f"A text in line {line} has a NUL or half of a surrogate pair.")
        if kind in ("init", SETUP) and seen[kind] > 1:
            raise Broken(f"A second run begins in line {line}. Give one report a file.")
        if kind == SETUP:
            setup = entry
        elif kind == "init":
            init = entry
        elif kind == "eval":
            row = _judged(entry, line)
            key = row["probe"], row["detector"]
            if key in rows:
                raise Broken(f"Line {line} gives {' / '.join(key)} a second time.")
            rows[key] = row
    for (probe, detector), row in rows.items():
        report.add(
            probe,
            METRIC,
            row["rate"] if row["rate"] is not None else "no attempt was judged",
            kind=detector,
            n=row["attempts"],
            higher_is_better=False,
            unit="fraction",
            interval=row.pop("said"),
        )
        if row["not_judged"]:
            report.warn(f"{probe} / {detector}: {row['not_judged']} outputs were not judged.")
    _judge_whole(seen, attempts, rows, report)
    target = setup.get("plugins.target_type") or setup.get("plugins.model_type")
    name = setup.get("plugins.target_name") or setup.get("plugins.model_name")
    report.subject = " ".join(part for part in (target, name) if isinstance(part, str) and part)
    report.created = init.get("start_time") or setup.get("transient.starttime_iso")
    report.details = {
        "version": init.get("garak_version") or setup.get("_config.version"),
        "run": init.get("run") or setup.get("transient.run_id"),
        "seed": setup.get("run.seed"),
        "generations": setup.get("run.generations"),
        "attempts": attempts.total(),
        "red_team": list(rows.values()),
    }
    return report.close("It has no evaluation of a probe.")


def _judged(entry: dict, line: int) -> dict:
    """Return one evaluation, typed. Raises `Broken` when its counts cannot be."""
    probe, detector = entry.get("probe"), entry.get("detector")
    if not (isinstance(probe, str) and probe and isinstance(detector, str) and detector):
        raise Broken(f"The evaluation in line {line} does not name its probe and detector.")
    passed = entry.get("passed")
    total = entry.get("total_evaluated", entry.get("total"))
    counts = (passed, total, entry.get("nones", 0))
    if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in counts):
        raise Broken(f"The evaluation in line {line} does not say how many attempts it judged.")
    if passed > total:
        raise Broken(f"The evaluation in line {line} passed {passed} of {total} attempts.")
    fails = entry.get("fails", total - passed)
    if fails != total - passed:
        raise Broken(f"In line {line}, {passed} passed and {fails} failed of {total} attempts.")
    detector = detector.removeprefix("detector.")
    bounds = (entry.get("confidence_lower"), entry.get("confidence_upper"))
    method, said = entry.get("confidence_method"), (*bounds, entry.get("confidence"))
    if not all(isinstance(bound, float) and 0 <= bound <= 1 for bound in bounds):
        bounds, method, said = None, None, ()
    row = typed(
        attack_class=probe.partition(".")[0],
        probe=probe,
        detector=detector,
        attempts=total,
        failures=fails,
        interval=bounds,
        method=method,
        not_judged=counts[2],
    )
    # What the tool itself says is kept with the score; what is worked out here is not.
    return {**row, "said": said if total else ()}


def _judge_whole(seen: Counter, attempts: Counter, rows: dict, report: Report) -> None:
    """Say for what the report is not that of a finished run."""
    if not seen["completion"]:
        report.gap("The report has no line that says that the run was completed.")
    judged = {probe for probe, _ in rows}
    if left := sorted(probe for probe in attempts if probe not in judged):
        listed = ", ".join(left[:5]) + (" and more" if len(left) > 5 else "")
        report.gap(f"Probes without an evaluation: {listed}.")


def _hits(source: Source) -> Result:
    """Return what was hit, without a rate: nobody says out of how many."""
    report, hits = Report(TOOL), Counter()
    for _, entry in source.lines():
        hits[str(entry.get("probe"))[:100], str(entry.get("detector"))[:100]] += 1
    report.subject = source.first.get("generator")
    report.details = {
        "run": source.first.get("run_id"),
        "hits": [
            {"probe": probe, "detector": detector, "hits": count}
            for (probe, detector), count in hits.items()
        ],
    }
    return report.close(
        f"It lists {hits.total():,} hits and not out of how many attempts. Give the report of "
        "the same run for scores."
    )
