"""Who may sign what, and which signatures count."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from audit.refusals import Reason
from gates.rules.findings import Finding

VERDICTS = ("approve", "approve_with_conditions", "request_changes", "reject")
#: The verdicts that fill a slot.
APPROVALS = ("approve", "approve_with_conditions")

#: The closed list of meanings: verdict, then role ("" for every role), then code and sentence.
MEANINGS: Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]] = {
    "approve": {
        "reviewer": (("reviewed", "I reviewed the evidence and found it sufficient."),),
        "risk_owner": (("accepts_risk", "I accept the residual risk."),),
        "privacy_officer": (
            ("privacy_in_order", "I reviewed the use of personal data and it is in order."),
        ),
        "independent_validator": (
            ("validated", "I checked it independently of its makers and it does as claimed."),
        ),
    },
    "approve_with_conditions": {
        "reviewer": (
            (
                "reviewed_on_condition",
                "I reviewed the evidence and find it sufficient while my conditions are kept.",
            ),
        ),
        "risk_owner": (
            ("accepts_risk_on_condition", "I accept the residual risk while they are kept."),
        ),
        "privacy_officer": (
            (
                "privacy_on_condition",
                "The use of personal data is in order while my conditions are kept.",
            ),
        ),
        "independent_validator": (
            (
                "validated_on_condition",
                "I checked it independently and it does as claimed while my conditions are kept.",
            ),
        ),
    },
    "request_changes": {
        "": (
            ("evidence_insufficient", "The evidence is not sufficient yet."),
            ("release_needs_change", "The release needs a change."),
            ("request_unclear", "The request is not clear enough to be judged."),
        )
    },
    "reject": {
        "": (
            ("risk_not_acceptable", "The risk is not acceptable."),
            ("purpose_not_acceptable", "The purpose is not acceptable."),
            ("not_fit", "It is not fit for this use."),
        )
    },
}

TIES: Mapping[str, str] = {
    "requester": "asked for this promotion",
    "edited_request": "edited this request",
    "made_release": "made the release",
    "made_endpoint": "made an endpoint that it asks for",
    "made_prompt": "wrote a prompt version that it uses",
    "granted_tool": "made one of its tool grants",
    "gave_evidence": "gave evidence for it",
    "asked_waiver": "asked for a waiver that it rests on",
}


@dataclass(frozen=True)
class Slot:
    """A place for one signature: "risk_owner:1"."""

    role: str
    place: int

    def __str__(self) -> str:
        return f"{self.role}:{self.place}"


@dataclass(frozen=True)
class SignOff:
    """One signature as a rule sees it; `eligible` is whether its signer still holds the role."""

    person: int
    name: str
    slot: str
    verdict: str
    package_digest: str
    eligible: bool = True


@dataclass(frozen=True)
class PersonFacts:
    """Whoever wants to sign: the reviewing roles held for the use case's team, and any ties."""

    id: int
    roles: frozenset[str]
    ties: tuple[str, ...] = ()
    is_person: bool = True


@dataclass(frozen=True)
class ReviewFacts:
    """A promotion under review: live package, slots, signatures, findings."""

    state: str
    package_digest: str
    slots: tuple[Slot, ...]
    sign_offs: tuple[SignOff, ...] = ()
    findings: tuple[Finding, ...] = ()


def counting(review: ReviewFacts) -> list[SignOff]:
    """Return the signatures that count: on the live package, by people still eligible."""
    return [
        one
        for one in review.sign_offs
        if one.package_digest == review.package_digest and one.eligible
    ]


def open_slots(review: ReviewFacts) -> list[Slot]:
    """Return the slots that no counting approval fills."""
    filled = {one.slot for one in counting(review) if one.verdict in APPROVALS}
    return [slot for slot in review.slots if str(slot) not in filled]


def free_slot(review: ReviewFacts, roles: Iterable[str]) -> Slot | None:
    """Return the first slot that one of `roles` may sign in and nobody has on this package.

    A signature on the live package keeps its slot even when its signer lost the role: the
    database holds one row per slot and package, and the slot is free again on the next one.
    """
    taken = {one.slot for one in review.sign_offs if one.package_digest == review.package_digest}
    held = set(roles)
    return next(
        (slot for slot in review.slots if slot.role in held and str(slot) not in taken), None
    )


def objections(review: ReviewFacts, person: PersonFacts, verdict: str) -> list[Reason]:
    """Return every reason why `person` may not give `verdict` now; empty means go ahead."""
    reasons = []
    if review.state != "in_review":
        reasons.append(
            Reason("NOT_IN_REVIEW", f"It is {review.state.replace('_', ' ')}, not in review.")
        )
    if not person.is_person:
        reasons.append(Reason("SERVICE_ACCOUNT", "A service account signs nothing."))
    wanted = {slot.role for slot in review.slots}
    if not person.roles & wanted:
        names = ", ".join(sorted(role.replace("_", " ") for role in wanted))
        reasons.append(Reason("NO_ROLE", f"Signing here needs one of the roles {names}."))
    reasons += [
        Reason("INVOLVED", f"You {TIES[tie]}, so your signature cannot be one of these.")
        for tie in person.ties
    ]
    if any(
        one.person == person.id and one.package_digest == review.package_digest
        for one in review.sign_offs
    ):
        reasons.append(Reason("ALREADY_SIGNED", "You have signed this package."))
    elif person.roles & wanted and free_slot(review, person.roles) is None:
        reasons.append(Reason("SLOT_FILLED", "Somebody has signed in your slot already."))
    if verdict in APPROVALS:
        reasons.extend(
            Reason(f"FINDING_{finding.status.upper()}", f"{finding.sentence} {finding.fact}")
            for finding in review.findings
            if finding.stands_in_the_way
        )
    return reasons


def meanings(verdict: str, role: str) -> tuple[tuple[str, str], ...]:
    """Return the closed list of (code, sentence) for a verdict given in a role."""
    by_role = MEANINGS[verdict]
    return by_role.get(role) or by_role.get("", ())
