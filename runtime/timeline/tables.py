"""What changed in a window as a list that leaves."""

from django.http import Http404

from audit import clock
from audit.tables import LEFT_OUT, Table
from runtime.timeline.finding import SHOWN, timeline
from runtime.timeline.scopes import read

COLUMNS = (
    *("at", "kind", "what", "environment", "generation", "by", "reason"),
    *("requests touched", "outcomes", "failed", "address"),
)


def table(request) -> Table:
    """Return what changed between two instants, in the order of time."""
    given, reader = request.GET, request.user
    scope, reasons = read(given, reader, clock.now())
    if reasons:
        return Table(reasons=reasons)
    if scope is None:
        if any(given.get(name) for name in ("environment", "use_case")):
            raise Http404
        return Table(COLUMNS)
    found = timeline(scope, reader)
    rows = [
        [
            one.at,
            one.kind,
            one.sentence,
            one.environment,
            one.generation,
            one.by,
            one.reason,
            one.touched.requests,
            one.touched.outcomes,
            one.touched.failed,
            one.url,
        ]
        for one in found.events
    ]
    return Table(COLUMNS, rows, rest=LEFT_OUT.format(SHOWN) if found.more else "")
