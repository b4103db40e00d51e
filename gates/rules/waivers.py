"""Exceptions to one requirement: what may be waived, by whom, for how long, and what it does."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from audit.refusals import Reason
from gates.rules.approvals import add_months
from gates.rules.facts import Requirement
from gates.rules.findings import Finding, Status, day
from gates.rules.signing import TIES, PersonFacts

#: No exception lasts longer; a longer one is asked for again.
LONGEST_MONTHS = 6

#: Requirements of the gates as shipped that no waiver stands in for, with why. A later version
#: of a gate says so itself, with `waivable: false` in a requirement's terms.
UNWAIVABLE: Mapping[tuple[str, str], str] = {
    ("sandbox", "basic_metadata"): "Nobody could say what runs, where and what for.",
    ("sandbox", "data_boundary"): "Nobody could say which data may be sent.",
    ("regulated", "lineage_complete"): "A gap in the lineage cannot be looked up later.",
}


@dataclass(frozen=True)
class Waived:
    """A waiver that was granted, as a rule sees it."""

    id: int
    gate: str
    code: str
    #: The terms of the requirement it was asked for: asked for otherwise, it is another one.
    terms: Mapping[str, Any]
    asked_by: str
    granted_by: str
    control: str
    granted_at: datetime
    ends_at: datetime

    def covers(self, requirement: Requirement) -> bool:
        """Whether it is about this requirement as it is asked for now."""
        return (self.gate, self.code) == (requirement.gate, requirement.code) and (
            self.terms == requirement.terms
        )


def unwaivable(requirement: Requirement) -> str:
    """Return why no waiver stands in for a requirement; "" if one may."""
    if requirement.type == "check":
        return "A check says whether the record can be believed; nothing makes up for that."
    if why := UNWAIVABLE.get((requirement.gate, requirement.code)):
        return why
    if requirement.terms.get("waivable") is False:
        return "The gate says that it is never waived."
    return ""


def asking_objections(
    requirement: Requirement | None, ends_at: datetime, now: datetime, open_ones: int = 0
) -> list[Reason]:
    """Return every reason why a waiver cannot be asked for; empty means go ahead.

    `requirement` is None when the effective gate asks for no such thing; `open_ones` are waivers
    of it that are asked for and not answered yet.
    """
    reasons = []
    if requirement is None:
        sentence = "The gate asks for no such thing here. Choose one of its requirements."
        reasons.append(Reason("NOT_ASKED_FOR", sentence, "requirement"))
    elif why := unwaivable(requirement):
        sentence = f"“{requirement.sentence}” is never waived. {why}"
        reasons.append(Reason("UNWAIVABLE", sentence, "requirement"))
    if open_ones:
        sentence = "A waiver of this is asked for already and waits for its answer."
        reasons.append(Reason("ASKED_ALREADY", sentence, "requirement"))
    if ends_at <= now:
        sentence = "A waiver ends in the future. Give a later day."
        reasons.append(Reason("ENDED_ALREADY", sentence, "ends_at"))
    latest = add_months(now, LONGEST_MONTHS)
    if ends_at > latest:
        sentence = f"A waiver lasts {LONGEST_MONTHS} months at most, until {day(latest)}."
        reasons.append(Reason("TOO_LONG", sentence, "ends_at"))
    return reasons


def answering_objections(
    person: PersonFacts, *, asked_by: int, answered: bool, ends_at: datetime, now: datetime
) -> list[Reason]:
    """Return every reason why `person` may not grant or refuse a waiver; empty means go ahead."""
    reasons = []
    if answered:
        reasons.append(Reason("ANSWERED", "This waiver has its answer already."))
    if ends_at <= now:
        sentence = f"It was asked for until {day(ends_at)}, which has passed. Ask again."
        reasons.append(Reason("ENDED_ALREADY", sentence))
    if not person.is_person:
        reasons.append(Reason("SERVICE_ACCOUNT", "A service account waives nothing."))
    if "risk_owner" not in person.roles:
        reasons.append(Reason("NO_ROLE", "Waiving takes the role risk owner here."))
    if person.id == asked_by:
        sentence = "You asked for this waiver. Another risk owner answers it."
        reasons.append(Reason("ASKED_IT", sentence))
    reasons += [
        Reason("INVOLVED", f"You {TIES[tie]}, so you cannot make an exception for it.")
        for tie in person.ties
    ]
    return reasons


def with_waivers(
    findings: Iterable[Finding],
    requirements: Iterable[Requirement],
    waivers: Iterable[Waived],
    at: datetime,
) -> list[Finding]:
    """Return the findings, with what is waived at `at` as such.

    Only what would stand in the way is waived: a finding that is met needs no exception. One
    whose waiver ended stands in the way again, and still names the waiver, so that time alone
    does not make the package another.
    """
    asked = {(one.gate, one.code): one for one in requirements}
    waivers = list(waivers)
    return [
        _waived(finding, asked.get((finding.gate, finding.code)), waivers, at)
        for finding in findings
    ]


def _waived(
    finding: Finding, requirement: Requirement | None, waivers: list[Waived], at: datetime
) -> Finding:
    if requirement is None or not finding.stands_in_the_way or unwaivable(requirement):
        return finding
    covering = [one for one in waivers if one.covers(requirement)]
    if not covering:
        return finding
    last = max(covering, key=lambda one: (one.ends_at, one.id))
    if last.ends_at <= at:
        ended = f"Waiver {last.id} ended on {day(last.ends_at)}."
        return replace(finding, fact=f"{finding.fact} {ended}", waiver=last.id)
    return replace(
        finding,
        status=Status.WAIVED,
        fact=f"Waived by {last.granted_by} until {day(last.ends_at)}. Instead: {last.control} "
        f"Without the waiver: {finding.status}. {finding.fact}",
        fix="",
        fix_at=("waiver", str(last.id)),
        until=last.ends_at,
        waiver=last.id,
    )
