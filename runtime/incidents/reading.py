"""All that is known of an incident, for its page, the API and the export: one function."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from audit import clock
from audit.naming import seen_keys
from registry.models import Environment, Person, Release
from runtime.incidents.following import became
from runtime.incidents.models import Incident, IncidentLink
from runtime.incidents.rules import Figures, figures, shared
from runtime.models import RequestRecord
from runtime.records.fields import ROUTE, made_at
from runtime.records.holding import held_by, scope_of
from runtime.timeline.finding import Event, Timeline
from runtime.timeline.scopes import LONGEST, MOST, Scope

#: Linked requests that are named with what served them.
NAMED = 50
#: What an incident is read along with.
WITH = (
    "use_case__team",
    "environment",
    "owner",
    "opened_by",
    "resolved_by",
    "reviewed_by",
)
#: What a link is read along with.
LINKS = (
    "release__use_case",
    "linked_by",
    "rollback__environment",
    "suspension__environment",
    "suspension__release__use_case",
    "suspension__version__model",
    "suspension__endpoint",
    "suspension__provider",
    "revocation__promotion__release__use_case",
    "revocation__promotion__environment",
    "break_glass__release__use_case",
    "break_glass__environment",
)


@dataclass(frozen=True)
class Affected:
    """Requests that were served by what the incident is about, or were linked one by one."""

    count: int
    first: datetime | None
    last: datetime | None
    #: Those of other teams' use cases: counted, and not told of.
    hidden: int = 0


@dataclass(frozen=True)
class Act:
    """What was done because of the incident."""

    kind: str
    sentence: str
    at: datetime
    url: str


@dataclass(frozen=True)
class Found:
    """An incident with what is computed of it."""

    incident: Incident
    affected: Affected
    held: int
    #: Records held that the reader may not see.
    held_hidden: int
    figures: Figures
    links: list[IncidentLink]
    acts: list[Act]
    #: Linked releases, requests and things done that the reader may not see.
    hidden: int


def find(incident: Incident, reader: Person) -> Found:
    """Return an incident with its figures, as far as the reader may see what they count."""
    links = list(incident.links.select_related(*LINKS))
    releases = [one.release_id for one in links if one.release_id]
    seen = seen_keys(Release, releases, reader)
    affected = _affected(incident, links, reader)
    requests = _requests_hidden(links, reader)
    shown = [
        one
        for one in links
        if (not one.release_id or one.release_id in seen) and one.request not in requests
    ]
    done = _acts_seen(shown, reader)
    acts = [act for one in shown if one.pk in done and (act := _act(one))]
    hidden = sum(1 for one in links if one.act) - len(acts) + len(links) - len(shown)
    held, held_hidden = _held(incident, reader)
    return Found(
        incident=incident,
        affected=affected,
        held=held,
        held_hidden=held_hidden,
        figures=figures(affected.first, incident.detected_at, incident.mitigated_at),
        links=shown,
        acts=acts,
        hidden=hidden,
    )


def affected_records(
    incident: Incident, links: list[IncidentLink], reader: Person
) -> QuerySet[RequestRecord]:
    """Return the records of the window that a linked release served, and of linked requests."""
    return RequestRecord.objects.visible_to(reader).filter(_is_affected(incident, links))


def _is_affected(incident: Incident, links: list[IncidentLink]) -> Q:
    releases = [one.release_id for one in links if one.release_id]
    requests = [one.request for one in links if one.request]
    return (scope_of(incident) & Q(release__in=releases)) | Q(request__in=requests)


def _affected(incident: Incident, links: list[IncidentLink], reader: Person) -> Affected:
    wanted = _is_affected(incident, links) & Q(kind=ROUTE)
    rows = RequestRecord.objects.visible_to(reader).filter(wanted)
    ids = rows.order_by("id").values_list("id", flat=True)
    first, last = ids.first(), ids.last()
    count = rows.count() if first else 0
    return Affected(
        count=count,
        first=made_at(first) if first else None,
        last=made_at(last) if last else None,
        hidden=_hidden(wanted, count, reader),
    )


def _hidden(wanted: Q, seen: int, reader: Person) -> int:
    """Return how many records there are beside the `seen` ones: sight of them takes a role."""
    return 0 if reader.sees_all else RequestRecord.objects.filter(wanted).count() - seen


def _held(incident: Incident, reader: Person) -> tuple[int, int]:
    if not incident.holds:
        return 0, 0
    wanted = held_by(incident)
    seen = RequestRecord.objects.visible_to(reader).filter(wanted).count()
    return seen, _hidden(wanted, seen, reader)


def _requests_hidden(links: list[IncidentLink], reader: Person) -> set[str]:
    """Return the linked requests whose records are there and not for the reader."""
    named = [one.request for one in links if one.request]
    if reader.sees_all or not named:
        return set()
    rows = RequestRecord.objects.filter(request__in=named).order_by()
    seen = RequestRecord.objects.visible_to(reader).filter(request__in=named).order_by()
    there, shown = (set(some.values_list("request", flat=True).distinct()) for some in (rows, seen))
    return there - shown


def _act(link: IncidentLink) -> Act | None:
    if link.rollback is not None:
        row = link.rollback
        words = f"{row.environment} was rolled back to what generation {row.generation} offered"
        return Act("rollback", words, row.rolled_back_at, row.get_absolute_url())
    if link.suspension is not None:
        row = link.suspension
        where = f"in {row.environment}" if row.environment else "everywhere"
        url = row.environment.get_absolute_url() if row.environment else "/running/"
        return Act("suspension", f"{row.subject} was suspended {where}", row.suspended_at, url)
    if link.revocation is not None:
        promotion = link.revocation.promotion
        words = f"the approval of {promotion.release} in {promotion.environment} was revoked"
        url = promotion.get_absolute_url()
        return Act("revocation", words, link.revocation.revoked_at, url)
    if link.break_glass is not None:
        row = link.break_glass
        words = f"{row.release} was let into {row.environment} without the signatures"
        return Act("break_glass", words, row.opened_at, row.get_absolute_url())
    return None


def _acts_seen(links: list[IncidentLink], reader: Person) -> set[int]:
    """Return the links to things done that the reader may see, a query for each kind of thing."""
    rows: dict[type, dict[int, list[int]]] = {}
    for link in links:
        if name := link.act:
            row = getattr(link, name)
            # A suspension is seen by whoever sees what is suspended.
            row = row.subject if name == "suspension" else row
            rows.setdefault(type(row), {}).setdefault(row.pk, []).append(link.pk)
    return {
        pk
        for noun, keys in rows.items()
        for key in seen_keys(noun, keys, reader)
        for pk in keys[key]
    }


# What changed in its window


def scope(incident: Incident, reader: Person) -> Scope:
    """Return the window, environments and use case that the incident's timeline is about."""
    until = min(incident.ends_at or clock.now(), clock.now())
    environments = Environment.objects.visible_to(reader).order_by("slug")
    if incident.environment_id is not None:
        environments = environments.filter(pk=incident.environment_id)
    use_case = incident.use_case
    if use_case and not type(use_case).objects.visible_to(reader).filter(pk=use_case.pk).exists():
        # Told of by those on call: what belongs to the use case's own team stays with it.
        environments = environments.none()
    return Scope(
        tuple(environments[:MOST]),
        use_case,
        max(incident.begins_at, until - LONGEST),
        max(until, incident.begins_at + timedelta(seconds=1)),
    )


