"""From generations and records to the lanes of the picture, and to the table beneath it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import TruncDay, TruncHour, TruncMinute

from registry.models import Person, UseCase
from runtime.incidents.models import Incident
from runtime.records.fields import OUTCOME, ROUTE
from runtime.routing import instant
from runtime.timeline.activations import Walk, walk
from runtime.timeline.finding import Event, records_in
from runtime.timeline.lanes import (
    BUCKETS,
    DAY,
    HOUR,
    Drawing,
    Lane,
    Span,
    draw,
    gathered,
    step_for,
)
from runtime.timeline.scopes import Scope

#: Lanes of one picture, those with most requests; and changes that have a marker.
LANES, MARKED = 12, 12


@dataclass(frozen=True)
class Picture:
    """The drawing, and the same as rows of a table."""

    drawing: Drawing
    lanes: list[Lane]
    #: Lanes that are left out.
    more: int


def lanes_of(
    scope: Scope,
    reader: Person,
    suspected: Collection[tuple[str, int]] = (),
    walked: Walk | None = None,
) -> list[Lane]:
    """Return a lane for each use case and environment; the busiest first.

    `suspected` are releases, by the slug of their use case and their number.
    """
    found = (walked or walk(scope)).steps
    spans: dict[tuple[str, str], list[Span]] = {}
    by_place: dict[str, list] = {}
    for one in found:
        by_place.setdefault(one.row.environment.slug, []).append(one)
    slugs = {slug for one in found for slug in one.document["routes"]}
    seen = dict(UseCase.objects.visible_to(reader).filter(slug__in=slugs).values_list("slug", "pk"))
    if scope.use_case is not None:
        seen = {slug: pk for slug, pk in seen.items() if pk == scope.use_case.pk}
    for place, some in by_place.items():
        ends = [*(one.row.change.at for one in some[1:]), scope.until]
        for one, until in zip(some, ends, strict=True):
            since = max(one.row.change.at, scope.since)
            for slug in seen.keys() & one.document["routes"].keys():
                found_spans = spans.setdefault((slug, place), [])
                _extend(found_spans, _first(one.document, slug), since, until, suspected, slug)
    volume = _volume(scope, reader)
    step = step_for(scope.until - scope.since, BUCKETS)
    keys = {one.slug: one.pk for one in scope.environments}
    lanes = [
        Lane(slug, place, tuple(some), gathered(volume.get((seen[slug], keys[place]), ()), step))
        for (slug, place), some in spans.items()
    ]
    return sorted(
        lanes,
        key=lambda lane: (
            -sum(slot.requests for slot in lane.slots),
            lane.use_case,
            lane.environment,
        ),
    )


def _first(document: dict[str, Any], use_case: str) -> tuple[str, int, datetime | None] | None:
    """Return what is offered first for a use case: label, number and when its approval ends."""
    rows = [
        one
        for one in document["deployments"]
        if one["use_case"] == use_case and not one["suspended"]
    ]
    if not rows:
        return None
    one = min(rows, key=lambda row: (row["priority"], row["name"]))
    number = one["release"]["number"]
    ends = instant(one["not_after"]) if one["not_after"] else None
    return f"release {number}", number, ends


def _extend(
    spans: list[Span], first, since: datetime, until: datetime, suspected, use_case: str
) -> None:
    """Add what was offered from one generation to the next, joined with the same before it."""
    if first is None:
        return
    label, number, ends = first
    until = min(until, ends) if ends else until
    if until <= since:
        return
    if spans and spans[-1].label == label and spans[-1].until == since:
        since = spans.pop().since
    spans.append(Span(since, until, label, (use_case, number) in suspected))


def _volume(scope: Scope, reader: Person) -> dict[tuple[int, int], list[tuple[datetime, int, int]]]:
    """Return requests and failures by use case, environment and time; one query."""
    step = step_for(scope.until - scope.since, BUCKETS)
    trunc = TruncMinute if step < HOUR else TruncHour if step < DAY else TruncDay
    rows = (
        records_in(scope, reader)
        .exclude(use_case=None)
        .annotate(slot=trunc("occurred_at", tzinfo=UTC))
        .order_by()
        .values_list("use_case", "environment", "slot")
        .annotate(
            requests=Count("pk", filter=Q(kind=ROUTE)),
            failed=Count("pk", filter=Q(kind=OUTCOME, status="failed")),
        )
    )
    found: dict[tuple[int, int], list[tuple[datetime, int, int]]] = {}
    for use_case, environment, slot, requests, failed in rows:
        found.setdefault((use_case, environment), []).append((slot, requests, failed))
    return found


def picture(
    scope: Scope,
    reader: Person,
    events: Iterable[Event] = (),
    *,
    walked: Walk | None = None,
    suspected: Collection[tuple[str, int]] = (),
    affected: tuple[datetime, datetime] | None = None,
) -> Picture:
    """Return the picture of a window, with markers for the changes that touched most."""
    lanes = lanes_of(scope, reader, suspected, walked)
    shown = lanes[:LANES]
    ranked = sorted(events, key=lambda one: (-one.touched.requests, not one.changes, one.at))
    marks = [(one.number, one.at, bool(one.generation)) for one in ranked[:MARKED]]
    drawing = draw(shown, scope.since, scope.until, marks=marks, affected=affected)
    return Picture(drawing, shown, len(lanes) - len(shown))


def incidents_in(scope: Scope, reader: Person) -> list[Incident]:
    """Return the incidents whose window meets this one, for those who may see them."""
    rows = Incident.objects.visible_to(reader).filter(
        Q(environment=None) | Q(environment__in=scope.places),
        Q(ends_at=None) | Q(ends_at__gt=scope.since),
        begins_at__lt=scope.until,
    )
    if scope.use_case is not None:
        rows = rows.filter(Q(use_case=None) | Q(use_case=scope.use_case))
    return list(rows.select_related("use_case", "environment").order_by("-begins_at")[:20])


def said_of(lane: Lane) -> dict[str, Any]:
    """Return a lane as tools read it."""
    return {
        "use_case": lane.use_case,
        "environment": lane.environment,
        "releases": [
            {
                "label": span.label,
                "since": span.since,
                "until": span.until,
                "suspected": span.suspected,
            }
            for span in lane.spans
        ],
        "volume": [
            {"at": slot.at, "requests": slot.requests, "failed": slot.failed} for slot in lane.slots
        ],
    }
