"""What leaves: a list of records as CSV, and one request with its proofs as JSON."""

import csv
import io
import uuid
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from audit import clock
from registry.models import Person
from runtime.records.finding import said_of
from runtime.records.models import RequestRecord
from runtime.records.proofs import proofs

#: Rows of one file, and of one look into the database.
MOST, CHUNK = 10_000, 500
COLUMNS = (
    "id",
    "kind",
    "at",
    "received_at",
    "environment",
    "router",
    "seq",
    "request",
    "attempt",
    "trace",
    "conversation",
    "use_case",
    "status",
    "reason",
    "failure",
    "generation",
    "snapshot",
    "deployment",
    "release",
    "policy",
    "served_release",
    "tokens_in",
    "tokens_out",
    "latency_ms",
    "unverified",
    "skewed",
)
#: What a spreadsheet takes for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: Any) -> str:
    """Return a value as a cell that no spreadsheet carries out."""
    if value is None:
        return ""
    text = value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def lines(rows: QuerySet[RequestRecord]) -> Iterator[str]:
    """Yield a head and the newest `MOST` of `rows`, which are ordered so, read in chunks by key."""
    yield _line(COLUMNS)
    left, after = MOST, None
    while left:
        some = rows if after is None else rows.filter(id__lt=after)
        found = list(some[: min(CHUNK, left)])
        if not found:
            return
        yield "".join(_line(said[name] for name in COLUMNS) for said in map(said_of, found))
        left, after = left - len(found), found[-1].pk


def _line(values) -> str:
    written = io.StringIO()
    csv.writer(written).writerow([cell(value) for value in values])
    return written.getvalue()


def whole(found: dict[str, Any], reader: Person) -> dict[str, Any]:
    """Return an investigation with the proof of each record, as one document."""
    ids = [uuid.UUID(one["id"]) for one in found["records"]]
    rows = list(RequestRecord.objects.visible_to(reader).filter(pk__in=ids).order_by("id"))
    proven = proofs(rows)
    return {
        "schema": "gatehouse.request/1",
        "exported_at": clock.now(),
        "exported_by": reader.username,
        **found,
        "proofs": [proven[row.pk] for row in rows if row.pk in proven],
    }
