"""The decision box: what the reader may sign, why they may not, or what they signed."""

from dataclasses import dataclass, field
from typing import Any

from audit.refusals import Reason
from gates.models import Promotion
from gates.pages import words
from gates.pages.findings import anchors_by_sentence
from gates.pages.loaded import Loaded
from gates.pages.people import changed_since, who_may_sign
from gates.rules import objections, open_slots
from gates.rules.findings import day
from gates.rules.signing import APPROVALS, VERDICTS, free_slot


@dataclass(frozen=True)
class Why:
    """One reason, with the way to where it is mended."""

    sentence: str
    code: str = ""
    state: str = "cannot"
    url: str = ""
    words: str = ""


@dataclass(frozen=True)
class Verdict:
    """One tab of the box."""

    label: str
    icon: str
    url: str
    current: bool


@dataclass(frozen=True)
class Hat:
    """One role the reader may sign in."""

    role: str
    label: str
    url: str
    current: bool


@dataclass
class Box:
    """The box, as `portal/_decision.html` lays it out."""

    title: str
    digest: str = ""
    as_word: str = "you sign"
    sentence: Any = ""
    cannot: list[Why] = field(default_factory=list)
    who_may: str = ""
    verdicts: list[Verdict] = field(default_factory=list)
    off: list[Why] = field(default_factory=list)
    off_sentence: str = ""
    after: str = ""
    button: str = ""
    hats: list[Hat] = field(default_factory=list)
    changes: list = field(default_factory=list)
    #: The verdict whose form is open, and the role it is signed in; "" while none is.
    verdict: str = ""
    role: str = ""

    @property
    def opens_form(self) -> bool:
        """Whether a form is shown, which takes a challenge."""
        return bool(self.verdict) and not self.cannot and not self.off


def decision_box(loaded: Loaded, verdict: str = "", role: str = "") -> Box:
    """Return the box for one reader; `verdict` and `role` choose the form that is open."""
    promotion = loaded.promotion
    if promotion.state != Promotion.State.IN_REVIEW:
        return _closed(loaded)
    mine = [one for one in loaded.signed if one.person_id == loaded.user.pk]
    if mine and mine[-1].package_digest == loaded.package.digest:
        return _signed(loaded, mine[-1])
    against = objections(loaded.review, loaded.person, "reject")
    if against:
        return Box(
            title="You cannot sign this",
            cannot=[Why(reason.sentence, reason.code) for reason in against],
            who_may=who_may_sign(loaded),
        )
    return _open(loaded, mine, verdict if verdict in VERDICTS else "", role)


def _closed(loaded: Loaded) -> Box:
    sentences = {
        "draft": "Signing begins when the request is submitted.",
        "changes_requested": "Signing begins again when the request is submitted anew.",
        "approved": "It is approved. What ends an approval ends it by itself.",
        "rejected": "It is rejected. Asking again takes a new promotion.",
        "withdrawn": "It is withdrawn. Asking again takes a new promotion.",
    }
    title = "Nothing to decide yet" if loaded.promotion.is_undecided else "Already decided"
    sentence = sentences[loaded.promotion.state]
    if loaded.approval and not loaded.approval.holds:
        sentence = "It was approved, and the approval ended. Asking again takes a new promotion."
    return Box(title=title, sentence=sentence)


def _signed(loaded: Loaded, row) -> Box:
    left = open_slots(loaded.review)
    wanted = words.listed(dict.fromkeys(words.role(slot.role) for slot in left))
    return Box(
        title=f"You {words.DID[row.verdict]} this package",
        digest=row.package_digest,
        as_word="you signed",
        sentence=f"As {words.role(row.role)}, on {day(row.signed_at)} at "
        f"{row.signed_at:%H:%M:%S} UTC: “{words.meaning(row.verdict, row.meaning)}” "
        f"{f'Still wanted: {wanted}.' if wanted else ''}",
    )


def _open(loaded: Loaded, mine: list, verdict: str, role: str) -> Box:
    hats = _hats(loaded, verdict, role)
    role = next(hat.role for hat in hats if hat.current)
    box = Box(
        title=f"Your decision as {words.role(role)}",
        digest=loaded.package.digest,
        verdict=verdict,
        role=role,
        hats=hats if len(hats) > 1 else [],
        verdicts=[
            Verdict(
                words.VERDICTS[one][0],
                words.VERDICTS[one][1],
                _address(one, role if len(hats) > 1 else ""),
                one == verdict,
            )
            for one in VERDICTS
        ],
    )
    if mine:
        box.title = f"Sign again, as {words.role(role)}?"
        box.changes = changed_since(loaded, mine[-1].package)
    box.button = f"Sign: {words.VERDICTS[verdict or 'approve'][0].lower()}"
    if verdict in ("", *APPROVALS):
        _turn_off(loaded, box)
    if not box.off:
        box.sentence = _effect(loaded, verdict)
    return box


def _address(verdict: str, role: str) -> str:
    return f"?verdict={verdict}{f'&role={role}' if role else ''}#decide"


def _hats(loaded: Loaded, verdict: str, role: str) -> list[Hat]:
    """Return the roles that the reader may sign in; the first, unless they chose another."""
    free = [
        one
        for one in dict.fromkeys(slot.role for slot in loaded.review.slots)
        if one in loaded.person.roles and free_slot(loaded.review, [one])
    ]
    chosen = role if role in free else free[0]
    return [
        Hat(
            one,
            words.role(one),
            f"?{f'verdict={verdict}&' if verdict else ''}role={one}#decide",
            one == chosen,
        )
        for one in free
    ]


def _turn_off(loaded: Loaded, box: Box) -> None:
    """Say why approving is off, if it is, each reason leading to its finding."""
    against: list[Reason] = objections(loaded.review, loaded.person, "approve")
    anchors = anchors_by_sentence(loaded)
    box.off = [
        Why(
            reason.sentence,
            reason.code,
            reason.code.removeprefix("FINDING_").lower(),
            f"#{anchors[reason.sentence]}" if reason.sentence in anchors else "",
            "Go to the finding",
        )
        for reason in against
    ]
    if box.off:
        verdict, _ = words.VERDICTS[box.verdict or "approve"]
        box.off_sentence = f"{verdict} is off, for {words.count(len(box.off), 'reason')}:"
        box.after = "Request changes and Reject are open to you."


def _effect(loaded: Loaded, verdict: str) -> str:
    """Say what signing does."""
    into = words.short(loaded.promotion)
    if not verdict:
        return "Each verdict has a form of its own. Your signature is on the package named above."
    if verdict == "request_changes":
        return f"This sends the request back to {loaded.promotion.requested_by.username} at once."
    if verdict == "reject":
        return f"This ends the request at once: {into} is not allowed by it."
    if verdict == "approve_with_conditions":
        return (
            "This fills your slot like an approval. A condition that is open when it falls due "
            f"ends the approval; none stands in for a finding. {_fills(loaded, into)}"
        )
    return _fills(loaded, into)


def _fills(loaded: Loaded, into: str) -> str:
    if len(open_slots(loaded.review)) == 1:
        return f"Yours is the last sign-off that is wanted: signing lets {into}."
    left = len(open_slots(loaded.review)) - 1
    return f"After yours, {words.count(left, 'sign-off')} {'is' if left == 1 else 'are'} wanted."
