"""The page of what rests on a thing: what ends first, then who has to be told."""

from django.contrib import admin
from django.db.models import Model
from django.http import Http404
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from audit import clock
from audit.admin import buttons
from registry.impact.finding import Impact, impact
from registry.impact.kinds import KINDS, Kind, asked, problems
from registry.impact.places import SHOWN


def add(kind: Kind) -> None:
    """Make a kind known, with a button on the pages of its noun that leads to what rests on it."""
    KINDS[kind.name] = kind

    def offer(request, row: Model) -> list[dict]:
        return [
            {"name": "impact", "label": "Impact", "url": kind.address(row), "objections": []},
        ]

    buttons.setdefault(kind.noun._meta.label_lower, []).append(offer)


@require_safe
def page(request):
    """What rests on the thing that `kind` and `key` name."""
    context = {**admin.site.each_context(request), "title": "Impact"}
    reasons = problems(request.GET) if request.GET else []
    if request.GET and not reasons:
        kind, subject = asked(request.GET, request.user)
        if subject is None:
            raise Http404
        context |= _shown(request, kind, subject)
    request.current_app = admin.site.name
    context["reasons"] = reasons
    status = 400 if reasons else 200
    return TemplateResponse(request, "registry/impact.html", context, status=status)


def _shown(request, kind: Kind, subject: Model) -> dict:
    found = impact(kind, subject, request.user, clock.now().date())
    return {
        "title": f"What rests on {subject}",
        "kind": kind,
        "subject": subject,
        "subject_url": admin.site.get_model_admin(kind.noun).page_url(subject),
        "opts": kind.noun._meta,
        "found": found,
        "retiring": found.retirement,
        "state": _state(found),
        "headline": headline(found),
        "warning": _warning(found),
        "more": max(0, found.total - SHOWN),
        "versions_more": max(0, found.versions_total - SHOWN),
    }


def _state(found: Impact) -> str:
    """Return the state of the band: amber where somebody has to act."""
    rows = found.retirement.rows if found.retirement else ()
    if any(one.stranded or (one.past and one.outlooks) for one in rows):
        return "stale"
    return "info" if found.total or found.hidden else "missing"


def _warning(found: Impact) -> str:
    """Return what the first retirement that strands somebody would leave without anything."""
    for one in found.retirement.rows if found.retirement else ():
        if one.stranded:
            first, *others = one.stranded
            beside = f" and {len(others)} more" if others else ""
            retires, has = ("retired", "has") if one.past else ("retires", "would have")
            return (
                f"{one.version} {retires} on {one.day.day} {one.day:%b %Y}, and {first.use_case} "
                f"in {first.environment}{beside} {has} nothing left."
            )
    return ""


def headline(found: Impact) -> str:
    """Return in one sentence how much rests on it."""
    if not found.total:
        return f"No release {'that you may see ' if found.hidden else ''}rests on it."
    rest = "1 release rests" if found.total == 1 else f"{found.total} releases rest"
    if not found.allowed:
        return f"{rest} on it; none is let in anywhere now."
    at_least = "at least " if found.places.more else ""
    let_in = "is" if found.allowed == 1 else "are"
    return f"{rest} on it; {at_least}{found.allowed} {let_in} let in somewhere now."
