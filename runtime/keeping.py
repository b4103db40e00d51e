"""Test facts as they are kept: written as canonical JSON, read by the reader of every request."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from audit.rules import canonical
from runtime import routing
from runtime.models import KeptFacts

#: Facts that one use case keeps.
MOST = 50


@dataclass(frozen=True)
class Kept:
    """Facts that were kept under a name, and what is expected of their route."""

    pk: int
    use_case: str
    name: str
    facts: routing.Facts
    expected: str


def written(facts: routing.Facts) -> str:
    """Return facts as they are kept: what they say, without the use case."""
    said: dict[str, Any] = {}
    if facts.regions is not None:
        said["regions"] = sorted(facts.regions)
    for name in ("tools", "capabilities", "exclude"):
        if value := getattr(facts, name):
            said[name] = sorted(value)
    for name in ("data_classification", "tokens"):
        if (value := getattr(facts, name)) is not None:
            said[name] = value
    if facts.health:
        said["health"] = dict(facts.health)
    return canonical(said).decode()


def kept_for(use_cases: Iterable[str]) -> dict[str, tuple[Kept, ...]]:
    """Return by use case's slug the facts that are kept of it; one query."""
    rows = KeptFacts.objects.filter(use_case__slug__in=set(use_cases), dropped_at=None)
    found: dict[str, list[Kept]] = {}
    for row in rows.select_related("use_case").order_by("use_case__slug", "name"):
        slug = row.use_case.slug
        facts = routing.read({"use_case": slug, **json.loads(row.facts)})
        found.setdefault(slug, []).append(Kept(row.pk, slug, row.name, facts, row.expected))
    return {slug: tuple(rows) for slug, rows in found.items()}
