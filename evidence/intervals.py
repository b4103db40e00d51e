"""Confidence intervals of scores, as their source spells them. Pure."""

import re
from decimal import Decimal
from typing import NamedTuple

from audit.refusals import Reason
from evidence.rules import parse_score


class Interval(NamedTuple):
    """Where a score may well be; all are texts, and empty where the source does not say.

    `level` is how sure the source is, as a fraction such as "0.95".
    """

    low: str = ""
    high: str = ""
    level: str = ""


NONE = Interval()
_WRITTEN = re.compile(r"(\S+)\s+(?:to|–|-)\s+([^\s,]+)(?:\s*,?\s+(\d{1,2}(?:\.\d{1,6})?)\s*%)?")


def written(text: str) -> Interval | None:
    """Return the interval that a person wrote as “0.861 to 0.885, 95 %”, or None for anything else.

    Whether its parts are good numbers is judged with the score.
    """
    text = text.strip()
    if not text:
        return NONE
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    low, high, level = found.groups()
    return Interval(low, high, f"{(Decimal(level) / 100).normalize():f}" if level else "")


def words(low: str, high: str, level: str) -> str:
    """Return an interval as pages show it, or nothing for none."""
    if not low:
        return ""
    told = f"{(Decimal(level) * 100).normalize():f} %" if level else "level not said"
    return f"{low} to {high}, {told}"


def problems(name: str, interval: Interval, field: str) -> list[Reason]:
    """Judge the interval of a score; `name` is its metric, `field` the field at fault."""
    if interval == NONE:
        return []
    low, high = parse_score(interval.low), parse_score(interval.high)
    if low is None or high is None or low > high:
        sentence = (
            f"The interval of {name} is no two numbers, the lower first. Give both, such as "
            "0.861 to 0.885, or leave it empty."
        )
        return [Reason("INTERVAL_NOT_NUMBERS", sentence, field)]
    if interval.level and not is_level(interval.level):
        sentence = (
            f"The level of the interval of {name} is a part of 1, such as 0.95, or left empty."
        )
        return [Reason("LEVEL_NOT_A_PART", sentence, field)]
    return []


def is_level(text: str) -> bool:
    """Whether a text is how sure somebody can be: more than nothing, and less than certain."""
    level = parse_score(text)
    return level is not None and 0 < level < 1
