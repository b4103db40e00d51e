"""Which prompt texts a change replaced, line by line: the difference that people look for first."""

import itertools
from typing import Any

from registry import comparison
from registry.models import Person, Release
from runtime.timeline.activations import Walk
from runtime.timeline.finding import Event
from runtime.timeline.scopes import Scope


def texts_of(
    walked: Walk, scope: Scope, event: Event | None, reader: Person
) -> dict[str, Any] | None:
    """Return how the releases before and after a change differ, as the compare page says it.

    Of the use case that the scope is about, or of the first that got another release; None where
    none did, or where the reader may not see both.
    """
    if event is None or event.generation is None:
        return None
    rows = [one for one in walked.steps if one.row.environment.slug == event.environment]
    for was, now in itertools.pairwise(rows):
        if now.row.generation == event.generation:
            return _compared(was.document, now.document, scope, reader)
    return None


def _compared(was: dict, now: dict, scope: Scope, reader: Person) -> dict[str, Any] | None:
    slugs = [scope.use_case.slug] if scope.use_case else sorted(now["routes"])
    for slug in slugs:
        pair = _first(was, slug), _first(now, slug)
        if None in pair or pair[0] == pair[1]:
            continue
        rows = Release.objects.visible_to(reader).filter(digest__in=pair)
        both = {row.digest: row for row in rows.select_related(*WITH)}
        if len(both) == 2:
            before, after = (both[digest] for digest in pair)
            compared = comparison.compare(comparison.KINDS["release"], before, after, reader)
            return {"before": before, "after": after, "found": compared}
    return None


WITH = ("use_case", "model_version__model")


def _first(document: dict, use_case: str) -> str | None:
    rows = [
        one
        for one in document["deployments"]
        if one["use_case"] == use_case and not one["suspended"]
    ]
    first = min(rows, key=lambda one: (one["priority"], one["name"]), default=None)
    return first["release"]["digest"] if first else None
