"""Approvals that end soon or ended lately, found by index and judged by the one rule.

Looking at every approval would cost more with every year; so candidates are found by what is
stored, and `gates.approvals` has the last word on each. What its own package fixes is found by
`LatestEnd`; what ended it sooner by the row that did. Each source gives so many candidates and no
more, so that a page costs the same among thousands of approvals as among hundreds of thousands.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit import clock
from evidence.models import RunAcceptance, Withdrawal
from gates.approvals import Approval, approvals
from gates.figures import as_it_was
from gates.models import Condition, LatestEnd, PackageEvidence, Promotion, Revocation
from gates.rules.approvals import Rest
from registry.models import Person

WITHIN = timedelta(days=30)
#: Candidates that are judged for one list; what ends beside them is in the lists they link to.
CANDIDATES = 30
#: Candidates that one source gives.
LOOKED_AT = 200
#: Ends that are walked along at a time, and in all, for those that a reader may see.
STEP, WALKED = 300, 3000


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
    ends = LatestEnd.objects.order_by(*ENDING)
    near = chain(
        walk(ends.filter(ends_by__gt=now, ends_by__lte=horizon), standing, CANDIDATES),
        _first(standing.filter(pk__in=_due(now, horizon)), CANDIDATES),
    )
    judged = sorted(_judge(near), key=lambda one: one.until)
    soon = [_end(one) for one in judged if one.holds and one.until <= horizon][:CANDIDATES]
    if soon:
        return soon, None
    first = _judge(walk(ends.filter(ends_by__gt=horizon), standing, 5))
    first.sort(key=lambda one: one.until)
    return soon, next((_end(one) for one in first if one.holds), None)


@dataclass(frozen=True)
class Ended:
    """Approvals that ended within 30 days and that no other approval replaced, latest first.

    `of` is how many there are at most, where not all of them were judged; `more` whether beside
    those are some that were not even looked for.
    """

    rows: list[End]
    of: int
    more: bool


def ended(user: Person, most: int | None = None) -> Ended:
    """Return what ended lately: of all that is found, or of the surest `most`."""
    since = clock.now() - WITHIN
    keys = ended_keys(user, most=most + 1 if most else LOOKED_AT)
    gone = [one for one in _judge(keys[:most]) if not one.holds and one.until > since]
    replaced = _still_allowed(user, gone)
    rows = [
        _end(one)
        for one in gone
        if (one.promotion.release_id, one.promotion.environment_id) not in replaced
    ]
    rows.sort(key=lambda end: end.ends, reverse=True)
    found = len(keys)
    if most and found > most:
        found = as_it_was("ended", user, lambda: len(ended_keys(user)))
    whole = most is None or found <= most
    return Ended(rows, len(rows) if whole else found, found >= LOOKED_AT)


def ended_lately(user: Person) -> list[End]:
    """Return what ended lately, as many as an overview has room for."""
    return ended(user, CANDIDATES).rows


def ended_keys(user: Person, of: Q | None = None, most: int = LOOKED_AT) -> list[int]:
    """Return the keys of approvals that something stored may have ended within 30 days.

    Only of those that match `of`; the surest first, and of each source the newest `most`.
    """
    now = clock.now()
    since = now - WITHIN
    seen = Promotion.objects.visible_to(user).filter(of or Q())
    sooner = _approved(seen).filter(latest_end__ends_by__gt=since).order_by("-pk")
    ran_out = LatestEnd.objects.filter(ends_by__gt=since, ends_by__lte=now)
    found = [
        _first(sooner.filter(about), most)
        for about in (Q(pk__in=_revoked(since) + _due(since, now)), _withdrawn(since))
    ]
    found.append(walk(ran_out.order_by("-ends_by", "-pk"), seen, most))
    found += [_first(sooner.filter(about), most) for about in _accepted(since)]
    return list(dict.fromkeys(chain.from_iterable(found)))


def walk(ends: QuerySet, promotions: QuerySet, most: int) -> list[int]:
    """Return the keys of the first `most` of `promotions`, in the order of `ends`.

    The ends are walked along their index and each step is looked up: joined, a database may begin
    with all that a team ever asked for.
    """
    found: list[int] = []
    for start in range(0, WALKED, STEP):
        keys = list(ends.values_list("pk", flat=True)[start : start + STEP])
        kept = set(promotions.filter(pk__in=keys).values_list("pk", flat=True))
        found += [key for key in keys if key in kept]
        if len(found) >= most or len(keys) < STEP:
            break
    return found[:most]


def active(user: Person) -> QuerySet:
    """Return the approvals that nothing stored has ended yet."""
    return unended(Promotion.objects.visible_to(user))


#: What ends first, as far as packages say: of `LatestEnd`, and of `active` and `unended`.
ENDING = ("ends_by", "pk")
SOONEST = ("latest_end__ends_by", "pk")


def unended(promotions: QuerySet) -> QuerySet:
    """Return the approvals among `promotions` that nothing stored has ended yet."""
    now = clock.now()
    package = OuterRef("decided_package")
    gone = PackageEvidence.objects.filter(package=package, item__withdrawal__withdrawn_at__lte=now)
    overdue = Condition.objects.filter(sign_off__package=package, closings=None, due_at__lte=now)
    return _approved(promotions).filter(
        ~Exists(gone), ~Exists(overdue), latest_end__ends_by__gt=now, revocation=None
    )


def _approved(promotions: QuerySet) -> QuerySet:
    # Only what was approved has a latest end. To ask for the state as well would let a database
    # begin with all approvals there ever were.
    return promotions.filter(latest_end__isnull=False)


# What ends an approval sooner than its package says. Each is read by itself first: how much of it
# there is of late does not grow with the years, and a database that had to join it might begin
# with all approvals.


def _revoked(since: datetime) -> list[int]:
    rows = Revocation.objects.filter(revoked_at__gt=since).order_by("-revoked_at")
    return list(rows.values_list("promotion", flat=True)[:LOOKED_AT])


def _due(start: datetime, end: datetime) -> list[int]:
    """Return the promotions with conditions that fall due in that time and that nobody closed."""
    rows = Condition.objects.filter(due_at__gt=start, due_at__lte=end, closings=None)
    return list(rows.order_by("due_at").values_list("promotion", flat=True)[:LOOKED_AT])


def _withdrawn(since: datetime) -> Q:
    """Return the promotions that rest on evidence withdrawn since."""
    rows = Withdrawal.objects.order_by("-pk").values_list("item", "withdrawn_at")[:LOOKED_AT]
    edges = PackageEvidence.objects.filter(item__in=[item for item, at in rows if at > since])
    packages = edges.order_by("-pk").values_list("package", flat=True)[:LOOKED_AT]
    return Q(decided_package__in=list(packages))


def _accepted(since: datetime) -> list[Q]:
    """Return the promotions that the newest accepted runs are about: one of them may fail."""
    rows = RunAcceptance.objects.order_by("-pk").values_list(
        "accepted_at", "run__item__release", "run__item__version"
    )
    newest = [row for row in rows[:LOOKED_AT] if row[0] > since]
    about = {
        "release": {release for _, release, _ in newest if release},
        "release__model_version": {version for _, _, version in newest if version},
    }
    return [Q(**{f"{path}__in": keys}) for path, keys in about.items() if keys]


def _first(rows: QuerySet, most: int) -> list[int]:
    return list(rows.values_list("pk", flat=True)[:most])


def _judge(keys: Iterable[int]) -> list[Approval]:
    return approvals(
        Promotion.objects.filter(pk__in=set(keys)).select_related(
            "release__use_case", "environment"
        )
    )


def _still_allowed(user: Person, ended: Iterable[Approval]) -> set[tuple[int, int]]:
    """Return (release, environment) of those that another approval allows now."""
    ended = list(ended)
    if not ended:
        return set()
    # By the releases alone: with the state as well, a database may begin with all approvals.
    again = Promotion.objects.filter(release__in={one.promotion.release_id for one in ended})
    keys = list(again.order_by("pk").values_list("pk", flat=True))
    return {
        (one.promotion.release_id, one.promotion.environment_id)
        for one in approvals(Promotion.objects.visible_to(user).filter(pk__in=keys))
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
