"""Break-glass: letting a release in for hours without a quorum, and who looks at it afterwards."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from audit.refusals import Reason
from gates.rules.approvals import Ending, Forbidden, endings_of_place
from gates.rules.findings import day
from gates.rules.signing import TIES, PersonFacts

#: The longest it lasts.
LONGEST_HOURS = 72
#: Working days within which somebody else reviews it.
REVIEWED_WITHIN = 5
SATURDAY = 5
#: The name under which a verb tells its change what incident it is done for.
INCIDENT = "incident"


@dataclass(frozen=True)
class Emergency:
    """A break-glass as it was opened, with what it rests on as known at the instant asked about."""

    id: int
    opened_by: str
    opened_at: datetime
    hours: int
    #: Endpoints as opened and as they are: slug, still the same.
    endpoints: tuple[tuple[str, bool], ...] = ()
    forbidden: tuple[Forbidden, ...] = ()
    ended: Ending | None = None

    @property
    def until(self) -> datetime:
        """When it runs out."""
        return self.opened_at + timedelta(hours=self.hours)

    @property
    def covered(self) -> tuple[str, ...]:
        """The endpoints that are still as they were and that policy allows."""
        barred = {one.endpoint for one in self.forbidden}
        return tuple(slug for slug, same in self.endpoints if same and slug not in barred)


def review_due(opened_at: datetime) -> datetime:
    """Return the end of the fifth working day after the day it was opened, in UTC.

    Working days are Monday to Friday: holidays differ between those who may review.
    """
    date, left = opened_at.astimezone(UTC).date(), REVIEWED_WITHIN
    while left:
        date += timedelta(days=1)
        left -= date.weekday() < SATURDAY
    return datetime.combine(date, time.max, UTC)


def ends_of(emergency: Emergency, at: datetime) -> list[Ending]:
    """Return all that ended the break-glass by `at` or is known to end it, soonest first."""
    found = [Ending(emergency.until, "BREAK_GLASS_ENDED", "Its time ran out.")]
    if emergency.ended:
        found.append(emergency.ended)
    found += endings_of_place(emergency, at)
    return sorted(found, key=lambda ending: (ending.at, ending.code))


def opening_objections(
    person: PersonFacts,
    *,
    wanted: Iterable[str],
    hours: int,
    incident: str,
    forbidden: Iterable[str] = (),
    overdue: Iterable[str] = (),
) -> list[Reason]:
    """Return every reason why `person` may not break the glass; empty means go ahead.

    `wanted` are the roles that the effective gate wants to sign; `forbidden` says what policy
    forbids; `overdue` names earlier ones of the team whose review is overdue.
    """
    reasons = []
    if not person.is_person:
        reasons.append(Reason("SERVICE_ACCOUNT", "A service account breaks no glass."))
    wanted = set(wanted)
    if not person.roles & wanted:
        names = ", ".join(sorted(role.replace("_", " ") for role in wanted))
        reasons.append(Reason("NO_ROLE", f"This takes one of the roles {names}."))
    reasons += [
        Reason("INVOLVED", f"You {TIES[tie]}, so somebody else decides this.")
        for tie in person.ties
    ]
    if not 1 <= hours <= LONGEST_HOURS:
        sentence = f"Give a number of hours from 1 to {LONGEST_HOURS}."
        reasons.append(Reason("TOO_LONG", sentence, "hours"))
    if not incident.strip():
        sentence = "Name the incident: its number or address where it is handled."
        reasons.append(Reason("INCIDENT_MISSING", sentence, "incident"))
    reasons += [
        Reason("POLICY_FORBIDS", f"{sentence} Break-glass goes past the gate, never past policy.")
        for sentence in forbidden
    ]
    reasons += [
        Reason("REVIEW_OVERDUE", f"{one} was not reviewed in time. Somebody reviews it first.")
        for one in overdue
    ]
    return reasons


def reviewing_objections(
    person: PersonFacts, *, opened_by: int, reviewed: bool, ends: datetime, now: datetime
) -> list[Reason]:
    """Return every reason why `person` may not review a break-glass; empty means go ahead."""
    reasons = []
    if reviewed:
        reasons.append(Reason("REVIEWED", "It was reviewed already."))
    if ends > now:
        sentence = f"It is open until {day(ends)} at {ends:%H:%M} UTC. End it, or wait."
        reasons.append(Reason("STILL_OPEN", sentence))
    if person.id == opened_by:
        reasons.append(Reason("OPENED_IT", "You opened it. Somebody else reviews it."))
    if not person.is_person:
        reasons.append(Reason("SERVICE_ACCOUNT", "A service account reviews nothing."))
    if not person.roles:
        reasons.append(Reason("NO_ROLE", "This takes a reviewing role here."))
    return reasons
