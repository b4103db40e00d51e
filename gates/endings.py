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
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from audit import clock
from evidence.models import RunAcceptance, Withdrawal
from gates.approvals import Approval, approvals
from gates.conditions import not_closed
from gates.figures import as_it_was
from gates.models import (
    Condition,
    ConditionClosing,
    LatestEnd,
    PackageEvidence,
    Promotion,
    Revocation,
)
from gates.rules.approvals import Rest
from registry.models import Person

WITHIN = timedelta(days=30)
#: Candidates that are judged for a list of the overview; what ends beside them is in the lists
#: they link to, by pages.
CANDIDATES, PAGE = 12, 30
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


def ending_soon(user: Person) -> tuple[list[End], bool, End | None]:
    """Return what ends within 30 days, soonest first, whether more may, and the first after that.

    The first one after that is looked for where nothing ends within 30 days.
    """
    now = clock.now()
    horizon = now + WITHIN
    standing = active(user)
    ends, found = LatestEnd.objects.order_by(*ENDING), Sought([])
    due = standing.filter(pk__in=_due(found, now, horizon)).values_list("pk", flat=True)
    near = chain(
        walk(ends.filter(ends_by__gt=now, ends_by__lte=horizon), standing, CANDIDATES, found),
        found.first(due, CANDIDATES),
    )
    judged = sorted(_judge(near), key=lambda one: one.until)
    soon = [_end(one) for one in judged if one.holds and one.until <= horizon]
    if soon or found.cut:
        return soon[:CANDIDATES], found.cut or len(soon) > CANDIDATES, None
    first = _judge(walk(ends.filter(ends_by__gt=horizon), standing, 5))
    first.sort(key=lambda one: one.until)
    return soon, False, next((_end(one) for one in first if one.holds), None)


#: Where not every row of a source was read.
MORE = (
    "Others may have ended too: of late more was revoked, withdrawn, accepted or fell due than is "
    "looked at here."
)


@dataclass(frozen=True)
class Ended:
    """Approvals that ended within 30 days and that no other approval replaced, latest first.

    `of` is how many there are at most, where not all of them were judged; `more` whether there
    may be others beside those, because something that ends approvals had more rows than are read.
    """

    rows: list[End]
    of: int
    more: bool

    @property
    def rest(self) -> str:
        """What the rows leave out, in words, or nothing."""
        return MORE if self.more else ""


def ended(user: Person, most: int | None = None) -> Ended:
    """Return what ended lately: of all that is found, or of the surest `most`."""
    since = clock.now() - WITHIN
    found = ended_keys(user, most=most + 1 if most else None)
    gone = [one for one in _judge(found.keys[:most]) if not one.holds and one.until > since]
    replaced = _still_allowed(user, gone)
    rows = [
        _end(one)
        for one in gone
        if (one.promotion.release_id, one.promotion.environment_id) not in replaced
    ]
    rows.sort(key=lambda end: end.ends, reverse=True)
    if most is None or len(found.keys) <= most:
        return Ended(rows, len(rows), found.cut)
    number, cut = as_it_was("ended", user, lambda: _number(ended_keys(user)))
    return Ended(rows, number, cut)


def ended_lately(user: Person) -> list[End]:
    """Return what ended lately, as many as an overview has room for."""
    return ended(user, CANDIDATES).rows


@dataclass
class Sought:
    """Keys that were looked for, and whether some source had more than was read of it."""

    keys: list[int]
    cut: bool = False

    def first(self, rows: QuerySet, most: int) -> list:
        """Return the first `most` of `rows`, and note whether there are others."""
        found = list(rows[: most + 1])
        self.cut = self.cut or len(found) > most
        return found[:most]


