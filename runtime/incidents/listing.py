"""The list of incidents: its page, and all of it as a file."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from audit import Reason, clock
from audit.tables import Table, newest
from registry import search
from registry.menus import menu
from registry.models import Environment, UseCase
from registry.rights import may
from registry.search import Source
from runtime.incidents.links import STATES
from runtime.incidents.models import Incident
from runtime.records.fields import SLUG

PAGE = 50
#: What the box in the header finds them by: their number, title, and ticket elsewhere.
searched = Source(
    Incident,
    ("id", "title", "ticket"),
    lambda row: f"{row.title}; severity {row.severity}, {row.get_state_display()}",
    called="incident",
    listed="admin:incidents",
)
COLUMNS = (
    *("incident", "title", "severity", "state", "use case", "environment", "owner", "ticket"),
    *("begins at", "ends at", "detected at", "opened at", "opened by"),
    *("mitigated at", "resolved at", "reviewed at"),
)


def _narrowed(request) -> tuple[QuerySet[Incident], list[Reason]]:
    """Return the incidents that the address names, and what is wrong with it."""
    given, user = request.GET, request.user
    rows = Incident.objects.visible_to(user).select_related("use_case", "environment", "owner")
    reasons = []
    if state := given.get("state", "").strip():
        if state not in Incident.State.values:
            sentence = f"Give one of {', '.join(Incident.State.values)}."
            reasons.append(Reason("NOT_READABLE", sentence, "state"))
        else:
            rows = rows.filter(state=state)
    if text := given.get("q", "").strip():
        rows = search.narrowed(rows, text, None)
    for name in ("use_case", "environment"):
        if slug := given.get(name, "").strip():
            if not SLUG.fullmatch(slug):
                reasons.append(Reason("NOT_READABLE", "Give a slug.", name))
            rows = rows.filter(**{f"{name}__slug": slug})
    return rows, reasons


def table(request) -> Table:
    """Return the incidents that the address names, newest first."""
    rows, reasons = _narrowed(request)
    if reasons:
        return Table(reasons=reasons)

    def said(chunk: list[Incident]) -> Iterator[list]:
        for row in chunk:
            yield [
                row.pk,
                row.title,
                row.severity,
                row.state,
                row.use_case,
                row.environment,
                row.owner,
                row.ticket,
                row.begins_at,
                row.ends_at,
                row.detected_at,
                row.opened_at,
                row.opened_by,
                row.mitigated_at,
                row.resolved_at,
                row.reviewed_at,
            ]

    return Table(COLUMNS, newest(rows.select_related("opened_by"), said))


@require_safe
def listing(request):
    """Incidents, newest first: a page of them, by state, use case and environment."""
    given, user = request.GET, request.user
    rows, reasons = _narrowed(request)
    after = given.get("after", "").strip()
    if after and not (after.isascii() and after.isdecimal() and len(after) < 10):
        sentence = "This is no place in the list. Begin without it."
        reasons.append(Reason("CURSOR", sentence, "after"))
    elif after:
        rows = rows.filter(pk__lt=int(after))
    found = [] if reasons else list(rows.order_by("-pk")[: PAGE + 1])
    names = ("q", "state", "use_case", "environment")
    kept = {name: given[name] for name in names if given.get(name)}
    following = {**kept, "after": str(found[PAGE - 1].pk)} if len(found) > PAGE else None
    context = {
        "title": "Incidents",
        "given": given,
        "menus": [
            menu(name, label, noun.objects.visible_to(user), given.get(name, ""), optional=True)
            for name, label, noun in (
                ("environment", "Environment", Environment),
                ("use_case", "Use case", UseCase),
            )
        ],
        "states": [(value, STATES[value][1]) for value in Incident.State.values],
        "rows": [{"row": one, "drawn": STATES[one.state]} for one in found[:PAGE]],
        "going_on": sum(one.state == "open" for one in found[:PAGE]),
        "filtered": bool(kept),
        "reasons": reasons,
        "next_url": f"?{urlencode(following)}" if following else "",
        "may_open": not may(user, "open_incident"),
        "api_url": "/api/v1/incidents/",
    }
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), "now": clock.now(), **context}
    status = 400 if reasons else 200
    return TemplateResponse(request, "runtime/incidents/list.html", context, status=status)
