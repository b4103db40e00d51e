"""Emergency rollbacks that somebody else has still to look at."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from audit import clock
from gates.tasks import Held, Tasks, Waiting
from registry.models import Person
from runtime.models import Deployment, Rollback

#: Rows that the overview shows.
SHOWN = 20


def unreviewed() -> QuerySet:
    """Return the emergencies that nobody reviewed yet, oldest first."""
    rows = Rollback.objects.filter(emergency=True, review=None)
    return rows.select_related("environment", "rolled_back_by").order_by("rolled_back_at", "pk")


def overdue(reader: Person) -> list[Rollback]:
    """Return those whose review is overdue, as far as the reader may see them."""
    since = clock.now() - Rollback.REVIEWED_WITHIN
    seen = Rollback.objects.visible_to(reader).values("pk")
    return list(unreviewed().filter(rolled_back_at__lt=since, pk__in=seen)[:SHOWN])


def tasks(user: Person, held: Held) -> Iterable[Tasks]:
    """Yield what waits for `user`: emergencies of theirs to review that others did."""
    if held:
        yield _to_review(user, held), _waiting


def _to_review(user: Person, held: Held) -> QuerySet:
    """Return those that moved releases of teams only in which the reader may review."""
    moved = Deployment.history.model.objects.filter(change=OuterRef("change"))
    teams: set[int] = set()
    for some in held.values():
        if some is None:
            break
        teams |= some
    else:
        moved = moved.exclude(release__use_case__team__in=teams)
        return _of_others(user).filter(~Exists(moved))
    return _of_others(user)


def _of_others(user: Person) -> QuerySet:
    seen = Rollback.objects.visible_to(user).values("pk")
    return unreviewed().filter(pk__in=seen).exclude(rolled_back_by=user)


def _waiting(row: Rollback) -> Waiting:
    return Waiting(
        sentence=f"Review the emergency rollback of {row.environment}",
        url=row.get_absolute_url(),
        why="not yours, so you may",
        since=row.rolled_back_at,
        due=row.review_due.date(),
        note=f"incident {row.incident} · rolled back by {row.rolled_back_by}",
    )
