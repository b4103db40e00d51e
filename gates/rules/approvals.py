"""When an approval ends by itself: computed from what it rests on, never stored."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gates.rules.conditions import Condition, overdue_at

#: How long an approval lasts before it is looked at again, by risk tier.
REVIEW_MONTHS = {"high": 12, "limited": 18, "minimal": 24}


@dataclass(frozen=True)
class Ending:
    """One thing that ended an approval, or will: when, a stable code, a sentence.

    `ahead` is the sentence for as long as it lies ahead, where that is another one.
    """

    at: datetime
    code: str
    sentence: str
    ahead: str = ""

    @property
    def coming(self) -> str:
        """The sentence in the present, for what has not ended yet."""
        return self.ahead or self.sentence


@dataclass(frozen=True)
class Rest:
    """An evidence item that an approval rests on."""

    title: str
    until: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True)
class Exempt:
    """A requirement that a waiver stood in for when the approval was given."""

    requirement: str
    until: datetime


@dataclass(frozen=True)
class FailingRun:
    """A newer accepted, complete run that misses a threshold the approval was judged by."""

    sentence: str
    accepted_at: datetime


@dataclass(frozen=True)
class Forbidden:
    """What the policy in force forbids of an approval, at one endpoint or, without one, wholly."""

    code: str
    sentence: str
    since: datetime
    endpoint: str = ""


@dataclass(frozen=True)
class ApprovalFacts:
    """An approval with what it rests on, as known at the instant that is asked about."""

    promotion: int
    decided_at: datetime
    review_at: datetime
    rests_on: tuple[Rest, ...] = ()
    waived: tuple[Exempt, ...] = ()
    failing_runs: tuple[FailingRun, ...] = ()
    conditions: tuple[Condition, ...] = ()
    revoked: Ending | None = None
    #: Endpoints as approved and as they are: slug, still the same.
    endpoints: tuple[tuple[str, bool], ...] = ()
    forbidden: tuple[Forbidden, ...] = ()

    @property
    def covered(self) -> tuple[str, ...]:
        """The endpoints that are still as they were approved and that policy allows."""
        barred = {one.endpoint for one in self.forbidden}
        return tuple(slug for slug, same in self.endpoints if same and slug not in barred)


def add_months(instant: datetime, months: int) -> datetime:
    """Return the same day `months` calendar months later, or that month's last day."""
    month = instant.month - 1 + months
    year, month = instant.year + month // 12, month % 12 + 1
    day = min(instant.day, calendar.monthrange(year, month)[1])
    return instant.replace(year=year, month=month, day=day)


def review_date(decided_at: datetime, risk_tier: str, months: int | None = None) -> datetime:
    """Return the instant an approval of that tier is looked at again, and ends.

    `months` is what policy says, if it says anything: the lesser of the two counts.
    """
    of_tier = REVIEW_MONTHS[risk_tier]
    return add_months(decided_at, of_tier if months is None else min(of_tier, months))


def ends_by(review_at: datetime, document: dict) -> datetime:
    """Return when an approval on a package with this document has ended at the latest.

    Made of what the package fixes for good; everything else can only end it sooner.
    """
    told = [one["holds_until"] for rest in document["rests_on"] for one in rest["evidence"]] + [
        one["ends_at"] for one in document["waivers"]
    ]
    return min([review_at, *map(datetime.fromisoformat, told)])


def endings(facts: ApprovalFacts, at: datetime) -> list[Ending]:
    """Return all that ended the approval by `at` or is known to end it, soonest first."""
    found = [Ending(facts.review_at, "REVIEW_DUE", "The approval's review date is reached.")]
    for item in facts.rests_on:
        evidence = f"The evidence “{item.title}”"
        found.append(
            Ending(item.until, "EVIDENCE_ENDED", f"{evidence} ended.", f"{evidence} ends.")
        )
        if item.withdrawn_at is not None:
            found.append(
                Ending(
                    item.withdrawn_at,
                    "EVIDENCE_WITHDRAWN",
                    f"{evidence} was withdrawn.",
                )
            )
    found.extend(
        Ending(
            one.until,
            "WAIVER_ENDED",
            f"The waiver of {one.requirement} ended.",
            f"The waiver of {one.requirement} ends.",
        )
        for one in facts.waived
    )
    found.extend(
        Ending(
            ends,
            "CONDITION_OVERDUE",
            f"The condition “{one.text}” of {one.owner} fell due and is not closed.",
            f"The condition “{one.text}” of {one.owner} falls due.",
        )
        for one in facts.conditions
        if (ends := overdue_at(one)) is not None
    )
    found.extend(
        Ending(run.accepted_at, "NEWER_RUN_FAILS", run.sentence) for run in facts.failing_runs
    )
    if facts.revoked:
        found.append(facts.revoked)
    found += endings_of_place(facts, at)
    return sorted(found, key=lambda ending: (ending.at, ending.code))


class Placed(Protocol):
    """What is let in somewhere: the endpoints as approved, and what policy forbids of it."""

    endpoints: tuple[tuple[str, bool], ...]
    forbidden: tuple[Forbidden, ...]

    @property
    def covered(self) -> tuple[str, ...]: ...


def endings_of_place(facts: Placed, at: datetime) -> list[Ending]:
    """Return what endpoints that changed, and policy, ended by `at`."""
    found = []
    if facts.endpoints and not any(same for _, same in facts.endpoints):
        # When they changed does not matter: what is asked is whether one is covered at `at`.
        names = ", ".join(slug for slug, _ in facts.endpoints)
        found.append(
            Ending(at, "ENDPOINT_CHANGED", f"Every approved endpoint changed since: {names}.")
        )
    # At an endpoint it ends the approval only when no other endpoint is left.
    is_covered = bool(facts.covered)
    found.extend(
        Ending(min(one.since, at), one.code, one.sentence)
        for one in facts.forbidden
        if not one.endpoint or not is_covered
    )
    return found


def standing(approvals: Iterable[ApprovalFacts], at: datetime) -> ApprovalFacts | None:
    """Return the approval that holds at `at` and ends last, if any holds."""
    holding = [
        (ends[0].at, facts) for facts in approvals if (ends := endings(facts, at))[0].at > at
    ]
    return max(holding, key=lambda pair: (pair[0], pair[1].promotion), default=(None, None))[1]
