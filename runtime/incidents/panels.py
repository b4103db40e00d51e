"""Incidents on the pages of what they are about, and the way to open one from there."""

from django.db.models import Q
from django.template.loader import render_to_string

from registry.models import Environment, Release
from registry.rights import may
from runtime.incidents.links import STATES, incidents_of, open_link


def of_release(request, release: Release) -> str:
    """Return the incidents that a release is linked to."""
    if release.sealed_at is None:
        return ""
    url = open_link(release=release.digest, use_case=release.use_case.slug)
    return _panel(request, Q(links__release=release), url, release.use_case)


def of_environment(request, environment: Environment) -> str:
    """Return the incidents that an environment had."""
    url = open_link(environment=environment.slug)
    return _panel(request, Q(environment=environment), url, None)


def _panel(request, condition: Q, url: str, about) -> str:
    rows = incidents_of(request.user, condition)
    may_open = not may(request.user, "open_incident", about)
    if not rows and not may_open:
        return ""
    context = {
        "rows": [{"row": one, "drawn": STATES[one.state]} for one in rows],
        "open_url": url if may_open else "",
    }
    return render_to_string("runtime/incidents/_panel.html", context, request)
