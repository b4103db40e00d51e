"""What incidents leave waiting for somebody: follow-ups of theirs, and reviews of others' work."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from gates.tasks import Held, Tasks, Waiting, in_teams
from registry.models import Person
from runtime.incidents.models import FollowUp, Incident


def tasks(user: Person, held: Held) -> Iterable[Tasks]:
    """Yield what waits for `user`: follow-ups that they own, and incidents they may review."""
    yield _follow_ups(user), _do
    if held:
        yield _to_review(user, held), _review


def _follow_ups(user: Person) -> QuerySet:
    rows = FollowUp.objects.filter(owner=user, done_at=None).select_related("incident")
    return rows.order_by("due_on", "pk")


def _do(row: FollowUp) -> Waiting:
    return Waiting(
        sentence=f"Do what follows from incident {row.incident_id}: “{row.text[:80]}”",
        url=row.get_absolute_url(),
        why="you own it",
        since=row.set_at,
        due=row.due_on,
        note=row.incident.title,
    )


def _to_review(user: Person, held: Held) -> QuerySet:
    """Return resolved incidents of teams in which the reader may review, which others resolved."""
    in_any = Q(pk__in=[])
    for teams in held.values():
        in_any |= in_teams("owner", teams) | in_teams("use_case__team", teams)
    rows = Incident.objects.visible_to(user).filter(in_any, state=Incident.State.RESOLVED)
    return rows.exclude(resolved_by=user).order_by("resolved_at", "pk")


def _review(row: Incident) -> Waiting:
    return Waiting(
        sentence=f"Review incident {row.pk}: {row.title}",
        url=row.get_absolute_url(),
        why="you did not resolve it, so you may",
        since=row.resolved_at,
        note="its records are held until then",
    )