@dataclass(frozen=True)
class Lead:
    """The strongest lead, as a fact about records and not as a verdict."""

    sentence: str
    text: str
    event: Event | None


def lead(found: Found, changed: Timeline, reader: Person) -> Lead:
    """Return which one change most affected requests of the window share."""
    if named := _shared(found, reader):
        return named
    events = [one for one in changed.ranked if one.touched.requests]
    if not events:
        if not changed.events:
            return Lead(
                "Nothing changed in this window.",
                "Widen it, or look at the provider's side.",
                None,
            )
        return Lead(
            "No request of this window was touched by a change.",
            "Widen the window, or look at the provider's side.",
            None,
        )
    first, whole = events[0], changed.whole.requests
    share = f"{first.touched.share} of their outcomes failed." if first.touched.share else ""
    return Lead(
        f"Most requests of this window share one change: {first.sentence}.",
        f"{first.touched.requests} of {whole} requests came after it took hold. {share}",
        first,
    )


def count_of(number: int) -> str:
    """Return so many requests as the subject of a sentence."""
    return "1 request is" if number == 1 else f"{number} requests are"


def _shared(found: Found, reader: Person) -> Lead | None:
    """Return what the requests that people linked have in common."""
    requests = [one.request for one in found.links if one.request][:NAMED]
    if not requests:
        return None
    rows = RequestRecord.objects.visible_to(reader).filter(request__in=requests, kind=ROUTE)
    served = rows.exclude(release=None).select_related("release__use_case")
    first_of: dict[str, str] = {}
    for row in served.order_by("id"):
        first_of.setdefault(row.request, f"{row.release} by generation {row.generation}")
    best, count, total = shared(first_of.values())
    if not best:
        return None
    what = "The linked request was" if total == 1 else f"{count} of {total} linked requests were"
    return Lead(
        f"{what} served by {best}.",
        f"As far as records tell, {count_of(found.affected.count)} affected in all.",
        None,
    )


