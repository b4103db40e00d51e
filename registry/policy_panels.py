"""The policy on the pages of releases and environments: which packs bind, and where to read why."""

from urllib.parse import urlencode

from django.template.loader import render_to_string

from registry.effective import in_force
from registry.models import Environment, Release, UseCase

#: How many lines a panel shows.
SHOWN = 20


def of_release(request, release: Release) -> str:
    """Return the policy for a release's use case, environment by environment."""
    environments = Environment.objects.visible_to(request.user).order_by("slug")[: SHOWN + 1]
    pairs = [(release.use_case, environment, environment.slug) for environment in environments]
    return _panel(request, pairs, "environment")


def of_environment(request, environment: Environment) -> str:
    """Return the policy in an environment, use case by use case."""
    use_cases = UseCase.objects.visible_to(request.user).order_by("slug")[: SHOWN + 1]
    pairs = [(use_case, environment, use_case.slug) for use_case in use_cases]
    return _panel(request, pairs, "use case")


def _panel(request, pairs: list, noun: str) -> str:
    force = in_force()
    lines = []
    for use_case, environment, label in pairs[:SHOWN] if force.published else ():
        policy = force.of(use_case.slug, environment.jurisdiction)
        query = urlencode({"use_case": use_case.slug, "environment": environment.slug})
        lines.append({"label": label, "policy": policy, "url": f"/policy/effective/?{query}"})
    context = {"lines": lines, "noun": noun, "more": len(pairs) > SHOWN}
    return render_to_string("registry/_policy_panel.html", context, request)
