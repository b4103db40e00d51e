"""Which numbers of a router's records have come, and which are missing between them."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from registry.models import Router
from runtime.records.models import SequenceSpan

#: Gaps of one router that are named; all are counted.
NAMED = 20


@dataclass(frozen=True)
class Gaps:
    """What is missing of one router: the newest gaps, and how many records in how many of them."""

    named: tuple[tuple[int, int], ...]
    gaps: int
    records: int


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return numbers as runs without a gap, each by its first and last."""
    found: list[list[int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [(first, last) for first, last in found]


def merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans that neither touch nor overlap, in order."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def note(router: Router, numbers: Iterable[int]) -> None:
    """Note that these numbers came, within the change that keeps their records.

    Two batches at once may leave two spans that touch; that is no gap, and the next one joins them.
    """
    new = runs(numbers)
    touching = Q()
    for first, last in new:
        touching |= Q(first__lte=last + 1, last__gte=first - 1)
    rows = SequenceSpan.objects.filter(touching, router=router)
    old = list(rows.select_for_update().order_by("pk"))
    SequenceSpan.objects.filter(pk__in=[one.pk for one in old]).delete()
    SequenceSpan.objects.bulk_create(
        SequenceSpan(router=router, first=first, last=last)
        for first, last in merged([*new, *((one.first, one.last) for one in old)])
    )


def missing(router: Router) -> Gaps:
    """Return what is missing between the numbers of a router that have come."""
    rows = SequenceSpan.objects.filter(router=router)
    found = between(rows.values_list("first", "last"))
    return Gaps(
        named=tuple(reversed(found[-NAMED:])),
        gaps=len(found),
        records=sum(last - first + 1 for first, last in found),
    )


def between(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return what is missing before, and between, spans of numbers that came, in order."""
    spans = merged(spans)
    # Numbers begin at one: what lies before the first that came is missing as well.
    ends = [0, *(last for _, last in spans)]
    return [
        (end + 1, first - 1)
        for end, (first, _) in zip(ends, spans, strict=False)
        if end + 1 < first
    ]
