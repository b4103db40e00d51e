"""What the box in the header finds, by noun: its page, and the same in the API."""

from urllib.parse import urlencode

from django.contrib import admin
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from registry import lifecycle, search


def answered(reader, question: search.Question) -> list[dict]:
    """Return what `reader` may see of every noun that answers `question`, in words.

    At most `search.SHOWN` rows of a noun are named; the others are counted.
    """
    return [_told(group, question, reader) for group in search.found(reader, question)]


@require_safe
def page(request):
    """Show what the reader may see of every noun that answers the question in `q`."""
    question = search.read(request.GET.get("q", ""))
    context = {
        **admin.site.each_context(request),
        "title": "Search",
        "question": question.text,
        "asked": question.asked,
        "shortest": search.SHORTEST,
        "groups": answered(request.user, question),
    }
    return TemplateResponse(request, "portal/search.html", context)


def _told(group: search.Group, question: search.Question, reader) -> dict:
    """Return a group in words, with the address of the list where all of it is."""
    meta = group.source.noun._meta
    standing = lifecycle.standings(group.rows, reader)
    if group.source.listed:
        listed, url_of = reverse(group.source.listed), group.source.noun.get_absolute_url
    else:
        listed = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        url_of = admin.site.get_model_admin(group.source.noun).page_url
    return {
        "noun": str(meta.verbose_name),
        "title": meta.verbose_name_plural.capitalize(),
        "anchor": f"found-{meta.model_name}",
        "count": f"more than {search.COUNTED}" if group.beyond else f"{group.number} found",
        "found": min(group.number, search.COUNTED),
        "rows": [
            {
                "pk": row.pk,
                "url": url_of(row),
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
