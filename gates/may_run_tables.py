"""What may run, who is on call for it, and what lately ended, as lists that leave."""

from audit.tables import LEFT_OUT, Table
from gates import endings
from gates.may_run import NAMES, SHOWN, Found, may_run, on_call, read
from registry.models import EndpointRegion

MAY_RUN = (
    *("use case", "release", "release digest", "model version", "environment", "endpoint", "host"),
    *(f"{label} in" for label in EndpointRegion.Purpose.labels),
    *("offered to routers", "good until", "first to end", "on call"),
)
ON_CALL = ("team", "contact", "use case", "release", "environment", "models that it is on call for")
ENDED = ("approval", "environment", "ended", "because", "address")


def may_run_table(request) -> Table:
    """Return what may run now, a line for each endpoint, soonest end first."""
    found, reasons = _found(request, NAMES)
    if found is None:
        return Table(reasons=reasons)
    rows = [
        [
            row.release.use_case.slug,
            row.release.number,
            row.release.digest,
            row.release.model_version,
            row.environment.slug,
            one.endpoint.slug,
            one.endpoint.host.slug,
            *(slugs for _, slugs in one.regions),
            one.endpoint.slug in row.runs_at,
            row.until,
            row.note,
            row.release.on_call_team,
        ]
        for row in found.rows
        for one in row.endpoints
    ]
    return Table(MAY_RUN, rows, rest=_rest(found))


def on_call_table(request) -> Table:
    """Return who is on call for what may run now, a line for each place, then for its models."""
    found, reasons = _found(request, ("use_case", "environment", "team"))
    if found is None:
        return Table(reasons=reasons)
    rows = []
    for one in on_call(found.rows):
        who = (one.team.slug, one.team.contact) if one.team else ("nobody", "")
        for place in one.places:
            release = place.release
            rows.append([*who, release.use_case.slug, release.number, place.environment.slug, ""])
        if one.models:
            rows.append([*who, "", "", "", one.models])
    return Table(ON_CALL, rows, rest=_rest(found))


def ended_table(request) -> Table:
    """Return what ended in the last 30 days and was not replaced, latest first."""
    found = endings.ended(request.user)
    rows = [[row.title, row.environment, row.ends, row.because, row.url] for row in found.rows]
    return Table(ENDED, rows, rest=found.rest)


def _found(request, names: tuple[str, ...]):
    filters, reasons = read({name: request.GET.get(name, "") for name in names})
    return (None, reasons) if reasons else (may_run(filters, request.user), [])


def _rest(found: Found) -> str:
    said = [LEFT_OUT.format(SHOWN)] if found.more else []
    if found.hidden:
        said.append(f"And {found.hidden} that you may not see.")
    return " ".join(said)
