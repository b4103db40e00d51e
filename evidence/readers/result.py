"""What a reader makes of one file: an outcome in one word, a sentence, and the scores. Pure."""

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from evidence.intervals import NONE, Interval, is_level, words
from evidence.rules import is_storable

#: Figures in one file; each may become a row.
MOST_SCORES = 10_000
MOST_WARNINGS = 100
#: What is beyond is not exact in every JSON reader, and no score.
LARGEST_EXACT = 2**53
LONGEST_NAME = 200


class Broken(Exception):
    """A file claims to be of a tool and is not whole; the sentence names the place."""


class Outcome(StrEnum):
    """How a reading ended."""

    OK = "ok"
    PARTIAL = "partial"
    NO_SCORES = "no_scores"
    REFUSED = "refused"


class Figure(float):
    """A number with a fraction that keeps its source's spelling."""

    __slots__ = ("text",)

    def __new__(cls, text: str):
        figure = super().__new__(cls, text)
        figure.text = text
        return figure


def number(value: Any) -> float | int | None:
    """Return a value that is a number a score can have, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_EXACT else None
    return value if math.isfinite(value) else None


def spelt(value: Any) -> str:
    """Return a number as its source spells it, and nothing for what is none."""
    return "" if number(value) is None else getattr(value, "text", None) or repr(value)


def is_broken_number(value: Any) -> bool:
    """Whether a value was meant as a number and is none: NaN, infinite, or out of all bounds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and number(value) is None


def listed(value: Any) -> list:
    """Return a list as it is, and nothing for what is none."""
    return value if isinstance(value, list) else []


@dataclass
class Score:
    """One figure. `value` is None where the source has no number for it.

    The last ones are for the record alone and no part of what the command prints: the source's
    own spelling of both numbers, the part of the data, and unit and interval where the source
    says them.
    """

    suite: str
    metric: str
    filter: str | None
    value: float | int | None
    stderr: float | int | None = None
    n: int | None = None
    higher_is_better: bool | None = None
    text: str = ""
    stderr_text: str = ""
    subset: str = ""
    unit: str = ""
    interval: Interval = NONE

    @property
    def interval_words(self) -> str:
        """The interval as pages show it."""
        return words(*self.interval)

    @property
    def name(self) -> str:
        """Suite, metric and filter in one line, for people."""
        return " ".join(filter(None, (self.suite, self.metric, self.filter)))


UNPRINTED = ("text", "stderr_text", "subset", "unit", "interval")


