"""What waits for somebody beside promotions and runs: one list of rows for each kind of task.

Each list is a query and a function that says one row in words, so that counting costs a count.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from audit import clock
from evidence.models import EvidenceItem
from gates import emergencies, waivers
from gates.conditions import not_closed
from gates.models import BreakGlass, Condition, Promotion, Waiver
from registry.models import Person
from registry.roles import Role

#: A list of tasks: its rows, and one row in words.
Tasks = tuple[QuerySet, Callable[[Any], "Waiting"]]
#: {reviewing role: the teams it is held in, None for all}
Held = dict[str, set[int] | None]


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for the reader: a verb and its object, why them, and since when."""

    sentence: str
    url: str
    why: str
    since: datetime
    due: date | None = None
    note: str = ""


#: Called with a person and their reviewing roles; apps above add lists of theirs in `ready()`.
others: list[Callable[[Person, Held], Iterable[Tasks]]] = []


def tasks(user: Person, held: Held) -> Iterable[Tasks]:
    """Yield the lists of what waits for `user`, who holds these reviewing roles."""
    if Role.RISK_OWNER in held:
        yield _waivers(user, held[Role.RISK_OWNER]), _answer_waiver
    yield _conditions_owned(user), _meet_condition
    if held:
        yield _conditions_to_close(user), _close_condition
        yield _break_glasses(user, held), _review_break_glass
    for other in others:
        yield from other(user, held)


def in_teams(path: str, teams: set[int] | None) -> Q:
    """Return the rows of those teams, by the path from the row to its team; None is all."""
    return Q() if teams is None else Q(**{f"{path}__in": teams})


def _waivers(user: Person, teams: set[int] | None) -> QuerySet:
    rows = waivers.waiting(user).exclude(asked_by=user)
    return rows.filter(in_teams("release__use_case__team", teams))


def _answer_waiver(waiver: Waiver) -> Waiting:
    return Waiting(
        sentence=f"Answer the waiver of {waiver.code} for {waiver.release}",
        url=waiver.get_absolute_url(),
        why="risk owner",
        since=waiver.asked_at,
        due=waiver.ends_at.date(),
        note=f"into {waiver.environment} · asked for by {waiver.asked_by}",
    )


def _conditions(user: Person, **whose: Person) -> QuerySet:
    """Return somebody's conditions of approvals that nobody closed, not due yet, as far as seen."""
    # Theirs are few and found first: joined, a database may begin with all that a team asked for.
    open_ones = not_closed(Condition.objects.filter(**whose, due_at__gt=clock.now()))
    return (
        Condition.objects.visible_to(user)
        .filter(
            pk__in=list(open_ones.values_list("pk", flat=True)),
            promotion__state=Promotion.State.APPROVED,
            sign_off__package=F("promotion__decided_package"),
        )
        .select_related(
            "promotion__release__use_case", "promotion__environment", "sign_off", "owner"
        )
        .order_by("sign_off__signed_at", "pk")
    )


def _conditions_owned(user: Person) -> QuerySet:
    return _conditions(user, owner=user)


def _meet_condition(condition: Condition) -> Waiting:
    return _condition(condition, "Meet", "you own it")


def _conditions_to_close(user: Person) -> QuerySet:
    """Return those that the reader set and for which evidence was given since."""
    release = OuterRef("promotion__release")
    given = EvidenceItem.objects.filter(
        Q(release=release) | Q(version=OuterRef("promotion__release__model_version")),
        kind=OuterRef("evidence_kind"),
        created_at__gt=OuterRef("sign_off__signed_at"),
        expires_at__gt=clock.now(),
        withdrawal=None,
    ).exclude(author=user)
    rows = _conditions(user, sign_off__person=user)
    return rows.filter(Exists(given)).exclude(owner=user)


def _close_condition(condition: Condition) -> Waiting:
    return _condition(condition, "Close", "you set it, and evidence is there")


def _condition(condition: Condition, verb: str, why: str) -> Waiting:
    promotion = condition.promotion
    return Waiting(
        sentence=f"{verb} the condition “{condition.text[:80]}”",
        url=condition.get_absolute_url(),
        why=why,
        since=condition.sign_off.signed_at,
        due=condition.due_at.date(),
        note=f"{promotion.release} in {promotion.environment}",
    )


def _break_glasses(user: Person, held: Held) -> QuerySet:
    """Return those of the reader's teams that somebody else opened and nobody reviewed."""
    teams: set[int] | None = set()
    for one in held.values():
        teams = None if teams is None or one is None else teams | one
    pending = BreakGlass.objects.filter(review=None).values_list("pk", flat=True)
    rows = BreakGlass.objects.visible_to(user).filter(pk__in=list(pending)).exclude(opened_by=user)
    return emergencies.unreviewed(rows.filter(in_teams("release__use_case__team", teams)))


def _review_break_glass(row: BreakGlass) -> Waiting:
    return Waiting(
        sentence=f"Review break-glass {row.pk} for {row.release} into {row.environment}",
        url=row.get_absolute_url(),
        why="not yours, so you may once it has ended",
        since=row.opened_at,
        due=row.review_due.date(),
        note=f"incident {row.incident} · opened by {row.printed_name}",
    )
