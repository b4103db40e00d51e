"""Approvals that end soon or ended lately, found by index and judged by the one rule.

Looking at every approval would cost more with every year; so candidates are found by what is
stored (review date, end and withdrawal of evidence, accepted runs), and `gates.approvals` has the
last word on each. An end that comes from a requirement's own age limit is found with the item's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Least

from audit import clock
from evidence.models import Score
from gates.approvals import Approval, approvals
from gates.models import Condition, PackageEvidence, PackageWaiver, Promotion
from gates.rules.approvals import Rest
from registry.models import Person

WITHIN = timedelta(days=30)
#: Candidates that are judged for one page; more ends than this in a month are shown in part.
CANDIDATES = 60


@dataclass(frozen=True)
class End:
    """One approval that ends by itself, or ended."""

    title: str
    url: str
    environment: str
    ends: datetime
    because: str
    #: The evidence it rests on that expires soon, where it still holds.
    expiring: tuple[Rest, ...] = ()


def ending_soon(user: Person) -> tuple[list[End], End | None]:
    """Return what ends within 30 days, soonest first, and the first one after that."""
    now = clock.now()
    horizon = now + WITHIN
    standing = active(user)
    near = standing.filter(_ends_between(now, horizon)).order_by("soonest")[:CANDIDATES]
    judged = sorted(_judge(near), key=lambda one: one.until)
    soon = [_end(one) for one in judged if one.holds and one.until <= horizon]
    if soon:
        return soon, None
    first = _judge(standing.filter(soonest__gt=horizon).order_by("soonest")[:1])
    return soon, next((_end(one) for one in first if one.holds), None)


def ended_lately(user: Person) -> list[End]:
    """Return approvals that ended within 30 days and that no other approval replaced."""
    since = clock.now() - WITHIN
    judged = _judge(ended_candidates(user).order_by("-decided_at")[:CANDIDATES])
    ended = [one for one in judged if not one.holds and one.until > since]
    replaced = _still_allowed(user, ended)
    rows = [
        _end(one)
        for one in ended
        if (one.promotion.release_id, one.promotion.environment_id) not in replaced
    ]
    return sorted(rows, key=lambda end: end.ends, reverse=True)


def ended_candidates(user: Person) -> QuerySet:
    """Return the approvals that something stored may have ended within 30 days."""
    now = clock.now()
    since = now - WITHIN
    withdrawn = PackageEvidence.objects.filter(item__withdrawal__withdrawn_at__gt=since)
    accepted = Score.objects.filter(run__acceptance__accepted_at__gt=since)
    return _approved(user).filter(
        _ends_between(since, now)
        | Q(revocation__revoked_at__gt=since)
        | Q(decided_package__in=withdrawn.values("package"))
        | Q(release__in=accepted.values("run__item__release"))
        | Q(release__model_version__in=accepted.values("run__item__version"))
    )


def active(user: Person) -> QuerySet:
    """Return the approvals that nothing stored has ended yet, with the `soonest` end of each."""
    return unended(_approved(user))


def unended(approved: QuerySet) -> QuerySet:
    """Return those approvals that nothing stored has ended yet, with the `soonest` end of each."""
    now = clock.now()
    return _with_end(approved.filter(review_at__gt=now, revocation=None)).filter(soonest__gt=now)


def _approved(user: Person) -> QuerySet:
    return Promotion.objects.visible_to(user).filter(state=Promotion.State.APPROVED)


def _with_end(rows: QuerySet) -> QuerySet:
    """Name the soonest of review date, ends of waivers, ends and withdrawals of evidence."""
    edges = PackageEvidence.objects.filter(package=OuterRef("decided_package")).order_by()
    ends = edges.values("package").annotate(at=Min("item__expires_at")).values("at")
    gone = edges.values("package").annotate(at=Min("item__withdrawal__withdrawn_at")).values("at")
    exempt = PackageWaiver.objects.filter(package=OuterRef("decided_package")).order_by()
    waived = exempt.values("package").annotate(at=Min("waiver__ends_at")).values("at")
    unmet = Condition.objects.filter(
        sign_off__package=OuterRef("decided_package"), closings=None
    ).order_by()
    due = unmet.values("sign_off__package").annotate(at=Min("due_at")).values("at")
    return rows.annotate(
        soonest=Least(
            "review_at",
            Coalesce(Subquery(ends), "review_at"),
            Coalesce(Subquery(waived), "review_at"),
            Coalesce(Subquery(due), "review_at"),
            Coalesce(Subquery(gone), "review_at"),
        )
    )


def _ends_between(start: datetime, end: datetime) -> Q:
    expiring = PackageEvidence.objects.filter(item__expires_at__gt=start, item__expires_at__lte=end)
    exempt = PackageWaiver.objects.filter(waiver__ends_at__gt=start, waiver__ends_at__lte=end)
    due = Condition.objects.filter(due_at__gt=start, due_at__lte=end)
    return (
        Q(review_at__gt=start, review_at__lte=end)
        | Q(decided_package__in=expiring.values("package"))
        | Q(decided_package__in=exempt.values("package"))
        | Q(decided_package__in=due.values("sign_off__package"))
    )


def _judge(rows: QuerySet) -> list[Approval]:
    # `approvals` adds filters of its own, which a slice does not take.
    pks = list(rows.values_list("pk", flat=True))
    return approvals(
        Promotion.objects.filter(pk__in=pks).select_related("release__use_case", "environment")
    )


def _still_allowed(user: Person, ended: Iterable[Approval]) -> set[tuple[int, int]]:
    """Return (release, environment) of those that another approval allows now."""
    ended = list(ended)
    if not ended:
        return set()
    again = _approved(user).filter(
        release__in={one.promotion.release_id for one in ended},
        environment__in={one.promotion.environment_id for one in ended},
    )
    return {
        (one.promotion.release_id, one.promotion.environment_id)
        for one in approvals(again)
        if one.holds
    }


def _end(approval: Approval) -> End:
    promotion, first = approval.promotion, approval.ends[0]
    return End(
        title=str(promotion.release),
        url=promotion.get_absolute_url(),
        environment=promotion.environment.slug,
        ends=approval.until,
        because=approval.coming if approval.holds else first.sentence,
        expiring=approval.expiring if approval.holds else (),
    )
