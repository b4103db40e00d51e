"""Results of promptfoo as JSON: one column of results for each prompt and provider. Pure."""

from collections import Counter
from typing import Any

from evidence.imports.said import mapping
from evidence.readers.red_team import typed
from evidence.readers.result import Broken, Report, Result, number, shown
from evidence.readers.source import Source
from evidence.readers.stream import Rows

TOOL = "promptfoo"
VERSION = 3
LONGEST_COLUMN = 100
COUNTS = ("testPassCount", "testFailCount", "testErrorCount")


#: Attacks of one file that are told apart; a red team has some hundreds.
MOST_ATTACKS = 5_000


class Tests(Rows):
    """Counts how the tests of each column came out, and those of a red team by their attack."""

    wanted = True

    def __init__(self):
        super().__init__()
        self.columns: dict[int, Counter] = {}
        #: (column, plugin, strategy, detector, severity) -> how its tests came out.
        self.attacks: dict[tuple, Counter] = {}

    def add(self, item: Any) -> None:
        super().add(item)
        if isinstance(item, dict) and isinstance(item.get("promptIdx"), int):
            came_out = "error" if item.get("failureReason") == 2 else bool(item.get("success"))
            self.columns.setdefault(item["promptIdx"], Counter())[came_out] += 1
            attack = _attack(item)
            if attack and (attack in self.attacks or len(self.attacks) < MOST_ATTACKS):
                self.attacks.setdefault(attack, Counter())[came_out] += 1


ROWS = {
    ("results", "results"): Tests,
    ("results", "table", "body"): Rows,
    ("config", "tests"): Rows,
}


def _attack(item: dict) -> tuple | None:
    """Return which attack of a red team a test tries, or None for any other test."""
    case = mapping(item.get("testCase"))
    about = mapping(case.get("metadata")) | mapping(item.get("metadata"))
    plugin = about.get("pluginId")
    if not isinstance(plugin, str) or not plugin:
        return None
    asserted = case.get("assert")
    first = mapping(asserted[0]) if isinstance(asserted, list) and asserted else {}
    severity = about.get("severity")
    return (
        item["promptIdx"],
        _line(plugin)[:LONGEST_COLUMN],
        _line(about.get("strategyId") or "basic")[:LONGEST_COLUMN],
        _line(first.get("type") or TOOL)[:LONGEST_COLUMN],
        severity if isinstance(severity, str) else None,
    )


def _red_team(tests: Any, names: list[str]) -> list[dict]:
    """Return the attacks of a red team, typed; the class is what stands before the colon."""
    rows = []
    for attack, came_out in getattr(tests, "attacks", {}).items():
        place, plugin, strategy, detector, severity = attack
        column = f" on {names[place]}" if len(names) > 1 and 0 <= place < len(names) else ""
        rows.append(
            typed(
                attack_class=plugin.partition(":")[0],
                probe=f"{plugin}, {strategy}{column}",
                detector=detector,
                attempts=came_out[True] + came_out[False],
                failures=came_out[False],
                severity=severity,
                not_judged=came_out["error"],
            )
        )
    return rows


def claims(source: Source) -> bool:
    """Whether the file has an evaluation's number and its results."""
    results = source.first.get("results")
    return isinstance(source.first.get("evalId"), str) and (
        isinstance(results, dict) or source.broken is not None
    )


def read(source: Source) -> Result:
    """Return pass rate, mean score and named scores of each column."""
    document = source.document()
    results, report = mapping(document.get("results")), Report(TOOL)
    if results.get("version") != VERSION:
        told = shown(results.get("version"))
        report.warn(f"The results are of version {told}; they are read as ones of {VERSION}.")
    columns, config = results.get("prompts"), mapping(document.get("config"))
    if not isinstance(columns, list) or not all(isinstance(one, dict) for one in columns):
        raise Broken("Its results.prompts is not a list of columns.")
    tests, suite = results.get("results"), str(config.get("description") or TOOL)
    told, names = [], _names(columns)
    for place, (column, name) in enumerate(zip(columns, names, strict=True)):
        metrics = mapping(column.get("metrics"))
        counts = _counts(place, metrics, tests)
        told.append(_told(column, metrics, counts))
        _column(suite, name if len(columns) > 1 else None, metrics, counts, report)
    stats = mapping(results.get("stats"))
    _judge_whole(stats, told, tests, report)
    providers = list(dict.fromkeys(str(column.get("provider")) for column in columns))
    report.subject = ", ".join(providers)
    report.created = results.get("timestamp")
    report.details = {
        "version": mapping(document.get("metadata")).get("promptfooVersion"),
        "eval_id": document["evalId"],
        "description": config.get("description"),
        "tags": config.get("tags"),
        "stats": {key: stats.get(key) for key in ("successes", "failures", "errors")},
        "rows": tests.count if isinstance(tests, Rows) else None,
        "columns": told,
    }
    if red_team := _red_team(tests, names):
        report.details["red_team"] = red_team
    return report.close("No column of it has a test.")


