"""Lists as CSV: streamed, read in chunks by key, and nothing in them is carried out.

Quoted throughout, in UTF-8, with times in UTC and their zone. What a list leaves out is said in
a last line, so that nobody takes a part for the whole.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import StreamingHttpResponse
from django.utils.html import strip_tags
from django.utils.safestring import SafeString

from audit.refusals import Reason

#: Rows of one file, and of one look into the database.
MOST, CHUNK = 100_000, 500
#: What a spreadsheet takes for the beginning of a formula, in either width.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

LEFT_OUT = "There are more than these {}: narrow the list to have the others."


@dataclass(frozen=True)
class Table:
    """A list as it leaves: its columns and rows, or why there is none."""

    columns: Sequence[str] = ()
    rows: Iterable[Sequence] = ()
    reasons: Sequence[Reason] = ()
    #: Said in a last line: what the rows leave out.
    rest: str = ""


def cell(value: Any) -> str:
    """Return a value as a cell that no spreadsheet carries out.

    A number stands as it is: its sign begins no formula.
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float() | Decimal():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case SafeString():
            return _harmless(_words(value))
        case list() | tuple():
            return _harmless(", ".join(str(one) for one in value))
    return _harmless(str(value))


def _words(markup: str) -> str:
    return re.sub(r"\s+", " ", unescape(strip_tags(markup))).strip()


def _harmless(text: str) -> str:
    # Some spreadsheets drop blanks at the beginning, and some read a full-width sign as its like.
    begins = unicodedata.normalize("NFKC", text.lstrip(" \u00a0\ufeff")[:1])
    return f"'{text}" if begins.startswith(FORMULA) else text


def line(values: Iterable) -> str:
    """Return one line, every cell quoted: then no separator of any country ends one."""
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerow([cell(value) for value in values])
    return written.getvalue()


def by_key(rows: QuerySet, most: int = MOST, by: str = "pk") -> Iterator[list[Model]]:
    """Yield the first `most` rows in chunks, the highest in `by` first; two queries each.

    The keys come first, as in any narrowed list: else wide rows would be sorted whole.
    """
    order = ("-pk",) if by == "pk" else (f"-{by}", "-pk")
    keys = rows.order_by(*order).prefetch_related(None).values_list(by, "pk")
    left, below = most, Q()
    while left > 0:
        found = list(keys.filter(below)[: min(CHUNK, left)])
        if not found:
            return
        yield list(rows.filter(pk__in=[pk for _, pk in found]).order_by(*order))
        left, (last, pk) = left - len(found), found[-1]
        below = (
            Q(pk__lt=pk) if by == "pk" else Q(**{f"{by}__lt": last}) | Q(**{by: last}, pk__lt=pk)
        )


def newest(
    rows: QuerySet,
    said: Callable[[list[Model]], Iterable[Sequence]],
    most: int = MOST,
    by: str = "pk",
) -> Iterator[Sequence]:
    """Yield the lines of the first `most` rows, as `said` has a chunk of them.

    A last one tells that there are more.
    """
    left, whole = most, True
    for chunk in by_key(rows, most + 1, by):
        whole = len(chunk) <= left
        yield from said(chunk[:left])
        left -= len(chunk)
    if not whole:
        yield (LEFT_OUT.format(f"{most:,}"),)


def lines(table: Table) -> Iterator[str]:
    """Yield a table as text, some lines at a time."""
    yield line(table.columns)
    waiting: list[str] = []
    for row in table.rows:
        waiting.append(line(row))
        if len(waiting) == CHUNK:
            yield "".join(waiting)
            waiting = []
    if table.rest:
        waiting.append(line([table.rest]))
    if waiting:
        yield "".join(waiting)


def answer(name: str, table: Table) -> StreamingHttpResponse:
    """Answer with a table as a file `name`.csv."""
    response = StreamingHttpResponse(lines(table), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "no-store"
    return response
