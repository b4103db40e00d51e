"""The page behind the box in the header: what was found, by noun."""

from urllib.parse import urlencode

from django.contrib import admin
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from registry import lifecycle, search


@require_safe
def page(request):
    """Show what the reader may see of every noun that answers the question in `q`."""
    question = search.read(request.GET.get("q", ""))
    groups = [
        _told(group, question, request.user) for group in search.found(request.user, question)
    ]
    context = {
        **admin.site.each_context(request),
        "title": "Search",
        "question": question.text,
        "asked": bool(question.words or question.digest),
        "shortest": search.SHORTEST,
        "groups": groups,
    }
    return TemplateResponse(request, "portal/search.html", context)


def _told(group: search.Group, question: search.Question, reader) -> dict:
    """Return a group in words, with the address of the list where all of it is."""
    meta = group.source.noun._meta
    standing = lifecycle.standings(group.rows, reader)
    listed = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    model_admin = admin.site.get_model_admin(group.source.noun)
    return {
        "title": meta.verbose_name_plural.capitalize(),
        "anchor": f"found-{meta.model_name}",
        "count": f"more than {search.COUNTED}" if group.beyond else f"{group.number} found",
        "rows": [
            {
                "url": model_admin.page_url(row),
                "name": str(row),
                "note": group.source.note(row),
                "state": standing[type(row), row.pk].state,
                "digest": getattr(row, group.source.digest, "") if group.source.digest else "",
            }
            for row in group.rows
        ],
        "more": group.more,
        "beyond": group.beyond,
        "more_url": f"{listed}?{urlencode({'q': question.for_lists})}",
    }
