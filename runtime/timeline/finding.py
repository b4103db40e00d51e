"""One timeline of all that changed in a window, each with how many recorded requests it touched."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from audit.models import Change, Entry
from evidence.models import EvidenceItem
from gates.models import Waiver, WaiverAnswer
from registry.models import Person, RouterReport, UseCase
from runtime.changing import told
from runtime.differences import Difference
from runtime.incidents.rules import took_words
from runtime.models import Activation, RequestRecord, SequenceSpan
from runtime.records.fields import OUTCOME, ROUTE, first_id, made_at
from runtime.records.gaps import Run, between
from runtime.timeline.activations import Step, Walk, walk
from runtime.timeline.nouns import EVENTS, NOUNS, Told
from runtime.timeline.ranking import Group, Reach, Touched, reaches, touched
from runtime.timeline.scopes import Scope

#: Entries of the log that are looked at, the newest of the window; and of other kinds each.
MOST, OTHERS = 500, 100
#: Lines of an answer.
SHOWN = 200
CAUSES = dict(Activation.Cause.choices)
#: Later than this after its generation was published, a router took it up late.
LATE = timedelta(minutes=2)


@dataclass
class Event:
    """One change: when, what in a sentence, by whom and why, and what it touched."""

    at: datetime
    kind: str
    sentence: str
    by: str = ""
    reason: str = ""
    url: str = ""
    environment: str = ""
    generation: int | None = None
    #: What differs in what routers are told, as far as it may be seen.
    changes: list[dict[str, Any]] = field(default_factory=list)
    hidden: int = 0
    reaches: list[Reach] = field(default_factory=list)
    touched: Touched = field(default_factory=Touched)
    #: Its place in time among those of the answer, from 1.
    number: int = 0


@dataclass(frozen=True)
class Timeline:
    """What changed in a window, in order of time; `more` says whether some of it is left out."""

    events: list[Event]
    #: All requests of the window that the reader may see.
    whole: Touched
    more: bool

    @property
    def ranked(self) -> list[Event]:
        """The same, most requests touched first."""
        return sorted(self.events, key=lambda one: (-one.touched.requests, not one.changes, one.at))


def timeline(scope: Scope, reader: Person, walked: Walk | None = None) -> Timeline:
    """Return all that changed in a window, as far as the reader may see it."""
    groups = records_of(scope, reader)
    walked = walked or walk(scope)
    events, complete = _events(scope, reader, walked.steps)
    events += _endings(scope, reader)
    events += _acknowledgements(scope)
    events += _gaps(scope)
    for one in events:
        one.touched = touched(groups, one.reaches)
    events.sort(key=lambda one: one.at)
    shown = events[-SHOWN:]
    for number, one in enumerate(shown, 1):
        one.number = number
    everything = touched(groups, [Reach()])
    return Timeline(shown, everything, not walked.whole or not complete or len(events) > SHOWN)


def records_of(scope: Scope, reader: Person) -> list[Group]:
    """Return the records of a window in groups that are alike; one query."""
    rows = records_in(scope, reader)
    grouped = rows.order_by().values_list(
        "environment", "router", "use_case", "generation", "release"
    )
    counted = grouped.annotate(
        routed=Count("pk", filter=Q(kind=ROUTE)),
        outcomes=Count("pk", filter=Q(kind=OUTCOME)),
        failed=Count("pk", filter=Q(status="failed")),
    )
    return [Group(*one) for one in counted]


def records_in(scope: Scope, reader: Person) -> QuerySet[RequestRecord]:
    """Return the records of a window that the reader may see."""
    rows = RequestRecord.objects.visible_to(reader).filter(
        environment__in=scope.places,
        id__gte=first_id(scope.since),
        id__lt=first_id(scope.until),
    )
    return rows.filter(use_case=scope.use_case) if scope.use_case else rows


# What the log tells, joined with the generations that followed


def _events(scope: Scope, reader: Person, found: list[Step]) -> tuple[list[Event], bool]:
    inside = [one for one in found if one.changed is not None]
    slugs = {slug for one in inside for said in one.changed or () for slug in said.use_cases}
    keys = dict(UseCase.objects.visible_to(reader).filter(slug__in=slugs).values_list("slug", "pk"))
    touching = reaches(
        (one.row.environment_id, one.row.generation, _touches(one.changed or (), keys))
        for one in inside
    )
    followed: dict[uuid.UUID, list[Event]] = {}
    for one in inside:
        event = _activation(one, keys, touching, scope)
        if event is not None:
            followed.setdefault(one.row.change_id, []).append(event)
    entries, complete = _entries(scope)
    events = list(_told(scope, reader, entries, followed))
    return [*events, *(one for some in followed.values() for one in some)], complete


def _touches(changed: Iterable[Difference], keys: dict[str, int]) -> frozenset[int] | None:
    """Return the use cases that a generation changed something for; None is all of them."""
    changed = list(changed)
    if any(not one.use_cases for one in changed):
        return None
    return frozenset(keys[slug] for one in changed for slug in one.use_cases if slug in keys)


def _activation(one: Step, keys: dict[str, int], touching, scope: Scope) -> Event | None:
    row = one.row
    about = told(one.changed or (), set(keys))
    changes = about["changes"]
    if scope.use_case is not None:
        changes = [
            said
            for said in changes
            if not said["use_cases"] or scope.use_case.slug in said["use_cases"]
        ]
        if not changes:
            return None
    cause = CAUSES[row.cause]
    restored = f" to what generation {row.restored} offered" if row.restored else ""
    first = f": {changes[0]['sentence']}" if changes else ""
    return Event(
        at=row.change.at,
        kind="rollback" if row.cause == Activation.Cause.ROLLED_BACK else "activation",
        sentence=f"Generation {row.generation} of {row.environment}, {cause}{restored}{first}",
        by=row.change.actor_name,
        reason=row.change.reason,
        url=f"/environments/{row.environment.slug}/changes/"
        f"?from={row.generation - 1}&to={row.generation}",
        environment=row.environment.slug,
        generation=row.generation,
        changes=changes,
        hidden=about["hidden"],
        reaches=touching[row.environment_id, row.generation],
    )


def _entries(scope: Scope) -> tuple[list[Entry], bool]:
    """Return the entries of the window that a timeline tells of, and whether all of them."""
    begins, ends = _seq_at(scope.since), _seq_at(scope.until)
    if begins is None:
        return [], True
    rows = Entry.objects.filter(event__in=EVENTS, seq__gte=begins)
    if ends is not None:
        rows = rows.filter(seq__lt=ends)
    rows = rows.select_related("change").defer("body", "leaf").order_by("-seq")
    found = list(rows[: MOST + 1])
    return found[:MOST], len(found) <= MOST


def _seq_at(at: datetime) -> int | None:
    """Return the first entry of the log at or after an instant; None if there is none yet."""
    change = Change.objects.filter(at__gte=at).order_by("at").values("pk")[:1]
    return Entry.objects.filter(change__in=change).aggregate(seq=Min("seq"))["seq"]


def _told(
    scope: Scope, reader: Person, entries: list[Entry], followed: dict[uuid.UUID, list[Event]]
) -> Iterator[Event]:
    wanted: dict[str, set[str]] = {}
    for entry in entries:
        wanted.setdefault(EVENTS[entry.event].noun, set()).add(_key(entry))
    rows: dict[str, dict[str, Any]] = {}
    for name, keys in wanted.items():
        noun = NOUNS[name]
        seen = noun.model.objects.visible_to(reader).filter(noun.within(scope), pk__in=keys)
        rows[name] = {str(one.pk): one for one in seen.select_related(*noun.along)}
    found = [
        (entry, EVENTS[entry.event], row)
        for entry in reversed(entries)
        if (row := rows[EVENTS[entry.event].noun].get(_key(entry))) is not None
    ]
    # One line for a change: what somebody did, with what routers were told because of it.
    leading: dict[uuid.UUID, Entry] = {}
    for entry, said, _ in found:
        if said.leads and entry.change_id in followed:
            first = leading.setdefault(entry.change_id, entry)
            if said.kind == "rollback" and first is not entry:
                # It quarantines before it is noted, and is more than that.
                leading[entry.change_id] = entry
    for entry, said, row in found:
        leader = leading.get(entry.change_id)
        if leader is entry:
            yield from _led(entry, said, row, followed.pop(entry.change_id))
        elif leader is None or not said.leads:
            yield _event(entry, said, row)


def _led(entry: Entry, said: Told, row, after: list[Event]) -> Iterator[Event]:
    for one in after:
        own = _event(entry, said, row)
        yield Event(
            **{
                **{name: getattr(own, name) for name in ("at", "kind", "by", "reason")},
                "sentence": f"{own.sentence} (generation {one.generation} of {one.environment})",
                "url": own.url or one.url,
                "environment": one.environment,
                "generation": one.generation,
                "changes": one.changes,
                "hidden": one.hidden,
                "reaches": one.reaches,
            }
        )


def _event(entry: Entry, said: Told, row) -> Event:
    noun = NOUNS[said.noun]
    return Event(
        at=entry.change.at,
        kind=said.kind,
        sentence=f"{said.words}: {noun.name(row)}",
        by=entry.change.actor_name,
        reason=entry.change.reason,
        url=noun.url(row),
        reaches=noun.reaches(row),
    )


def _key(entry: Entry) -> str:
    named = entry.about if EVENTS[entry.event].about else entry.row
    return named.rpartition(":")[2]


# What time brought about


def _endings(scope: Scope, reader: Person) -> Iterator[Event]:
    """Yield evidence and waivers that ended in the window by themselves."""
    ended = {"expires_at__gte": scope.since, "expires_at__lt": scope.until}
    noun = NOUNS["evidence"]
    rows = EvidenceItem.objects.visible_to(reader).filter(
        noun.within(scope), withdrawal=None, replaced_by=None, **ended
    )
    for row in rows.select_related(*noun.along).order_by("-expires_at")[:OTHERS]:
        yield Event(
            row.expires_at, "evidence", f"Evidence ended: {noun.name(row)}", url=noun.url(row)
        )
    noun = NOUNS["waiver"]
    waivers = Waiver.objects.visible_to(reader).filter(
        noun.within(scope),
        answer__verdict=WaiverAnswer.Verdict.GRANTED,
        ends_at__gte=scope.since,
        ends_at__lt=scope.until,
    )
    for row in waivers.select_related(*noun.along).order_by("-ends_at")[:OTHERS]:
        yield Event(row.ends_at, "waiver", f"Waiver ended: {noun.name(row)}", url=noun.url(row))


# What routers did


def _acknowledgements(scope: Scope) -> Iterator[Event]:
    """Yield when each router first said that it decides from a generation."""
    rows = RouterReport.objects.filter(
        router__environment__in=scope.places,
        first_seen_at__gte=scope.since,
        first_seen_at__lt=scope.until,
    )
    rows = list(rows.select_related("router__environment").order_by("-first_seen_at")[:OTHERS])
    wanted = Q(pk__in=[])
    for one in rows:
        wanted |= Q(environment=one.router.environment_id, generation=one.generation)
    published = {
        (environment, generation): at
        for environment, generation, at in Activation.objects.filter(wanted).values_list(
            "environment", "generation", "change__at"
        )
    }
    for one in rows:
        router = one.router
        since = published.get((router.environment_id, one.generation))
        late = ""
        if since is not None and one.first_seen_at - since > LATE:
            late = f", {took_words(one.first_seen_at - since)} late"
        yield Event(
            at=one.first_seen_at,
            kind="acknowledgement",
            sentence=f"{router} took up generation {one.generation} of {router.environment}{late}",
            by=router.slug,
            url=f"/registry/router/{router.pk}/change/",
            environment=router.environment.slug,
            generation=one.generation,
            reaches=[
                Reach(
                    router.environment_id,
                    router=router.pk,
                    generations=(one.generation, one.generation + 1),
                )
            ],
        )


def _gaps(scope: Scope) -> Iterator[Event]:
    """Yield what routers numbered in the window and never sent, as far as its end shows when."""
    spans: dict[int, list[Run]] = {}
    rows = SequenceSpan.objects.filter(router__environment__in=scope.places)
    for router, first, last in rows.values_list("router", "first", "last"):
        spans.setdefault(router, []).append(Run(first, last))
    behind: dict[tuple[int, int], int] = {}
    wanted = Q(pk__in=[])
    for router, some in spans.items():
        gaps = between(some)[-OTHERS:]
        behind |= {(router, gap.last + 1): gap.first for gap in gaps}
        wanted |= Q(router=router, router_seq__in=[gap.last + 1 for gap in gaps])
    if not behind:
        return
    found = RequestRecord.objects.filter(
        wanted, id__gte=first_id(scope.since), id__lt=first_id(scope.until)
    ).select_related("router__environment")
    for row in found.only("id", "router_seq", "router__slug", "router__environment__slug"):
        first, last = behind[row.router_id, row.router_seq], row.router_seq - 1
        count = last - first + 1
        yield Event(
            at=made_at(row.pk),
            kind="gap",
            sentence=f"{count} record{'s' if count > 1 else ''} of {row.router.slug} never came, "
            f"before this: numbered {first}" + (f" to {last}" if count > 1 else ""),
            by=row.router.slug,
            url=f"/requests/?router={row.router.slug}",
            environment=row.router.environment.slug,
        )


def said_of(one: Event) -> dict[str, Any]:
    """Return one change as tools read it."""
    found = asdict(one)
    del found["reaches"]
    return found | {"touched": asdict(one.touched)}
