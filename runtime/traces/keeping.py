"""Keeping what traces tell: records as from any router, and counts of what nobody can place."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from audit import clock
from registry.models import Person, Router
from runtime.records.storing import CONFLICT, INVALID, keep
from runtime.traces.models import TraceBody, UnattributedTraffic
from runtime.traces.reading import Traffic, calls
from runtime.traces.wire import Span

#: How long a body is known again; lines of one router and day, beyond which all is one line.
KNOWN_FOR = timedelta(days=3)
MOST_LINES = 500
KEY = ("router_id", "day", "service", "provider", "model")
SUMS = ("calls", "failed", "tokens_in", "tokens_out", "tokens_cached", "erased")


@dataclass(frozen=True)
class Kept:
    """What became of the spans of one body that call a model."""

    records: int
    traffic: int
    refused: int
    sentences: tuple[str, ...]


def take(spans: list[Span], body: bytes, router: Router, *, actor: Person) -> Kept:
    """Keep the calls among `spans`, which are those of `body`; sent again, it changes nothing.

    What it says was kept is there for good.
    """
    now = clock.now()
    found = calls(spans, str(router.pk), router.environment.slug, now)
    with transaction.atomic():
        if found.traffic and _is_new(body, router, now):
            _count(found.traffic, router)
        answers = keep(list(found.items), router, actor=actor, now=now) if found.items else []
    wrong = [one for one in answers if one.outcome in (CONFLICT, INVALID)]
    sentences = (*found.refused, *(reason.sentence for one in wrong for reason in one.problems))
    return Kept(
        records=len(answers) - len(wrong),
        traffic=len(found.traffic),
        refused=len(found.refused) + len(wrong),
        sentences=tuple(dict.fromkeys(sentences)),
    )


def _is_new(body: bytes, router: Router, now: datetime) -> bool:
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    table = connection.ops.quote_name(TraceBody._meta.db_table)
    received = TraceBody._meta.get_field("received_at").get_db_prep_save(now, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (router_id, digest, received_at) VALUES (%s, %s, %s) "  # noqa: S608
            "ON CONFLICT DO NOTHING",
            [router.pk, digest, received],
        )
        return cursor.rowcount == 1


def forget() -> str:
    """Forget bodies that nobody sends again any more; part of `tick`. Say what was done."""
    rows = TraceBody.objects.filter(received_at__lt=clock.now() - KNOWN_FOR)
    count, _ = rows.delete()
    return f"{count} bodies forgotten"


def _count(traffic: Iterable[Traffic], router: Router) -> None:
    """Add calls to the lines of their service, model and day."""
    lines: dict[tuple, dict[str, Any]] = {}
    known = _known(router, {one.day for one in traffic})
    for one in sorted(traffic, key=lambda one: one.at):
        named = (one.day, one.service, one.provider, one.model)
        if named not in known:
            if sum(day == one.day for day, *_ in known) >= MOST_LINES:
                named = (one.day, "", "", "")
            known.add(named)
        line = lines.setdefault(
            named,
            {
                "environment_id": router.environment_id,
                **dict(zip(KEY, (router.pk, *named), strict=True)),
                "answered_by": "",
                "first_at": one.at,
                **dict.fromkeys(SUMS, 0),
            },
        )
        line["last_at"] = one.at
        line["answered_by"] = one.answered_by or line["answered_by"]
        for name, value in (("calls", 1), ("failed", int(one.failed))):
            line[name] += value
        for name in SUMS[2:]:
            line[name] += getattr(one, name)
    # In one order, so that two bodies at once wait for each other and no more.
    _add([lines[named] for named in sorted(lines)])


def _known(router: Router, days: set) -> set[tuple]:
    rows = UnattributedTraffic.objects.filter(router=router, day__in=days)
    return set(rows.values_list(*KEY[1:])[: (MOST_LINES + 1) * len(days)])


def _add(lines: list[dict[str, Any]]) -> None:
    fields = [one for one in UnattributedTraffic._meta.concrete_fields if not one.primary_key]
    quoted = connection.ops.quote_name
    table = quoted(UnattributedTraffic._meta.db_table)
    row = f"({', '.join(['%s'] * len(fields))})"
    bigger, smaller = ("GREATEST", "LEAST") if connection.vendor == "postgresql" else ("MAX", "MIN")
    sums = [f"{name} = {table}.{name} + excluded.{name}" for name in SUMS]
    statement = (
        f"INSERT INTO {table} ({', '.join(quoted(one.column) for one in fields)}) "  # noqa: S608
        f"VALUES {', '.join([row] * len(lines))} "
        f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {', '.join(sums)}, "
        f"answered_by = CASE WHEN excluded.answered_by = '' THEN {table}.answered_by "
        "ELSE excluded.answered_by END, "
        f"first_at = {smaller}({table}.first_at, excluded.first_at), "
        f"last_at = {bigger}({table}.last_at, excluded.last_at)"
    )
    values = [
        field.get_db_prep_save(line[field.attname], connection)
        for line in lines
        for field in fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
