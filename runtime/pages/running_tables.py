"""What runs where as a list that leaves: a line for each deployment."""

from collections.abc import Iterator
from dataclasses import replace

from audit import clock
from audit.tables import Table
from runtime import matrix
from runtime.asking import read_past
from runtime.routing import instant

COLUMNS = (
    *("use case", "environment", "generation", "deployment", "priority", "release"),
    *("release digest", "model version", "identifier", "endpoint", "host", "maker"),
    *("processing in", "placed at", "not after", "serves", "refused because"),
)


def table(request) -> Table:
    """Return every deployment that runs (ran), by use case."""
    given, now = request.GET, clock.now()
    filters, reasons = matrix.read(given)
    at, problems = read_past(given.get("at", "").strip(), now)
    if reasons or problems:
        return Table(reasons=[*reasons, *problems])
    # Names that are not there are 404, which is told before anything is sent.
    first = matrix.matrix(replace(filters, after=""), request.user, at)
    return Table(COLUMNS, _rows(first, filters, request.user, at))


def _rows(found: matrix.Found, filters: matrix.Filters, reader, at) -> Iterator[list]:
    hidden, more = found.hidden, found.more
    while True:
        yield from map(_line, found.rows)
        if not found.next:
            break
        found = matrix.matrix(replace(filters, after=found.next), reader, at)
    if more:
        yield [f"{more} environments were not looked at: name one of them."]
    if hidden:
        yield [f"And {hidden} that you may not see."]


def _line(one: dict) -> list:
    placed, ends = (instant(text) if text else None for text in (one["since"], one["not_after"]))
    return [
        one["use_case"],
        one["environment"],
        one["generation"],
        one["name"],
        one["priority"],
        one["release"]["number"],
        one["release"]["digest"],
        f"{one['model']['slug']} {one['model']['version']}",
        one["model"]["identifier"],
        one["endpoint"],
        one["host"],
        one["maker"],
        one["regions"],
        placed,
        ends,
        not one["refused"],
        " ".join(reason["sentence"] for reason in one["refused"]),
    ]
