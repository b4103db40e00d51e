"""Which requests a noun touched, on its own page: how many, the first, the last, and the list."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.template.loader import render_to_string

from runtime.records.finding import Filters
from runtime.records.objectives import measured
from runtime.records.summing import summary

#: Noun -> the filter of the list that names a row of it, and how.
NOUNS: dict[str, tuple[str, Callable]] = {
    "registry.release": ("release", lambda row: row.digest),
    "registry.modelversion": ("model", lambda row: f"{row.model.slug}/{row.version}"),
    "registry.promptversion": ("prompt", lambda row: f"{row.template.slug}/{row.number}"),
    "registry.policyversion": ("policy", lambda row: f"{row.pack.slug}/{row.number}"),
    "registry.usecase": ("use_case", lambda row: row.slug),
    "registry.environment": ("environment", lambda row: row.slug),
    "registry.router": ("router", lambda row: row.slug),
}


def panel(request, row) -> str:
    """Return which requests a row touched, of those that the reader may see."""
    label = row._meta.label_lower
    name, of = NOUNS[label]
    value = of(row)
    # A draft has no digest yet, and nothing ran under it.
    found = summary(Filters(**{name: value}), request.user) if value else None
    context = {
        "found": found,
        "query": urlencode({name: value}),
        "objectives": measured(row, request.user)
        if label == "registry.release" and found and found.count
        else (),
    }
    return render_to_string("runtime/_touched_panel.html", context, request)