# As tools read it


def said_of(found: Found, reader: Person) -> dict[str, Any]:
    """Return an incident as the API and the export say it."""
    row = found.incident
    follow_ups = list(row.follow_ups.select_related("owner").order_by("pk"))
    binding = became(follow_ups, reader)
    return {
        "id": row.pk,
        "title": row.title,
        "severity": row.severity,
        "state": row.state,
        "use_case": row.use_case.slug if row.use_case else None,
        "environment": row.environment.slug if row.environment else None,
        "owner": row.owner.slug,
        "ticket": row.ticket,
        "begins_at": row.begins_at,
        "ends_at": row.ends_at,
        "detected_at": row.detected_at,
        "opened_by": row.opened_by.username,
        "opened_at": row.opened_at,
        "mitigated_at": row.mitigated_at,
        "resolved_at": row.resolved_at,
        "reviewed_at": row.reviewed_at,
        "trigger": row.trigger,
        "learnt": row.learnt,
        "affected": {
            "requests": found.affected.count,
            "first_at": found.affected.first,
            "last_at": found.affected.last,
            "hidden": found.affected.hidden,
        },
        "seconds_to_detect": _seconds(found.figures.to_detect),
        "seconds_to_mitigate": _seconds(found.figures.to_mitigate),
        "records_held": found.held,
        "records_held_hidden": found.held_hidden,
        "releases": [one.release.digest for one in found.links if one.release],
        "requests": [one.request for one in found.links if one.request],
        "acts": [
            {"kind": one.kind, "sentence": one.sentence, "at": one.at, "url": one.url}
            for one in found.acts
        ],
        "participants": [one.person.username for one in row.participants.select_related("person")],
        "notes": [
            {
                "kind": one.kind,
                "text": one.text,
                "by": one.written_by.username,
                "at": one.written_at,
            }
            for one in row.notes.select_related("written_by").order_by("pk")
        ],
        "follow_ups": [
            {
                "id": one.pk,
                "text": one.text,
                "owner": one.owner.username,
                "due_on": one.due_on,
                "done_at": one.done_at,
                "outcome": one.outcome,
                "became": [
                    {
                        "kind": made.kind,
                        "state": made.state,
                        "sentence": made.sentence,
                        "url": made.url,
                    }
                    for made in binding[one.pk]
                ],
            }
            for one in follow_ups
        ],
        "hidden": found.hidden,
    }


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else round(span.total_seconds())
