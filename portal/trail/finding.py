"""Browsing the log: filters, each behind an index, and pages by where the last one ended."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime

from audit import Reason
from audit.models import Change, Entry
from registry.models import Person

PAGE = 50
#: Filters of the list, as they stand in its address.
NAMES = ("from", "to", "actor", "event", "row", "change")
KEY = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}:[0-9A-Za-z-]{1,40}")
EVENT = re.compile(r"[a-z]{1,40}\.[a-z_-]{1,60}")
NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass
class Filters:
    """What is asked for; empty means everything."""

    since: datetime | None = None
    until: datetime | None = None
    actor: int | None = None
    event: str = ""
    row: str = ""
    change: uuid.UUID | None = None


def read(given: Mapping[str, str]) -> tuple[Filters, list[Reason]]:
    """Return the filters of an address, and what is wrong with it."""
    found, reasons = Filters(), []
    for name, target in (("from", "since"), ("to", "until")):
        if text := given.get(name, "").strip():
            at = _instant(text)
            if at is None:
                sentence = "Give an instant with its zone, such as 2026-03-01T12:00:00Z."
                reasons.append(Reason("NOT_AN_INSTANT", sentence, name))
            setattr(found, target, at)
    if text := given.get("actor", "").strip():
        found.actor = (
            Person.objects.filter(username=text[:150]).values_list("pk", flat=True).first()
        )
        if found.actor is None:
            sentence = "Nobody has this user name. Give it as it stands in the list of people."
            reasons.append(Reason("NOBODY", sentence, "actor"))
    for name, pattern, example in (
        ("event", EVENT, "release.sealed"),
        ("row", KEY, "registry.release:12"),
    ):
        if text := given.get(name, "").strip():
            if pattern.fullmatch(text):
                setattr(found, name, text)
            else:
                reasons.append(Reason("NOT_ONE", f"Give one such as {example}.", name))
    if text := given.get("change", "").strip():
        try:
            found.change = uuid.UUID(text)
        except ValueError:
            sentence = "Give the id of a change, as it stands on the page of an entry."
            reasons.append(Reason("NOT_AN_ID", sentence, "change"))
    return found, reasons


def _instant(text: str) -> datetime | None:
    try:
        at = parse_datetime(text[:40])
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None and 1970 < at.year < 9000 else None


def page(filters: Filters, before: str, size: int = PAGE) -> tuple[list[Entry], int | None]:
    """Return a page of entries, newest first, and the number that the next page begins before."""
    rows = Entry.objects.select_related("change").order_by("-seq")
    if NUMBER.fullmatch(before):
        rows = rows.filter(seq__lt=int(before))
    rows = _in_span(rows, filters)
    if rows is None:
        return [], None
    if filters.event:
        rows = rows.filter(event=filters.event)
    if filters.row:
        rows = rows.filter(Q(row=filters.row) | Q(about=filters.row))
    if filters.change:
        rows = rows.filter(change=filters.change)
    if filters.actor is not None:
        rows = _of_actor(rows, filters, before, size)
    found = list(rows[: size + 1])
    return found[:size], found[size - 1].seq if len(found) > size else None


def _in_span(rows: QuerySet, filters: Filters) -> QuerySet | None:
    """Narrow to a span of time: its ends are looked up once, as numbers of entries."""
    changes = Change.objects.all()
    if filters.since:
        first = changes.filter(at__gte=filters.since).order_by("at").first()
        if first is None:
            return None
        rows = rows.filter(seq__gte=_edge(first, "seq"))
    if filters.until:
        last = changes.filter(at__lte=filters.until).order_by("-at").first()
        if last is None:
            return None
        rows = rows.filter(seq__lte=_edge(last, "-seq"))
    return rows


def _edge(change: Change, order: str) -> int:
    return change.entries.order_by(order).values_list("seq", flat=True)[0]


def _of_actor(rows: QuerySet, filters: Filters, before: str, size: int) -> QuerySet:
    """Narrow to what one person did.

    Where nothing else narrows it, their changes are walked by the index of changes: as many as a
    page has entries, since each change has one at least.
    """
    if filters.event or filters.row or filters.change:
        return rows.filter(change__actor_id=filters.actor)
    changes = Change.objects.filter(actor=filters.actor)
    if filters.since:
        changes = changes.filter(at__gte=filters.since)
    if filters.until:
        changes = changes.filter(at__lte=filters.until)
    if NUMBER.fullmatch(before):
        at = Entry.objects.filter(seq__lte=int(before)).order_by("-seq").values("change__number")
        changes = changes.filter(number__lte=at[:1])
    newest = changes.order_by("-number").values_list("pk", flat=True)[: size + 2]
    return rows.filter(change__in=list(newest))


def events() -> list[str]:
    """Return every event that the log knows, one index seek for each."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE known(event) AS (SELECT min(event) FROM audit_entry UNION ALL "
            "SELECT (SELECT min(event) FROM audit_entry WHERE event > known.event) FROM known "
            "WHERE known.event IS NOT NULL) SELECT event FROM known WHERE event IS NOT NULL"
        )
        return [event for (event,) in cursor.fetchall()]
