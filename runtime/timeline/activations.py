"""The generations of a window with what each changed, every snapshot read once."""

import json
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Q

from runtime.differences import Difference, differences
from runtime.models import Activation, Snapshot
from runtime.timeline.scopes import Scope

#: Generations that one answer looks at: the newest of its window.
MOST = 300


@dataclass(frozen=True)
class Step:
    """One generation: what was active from it on, and what differs from the one before it."""

    row: Activation
    document: dict[str, Any]
    #: None where it was active before the window began.
    changed: tuple[Difference, ...] | None


@dataclass(frozen=True)
class Walk:
    """The generations that were active in a window, oldest first, and whether all of them."""

    steps: list[Step]
    whole: bool


def walk(scope: Scope) -> Walk:
    """Return the generations that were active in a window.

    The one that was active when it began comes first for each environment, without what it changed.
    """
    inside = Q(
        environment__in=scope.places, change__at__gte=scope.since, change__at__lt=scope.until
    )
    rows = Activation.objects.filter(inside).select_related("change", "environment")
    newest = list(rows.order_by("-change__at")[: MOST + 1])
    whole, rows = len(newest) <= MOST, newest[:MOST][::-1]
    first = {}
    for one in rows:
        first.setdefault(one.environment_id, one.generation)
    before = _before(scope, first)
    documents = _documents([*before, *rows])
    last: dict[int, dict] = {one.environment_id: documents[one.snapshot_id] for one in before}
    found = [Step(one, documents[one.snapshot_id], None) for one in before]
    for one in rows:
        document = documents[one.snapshot_id]
        was = last.get(one.environment_id)
        changed = tuple(differences(was, document)) if was is not None else ()
        found.append(Step(one, document, changed))
        last[one.environment_id] = document
    return Walk(found, whole)


def _before(scope: Scope, first: dict[int, int]) -> list[Activation]:
    """Return by environment the generation before the first that is looked at."""
    wanted = Q(pk__in=[])
    for environment, generation in first.items():
        wanted |= Q(environment=environment, generation=generation - 1)
    quiet = [pk for pk in scope.places if pk not in first]
    newest = (
        Activation.objects.filter(environment__in=quiet, change__at__lt=scope.since)
        .order_by()
        .values_list("environment")
        .annotate(Max("generation"))
    )
    for environment, generation in newest:
        wanted |= Q(environment=environment, generation=generation)
    rows = Activation.objects.filter(wanted).select_related("change", "environment")
    return list(rows.order_by("environment"))


def _documents(rows: list[Activation]) -> dict[int, dict]:
    wanted = {one.snapshot_id for one in rows}
    found = Snapshot.objects.filter(pk__in=wanted).values_list("pk", "content")
    return {pk: json.loads(content) for pk, content in found}