def _names(columns: list[dict]) -> list[str]:
    """Return what tells each column apart: its provider, its prompt, or both; at last its place."""
    providers = [_line(column.get("provider")) for column in columns]
    prompts = [_line(column.get("label") or column.get("raw")) for column in columns]
    if len(set(prompts)) == len(columns):
        names = prompts
    elif len(set(providers)) == len(columns):
        names = providers
    else:
        pairs = zip(providers, prompts, strict=True)
        names = [f"{provider}: {prompt}" for provider, prompt in pairs]
    names = [name[:LONGEST_COLUMN].strip() for name in names]
    if len(set(names)) == len(columns):
        return names
    return [
        f"{name[: LONGEST_COLUMN - 8].strip()} #{place + 1}" for place, name in enumerate(names)
    ]


def _line(value: Any) -> str:
    return " ".join(str(value or "").split())


def _counts(place: int, metrics: dict, tests: Any) -> tuple[int, int, int]:
    """Return passed, failed and erred tests of a column, as it says or as its rows do."""
    told = [metrics.get(name) for name in COUNTS]
    if all(isinstance(count, int) and count >= 0 for count in told):
        return tuple(told)
    if isinstance(tests, Tests) and place in tests.columns:
        counted = tests.columns[place]
        return counted[True], counted[False], counted["error"]
    raise Broken(f"Column {place + 1} does not say how many of its tests passed.")


def _told(column: dict, metrics: dict, counts: tuple[int, int, int]) -> dict:
    return {
        "provider": column.get("provider"),
        "prompt": column.get("label"),
        "passed": counts[0],
        "failed": counts[1],
        "errors": counts[2],
        "score": metrics.get("score"),
        "named_scores": metrics.get("namedScores"),
        "named_score_weights": metrics.get("namedScoreWeights"),
        "cost": metrics.get("cost"),
    }


def _column(suite: str, name: str | None, metrics: dict, counts: tuple, report: Report) -> None:
    count = sum(counts)
    about: dict[str, Any] = {"kind": name, "higher_is_better": True, "unit": "fraction"}
    if count:
        report.add(suite, "pass_rate", counts[0] / count, n=count, **about)
        if (score := number(metrics.get("score"))) is not None:
            report.add(suite, "mean_score", score / count, n=count, **about)
    weights, numbers = (
        mapping(metrics.get("namedScoreWeights")),
        mapping(metrics.get("namedScoresCount")),
    )
    for metric, total in mapping(metrics.get("namedScores")).items():
        # Sums over tests: only their weights make them comparable.
        weight = number(weights.get(metric)) or number(numbers.get(metric))
        if not weight:
            report.warn(f"{metric}: its sum {shown(total)} has no weight and is left out.")
            continue
        value = number(total)
        if value is not None:
            total = value / weight
        report.add(suite, metric, total, n=numbers.get(metric), **about)


def _judge_whole(stats: dict, told: list[dict], tests: Any, report: Report) -> None:
    """Say for what the figures are not those of every test."""
    errors = sum(column["errors"] for column in told)
    count = sum(column[name] for column in told for name in ("passed", "failed", "errors"))
    if errors:
        report.gap(f"{errors:,} of its {count:,} tests ended in an error and were not judged.")
    summed = [stats.get(name) for name in ("successes", "failures", "errors")]
    if all(isinstance(one, int) for one in summed) and sum(summed) != count:
        report.gap(f"It counts {sum(summed):,} tests, and its columns {count:,}.")
    if isinstance(tests, Rows) and tests.count != count:
        report.gap(f"It lists {tests.count:,} of {count:,} tests.")
