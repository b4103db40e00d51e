"""What leaves: a list of records as CSV, and one request with its proofs as JSON."""

import uuid
from collections.abc import Iterator
from typing import Any

from audit import clock
from audit.tables import Table, newest
from registry.models import Person
from runtime.records import finding
from runtime.records.models import RequestRecord
from runtime.records.proofs import proofs

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


def table(request) -> Table:
    """Return the records that the address names, newest first."""
    filters, reasons = finding.read(request.GET)
    if reasons:
        return Table(reasons=reasons)
    rows = finding.matching(filters, request.user)
    return Table(COLUMNS, newest(rows, _said))


def _said(chunk: list[RequestRecord]) -> Iterator[list]:
    for said in map(finding.said_of, chunk):
        yield [said[name] for name in COLUMNS]


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
