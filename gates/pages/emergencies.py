"""What pages show of break-glasses."""

from typing import Any

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html

from audit import clock
from gates import emergencies
from gates.models import BreakGlass
from gates.pages import words
from gates.rules.findings import day
from registry.models import Environment, Person, Release
from registry.rights import may
from registry.showing import how


def state_of(row: BreakGlass) -> str:
    """Return how a break-glass stands: open, overdue, unreviewed or reviewed."""
    now = clock.now()
    if row.ends_at > now and not hasattr(row, "end"):
        return "open"
    if hasattr(row, "review"):
        return "reviewed"
    return "overdue" if row.review_due < now else "unreviewed"


def word_of(row: BreakGlass) -> tuple[str, str]:
    """Return state and word as the look draws them."""
    return {
        "open": ("break_glass", "Open now"),
        "overdue": ("overdue", "Review overdue"),
        "unreviewed": ("wanted", "Review wanted"),
        "reviewed": ("ended", "Reviewed"),
    }[state_of(row)]


def facts(row: BreakGlass) -> list[dict[str, Any]]:
    """Return what a break-glass says, as the grid of facts."""
    url = row.release.get_absolute_url()
    return [
        {
            "label": "Release",
            "value": format_html('<a href="{}">{}</a>', url, row.release),
            "note": f"into {row.environment}",
        },
        {
            "label": "Endpoints",
            "value": words.listed(one["slug"] for one in row.endpoints),
            "note": "as they were when it was opened",
        },
        {"label": "Incident", "value": row.incident},
        {
            "label": "Opened by",
            "value": row.printed_name,
            "note": f"{words.role(row.role)}, {how(row.authentication)}",
        },
        {
            "label": "Open until",
            "value": f"{day(row.ends_at)} {row.ends_at:%H:%M} UTC",
            "note": f"{words.count(row.hours, 'hour')} at most",
        },
        {
            "label": "Review due",
            "value": day(row.review_due),
            "note": "five working days, by somebody else",
        },
    ]


# On the pages of others


def shown_open(user: Person, **where) -> list[dict[str, Any]]:
    """Return the break-glasses that hold now, as alerts."""
    return [
        {
            "row": one.row,
            "until": one.until,
            "endpoints": words.listed(one.facts.covered),
        }
        for one in emergencies.holding(user, **where)
    ]


def of_environment(request, environment: Environment) -> str:
    """Return what is let in there past the gate, or nothing."""
    return _box(request, shown_open(request.user, environment=environment))


def of_release(request, release: Release) -> str:
    """Return where the release is let in past the gate, or nothing."""
    return _box(request, shown_open(request.user, release=release))


def _box(request, rows: list[dict[str, Any]]) -> str:
    return render_to_string("gates/_break_glasses.html", {"rows": rows}, request) if rows else ""


def button(request, release: Release) -> list[dict]:
    """Return the button that breaks the glass, for those whose role may."""
    if release.sealed_at is None or may(request.user, "break_glass", release):
        return []
    url = f"{reverse('admin:gates_breakglass_add')}?release={release.pk}"
    return [
        {
            "name": "break-glass",
            "label": "Break glass…",
            "url": url,
            "primary": False,
            "objections": [],
        }
    ]
