"""What the page says when a signature was refused: first what happened, then that nothing was."""

from dataclasses import dataclass

from audit import Refused
from gates.models import PackagePerson, Promotion
from gates.pages import words
from gates.pages.answer import Band
from gates.rules.signing import VERDICTS

KEPT = "Your reason is kept."


@dataclass(frozen=True)
class NotSigned:
    """A refusal: the status of the answer, and the band that says why."""

    status: int
    headline: str
    sentence: str

    @property
    def band(self) -> Band:
        """The refusal as the page's first line."""
        return Band("failed", self.headline, self.sentence)


def by_form(form, verdict: str) -> str:
    """Say what the form lacks."""
    if verdict not in VERDICTS:
        return f"Choose one of the verdicts. {KEPT}"
    said = [error for field in form.visible_fields() for error in field.errors]
    if not said:
        said = ["This form was not made for this signature. Open it again."]
    return f"{' '.join(said)} {KEPT}"


def by_verb(error: Refused, promotion: Promotion) -> NotSigned:
    """Say what the verb said; who decided first is named."""
    codes = {reason.code for reason in error.reasons}
    if codes & {"DECIDED", "NOT_IN_REVIEW"} and not promotion.is_undecided:
        return NotSigned(error.status, "Already decided.", f"{_decided(promotion)} {KEPT}")
    said = " ".join(reason.sentence for reason in error.reasons)
    nothing = "" if "Nothing was signed." in said else " Nothing was signed."
    return NotSigned(error.status, "Not signed.", f"{said}{nothing} {KEPT}")


def _decided(promotion: Promotion) -> str:
    when = f"at {promotion.decided_at:%H:%M:%S} UTC on {promotion.decided_at:%d %b %Y}"
    last = (
        promotion.people.filter(kind=PackagePerson.Kind.SIGNER, package=promotion.decided_package)
        .order_by("-pk")
        .first()
    )
    if last is None:
        return f"It was {promotion.get_state_display()} {when}. Nothing was signed."
    return (
        f"{last.printed_name} {words.DID[last.verdict]} this {when}, while you were signing. "
        "Nothing was signed."
    )
