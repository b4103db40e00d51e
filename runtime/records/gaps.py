"""Which numbers of a router's records have come, and which are missing between them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q

from registry.models import Router
from runtime.records.models import SequenceSpan

#: Gaps of one router that are named; all are counted.
NAMED = 20


class Run(NamedTuple):
    """Numbers that have all come, and when the router made the first and the last of them."""

    first: int
    last: int
    first_at: datetime | None = None
    last_at: datetime | None = None


class Gap(NamedTuple):
    """Numbers that have not come, and when the router made what it numbered before and behind."""

    first: int
    last: int
    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class Gaps:
    """What is missing of one router: the newest gaps, and how many records in how many of them."""

    named: tuple[Gap, ...]
    gaps: int
    records: int


def runs(numbers: Iterable[tuple[int, datetime | None]]) -> list[Run]:
    """Return numbers, each with its instant, as runs without a gap."""
    return merged(Run(number, number, at, at) for number, at in numbers)


def merged(spans: Iterable[Run]) -> list[Run]:
    """Return spans that neither touch nor overlap, in order."""
    found: list[Run] = []
    for span in sorted(spans, key=lambda one: one[:2]):
        if found and span.first <= found[-1].last + 1:
            before = found[-1]
            if span.last > before.last:
                found[-1] = before._replace(last=span.last, last_at=span.last_at)
        else:
            found.append(span)
    return found


def note(router: Router, numbers: Iterable[tuple[int, datetime]]) -> None:
    """Note that these numbers came, within the change that keeps their records.

    Two batches at once may leave two spans that touch; that is no gap, and the next one joins them.
    """
    new = runs(numbers)
    touching = Q()
    for one in new:
        touching |= Q(first__lte=one.last + 1, last__gte=one.first - 1)
    rows = SequenceSpan.objects.filter(touching, router=router)
    old = list(rows.select_for_update().order_by("pk"))
    SequenceSpan.objects.filter(pk__in=[one.pk for one in old]).delete()
    SequenceSpan.objects.bulk_create(
        SequenceSpan(router=router, **one._asdict())
        for one in merged([*new, *(Run(o.first, o.last, o.first_at, o.last_at) for o in old)])
    )


def missing(router: Router) -> Gaps:
    """Return what is missing between the numbers of a router that have come."""
    rows = SequenceSpan.objects.filter(router=router)
    found = between(Run(*row) for row in rows.values_list(*Run._fields))
    return Gaps(
        named=tuple(reversed(found[-NAMED:])),
        gaps=len(found),
        records=sum(gap.last - gap.first + 1 for gap in found),
    )


def between(spans: Iterable[Run]) -> list[Gap]:
    """Return what is missing before, and between, spans of numbers that came, in order."""
    spans = merged(spans)
    # Numbers begin at one: what lies before the first that came is missing as well.
    ends = [Run(0, 0), *spans]
    return [
        Gap(end.last + 1, span.first - 1, end.last_at, span.first_at)
        for end, span in zip(ends, spans, strict=False)
        if end.last + 1 < span.first
    ]
