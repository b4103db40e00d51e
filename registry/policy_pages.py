"""The effective policy as a matrix: what holds, and which layer set it; a version as YAML."""

from datetime import datetime

from django.contrib import admin
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware
from django.views.decorators.http import require_safe

from audit import clock
from registry.effective import (
    Published,
    effective_policy,
    history,
    jurisdiction_of,
    number_for,
)
from registry.menus import menu
from registry.models import Environment, PolicyPack, PolicyUseCase, PolicyVersion, UseCase
from registry.policy import Effective, write_yaml
from registry.policy.clauses import GROUPS

#: What a cell says of its value, by the part that the origin plays.
SAYS = {"sets": "sets it", "same": "same", "narrows": "narrows it", "looser": "looser"}


@require_safe
def effective(request):
    """The policy for a use case in an environment, now or at a past instant, clause by clause."""
    given = request.GET
    use_cases = UseCase.objects.visible_to(request.user)
    environments = Environment.objects.visible_to(request.user)
    at, problem = _instant(given.get("at", ""))
    context = {
        **admin.site.each_context(request),
        "title": "Effective policy",
        "menus": [
            menu("use_case", "Use case", use_cases, given.get("use_case", "")),
            menu("environment", "Environment", environments, given.get("environment", "")),
        ],
        "given": given,
        "problem": problem,
        "now": clock.now(),
        "at": at,
    }
    if given.get("use_case") and given.get("environment") and not problem:
        use_case = get_object_or_404(use_cases, slug=given["use_case"])
        environment = get_object_or_404(environments, slug=given["environment"])
        context |= shown(use_case, environment, at)
    request.current_app = admin.site.name
    status = 400 if problem else 200
    return TemplateResponse(request, "registry/effective_policy.html", context, status=status)


def _instant(text: str) -> tuple[datetime | None, str]:
    """Return the instant of a form's field, in UTC where it names no zone, or what is wrong."""
    if not text:
        return None, ""
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        return None, "Give an instant such as 2026-03-01T12:00; without a zone it is UTC."
    if is_naive(found):
        found = make_aware(found)
    if found > clock.now():
        return None, "This instant lies in the future. Leave it out to ask about now."
    return found, ""


def shown(use_case: UseCase, environment: Environment, at: datetime | None) -> dict:
    """Return what the matrix shows."""
    number = number_for(at)
    policy = effective_policy(use_case, environment, at)
    jurisdiction = jurisdiction_of(environment, number)
    published = history(number)
    binding, others = [], []
    for one in published:
        why = one.why_not(use_case.slug, environment.slug, jurisdiction)
        (others if why else binding).append((one, why))
    overruled = sum(len(held.overruled) for held in policy.clauses.values())
    return {
        "title": f"Effective policy: {use_case.slug} in {environment.slug}",
        "use_case": use_case,
        "environment": environment,
        "policy": policy,
        "headline": _headline(policy),
        "overruled": overruled,
        "since": max((one.version.published_at for one, _ in binding), default=None),
        "layers": [_layer(layer, [one for one, _ in binding]) for layer in PolicyPack.Layer],
        "groups": _groups(policy),
        "others": others,
    }


def _headline(policy: Effective) -> str:
    clauses, packs = len(policy.clauses), len(policy.packs)
    if not clauses:
        return "No pack is in force here. The gate still applies."
    said = f"{clauses} clause{'s' if clauses > 1 else ''} from "
    return f"{said}{packs} pack{'s' if packs > 1 else ''}; the strictest wins."


def _layer(layer, binding: list[Published]) -> dict:
    of_layer = [one for one in binding if one.document["layer"] == layer]
    return {"label": layer.label.capitalize(), "packs": of_layer}


def _groups(policy: Effective) -> list[dict]:
    """Return the clauses by group, each with one cell per layer."""
    rows: dict[str, list[dict]] = {group: [] for group in GROUPS}
    for held in policy.clauses.values():
        cells = []
        for layer in PolicyPack.Layer:
            said = [
                {
                    "pack": str(origin),
                    "words": held.kind.words(origin.value),
                    "why": origin.why,
                    "role": role,
                    "says": _says(held.value, origin.value, role),
                }
                for origin, role in held.roles.items()
                if origin.layer == layer
            ]
            sets = any(one["role"] in ("sets", "narrows") for one in said)
            cells.append({"sets": sets, "said": said})
        rows[held.kind.group].append({"held": held, "cells": cells})
    return [{"label": group, "rows": found} for group, found in rows.items() if found]


def _says(value, said, role: str) -> str:
    if role == "narrows" and isinstance(said, dict) and "allow" in value and "allow" not in said:
        return "deny beats allow"
    return SAYS[role]


@require_safe
def as_yaml(request, pk):
    """One version as YAML, for those who keep packs in git; importing reads it again.

    Of the use cases that it binds, those that the reader may see are named.
    """
    rows = PolicyVersion.objects.visible_to(request.user).select_related("pack")
    version = rows.filter(pk=pk).first()
    if version is None:
        raise Http404("There is no such version.")
    pack = version.pack
    links = PolicyUseCase.objects.visible_to(request.user).filter(version=version)
    links = links.select_related("use_case").order_by("use_case__slug")
    about = {"slug": pack.slug, "name": pack.name, "layer": pack.layer}
    if pack.jurisdiction:
        about["jurisdiction"] = pack.jurisdiction
    if pack.description:
        about["description"] = pack.description
    if bound := [link.use_case.slug for link in links]:
        about["use_cases"] = bound
    answer = HttpResponse(
        write_yaml(version.clauses, about, version.notes),
        content_type="application/yaml; charset=utf-8",
    )
    name = f"{pack.slug}-v{version.number}.yaml"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
