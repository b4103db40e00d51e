"""How many records are like this, since when, and what became of them by the hour or day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, Min, QuerySet, Sum
from django.db.models.functions import TruncDay

from registry.models import Person
from runtime.records.counting import HOUR, hour_of
from runtime.records.fields import first_id, made_at
from runtime.records.finding import EVERY_STATUS, Filters, matching, named
from runtime.records.models import RecordCount

#: Bars of one chart, and what one may stand for.
MOST_BARS = 48
DAY = timedelta(days=1)
STEPS = tuple(HOUR * hours for hours in (1, 3, 6, 12)) + tuple(
    DAY * days for days in (1, 2, 7, 14, 28, 91, 182, 364)
)
#: What is drawn where no beginning is given.
LATELY = timedelta(days=30)


@dataclass(frozen=True)
class Bar:
    """What came in one span of time, by status."""

    since: datetime
    until: datetime
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Summary:
    """How many records there were, whole hours counted; the first and last that are there yet."""

    count: int
    counts: Mapping[str, int]
    doubtful: int
    first: datetime | None
    last: datetime | None
    bars: tuple[Bar, ...]
    step: timedelta


def summary(filters: Filters, reader: Person) -> Summary:
    """Return how many records the filters name of those that the reader may see."""
    rows = counted(filters, reader)
    counts: dict[str, int] = dict.fromkeys(EVERY_STATUS, 0)
    doubtful = 0
    hours: list[datetime] = []
    grouped = rows.order_by().values_list("status", "doubtful")
    for status, in_doubt, count, first, last in grouped.annotate(
        Sum("count"), Min("hour"), Max("hour")
    ):
        counts[status] += count
        doubtful += count if in_doubt else 0
        hours += (first, last)
    ends = _ends(filters, reader, min(hours), max(hours)) if hours else (None, None)
    bars, step = _bars(rows, filters, hours)
    return Summary(sum(counts.values()), counts, doubtful, *ends, tuple(bars), step)


def counted(filters: Filters, reader: Person) -> QuerySet[RecordCount]:
    """Return the counts that the filters name, of records that the reader may see."""
    rows = RecordCount.objects.visible_to(reader).filter(**named(filters, reader))
    if filters.doubtful:
        rows = rows.filter(doubtful=True)
    if filters.since:
        rows = rows.filter(hour__gte=hour_of(filters.since))
    if filters.until:
        rows = rows.filter(hour__lt=filters.until)
    return rows


def _ends(filters: Filters, reader: Person, first: datetime, last: datetime):
    """Return when the first and the last of them were made: each is in an hour that is known."""
    rows = matching(filters, reader).values_list("id", flat=True)
    found = []
    for hour, order in ((first, "id"), (last, "-id")):
        within = rows.filter(id__gte=first_id(hour), id__lt=first_id(hour + HOUR))
        pk = within.order_by(order).first()
        # Retention may have taken it away; then the hour is all that is known.
        found.append(made_at(pk) if pk else hour)
    return found


def _bars(
    rows: QuerySet[RecordCount], filters: Filters, hours: list[datetime]
) -> tuple[list[Bar], timedelta]:
    if not hours:
        return [], HOUR
    until = min(filters.until or max(hours) + HOUR, max(hours) + HOUR)
    since = max(hour_of(filters.since or until - LATELY), min(hours))
    step = next((one for one in STEPS if (until - since) / one <= MOST_BARS), STEPS[-1])
    if step >= DAY:
        since = since.replace(hour=0)
    found: dict[int, dict[str, int]] = {}
    rows = rows.filter(hour__gte=since, hour__lt=until).order_by()
    grouped = rows.annotate(at=TruncDay("hour")) if step >= DAY else rows.values("hour")
    grouped = grouped.values_list("at" if step >= DAY else "hour", "status")
    for at, status, count in grouped.annotate(Sum("count")):
        bar = found.setdefault((at - since) // step, {})
        bar[status] = bar.get(status, 0) + count
    number = min(-(-(until - since) // step), MOST_BARS * 2)
    return [
        Bar(since + step * place, since + step * (place + 1), found.get(place, {}))
        for place in range(number)
    ], step
