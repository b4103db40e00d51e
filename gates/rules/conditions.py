"""Conditions of an approval: what one must say, who closes it, and when it ends the approval."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from audit.refusals import Reason
from gates.rules.findings import day

#: Conditions that one signature may set.
MOST = 10


@dataclass(frozen=True)
class Asked:
    """A condition as a signer wants it set."""

    text: str
    owner: int | None
    due_at: datetime | None
    evidence_kind: str
    #: What taught it; empty for nothing of the kind.
    follows_from: str = ""


@dataclass(frozen=True)
class Closing:
    """One time that a condition was found met, and when the proof was withdrawn, if it was."""

    closed_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True)
class Condition:
    """A condition that was set, with all that closed it as far as known."""

    id: int
    text: str
    owner: str
    due_at: datetime
    evidence_kind: str
    closings: tuple[Closing, ...] = ()
    follows_from: str = ""


def closed_until(condition: Condition, start: datetime) -> datetime | None:
    """Return from when on, at or after `start`, the condition is open; None for never."""
    moment = start
    for one in sorted(condition.closings, key=lambda one: one.closed_at):
        if one.closed_at > moment:
            break
        if one.withdrawn_at is None:
            return None
        moment = max(moment, one.withdrawn_at)
    return moment


def overdue_at(condition: Condition) -> datetime | None:
    """Return when the condition ends the approval, if it does, by what is known.

    What closes it later does not bring the approval back: asking again takes a new promotion.
    """
    return closed_until(condition, condition.due_at)


def state(condition: Condition, at: datetime) -> str:
    """Return "closed", "overdue" or "open" at an instant."""
    ends = overdue_at(condition)
    if ends is not None and ends <= at:
        return "overdue"
    closed = any(
        one.closed_at <= at and (one.withdrawn_at is None or one.withdrawn_at > at)
        for one in condition.closings
    )
    return "closed" if closed else "open"


def setting_problems(
    verdict: str,
    asked: Iterable[Asked],
    *,
    owners: Iterable[int],
    kinds: Iterable[str],
    now: datetime,
    review_at: datetime,
) -> list[Reason]:
    """Return every reason why a signature cannot set these conditions.

    `owners` are the people who may own one, `kinds` the kinds of evidence there are, `review_at`
    the day on which the approval would be looked at again anyway.
    """
    asked = list(asked)
    if verdict != "approve_with_conditions":
        if not asked:
            return []
        sentence = "Only “approve with conditions” sets conditions."
        return [Reason("CONDITIONS_UNWANTED", sentence, "conditions")]
    if not asked:
        sentence = "Give at least one condition, or approve without."
        return [Reason("CONDITION_MISSING", sentence, "condition_1_text")]
    reasons = []
    if len(asked) > MOST:
        sentence = f"One signature sets {MOST} conditions at most."
        reasons.append(Reason("TOO_MANY_CONDITIONS", sentence, "conditions"))
    owners, kinds = set(owners), set(kinds)
    for place, one in enumerate(asked, 1):
        at = f"condition_{place}"
        if not one.text.strip():
            reasons.append(Reason("TEXT_MISSING", "Say what must be done.", f"{at}_text"))
        if one.owner not in owners:
            sentence = "Choose who meets it: somebody active who sees this release."
            reasons.append(Reason("OWNER_UNKNOWN", sentence, f"{at}_owner"))
        if one.evidence_kind not in kinds:
            sentence = "Choose the kind of evidence that closes it."
            reasons.append(Reason("KIND_UNKNOWN", sentence, f"{at}_kind"))
        reasons += _due_problems(one.due_at, now, review_at, f"{at}_due")
    return reasons


def _due_problems(
    due_at: datetime | None, now: datetime, review_at: datetime, field: str
) -> list[Reason]:
    if due_at is None:
        return [Reason("DUE_MISSING", "Give the day by which it is met.", field)]
    if due_at <= now:
        return [Reason("DUE_PASSED", "A condition is due in the future.", field)]
    if due_at > review_at:
        sentence = f"The approval ends at its review date, {day(review_at)}. Give an earlier day."
        return [Reason("DUE_TOO_LATE", sentence, field)]
    return []


@dataclass(frozen=True)
class Proof:
    """An evidence item that would close a condition."""

    kind: str
    verdict: str
    about: bool  # the promotion's release or its model version
    given_by: frozenset[int]
    created_at: datetime
    expires_at: datetime
    withdrawn: bool = False


def closing_objections(
    condition: Condition,
    proof: Proof,
    *,
    person: int,
    owner: int,
    signed_at: datetime,
    now: datetime,
) -> list[Reason]:
    """Return every reason why `person` may not close the condition by this item."""
    reasons = []
    match state(condition, now):
        case "closed":
            reasons.append(Reason("CLOSED", "The condition is closed already."))
        case "overdue":
            sentence = (
                f"It fell due on {day(condition.due_at)} and ended the approval. Ask for a new "
                "promotion."
            )
            reasons.append(Reason("OVERDUE", sentence))
    if person == owner:
        sentence = "You own this condition. Somebody else finds that it is met."
        reasons.append(Reason("OWNS_IT", sentence))
    if person in proof.given_by:
        sentence = "You gave this evidence. Somebody else finds it sufficient."
        reasons.append(Reason("GAVE_IT", sentence, "item"))
    fits = (
        proof.about
        and proof.kind == condition.evidence_kind
        and proof.verdict != "fail"
        and not proof.withdrawn
        and proof.expires_at > now
        and proof.created_at > signed_at
    )
    if not fits:
        kind = condition.evidence_kind.replace("_", " ")
        sentence = (
            f"Choose evidence of the kind {kind} about this release or its model version that was "
            "given after the signature, did not fail, and still holds."
        )
        reasons.append(Reason("DOES_NOT_FIT", sentence, "item"))
    return reasons