@dataclass
class Result:
    """What one file says. `tool` is None for a file that no reader knows."""

    file: str
    tool: str | None
    outcome: Outcome
    message: str
    warnings: list[str] = field(default_factory=list)
    subject: str | None = None
    created: str | None = None
    scores: list[Score] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        # Sentences quote the file, and are printed whatever it has in it.
        self.file, self.message = _printable(self.file), _printable(self.message)
        self.warnings = [_printable(warning) for warning in self.warnings]

    def as_document(self) -> dict:
        """Return the result as tools read it; numbers as numbers."""
        document = asdict(self)
        for score in document["scores"]:
            for name in UNPRINTED:
                del score[name]
        return document

    def as_message(self) -> dict:
        """Return all of the result, for `from_message` in another process."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: dict) -> "Result":
        """Return the result that another process sent."""
        scores = [
            Score(**score | {"interval": Interval(*score["interval"])})
            for score in message.pop("scores")
        ]
        return cls(**message | {"outcome": Outcome(message["outcome"]), "scores": scores})


class Report:
    """A result in the making: what is read is noted, what is odd is said, then it is closed."""

    def __init__(self, tool: str):
        self.tool = tool
        self.scores: list[Score] = []
        self.warnings: list[str] = []
        #: Why the run is not a full one.
        self.gaps: list[str] = []
        self.subject: str | None = None
        self.created: str | None = None
        self.details: dict[str, Any] = {}

    def warn(self, sentence: str) -> None:
        """Note what could not be read, or is odd."""
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(sentence)
        elif len(self.warnings) == MOST_WARNINGS:
            self.warnings.append("There is more of this kind; it is not listed.")

    def gap(self, sentence: str) -> None:
        """Note that the run is partial, limited, cancelled or failed, and how."""
        self.gaps.append(sentence)
        self.warn(sentence)

    def add(
        self,
        suite: str,
        metric: str,
        value: Any,
        *,
        kind: str | None = None,
        stderr: Any = None,
        n: Any = None,
        higher_is_better: Any = None,
        subset: str = "",
        unit: str = "",
        interval: tuple = (),
    ) -> None:
        """Note one figure; `kind` is its filter, and what is no number is None with a warning.

        `interval` is lower and upper bound, and the level where the source says it. Raises
        `Broken` when there are more than one file may have.
        """
        if len(self.scores) >= MOST_SCORES:
            raise Broken(f"It has more than {MOST_SCORES:,} scores, the most that is read.")
        score = Score(
            suite=str(suite)[:LONGEST_NAME],
            metric=str(metric)[:LONGEST_NAME],
            filter=str(kind)[:LONGEST_NAME] if kind else None,
            value=number(value),
            stderr=number(stderr),
            n=n if isinstance(n, int) and not isinstance(n, bool) and n > 0 else None,
            higher_is_better=higher_is_better if isinstance(higher_is_better, bool) else None,
            text=spelt(value),
            stderr_text=spelt(stderr),
            subset=subset,
            unit=unit,
            interval=self._interval(interval, f"{suite} {metric}"),
        )
        if not is_storable(f"{score.suite}{score.metric}{score.filter}"):
            place = f"score {len(self.scores) + 1}"
            raise Broken(f"The name of {place} has a NUL or half of a surrogate pair.")
        if score.value is None:
            self.warn(f"{score.name}: {shown(value)} is no number; the score is left empty.")
        if is_broken_number(stderr):
            self.warn(f"{score.name}: the standard error {shown(stderr)} is no number.")
        self.scores.append(score)

    def _interval(self, bounds: tuple, name: str) -> Interval:
        """Return an interval as it is spelt; one that can be none is left out with a warning."""
        if all(bound is None for bound in bounds):
            return NONE
        low, high, level = (*bounds, None)[:3]
        if number(low) is None or number(high) is None or low > high:
            self.warn(f"{name}: {shown(low)} to {shown(high)} is no interval; it is left out.")
            return NONE
        sure = spelt(level)
        return Interval(spelt(low), spelt(high), sure if is_level(sure) else "")

    def close(self, nothing: str = "It has no scores.") -> Result:
        """Return the result; `nothing` is said when there is no score."""
        count = sum(score.value is not None for score in self.scores)
        if not count:
            outcome, message = Outcome.NO_SCORES, " ".join(dict.fromkeys((*self.gaps, nothing)))
        elif self.gaps:
            outcome = Outcome.PARTIAL
            message = f"{_scores(count)}, of a run that is not a full one: {' '.join(self.gaps)}"
        else:
            outcome, message = Outcome.OK, f"{_scores(count)}."
        return Result(
            "",
            self.tool,
            outcome,
            message,
            self.warnings,
            _text(self.subject),
            _text(self.created),
            self.scores,
            facts(self.details),
        )


def _scores(count: int) -> str:
    return "One score" if count == 1 else f"{count:,} scores"


def _text(value: Any) -> str | None:
    value = facts(value) if isinstance(value, str) else None
    return value or None


def shown(value: Any) -> str:
    """Return a value as a sentence names it, cut short."""
    text = repr(value) if not isinstance(value, str) else f"“{value}”"
    return text if len(text) <= 60 else f"{text[:60]}…"


# Facts

DEEPEST_FACT = 8
LONGEST_FACT = 1000
MOST_FACTS = 20_000
MOST_OF_FACTS = 1_000_000


def facts(value: Any) -> Any:
    """Return a value as details keep it: bounded, storable, and with numbers that are numbers.

    Texts are cut at 1000 characters; what is nested deeper than eight levels, or comes after
    20,000 values or a million characters, is left out.
    """
    return _facts(value, 1, [MOST_FACTS, MOST_OF_FACTS])


def _facts(value: Any, depth: int, left: list[int]) -> Any:
    left[0] -= 1
    if min(left) < 0 or depth > DEEPEST_FACT:
        return None
    if isinstance(value, dict):
        return {
            _facts(str(key), depth, left) or "": _facts(item, depth + 1, left)
            for key, item in value.items()
            if min(left) > 0
        }
    if isinstance(value, list | tuple):
        return [_facts(item, depth + 1, left) for item in value if min(left) > 0]
    if isinstance(value, str):
        left[1] -= min(len(value), LONGEST_FACT)
        return _printable(value[:LONGEST_FACT])
    if isinstance(value, bool) or value is None:
        return value
    found = number(value)
    return found if found is not None else str(value)[:LONGEST_FACT]


def _printable(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()
