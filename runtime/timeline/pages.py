"""Two pages of the past: what changed in a window, with its picture, and what was active at T."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import clock
from registry.menus import menu
from registry.models import Environment, UseCase
from runtime.asking import read_past
from runtime.records.fields import SLUG
from runtime.timeline.activations import walk
from runtime.timeline.active_at import active_at
from runtime.timeline.finding import Event, Timeline, timeline
from runtime.timeline.picture import incidents_in, picture
from runtime.timeline.scopes import NAMES, Scope, read
from runtime.timeline.texts import texts_of

#: Windows that one click looks at.
WINDOWS = (
    ("Hour", timedelta(hours=1)),
    ("Day", timedelta(days=1)),
    ("Week", timedelta(days=7)),
    ("Year", timedelta(days=365)),
)


def _answer(request, template: str, context: dict, status: int = 200):
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), "now": clock.now(), **context}
    return TemplateResponse(request, template, context, status=status)


def text_of(at: datetime) -> str:
    """Return an instant as addresses write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def changed(events: Iterable[Event], whole: Timeline, *, by_time: bool) -> dict[str, Any]:
    """Return what the table of changes shows, as `runtime/timeline/_changed.html` wants it."""
    most = max((one.touched.requests for one in whole.events), default=0)
    return {
        "events": [
            {"event": one, "width": round(100 * one.touched.requests / most) if most else 0}
            for one in events
        ],
        "whole": whole,
        "by_time": by_time,
    }


def moment(request, scope: Scope, at: datetime, reader) -> dict[str, Any] | None:
    """Return the three answers for an instant of a window, where it is about one environment."""
    if len(scope.environments) != 1:
        return None
    environment = scope.environments[0]
    found = active_at(environment, reader, at, scope.use_case)
    if found is None:
        return None
    given = {"at": text_of(at)}
    if scope.use_case is not None:
        given["use_case"] = scope.use_case.slug
    url = reverse("admin:environment_active_at", args=[environment.slug])
    return {"found": found, "at": at, "url": f"{url}?{urlencode(given)}"}


@require_safe
def timeline_page(request):
    """What changed between two instants, and which release was active when."""
    given, user = request.GET, request.user
    scope, reasons = read(given, user, clock.now())
    if scope is None and not reasons:
        if any(given.get(name) for name in ("environment", "use_case")):
            raise Http404
        return _answer(
            request, "runtime/timeline/timeline.html", {"title": "What changed", "nowhere": True}
        )
    context: dict[str, Any] = {
        "title": "What changed, and what was active when",
        "given": given,
        "reasons": reasons,
        "menus": [
            menu(name, label, noun.objects.visible_to(user), given.get(name, ""), optional=True)
            for name, label, noun in (
                ("environment", "Environment", Environment),
                ("use_case", "Use case", UseCase),
            )
        ],
    }
    if scope is not None and not reasons:
        walked = walk(scope)
        found = timeline(scope, user, walked)
        by_time = given.get("order") == "time"
        events = found.events if by_time else found.ranked
        kept = {name: given[name] for name in NAMES if given.get(name)}
        context |= {
            "scope": scope,
            "picture": picture(scope, user, found.events, walked=walked),
            **changed(events, found, by_time=by_time),
            "headline": _headline(found, scope),
            "texts": texts_of(walked, scope, events[0] if events else None, user),
            "incidents": incidents_in(scope, user),
            "windows": _windows(given, scope),
            "order_url": f"?{urlencode({**kept, **({} if by_time else {'order': 'time'})})}",
            "api_url": f"/api/v1/timeline/?{urlencode(kept)}",
        }
    return _answer(request, "runtime/timeline/timeline.html", context, 400 if reasons else 200)


def _headline(found: Timeline, scope: Scope) -> str:
    count = len(found.events)
    if not count:
        return "Nothing changed in this window."
    return f"{count} change{'s' if count > 1 else ''}, {found.whole.requests} requests."


def _windows(given, scope: Scope) -> list[tuple[str, str, bool]]:
    """Return the windows that one click looks at, each ending where this one does."""
    kept = {name: given[name] for name in ("environment", "use_case") if given.get(name)}
    found = []
    for word, span in WINDOWS:
        ends = {"from": text_of(scope.until - span), "to": text_of(scope.until)}
        current = abs((scope.until - scope.since) - span) < timedelta(seconds=2)
        found.append((word, f"?{urlencode({**kept, **ends})}", current))
    return found


@require_safe
def active_at_page(request, slug):
    """What was active in an environment at an instant: published, held, and used."""
    environment = get_object_or_404(Environment.objects.visible_to(request.user), slug=slug)
    given, now = request.GET, clock.now()
    at, reasons = read_past(given.get("at", "").strip(), now)
    use_case = None
    if name := given.get("use_case", "").strip():
        if not SLUG.fullmatch(name):
            raise Http404
        use_case = get_object_or_404(UseCase.objects.visible_to(request.user), slug=name)
    found = None if reasons else active_at(environment, request.user, at or now, use_case)
    kept = {name: given[name] for name in ("at", "use_case") if given.get(name)}
    context = {
        "title": f"Active in {environment.slug}",
        "environment": environment,
        "given": given,
        "menus": [
            menu(
                "use_case",
                "Use case",
                UseCase.objects.visible_to(request.user),
                given.get("use_case", ""),
                optional=True,
            )
        ],
        "reasons": reasons,
        "found": found,
        "at": at or now,
        "api_url": f"/api/v1/environments/{slug}/active-at/?{urlencode(kept)}",
    }
    status = 400 if reasons else 200
    return _answer(request, "runtime/timeline/active_at.html", context, status)
