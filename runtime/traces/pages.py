"""The page of models that are used outside the registry."""

from collections.abc import Iterator
from dataclasses import fields
from urllib.parse import urlencode

from django.contrib import admin
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit.tables import CHUNK, LEFT_OUT, Table
from registry.menus import menu
from registry.models import Environment
from runtime.traces import finding


@require_safe
def outside(request):
    """Which services call which models without saying a release, by the days of the address."""
    given, user = request.GET, request.user
    narrowed, reasons = finding.read(given)
    rows, more = ([], False) if reasons else finding.lines(narrowed, user)
    kept = {name: given[name] for name in ("days", "environment", "service") if given.get(name)}
    request.current_app = admin.site.name
    context = {
        **admin.site.each_context(request),
        "title": "Outside the registry",
        "narrowed": narrowed,
        "menus": [
            menu(
                "environment",
                "Environment",
                Environment.objects.visible_to(user),
                narrowed.environment,
                optional=True,
            )
        ],
        "reasons": reasons,
        "rows": rows,
        "unknown": sum(not row.known for row in rows),
        "earlier": _page(kept, narrowed.page - 1) if narrowed.page > 1 else "",
        "later": _page(kept, narrowed.page + 1) if more else "",
        "api_url": reverse("unattributed-traffic"),
    }
    return TemplateResponse(
        request, "runtime/outside.html", context, status=400 if reasons else 200
    )


COLUMNS = (
    *("environment", "service", "provider", "model", "answered by", "calls", "failed"),
    *("tokens in", "tokens out", "tokens cached", "erased", "first at", "last at", "registered as"),
)
#: Lines that a file has at most.
MOST = 10_000


def table(request) -> Table:
    """Return the same as a list that leaves."""
    narrowed, reasons = finding.read({**request.GET.dict(), "page": ""})
    if reasons:
        return Table(reasons=reasons)
    return Table(COLUMNS, _rows(narrowed, request.user))


def _rows(narrowed: finding.Narrowed, reader) -> Iterator[list]:
    left = MOST
    for found in finding.every_line(narrowed, reader, CHUNK):
        for one in found[:left]:
            *told, known = (getattr(one, field.name) for field in fields(one))
            yield [*told, known]
        if len(found) > left:
            yield [LEFT_OUT.format(f"{MOST:,}")]
            return
        left -= len(found)


def _page(kept: dict[str, str], number: int) -> str:
    return f"?{urlencode({**kept, 'page': number})}"
