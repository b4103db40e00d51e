"""Conditions read from the record: who may own one, and how each stands."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from gates.models import Condition, ConditionClosing, Promotion
from gates.rules.conditions import Closing
from gates.rules.conditions import Condition as Facts
from registry.models import Person, RoleGrant, Team

#: People that a menu of owners offers.
OWNERS = 200


def owners_for(team: Team) -> QuerySet:
    """Return the people who may own a condition: active, and with sight of the team's rows."""
    seen = RoleGrant.objects.in_force().filter(Q(team=team) | Q(team=None))
    return Person.objects.filter(
        pk__in=seen.values("person"), is_active=True, kind=Person.Kind.PERSON
    ).order_by("username")


def of_packages(packages: Iterable[int], number: int | None = None) -> dict[int, list[Facts]]:
    """Return the conditions of the signatures on packages, by promotion; two queries.

    What closed them is as known after change `number`, or now.
    """
    rows = Condition.objects.filter(sign_off__package__in=packages)
    found: dict[int, list[Facts]] = {}
    for row in with_closings(rows, number):
        found.setdefault(row.promotion_id, []).append(facts_of(row, number))
    return found


def with_closings(rows: QuerySet, number: int | None = None) -> QuerySet:
    """Add to conditions their owner, signature and closings, each with how its item stands."""
    closings = ConditionClosing.objects.select_related(
        "item__withdrawal__change", "closed_by", "change"
    )
    if number is not None:
        closings = closings.filter(change__number__lte=number)
    found = rows.select_related("owner", "sign_off").order_by("pk")
    return found.prefetch_related(Prefetch("closings", closings))


def not_closed(rows: QuerySet) -> QuerySet:
    """Return the conditions that nothing closes now: what did may have been withdrawn."""
    standing = ConditionClosing.objects.filter(condition=OuterRef("pk"), item__withdrawal=None)
    return rows.filter(~Exists(standing))


def facts_of(row: Condition, number: int | None = None) -> Facts:
    """Return a condition, read with its closings, as the rules see it."""
    return Facts(
        id=row.pk,
        text=row.text,
        owner=row.owner.username,
        due_at=row.due_at,
        evidence_kind=row.evidence_kind,
        closings=tuple(
            Closing(one.closed_at, _withdrawn_at(one.item, number)) for one in row.closings.all()
        ),
        follows_from=row.follows_from,
    )


def _withdrawn_at(item, number: int | None):
    withdrawal = getattr(item, "withdrawal", None)
    if withdrawal is None or (number is not None and withdrawal.change.number > number):
        return None
    return withdrawal.withdrawn_at


def of_decided(promotion: Promotion) -> QuerySet:
    """Return the conditions that an approval was given on."""
    return with_closings(Condition.objects.filter(sign_off__package=promotion.decided_package_id))
