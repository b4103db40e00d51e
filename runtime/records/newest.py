"""A page of records, without reading past all that others left behind since."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from audit import Reason
from registry.models import Person
from runtime.records.fields import first_id, made_at
from runtime.records.finding import Filters, matching
from runtime.records.models import RequestRecord
from runtime.records.summing import counted

PAGE = 50
#: By how much more is looked at when retention took away what an hour counted.
WIDER = 10
#: Counts that are read at once.
MOST = 5000


def newest(
    filters: Filters, reader: Person, count: int, before: uuid.UUID | None = None
) -> list[RequestRecord]:
    """Return at most `count` records that the filters name, newest first, those behind `before`.

    What one release served lies together in time, where a database expects it spread evenly and
    would walk back through all records to find some. The counts by the hour say where they are.
    """
    rows = matching(filters, reader)
    cells = counted(filters, reader).order_by("-hour").values_list("hour", "count")
    if before is not None:
        rows = rows.filter(id__lt=before)
        cells = cells.filter(hour__lte=made_at(before))
    found: list[RequestRecord] = []
    wanted = count
    while len(found) < count and (since := _reach(cells[: min(wanted, MOST)], wanted)):
        found += rows.filter(id__gte=first_id(since))[: count - len(found)]
        rows, cells = rows.filter(id__lt=first_id(since)), cells.filter(hour__lt=since)
        wanted *= WIDER
    return found


def page_of(
    filters: Filters, reader: Person, after: str
) -> tuple[list[RequestRecord], str, list[Reason]]:
    """Return a page of records behind the one called `after`, and what the next is behind."""
    try:
        before = uuid.UUID(after) if after else None
    except ValueError:
        sentence = "This is no place in the list. Begin without it."
        return [], "", [Reason("CURSOR", sentence, "after")]
    found = newest(filters, reader, PAGE + 1, before)
    following = str(found[PAGE - 1].pk) if len(found) > PAGE else ""
    return found[:PAGE], following, []


def _reach(cells: Iterable[tuple[datetime, int]], wanted: int) -> datetime | None:
    """Return how far back one goes for so many records, or as far as `cells` go; None: nowhere."""
    since = None
    for hour, count in cells:
        since = hour
        wanted -= count
        if wanted <= 0:
            break
    return since
