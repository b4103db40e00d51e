"""Who may be asked to mend a finding, and by when. Pure."""

from collections.abc import Iterable
from datetime import date, timedelta

from audit.refusals import Reason
from gates.rules.findings import Finding

#: Nobody is asked for something further off than this.
LONGEST = timedelta(days=365)


def code_of(finding: Finding) -> str:
    """Return how an assignment names a finding: "production.privacy_review"."""
    return f"{finding.gate}.{finding.code}"


def assigning_problems(
    findings: Iterable[Finding], code: str, due_on: date, today: date, *, undecided: bool
) -> list[Reason]:
    """Return every reason why a finding cannot be assigned with that due date."""
    reasons = []
    if not undecided:
        reasons.append(Reason("DECIDED", "The promotion is decided: nothing is left to mend."))
    found = next((one for one in findings if code_of(one) == code), None)
    if found is None:
        reasons.append(Reason("FINDING_UNKNOWN", "There is no such finding here.", "finding"))
    elif not found.stands_in_the_way:
        reasons.append(Reason("FINDING_MET", "This finding is met already.", "finding"))
    if due_on < today:
        reasons.append(Reason("DUE_PAST", "The due date is in the past.", "due_on"))
    elif due_on - today > LONGEST:
        reasons.append(Reason("DUE_FAR", "The due date is more than a year away.", "due_on"))
    return reasons
