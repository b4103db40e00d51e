"""Three pages of what runs: the matrix, what changed in an environment, and the fallback drill."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import Reason, clock
from registry.menus import Menu, menu
from registry.models import Environment, Provider, Region, UseCase
from runtime import drilling, matrix
from runtime.asking import read_past
from runtime.changing import Span, changes, read_span
from runtime.models import Activation
from runtime.routing import instant
from runtime.timeline.pages import text_of

#: What one may filter by, in the order of the menus.
NOUNS = {
    "use_case": ("Use case", UseCase),
    "environment": ("Environment", Environment),
    "provider": ("Provider", Provider),
    "region": ("Region", Region),
}
CAUSES = dict(Activation.Cause.choices)


def _menus(request, *names: str) -> list[Menu]:
    return [
        menu(
            name,
            label,
            noun.objects.visible_to(request.user),
            request.GET.get(name, ""),
            optional=True,
        )
        for name, (label, noun) in NOUNS.items()
        if name in names
    ]


def _answer(request, template: str, context: dict, status: int = 200):
    request.current_app = admin.site.name
    context = {**admin.site.each_context(request), "now": clock.now(), **context}
    return TemplateResponse(request, template, context, status=status)


# The matrix


@require_safe
def matrix_page(request):
    """What runs where, now or as of an instant: use cases by environment, provider or region."""
    given = request.GET
    filters, reasons = matrix.read(given)
    at, problems = read_past(given.get("at", "").strip(), clock.now())
    reasons += problems
    by = given.get("by") or "environment"
    if by not in matrix.BY:
        sentence = f"Give one of {', '.join(matrix.BY)}."
        reasons.append(Reason("NOT_A_COLUMN", sentence, "by"))
    context: dict[str, Any] = {
        "title": "What runs where",
        "menus": _menus(request, *NOUNS),
        "given": given,
        "by": by,
        "columns_by": matrix.BY.items(),
        "at": at,
        "reasons": reasons,
    }
    if not reasons:
        found = matrix.matrix(filters, request.user, at)
        columns = matrix.columns(found, by)
        context |= {
            "found": found,
            "headline": _headline(found, at),
            "columns": [(one, _column_note(found, one, by)) for one in columns],
            "rows": _grid(found, columns, by),
            "wrong": sum(1 for one in found.rows if one["refused"]),
            "api_url": _address("/api/v1/running/", given, *matrix.NAMES, "at"),
            "next_url": _address("", {**given.dict(), "after": found.next}, *given, "after")
            if found.next
            else "",
        }
    return _answer(request, "runtime/matrix.html", context, 400 if reasons else 200)


def _address(path: str, given, *names: str) -> str:
    query = {name: given[name] for name in names if given.get(name)}
    return f"{path}?{urlencode(query)}" if query or not path else path


def _headline(found: matrix.Found, at) -> str:
    when = "ran then" if at else "runs now"
    if not found.rows:
        return f"Nothing that you may see {when}."
    use_cases = {one["use_case"] for one in found.rows}
    where = {one["environment"] for one in found.rows}
    return (
        f"{_count(len(found.rows), 'deployment')} of {_count(len(use_cases), 'use case')} "
        f"in {_count(len(where), 'environment')}."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _column_note(found: matrix.Found, column: str, by: str) -> str:
    if by != "environment":
        return ""
    states = {one["environment"]: one["generation"] for one in found.environments}
    return f"generation {states[column]}" if column in states else ""


def _grid(found: matrix.Found, columns: list[str], by: str) -> list[dict[str, Any]]:
    """Return a line per use case with a list of releases in each column."""
    cells: dict[tuple[str, str], list[dict]] = {}
    for row in found.rows:
        for place in matrix.places(row, by):
            cells.setdefault((row["use_case"], place), []).append(row)
    return [
        {
            "use_case": slug,
            "cells": [_releases(cells.get((slug, column), ()), by) for column in columns],
        }
        for slug in sorted({one["use_case"] for one in found.rows})
    ]


def _releases(rows: Iterable[dict], by: str) -> list[dict[str, Any]]:
    """Return what one cell shows: each release once, with its endpoints in order."""
    gathered: dict[tuple, list[dict]] = {}
    for row in rows:
        key = (row["release"]["number"], row["environment"] if by != "environment" else "")
        gathered.setdefault(key, []).append(row)
    return [_release(some, environment) for (_, environment), some in gathered.items()]


def _release(some: list[dict], environment: str) -> dict[str, Any]:
    first = some[0]
    ends = [instant(one["not_after"]) for one in some if one["not_after"]]
    placed = [instant(one["since"]) for one in some if one["since"]]
    refused = [one for one in some if one["refused"]]
    said = {reason["sentence"]: reason["code"] for one in refused for reason in one["refused"]}
    return {
        "number": first["release"]["number"],
        "url": reverse("admin:release", args=[first["use_case"], first["release"]["number"]]),
        "model": f"{first['model']['slug']} {first['model']['version']}",
        "model_url": reverse(
            "admin:model_version", args=[first["model"]["slug"], first["model"]["version"]]
        ),
        "environment": environment,
        "endpoints": [one["endpoint"] for one in some],
        "since": min(placed) if placed else None,
        "until": min(ends) if len(ends) == len(some) else None,
        "state": _state(set(said.values())) if refused else "",
        "word": _word(refused, some),
        "wrong": said.items(),
    }


def _state(codes: set[str]) -> str:
    if "SUSPENDED" in codes:
        return "suspended"
    return "not_approved" if "APPROVAL_ENDED" in codes else "refused"


def _word(refused: list[dict], some: list[dict]) -> str:
    if not refused or len(refused) == len(some):
        return "Serves nothing" if refused else ""
    return f"Serves nothing at {', '.join(one['endpoint'] for one in refused)}"


# What changed


@require_safe
def changes_page(request, slug):
    """What changed in an environment, generation by generation, between two states of it."""
    environment = get_object_or_404(Environment.objects.visible_to(request.user), slug=slug)
    given = {name: request.GET.get(name, "").strip() for name in ("from", "to")}
    span, reasons = read_span(environment, given, clock.now())
    if span is None and not reasons:
        raise Http404
    context: dict[str, Any] = {
        "title": f"What changed in {environment.slug}",
        "environment": environment,
        "since": given["from"],
        "until": given["to"],
        "reasons": reasons,
        "api_url": _address(
            f"/api/v1/environments/{environment.slug}/changes/", given, "from", "to"
        ),
    }
    if span:
        found = changes(environment, span, request.user)
        context |= {
            "found": found,
            "span": span,
            "headline": _span_headline(span),
            "timeline_url": _timeline_url(environment, span),
            "generations": [
                {
                    **one,
                    "title": f"Generation {one['generation']}",
                    "at": instant(one["since"]),
                    "cause_words": CAUSES[one["cause"]],
                }
                for one in found["generations"]
            ],
            "earlier_url": _address("", {**given, "to": str(found["earlier"])}, "from", "to")
            if found["earlier"]
            else "",
        }
    return _answer(request, "runtime/changes.html", context, 400 if reasons else 200)


def _timeline_url(environment: Environment, span: Span) -> str:
    """Return where all that changed during the span is told, up to the generation after it."""
    rows = environment.activations.filter(
        generation__in=(max(span.since, 1), span.until + 1)
    ).order_by("generation")
    ends = [text_of(at) for at in rows.values_list("change__at", flat=True)]
    given = {"environment": environment.slug, "from": ends[0]}
    return f"{reverse('admin:timeline')}?{urlencode(given | ({'to': ends[1]} if ends[1:] else {}))}"


def _span_headline(span: Span) -> str:
    if not span.since:
        return f"From the beginning up to generation {span.until}."
    return f"After generation {span.since}, up to generation {span.until}."


# The drill

#: How each verdict is drawn and said.
DRILL_WORDS = {
    drilling.NOTHING_LEFT: ("failed", "Nothing left"),
    drilling.FALLS_BACK: ("ending", "Falls back"),
    drilling.NOTHING_BEFORE: ("cannot", "Serves nothing already"),
    drilling.STAYS: ("met", "Stays"),
}


@require_safe
def drill_page(request):
    """If a provider or region were gone: what each use case would fall back to, or nothing."""
    given = request.GET
    context: dict[str, Any] = {
        "title": "Fallback drill",
        "menus": _menus(request, *drilling.NAMES),
        "given": given,
    }
    status = 200
    if any(given.get(name) for name in drilling.NAMES):
        filters, reasons = drilling.read_drill(given)
        context["reasons"] = reasons
        if reasons:
            status = 400
        else:
            found = drilling.drill(filters, request.user)
            gone = [word for word in (filters.provider, filters.region) if word]
            context |= {
                "title": f"If {' and '.join(gone)} were gone",
                "found": found,
                "headline": _drill_headline(found),
                "state": "failed" if found.use_cases[drilling.NOTHING_LEFT] else "met",
                "rows": [
                    {
                        **one,
                        "state": DRILL_WORDS[one["verdict"]][0],
                        "word": DRILL_WORDS[one["verdict"]][1],
                    }
                    for one in found.rows
                ],
                "api_url": _address("/api/v1/drill/", given, *drilling.NAMES),
            }
    return _answer(request, "runtime/drill.html", context, status)


def _drill_headline(found: drilling.Drill) -> str:
    counts = found.use_cases
    nothing, falls = counts[drilling.NOTHING_LEFT], counts[drilling.FALLS_BACK]
    if not found.rows:
        return "No use case that you may see would lose anything."
    then = f"{falls} would fall back." if falls else "none falls back."
    if nothing:
        return f"{_count(nothing, 'use case')} would have nothing left; {then}"
    if counts[drilling.NOTHING_BEFORE]:
        return f"No use case would lose what serves it now; {then}"
    return f"Every use case would still be served; {then}"
