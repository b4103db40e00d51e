"""Whether a score got better or worse since what was approved before. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from gates.rules.facts import Demand


@dataclass(frozen=True)
class Progress:
    """One demanded score before and now, in words; `state` is that of a finding or a difference."""

    name: str
    before: str
    now: str
    bound: str
    state: str
    word: str
    #: Whether chance would do the difference, in words, where both are measured.
    chance: str = ""


def progress(demand: Demand, before: str, now: str, chance: str = "") -> Progress:
    """Return how a score stands; `before` and `now` are its texts, empty where there is none.

    Whether the threshold is met comes first: better than before does not help what misses it.
    """
    state, word = _judged(demand, before, now)
    return Progress(demand.name, before, now, demand.bound, state, word, chance)


def _judged(demand: Demand, before: str, now: str) -> tuple[str, str]:
    if not now:
        return "missing", "No score"
    value = Decimal(now)
    if not demand.met_by(value):
        return "failed", "Under threshold" if demand.higher_is_better else "Over threshold"
    if not before:
        return "added", "New, and met"
    earlier = Decimal(before)
    if value == earlier:
        return "met", "Met, as before"
    better = value > earlier if demand.higher_is_better else value < earlier
    return ("met", "Better") if better else ("stale", "Met, but worse")
