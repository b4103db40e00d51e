"""Taking away the records whose time is over by policy, and leaving the hash of each.

What goes is decided by the policy of today, the least `retention_days` of all packs that bind a
route; what an incident holds stays. Each pruning is one entry of the log, over the hashes of what
it took; the database itself refuses to delete a record whose hash is not kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, models
from django.db.models import Q, QuerySet

import audit
from audit import Change, clock
from registry.effective import in_force
from registry.models import Environment, UseCase
from runtime.records.fields import BEHIND, first_id
from runtime.records.holding import held
from runtime.records.models import RequestRecord
from runtime.records.partitions import TABLE, months_before
from runtime.records.pruned import PrunedRecord, Pruning
from runtime.records.storing import root_of

#: Records that one change takes away; the next goes on.
CHUNK = 5000
#: Changes of one run of `tick`, so that others get their turn.
CHANGES = 200


@dataclass(frozen=True)
class Route:
    """A use case in an environment, and for how many days policy keeps its records."""

    environment: int
    #: None stands for use cases that are not registered.
    use_case: int | None
    days: int

    def made_before(self, now: datetime) -> datetime:
        """Return the instant before which its records were made whose time is over."""
        return now - timedelta(days=self.days)

    def due(self, now: datetime) -> Q:
        """Return its records whose time is over."""
        return Q(
            environment=self.environment,
            use_case=self.use_case,
            id__lt=first_id(self.made_before(now)),
        )


def routes() -> list[Route]:
    """Return every route of which policy bounds the keeping; what nothing bounds is kept."""
    policy = in_force()
    cases: list[tuple[int | None, str]] = [*UseCase.objects.values_list("pk", "slug"), (None, "")]
    found = []
    for environment, jurisdiction in Environment.objects.values_list("pk", "jurisdiction"):
        for use_case, slug in cases:
            days = policy.of(slug, jurisdiction).value("retention_days")
            if days is not None:
                found.append(Route(environment, use_case, days))
    return found


def prune(*, actor=None, reason: str = "Policy keeps them no longer.") -> str:
    """Take away what is over and not held, a chunk at a time; part of `tick`. Say what was done.

    On PostgreSQL a whole month goes with its partition where all of it is over and nothing of it
    is held.
    """
    actor, now = actor or audit.system("tick"), clock.now()
    found = routes()
    pruned = prune_months(found, now, actor=actor, reason=reason)
    left = CHANGES
    for route in found:
        while left and (count := _prune_some(route, now, actor=actor, reason=reason)):
            pruned, left = pruned + count, left - 1
    return f"{pruned} records pruned"


def _over(route: Route, now: datetime) -> QuerySet:
    rows = RequestRecord.objects.filter(route.due(now))
    return rows.exclude(held(route.environment, route.use_case)).order_by("id")


def _prune_some(route: Route, now: datetime, *, actor, reason: str) -> int:
    """Prune at most a chunk of one route, in one change; return how many went."""
    if not _over(route, now).exists():
        return 0
    with audit.change(actor=actor, reason=reason) as change:
        # Whoever opens an incident here takes the same lock: what is held is read after that.
        change.lock(Environment, route.environment)
        rows = list(
            _over(route, now).values_list("id", "batch_id", "payload_sha256", "leaf")[:CHUNK]
        )
        if not rows:
            return 0
        pruning = _note(change, route, now, len(rows), (leaf for *_, leaf in rows))
        models.QuerySet(PrunedRecord).bulk_create(
            PrunedRecord(id=pk, pruning=pruning, batch_id=batch, payload_sha256=payload, leaf=leaf)
            for pk, batch, payload, leaf in rows
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {TABLE} WHERE id IN "  # noqa: S608 - our own name
                "(SELECT id FROM runtime_prunedrecord WHERE pruning_id = %s)",
                [pruning.pk],
            )
    return len(rows)


def _note(
    change: Change, route: Route, now: datetime, count: int, leaves: Iterable[str]
) -> Pruning:
    return change.save(
        Pruning(
            environment_id=route.environment,
            use_case_id=route.use_case,
            retention_days=route.days,
            made_before=route.made_before(now),
            count=count,
            root=root_of(leaves),
            pruned_at=change.now,
        ),
        event="records.pruned",
        facts={"count": count},
    )


# Whole months


def prune_months(found: list[Route], now: datetime, *, actor, reason: str) -> int:
    """Take out each partition of which everything is over and nothing is held."""
    if connection.vendor != "postgresql" or not found:
        return 0
    over = Q(pk__in=[])
    for route in found:
        over |= route.due(now) & ~held(route.environment, route.use_case)
    pruned = 0
    # Ids of a younger month may still come: what is over of it goes row by row.
    for name, begins, ends in months_before(now - BEHIND):
        rows = RequestRecord.objects.filter(id__gte=first_id(begins), id__lt=first_id(ends))
        if rows.exists() and not rows.exclude(over).exists():
            pruned += _prune_month(name, rows, over, found, now, actor=actor, reason=reason)
    return pruned


def _prune_month(
    name: str, rows: QuerySet, over: Q, found: list[Route], now: datetime, *, actor, reason: str
) -> int:
    pruned = 0
    with audit.change(actor=actor, reason=reason) as change:
        keys = sorted({route.environment for route in found})
        change.lock(Environment, *keys)
        # Nothing comes into the month, and nothing is held of it, until this change is done.
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
        if rows.exclude(over).exists():
            return 0
        for route in found:
            mine = rows.filter(environment=route.environment, use_case=route.use_case)
            if count := mine.count():
                leaves = mine.order_by("id").values_list("leaf", flat=True)
                pruning = _note(change, route, now, count, leaves.iterator(chunk_size=CHUNK))
                _copy(name, route, pruning)
                pruned += count
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {name}")
    return pruned


def _copy(name: str, route: Route, pruning: Pruning) -> None:
    into = "INSERT INTO runtime_prunedrecord (id, pruning_id, batch_id, payload_sha256, leaf)"
    # Its own name: nothing here comes from outside.
    source = f"SELECT id, %s, batch_id, payload_sha256, leaf FROM {name}"  # noqa: S608
    where = "WHERE environment_id = %s AND use_case_id IS NOT DISTINCT FROM %s"
    values = [pruning.pk, route.environment, route.use_case]
    with connection.cursor() as cursor:
        cursor.execute(f"{into} {source} {where}", values)


def foreseen(now: datetime) -> Iterator[str]:
    """Yield a line for each route of which records are over: how many would go, and are held."""
    slugs = dict(UseCase.objects.values_list("pk", "slug"))
    places = dict(Environment.objects.values_list("pk", "slug"))
    for route in routes():
        over = RequestRecord.objects.filter(route.due(now)).count()
        if over:
            goes = _over(route, now).count()
            named = slugs.get(route.use_case, "use cases that are not registered")
            yield (
                f"{named} in {places[route.environment]}: {goes} records older than {route.days} "
                f"days would go, {over - goes} are held."
            )
    yield "Nothing was taken away."
