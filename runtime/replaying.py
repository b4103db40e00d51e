"""Trying facts against two documents: what would take another route, and what none.

Tried are the requests that routers recorded last, and the test facts that somebody kept.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import Reason
from registry.models import Environment, UseCase
from runtime import routing
from runtime.keeping import Kept, kept_for
from runtime.records.fields import ROUTE
from runtime.records.models import RequestRecord

#: The newest requests that are tried, and records among which they are looked for: there are
#: outcomes and further attempts between them.
TRIED, LOOKED_AT = 500, 5000
VERDICTS = ("same", "moved", "refused", "refused_before")


class _Fared:
    """Where something goes and would go; None is nowhere."""

    before: str | None
    after: str | None

    @property
    def verdict(self) -> str:
        """Whether the route stays, changes, would be refused, or is refused as before."""
        if self.after is None:
            return "refused_before" if self.before is None else "refused"
        return "same" if self.before == self.after else "moved"


@dataclass(frozen=True)
class Replayed(_Fared):
    """Kept facts with where they go and would go."""

    kept: Kept
    before: str | None
    after: str | None

    #: How many there are of it.
    count = 1

    @property
    def use_case(self) -> str:
        """The use case whose route they try."""
        return self.kept.use_case

    @property
    def breaks(self) -> bool:
        """Whether it is routed now, as is expected, and would not be."""
        return self.kept.expected == "routed" and self.verdict == "refused"


@dataclass(frozen=True)
class Alike(_Fared):
    """Recorded requests of one use case that go, and would go, to the same deployments."""

    use_case: str
    before: str | None
    after: str | None
    #: Why they would go nowhere; empty if they go somewhere.
    reason: str
    count: int
    #: The newest of them.
    request: str


@dataclass(frozen=True)
class Requests:
    """The recorded requests that were tried, most of a kind first, and when they were made."""

    alike: tuple[Alike, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(one.count for one in self.alike)


class _Both:
    """The two documents, ready to be asked often."""

    def __init__(self, before: Mapping[str, Any], after: Mapping[str, Any], at: datetime):
        self.before, self.after, self.at = routing.Table(before), routing.Table(after), at

    def fare(self, facts: routing.Facts) -> tuple[str | None, str | None, str]:
        """Return where facts go, where they would go, and why nowhere."""
        was, will = (
            table.decide(facts, self.at, generation=0, digest="")
            for table in (self.before, self.after)
        )
        return _selected(was), _selected(will), "" if will["selected"] else will["reason"]


def _selected(answer: Mapping[str, Any]) -> str | None:
    return answer["selected"]["deployment"] if answer["selected"] else None


def replay(
    before: Mapping[str, Any], after: Mapping[str, Any], at: datetime, use_case: str = ""
) -> list[Replayed]:
    """Return how the kept facts of every use case in either document fare in both; one query.

    With a use case, of that one alone.
    """
    kept, both = kept_for(_routes(before, after, use_case)), _Both(before, after, at)
    return [Replayed(one, *both.fare(one.facts)[:2]) for slug in sorted(kept) for one in kept[slug]]


def replay_requests(
    environment: Environment,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    at: datetime,
    use_case: str = "",
) -> Requests:
    """Return how the newest recorded requests fare in both documents, at `at`; two queries.

    Each request counts once, by its first attempt. With a use case, of that one alone.
    """
    rows = RequestRecord.objects.filter(environment=environment).order_by("-id")
    if use_case:
        # As one value and no join, so that an index gives them in their order.
        rows = rows.filter(use_case=UseCase.objects.filter(slug=use_case).values("pk")[:1])
    # Among the newest records alone: where a route is rare, all that ever came would be read.
    oldest = rows.values_list("pk", flat=True)[LOOKED_AT : LOOKED_AT + 1]
    rows = rows.filter(pk__gt=oldest[0]) if oldest else rows
    rows = rows.filter(kind=ROUTE, attempt=1, route__in=_routes(before, after, use_case))
    asked: dict[tuple[str, str], list] = {}
    times: list[datetime] = []
    columns = ("route", "facts", "request", "occurred_at")
    for route, facts, request, made_at in rows.values_list(*columns)[:TRIED]:
        times.append(made_at)
        key = route, json.dumps(facts, sort_keys=True)
        asked.setdefault(key, [routing.read({**facts, "use_case": route}), request, 0])[2] += 1
    if not times:
        return Requests()
    both, found = _Both(before, after, at), {}
    for (route, _), (facts, request, count) in asked.items():
        known = found.setdefault((route, *both.fare(facts)), [request, 0])
        known[1] += count
    alike = [Alike(*key, count, request) for key, (request, count) in found.items()]
    alike.sort(key=lambda one: (-one.count, one.use_case, one.before or "", one.after or ""))
    return Requests(tuple(alike), min(times), max(times))


def _routes(before: Mapping[str, Any], after: Mapping[str, Any], use_case: str) -> set[str]:
    routes = before["routes"].keys() | after["routes"].keys()
    return routes & {use_case} if use_case else routes


def broken(found: Iterable[Replayed]) -> list[Reason]:
    """Return what stands in the way of a change that would refuse what is expected to be routed."""
    return [
        Reason(
            "REPLAY_REFUSED",
            f"{one.kept.use_case}: the test facts “{one.kept.name}” would be refused. Only an "
            "emergency goes on all the same.",
        )
        for one in found
        if one.breaks
    ]


def counted(found: Iterable[Replayed | Alike]) -> dict[str, int]:
    """Return how many fare in which way."""
    counts = dict.fromkeys(VERDICTS, 0)
    for one in found:
        counts[one.verdict] += one.count
    return counts
