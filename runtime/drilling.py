"""The fallback drill: were a provider or a region gone, what would take its requests, and what not?

Asked of the snapshots that are active now: for any request, and for the test facts that were kept.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from audit import Reason, clock
from registry.models import Environment, Person
from runtime import routing
from runtime.changing import seen_use_cases
from runtime.keeping import Kept, kept_for
from runtime.matrix import Filters, active_in, providers, read, refuse_unseen

#: Rows that are named; worst first, so what is left out fares no worse.
SHOWN = 200
NAMES = ("provider", "region", "environment")
#: What becomes of a route, worst first.
VERDICTS = NOTHING_LEFT, FALLS_BACK, NOTHING_BEFORE, STAYS = (
    "NOTHING_LEFT",
    "FALLS_BACK",
    "NOTHING_BEFORE",
    "STAYS",
)


@dataclass(frozen=True)
class Drill:
    """What would become of each route that the loss touches; `untouched` counts the others.

    `counts` are of all rows, `use_cases` of use cases, each once by the worst that becomes of it.
    """

    rows: tuple[dict[str, Any], ...]
    counts: dict[str, int]
    use_cases: dict[str, int]
    untouched: int
    hidden: int
    more: int
    environments_more: int


def read_drill(given: Mapping[str, str]) -> tuple[Filters, list[Reason]]:
    """Return what is imagined to be gone, and what is wrong with the question."""
    filters, reasons = read({name: given.get(name, "") for name in NAMES})
    if not (filters.provider or filters.region):
        sentence = "Name a provider or a region that is gone."
        reasons.append(Reason("MISSING", sentence, "provider"))
    return filters, reasons


def drill(filters: Filters, reader: Person) -> Drill:
    """Return what would become of every route that the reader may see, worst first.

    Raises `Http404` for names that are not seen.
    """
    refuse_unseen(filters, reader)
    environments = Environment.objects.visible_to(reader).order_by("slug")
    if filters.environment:
        environments = environments.filter(slug=filters.environment)
    looked_at, activations = active_in(environments)
    found = [
        (one, json.loads(activations[one.pk].snapshot.content))
        for one in looked_at
        if one.pk in activations
    ]
    routes = [(one, document, slug) for one, document in found for slug in document["routes"]]
    seen = seen_use_cases(reader, {slug for _, _, slug in routes})
    kept = kept_for(seen)
    rows, untouched = [], 0
    for environment, document, slug in routes:
        if slug not in seen:
            continue
        lost = gone(document, slug, filters)
        if not lost:
            untouched += 1
            continue
        rows += [
            {"environment": environment.slug, "use_case": slug, "lost": sorted(lost), **one}
            for one in _judged(document, slug, lost, kept.get(slug, ()), clock.now())
        ]
    rows.sort(
        key=lambda one: (
            VERDICTS.index(one["verdict"]),
            one["use_case"],
            one["environment"],
            one["facts"] or "",
        )
    )
    worst: dict[str, str] = {}
    for one in rows:
        worst.setdefault(one["use_case"], one["verdict"])
    return Drill(
        rows=tuple(rows[:SHOWN]),
        counts=_by_verdict(one["verdict"] for one in rows),
        use_cases=_by_verdict(worst.values()),
        untouched=untouched,
        hidden=sum(1 for _, _, slug in routes if slug not in seen),
        more=max(len(rows) - SHOWN, 0),
        environments_more=max(environments.count() - len(looked_at), 0),
    )


def _by_verdict(verdicts: Iterable[str]) -> dict[str, int]:
    return dict.fromkeys(VERDICTS, 0) | Counter(verdicts)


def gone(document: Mapping[str, Any], use_case: str, filters: Filters) -> frozenset[str]:
    """Return the deployments of a use case that would be gone: hosted or made there, or held there.

    Whatever an endpoint does in a region, it cannot do without it.
    """
    return frozenset(
        one["name"]
        for one in document["deployments"]
        if one["use_case"] == use_case
        and (
            (filters.provider and filters.provider in providers(one))
            or any(filters.region in named for named in one["endpoint"]["regions"].values())
        )
    )


def _judged(
    document: Mapping[str, Any],
    use_case: str,
    lost: frozenset[str],
    kept: tuple[Kept, ...],
    at: datetime,
) -> list[dict[str, Any]]:
    """Return what becomes of any request, and of those kept facts that fare otherwise."""
    found = [_fared(document, "", routing.Facts(use_case=use_case), lost, at)]
    for one in kept:
        fared = _fared(document, one.name, one.facts, lost, at)
        if any(fared[name] != found[0][name] for name in ("verdict", "before", "after")):
            found.append(fared)
    return found


def _fared(
    document: Mapping[str, Any],
    name: str,
    facts: routing.Facts,
    lost: frozenset[str],
    at: datetime,
) -> dict[str, Any]:
    before, after = (
        routing.decide(document, asked, at, generation=0, digest="")
        for asked in (facts, replace(facts, exclude=facts.exclude | lost))
    )
    was, now = _selected(before), _selected(after)
    if was is None:
        verdict = NOTHING_BEFORE
    elif now is None:
        verdict = NOTHING_LEFT
    else:
        verdict = STAYS if was == now else FALLS_BACK
    return {"facts": name or None, "verdict": verdict, "before": was, "after": now}


def _selected(answer: Mapping[str, Any]) -> str | None:
    return answer["selected"]["deployment"] if answer["selected"] else None
