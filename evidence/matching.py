"""Which registered metric each figure of a file is: chosen by a person, judged here. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit.refusals import Reason
from audit.rules import canonical
from evidence.imports.said import kept, slug_of
from evidence.readers.result import Result, Score

#: Under this key a run's settings name the file that it was read from.
READ_FROM = "read_from"
#: How tools call what is no filter.
NO_FILTER = ("none", None)
#: Characters of one fact that is kept with a run; a longer one is left out and named.
LONGEST_FACT = 100_000


@dataclass(frozen=True)
class Target:
    """A registered metric; `name` is how people choose it, such as "mmlu v2 acc"."""

    key: int
    name: str
    suite: str
    metric: str
    suite_version: int
    unit: str
    higher_is_better: bool


@dataclass(frozen=True)
class Choice:
    """What one figure is: the metric, the unit that is confirmed, and whether it is the metric
    itself or one of several that its filter tells apart."""

    place: int
    target: Target
    unit: str = ""
    keeps_filter: bool = False


def has_filter(score: Score) -> bool:
    """Whether a filter tells the figure apart from others of its metric."""
    return score.filter not in NO_FILTER


def suggested(result: Result, targets: Iterable[Target]) -> dict[int, Target]:
    """Return the metric that each figure bears the name of, for a person to confirm.

    A figure that shares suite and metric with another of the file gets none.
    """
    known = {(target.suite, target.metric): target for target in targets}
    often = Counter((score.suite, score.metric) for score in result.scores)
    return {
        place: known[key]
        for place, score in enumerate(result.scores)
        if (key := (slug_of(score.suite), score.metric)) in known
        and often[score.suite, score.metric] == 1
        and score.value is not None
    }


def judge(result: Result, choices: Sequence[Choice]) -> list[Reason]:
    """Return every reason why the figures cannot be given as chosen; nothing is converted."""
    reasons: list[Reason] = []
    seen: set[tuple] = set()
    for choice in choices:
        score, field = result.scores[choice.place], f"rows.{choice.place}"
        key = (choice.target.key, *_apart(score, choice))
        if key in seen:
            sentence = (
                f"{choice.target.name} is given twice. Leave one out, or keep it under its filter."
            )
            reasons.append(Reason("METRIC_TWICE", sentence, f"{field}.metric"))
        seen.add(key)
        if score.value is None:
            sentence = f"The file has no number for {score.name}. Leave it out."
            reasons.append(Reason("SCORE_EMPTY", sentence, f"{field}.metric"))
        reasons += _direction(score, choice.target, f"{field}.metric")
        reasons += _unit(score, choice, f"{field}.unit")
    if not choices:
        sentence = "Say of one figure at least which metric it is."
        reasons.append(Reason("NOTHING_CHOSEN", sentence))
    return reasons


def _direction(score: Score, target: Target, field: str) -> list[Reason]:
    said = score.higher_is_better
    if said is None or said == target.higher_is_better:
        return []
    words = {True: "more", False: "less"}
    return [
        Reason(
            "DIRECTION_OTHER",
            f"The file says that {words[said]} is better, and {target.name} is kept with "
            f"{words[not said]} is better. Choose another metric, or leave it out.",
            field,
        )
    ]


def _unit(score: Score, choice: Choice, field: str) -> list[Reason]:
    wanted, name = choice.target.unit, choice.target.name
    given = choice.unit or score.unit
    if score.unit and choice.unit and score.unit != choice.unit:
        sentence = f"The file says that this is in “{score.unit}”, not in “{choice.unit}”."
        return [Reason("UNIT_DENIED", sentence, field)]
    if given == "fraction" and score.value is not None and abs(score.value) > 1:
        return [Reason("UNIT_CANNOT_BE", f"{score.text} is no fraction from 0 to 1.", field)]
    if not wanted or given == wanted:
        return []
    if not given:
        sentence = f"{name} is kept in “{wanted}”, and the file does not say its unit. Confirm it."
        return [Reason("UNIT_OPEN", sentence, field)]
    sentence = f"{name} is kept in “{wanted}”, not in “{given}”. Choose another metric."
    return [Reason("UNIT_OTHER", sentence, field)]


def runs_of(
    result: Result,
    choices: Iterable[Choice],
    *,
    file: str,
    sha256: str,
    about: Mapping[str, Any],
) -> list[dict]:
    """Return a run for each suite version that was chosen, as `add_runs` takes them.

    `about` is what holds for all: `ran_at`, `source`, `completeness`. What the reader made of the
    file is kept as each run's settings.
    """
    by_version: dict[int, list[Choice]] = {}
    for choice in choices:
        by_version.setdefault(choice.target.suite_version, []).append(choice)
    told = _told(result)
    return [
        {
            **about,
            "suite_version": version,
            "scores": [_given(result.scores[choice.place], choice) for choice in chosen],
            "config": {
                READ_FROM: {"name": file, "sha256": sha256},
                **told,
                "figures": {
                    _name(choice, result.scores[choice.place]): _origin(result.scores[choice.place])
                    for choice in chosen
                },
            },
        }
        for version, chosen in by_version.items()
    ]


def _apart(score: Score, choice: Choice) -> tuple[str, str]:
    """Return filter and subset as they are kept: a figure that is the metric itself has none."""
    return (score.filter or "", score.subset) if choice.keeps_filter else ("", "")


def _given(score: Score, choice: Choice) -> dict:
    kind, subset = _apart(score, choice)
    return {
        "metric": choice.target.key,
        "text": score.text,
        "stderr": score.stderr_text,
        "samples": score.n,
        **score.interval._asdict(),
        "filter": kind,
        "subset": subset,
    }


def _name(choice: Choice, score: Score) -> str:
    return " ".join(filter(None, (choice.target.metric, *_apart(score, choice))))


def _origin(score: Score) -> str:
    return " ".join(filter(None, (score.name, score.subset)))


def _told(result: Result) -> dict[str, Any]:
    """Return what the reader said beside the scores, without what is too long to keep."""
    facts = kept(result.details)
    long = [name for name, fact in facts.items() if len(canonical(fact)) > LONGEST_FACT]
    return {
        "tool": result.tool,
        "outcome": result.outcome.value,
        "message": result.message,
        "warnings": result.warnings,
        "subject": result.subject,
        "created": result.created,
        "details": {name: fact for name, fact in facts.items() if name not in long},
        **({"left_out": long} if long else {}),
    }
