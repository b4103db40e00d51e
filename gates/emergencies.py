"""Break-glasses as they stand at an instant: gathered in a fixed number of queries."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from audit import clock
from gates.approvals import endpoint_digests, forbidden
from gates.models import BreakGlass
from gates.policy import Asked, judged
from gates.rules.approvals import Ending
from gates.rules.emergencies import LONGEST_HOURS, Emergency, ends_of
from registry.effective import InForce, number_at
from registry.models import Environment, Person, Release, Team

#: Before the first computer; what is asked of earlier instants is about nothing.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
WITH = (
    "release__use_case__team",
    "release__model_version__model",
    "environment",
    "opened_by",
    "end__change",
    "review__reviewed_by",
)


@dataclass(frozen=True)
class Standing:
    """One break-glass with what ends it, soonest first."""

    row: BreakGlass
    facts: Emergency
    ends: tuple[Ending, ...]
    at: datetime

    @property
    def holds(self) -> bool:
        """Whether nothing has ended it by the instant it was gathered for."""
        return self.ends[0].at > self.at

    @property
    def until(self) -> datetime:
        """When it ended, or will end at the latest."""
        return self.ends[0].at


def standings(
    rows: QuerySet, at: datetime | None = None, *, force: InForce | None = None
) -> list[Standing]:
    """Return the break-glasses among `rows` that began within 72 hours before `at` (now).

    Earlier ones have run out. What was opened, ended or changed later than `at` is not looked at.
    `force` takes the place of the packs in force, to try what a draft would do.
    """
    now = clock.now()
    at = at or now
    number = None if at >= now else number_at(at)
    since = max(at, EARLIEST) - timedelta(hours=LONGEST_HOURS)
    rows = rows.filter(opened_at__gt=since, opened_at__lte=at)
    if number is not None:
        rows = rows.filter(change__number__lte=number)
    found = list(rows.select_related(*WITH).order_by("pk"))
    if not found:
        return []
    digests = endpoint_digests({one["slug"] for row in found for one in row.endpoints}, number)
    policy = judged((asked(row) for row in found), at, number, force=force)
    result = []
    for row in found:
        facts = Emergency(
            id=row.pk,
            opened_by=row.printed_name,
            opened_at=row.opened_at,
            hours=row.hours,
            endpoints=tuple(
                (one["slug"], digests.get(one["slug"]) == one["digest"]) for one in row.endpoints
            ),
            forbidden=forbidden(policy[row.pk], row.opened_at, at),
            ended=_ended(row, number),
        )
        result.append(Standing(row, facts, tuple(ends_of(facts, at)), at))
    return result


def asked(row: BreakGlass) -> Asked:
    """Return what a break-glass lets in, as policy judges it."""
    slugs = tuple(one["slug"] for one in row.endpoints)
    return Asked(row.pk, row.release, row.environment, slugs)


def of(release: Release, environment: Environment, at: datetime | None = None) -> list[Standing]:
    """Return the break-glasses of a release in an environment that may hold at `at`."""
    rows = BreakGlass.objects.filter(release=release, environment=environment)
    return standings(rows, at)


def holding(user: Person, **where) -> list[Standing]:
    """Return those that hold now, as far as `user` may see them, soonest end first."""
    # Found first: joined, a database may begin with all that a team ever had.
    recent = BreakGlass.objects.filter(
        opened_at__gt=clock.now() - timedelta(hours=LONGEST_HOURS), **where
    )
    rows = BreakGlass.objects.visible_to(user).filter(
        pk__in=list(recent.values_list("pk", flat=True))
    )
    return sorted((one for one in standings(rows) if one.holds), key=lambda one: one.until)


def unreviewed(rows: QuerySet) -> QuerySet:
    """Return the break-glasses that nobody reviewed yet, oldest first."""
    return rows.filter(review=None).select_related(*WITH).order_by("opened_at", "pk")


def overdue(team: Team, at: datetime) -> list[BreakGlass]:
    """Return a team's break-glasses whose review is overdue."""
    rows = unreviewed(BreakGlass.objects.filter(release__use_case__team=team))
    return [row for row in rows if row.review_due < at]


def _ended(row: BreakGlass, number: int | None) -> Ending | None:
    end = getattr(row, "end", None)
    if end is None or (number is not None and end.change.number > number):
        return None
    return Ending(end.ended_at, "REVOKED", f"A risk owner ended it: “{end.reason}”")
