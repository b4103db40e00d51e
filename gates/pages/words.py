"""The words that several pages share."""

from collections.abc import Iterable

from gates.models import Promotion
from gates.rules.signing import MEANINGS
from registry.roles import Role

#: What each verdict is called: on its link, on its button, and in the past.
VERDICTS = {
    "approve": ("Approve", "approved"),
    "approve_with_conditions": ("Approve with conditions", "conditions"),
    "request_changes": ("Request changes", "changes_requested"),
    "reject": ("Reject", "rejected"),
}
#: What a person did who gave a verdict.
DID = {
    "approve": "approved",
    "approve_with_conditions": "approved, with conditions,",
    "request_changes": "requested changes to",
    "reject": "rejected",
}


def release_name(promotion: Promotion) -> str:
    """Return "claims-triage release 14"."""
    return f"{promotion.release.use_case} release {promotion.release.number}"


def question(promotion: Promotion) -> str:
    """Return what a promotion asks: "Let claims-triage release 14 into regulated-eu"."""
    return f"Let {release_name(promotion)} into {promotion.environment}"


def short(promotion: Promotion) -> str:
    """Return "claims-triage 14 into regulated-eu"."""
    return f"{promotion.release} into {promotion.environment}"


def role(code: str) -> str:
    """Return a role as people say it: "risk owner"."""
    return str(Role(code).label) if code in Role.values else code.replace("_", " ")


def meaning(verdict: str, code: str) -> str:
    """Return the sentence that a signature's meaning stands for."""
    for sentences in MEANINGS.get(verdict, {}).values():
        for known, sentence in sentences:
            if known == code:
                return sentence
    return code.replace("_", " ")


def listed(words: Iterable[str], joint: str = "and") -> str:
    """Return "a", "a and b", or "a, b and c"."""
    words = list(words)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joint} {words[-1]}"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return "1 finding" or "3 findings"."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def capital(sentence: str) -> str:
    """Return the sentence with a capital letter, the rest as it is."""
    return sentence[:1].upper() + sentence[1:]