def ended_keys(user: Person, of: Q | None = None, most: int | None = None) -> Sought:
    """Return the keys of approvals that something stored may have ended within 30 days.

    Only of those that match `of`; the surest first, and of each source the newest `most`.
    """
    now, most = clock.now(), most or LOOKED_AT
    since, found = now - WITHIN, Sought([])
    seen = Promotion.objects.visible_to(user).filter(of or Q())
    sooner = (
        _approved(seen)
        .filter(latest_end__ends_by__gt=since)
        .order_by("-pk")
        .values_list("pk", flat=True)
    )
    ran_out = LatestEnd.objects.filter(ends_by__gt=since, ends_by__lte=now)
    withdrawn = _withdrawn(found, since)
    reopened = ConditionClosing.objects.filter(item__in=withdrawn).order_by("-pk")
    at_once = Q(
        pk__in=_revoked(found, since)
        + _due(found, since, now)
        + found.first(reopened.values_list("condition__promotion", flat=True), LOOKED_AT)
    )
    sources = [
        found.first(sooner.filter(about), most)
        for about in (at_once, _resting_on(found, withdrawn))
    ]
    sources.append(walk(ran_out.order_by("-ends_by", "-pk"), seen, most, found))
    sources += [found.first(sooner.filter(about), most) for about in _accepted(found, since)]
    found.keys = list(dict.fromkeys(chain.from_iterable(sources)))
    return found


def _number(found: Sought) -> tuple[int, bool]:
    return len(found.keys), found.cut


def walk(
    ends: QuerySet, promotions: QuerySet, most: int, sought: Sought | None = None
) -> list[int]:
    """Return the keys of the first `most` of `promotions`, in the order of `ends`.

    The ends are walked along their index and each step is looked up: joined, a database may begin
    with all that a team ever asked for. `sought` is told whether there may be more.
    """
    found, left = [], True
    for start in range(0, WALKED, STEP):
        keys = list(ends.values_list("pk", flat=True)[start : start + STEP])
        kept = set(promotions.filter(pk__in=keys).values_list("pk", flat=True))
        found += [key for key in keys if key in kept]
        left = len(keys) == STEP
        if not left or len(found) > most:
            break
    if sought:
        sought.cut = sought.cut or left or len(found) > most
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
    overdue = not_closed(Condition.objects.filter(sign_off__package=package, due_at__lte=now))
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


def _revoked(sought: Sought, since: datetime) -> list[int]:
    rows = Revocation.objects.filter(revoked_at__gt=since).order_by("-revoked_at")
    return sought.first(rows.values_list("promotion", flat=True), LOOKED_AT)


def _due(sought: Sought, start: datetime, end: datetime) -> list[int]:
    """Return the promotions with conditions that fall due in that time and that nobody closed."""
    rows = not_closed(Condition.objects.filter(due_at__gt=start, due_at__lte=end))
    return sought.first(rows.order_by("due_at").values_list("promotion", flat=True), LOOKED_AT)


def _withdrawn(sought: Sought, since: datetime) -> list[UUID]:
    """Return the evidence that was withdrawn since."""
    newest = Withdrawal.objects.order_by("-pk").values_list("item", "withdrawn_at")
    return [item for item, at in _since(sought, newest, 1, since)]


def _resting_on(sought: Sought, items: list[UUID]) -> Q:
    """Return the promotions whose package rests on one of the items."""
    edges = PackageEvidence.objects.filter(item__in=items).order_by("-pk")
    return Q(decided_package__in=sought.first(edges.values_list("package", flat=True), LOOKED_AT))


def _accepted(sought: Sought, since: datetime) -> list[Q]:
    """Return the promotions that the newest accepted runs are about: one of them may fail."""
    newest = RunAcceptance.objects.order_by("-pk").values_list(
        "accepted_at", "run__item__release", "run__item__version"
    )
    rows = _since(sought, newest, 0, since)
    about = {
        "release": {release for _, release, _ in rows if release},
        "release__model_version": {version for _, _, version in rows if version},
    }
    return [Q(**{f"{path}__in": keys}) for path, keys in about.items() if keys]


def _since(sought: Sought, newest: QuerySet, place: int, since: datetime) -> list[tuple]:
    """Return the newest rows from after `since`, which stands at `place` of each."""
    later = [row for row in newest[: LOOKED_AT + 1] if row[place] > since]
    sought.cut = sought.cut or len(later) > LOOKED_AT
    return later[:LOOKED_AT]


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
