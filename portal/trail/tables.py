"""The log as a list that leaves."""

from collections.abc import Iterator, Sequence

from django.core.exceptions import PermissionDenied

from audit.admin.history import told
from audit.api.entries import reads_the_log
from audit.tables import CHUNK, LEFT_OUT, MOST, Table
from portal.trail import finding
from portal.trail.pages import ONLY_AUDITORS

COLUMNS = ("entry", "at", "event", "in words", "row", "about", "by", "reason", "change", "leaf")


def table(request) -> Table:
    """Return the entries that the address names, newest first."""
    if not reads_the_log(request.user):
        raise PermissionDenied(ONLY_AUDITORS)
    filters, reasons = finding.read(request.GET)
    return Table(reasons=reasons) if reasons else Table(COLUMNS, _rows(filters))


def _rows(filters: finding.Filters) -> Iterator[Sequence]:
    before: int | None = None
    for _ in range(MOST // CHUNK):
        found, before = finding.page(filters, "" if before is None else str(before), CHUNK)
        for row in found:
            yield [
                row.seq,
                row.change.at,
                row.event,
                told(row).words,
                row.row,
                row.about,
                row.change.actor_name,
                row.change.reason,
                row.change_id,
                bytes(row.leaf).hex(),
            ]
        if before is None:
            return
    yield (LEFT_OUT.format(f"{MOST:,}"),)
