"""What came of a release's requests, held against its service level objectives.

Objectives are words of people. Those that say one of a few things that records can answer are
measured; of the others the page says so, rather than guess.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from audit import clock
from registry.models import Person, Release
from registry.models.releases import Objective
from runtime.records.fields import OUTCOME, first_id
from runtime.records.models import RequestRecord

#: Outcomes that are looked at for one release, newest first.
MOST = 10_000

NUMBER = r"([0-9]+(?:[.,][0-9]+)?)"
UNITS = {"ms": 0.001, "s": 1, "sec": 1, "seconds": 1, "min": 60, "minutes": 60, "h": 3600}
#: One word and a time, such as "answered within 2 s": of the first token, say, it would be two.
WITHIN = re.compile(rf"[a-z]+ (?:within|in under|in) {NUMBER} ?({'|'.join(UNITS)})", re.IGNORECASE)
SERVED = re.compile(r"(?:availability|available|served|answered|success rate)", re.IGNORECASE)
PERCENTILE = re.compile(
    rf"(?:p{NUMBER}(?: of)? latency|latency p{NUMBER}|p{NUMBER})", re.IGNORECASE
)
SHARE = re.compile(rf"(≥|>=|>|at least)? ?{NUMBER} ?%", re.IGNORECASE)
TIME = re.compile(rf"(?:≤|<=|<|at most|under)? ?{NUMBER} ?({'|'.join(UNITS)})", re.IGNORECASE)
WINDOW = re.compile(r"([0-9]{1,4}) ?(h|hours?|d|days?|weeks?|months?)", re.IGNORECASE)
WINDOWS = {"h": 1 / 24, "d": 1, "w": 7, "m": 30}


@dataclass(frozen=True)
class Outcome:
    """What came of one request: whether it was served, and after how many milliseconds."""

    served: bool
    latency_ms: int | None


@dataclass(frozen=True)
class Promise:
    """An objective as it was read: what is measured, over which days, and what it must reach."""

    sentence: str
    window: timedelta
    measure: Callable[[list[Outcome]], float | None]
    at_least: float | None = None
    at_most: float | None = None
    unit: str = "%"

    def kept(self, value: float) -> bool:
        """Whether a measured value is as promised."""
        return value >= self.at_least if self.at_least is not None else value <= self.at_most


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def promise(metric: str, objective: str, window: str) -> Promise | None:
    """Return an objective that records can answer, or None."""
    metric, objective = metric.strip(), objective.strip()
    span = WINDOW.fullmatch(window.strip())
    if span is None:
        return None
    days = timedelta(days=int(span[1]) * WINDOWS[span[2][0].lower()])
    share = SHARE.fullmatch(objective)
    if share and (within := WITHIN.fullmatch(metric)):
        most = _number(within[1]) * UNITS[within[2].lower()] * 1000
        return Promise(
            f"share of requests that were served within {within[1]} {within[2]}",
            days,
            lambda rows: _share(rows, lambda one: one.served and (one.latency_ms or 0) <= most),
            at_least=_number(share[2]),
        )
    if share and SERVED.fullmatch(metric):
        return Promise(
            "share of requests that were served",
            days,
            lambda rows: _share(rows, lambda one: one.served),
            at_least=_number(share[2]),
        )
    at = PERCENTILE.fullmatch(metric)
    time = TIME.fullmatch(objective)
    if at and time:
        rank = _number(next(filter(None, at.groups())))
        if 0 < rank <= 100:
            return Promise(
                f"time within which {rank:g} % of those that were served were so",
                days,
                lambda rows: _percentile(rows, rank),
                at_most=_number(time[1]) * UNITS[time[2].lower()],
                unit="s",
            )
    return None


def _share(rows: list[Outcome], holds: Callable[[Outcome], bool]) -> float | None:
    # An answer of unknown duration says nothing about one that has a limit, nor against it.
    return 100 * sum(map(holds, rows)) / len(rows) if rows else None


def _percentile(rows: list[Outcome], rank: float) -> float | None:
    times = sorted(one.latency_ms for one in rows if one.served and one.latency_ms is not None)
    if not times:
        return None
    # The nearest rank: a time that was really taken.
    return times[max(0, -int(-rank * len(times) // 100) - 1)] / 1000


@dataclass(frozen=True)
class Measured:
    """One objective of a release, and how it fared."""

    objective: Objective
    #: met, failed, or unknown: nothing came, or its words are not among those that are measured.
    state: str
    sentence: str


def measured(release: Release, reader: Person) -> list[Measured]:
    """Return each objective of a release, held against its newest outcomes."""
    now = clock.now()
    read = [
        (one, promise(one.metric, one.objective, one.window))
        for one in release.objectives.order_by("metric", "window")
    ]
    windows = [said.window for _, said in read if said]
    rows = _outcomes(release, reader, now - max(windows)) if windows else []
    return [_judged(objective, said, rows, now) for objective, said in read]


def _outcomes(release: Release, reader: Person, since: datetime) -> list[tuple[Any, Outcome]]:
    rows = RequestRecord.objects.visible_to(reader).filter(release=release, id__gte=first_id(since))
    # Of the newest, whatever kind they are: those of one kind alone have no index.
    found = rows.order_by("-id").values_list("id", "kind", "status", "latency_ms")[: 2 * MOST]
    return [
        (pk, Outcome(status == "served", latency))
        for pk, kind, status, latency in found
        if kind == OUTCOME
    ][:MOST]


def _judged(objective: Objective, said: Promise | None, rows, now: datetime) -> Measured:
    if said is None:
        return Measured(
            objective,
            "unknown",
            "Not measured from records. They answer “answered within 2 s”, “availability” and "
            "“p95 latency”, over hours, days or weeks.",
        )
    first = first_id(now - said.window)
    within = [one for pk, one in rows if pk >= first]
    value = said.measure(within)
    if value is None:
        return Measured(objective, "unknown", "No outcome came in its window.")
    newest = "the newest " if len(rows) == MOST else ""
    sentence = (
        f"{value:.4g} {said.unit}: {said.sentence}, of {newest}{len(within)} "
        f"outcome{'s' if len(within) != 1 else ''}."
    )
    return Measured(objective, "met" if said.kept(value) else "failed", sentence)
