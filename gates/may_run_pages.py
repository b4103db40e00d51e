"""Pages on what may run: where it may, who is on call for it, and what lately ended."""

from django.contrib import admin
from django.core.paginator import Paginator
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from audit import clock
from gates import endings
from gates.may_run import NAMES, Filters, Found, may_run, on_call, read
from gates.pages import words
from registry.models import Environment, Provider, Region, Team, UseCase

LABELS = {
    "provider": "Provider",
    "jurisdiction": "Processing in the jurisdiction",
    "region": "Processing in the region",
    "use_case": "Use case",
    "environment": "Environment",
    "team": "On-call team",
}


@require_safe
def may_run_page(request):
    """What may run now: on which provider, in which region or jurisdiction, until when."""
    return _page(request, "What may run", "gates/may_run.html", NAMES)


@require_safe
def on_call_page(request):
    """Who is on call for what may run now."""
    return _page(request, "On call", "gates/on_call.html", ("use_case", "environment", "team"))


@require_safe
def ended_page(request):
    """What ended lately and was not replaced, with all that the overview has no room for."""
    found = endings.ended(request.user)
    context = {
        **admin.site.each_context(request),
        "title": "Ended approvals",
        "now": clock.now(),
        "page": Paginator(found.rows, endings.PAGE).get_page(request.GET.get("page")),
        "rest": found.rest,
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "gates/ended.html", context)


def _page(request, title: str, template: str, names: tuple[str, ...]):
    filters, reasons = read({name: request.GET.get(name, "") for name in names})
    context = {
        **admin.site.each_context(request),
        "title": title,
        "now": clock.now(),
        "reasons": reasons,
        "fields": [_field(name, filters, request.user) for name in names],
    }
    if not reasons:
        found = may_run(filters, request.user)
        context |= {
            "found": found,
            "headline": _headline(found, filters),
            "teams": on_call(found.rows),
        }
    request.current_app = admin.site.name
    return TemplateResponse(request, template, context, status=400 if reasons else 200)


def _headline(found: Found, filters: Filters) -> str:
    """Return in one sentence how much may run, and where."""
    releases = {row.release.pk for row in found.rows}
    where = ""
    if filters.provider:
        where += f" on {filters.provider}"
    if place := filters.region or filters.jurisdiction:
        where += f" in {place}"
    if not releases:
        return f"Nothing that you may see may run{where} now."
    at_least = "At least " if found.more else ""
    return f"{at_least}{words.count(len(releases), 'release')} may run{where} now."


def _field(name: str, filters: Filters, reader) -> dict:
    """Return a filter as a menu of what the reader may choose."""
    if name == "jurisdiction":
        listed = (region.jurisdictions for region in Region.objects.visible_to(reader))
        values = sorted({one for some in listed for one in some})
    else:
        noun = {
            "provider": Provider,
            "region": Region,
            "use_case": UseCase,
            "environment": Environment,
            "team": Team,
        }[name]
        rows = noun.objects.visible_to(reader).order_by("slug")
        values = list(rows.values_list("slug", flat=True)[:500])
    return {"name": name, "label": LABELS[name], "values": values, "given": getattr(filters, name)}


def button(label: str, address: str):
    """Return what offers a button to one of the pages, filtered by the slug of the row on show."""

    def offer(request, row) -> list[dict]:
        url = f"{address}{row.slug}"
        return [{"name": address.split("/")[1], "label": label, "url": url, "objections": []}]

    return offer
