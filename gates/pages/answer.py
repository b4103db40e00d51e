"""The first line of the review page: what is true, why, and what can be done."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from gates.models import PackagePerson, Promotion
from gates.pages import words
from gates.pages.loaded import Loaded
from gates.rules import Status, counting, objections, open_slots
from gates.rules.findings import day
from gates.rules.signing import APPROVALS

#: An approval that ends within this time is shown as ending.
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Band:
    """The answer: a state, one bold sentence, one plain one."""

    state: str
    headline: str
    text: Any = ""


def pill(loaded: Loaded) -> tuple[str, str]:
    """Return the state of the promotion, and its word where the usual one will not do."""
    if loaded.approval and not loaded.approval.holds:
        return "ended", "Approval ended"
    return loaded.promotion.state, ""


def answer(loaded: Loaded) -> Band:
    """Return the band of a promotion in whichever state it is."""
    band = _BANDS[loaded.promotion.state](loaded)
    if loaded.promotion.is_undecided and (number := loaded.open_threads):
        be = "is" if number == 1 else "are"
        return replace(band, text=f"{band.text} {words.count(number, 'thread')} {be} open.")
    return band


def findings_said(loaded: Loaded) -> str:
    """Return "1 finding failed, 1 is missing, 1 is stale; 10 are met"."""
    statuses = Counter(finding.status for finding in loaded.package.findings)
    said, first = [], True
    for status, verb in (
        (Status.FAILED, "failed"),
        (Status.MISSING, "missing"),
        (Status.STALE, "stale"),
    ):
        number = statuses[status]
        if not number:
            continue
        noun = f" finding{'s' if number != 1 else ''}" if first else ""
        be = "" if status == Status.FAILED else ("is " if number == 1 else "are ")
        said.append(f"{number}{noun} {be}{verb}")
        first = False
    met, waived = statuses[Status.MET], statuses[Status.WAIVED]
    except_for = f", {waived} {'is' if waived == 1 else 'are'} waived" if waived else ""
    if not said and not waived:
        return _all_met(met)
    if not said:
        return f"{words.count(met, 'finding')} {'is' if met == 1 else 'are'} met{except_for}"
    return f"{', '.join(said)}; {met} {'is' if met == 1 else 'are'} met{except_for}"


def _all_met(met: int) -> str:
    return "The one finding is met" if met == 1 else f"All {met} findings are met"


def _draft(loaded: Loaded) -> Band:
    mine = loaded.is_reader(loaded.promotion.requested_by_id)
    then = "Submit it when it says what you want." if mine else "Nobody is asked to sign yet."
    return Band("draft", "Not submitted yet.", f"{findings_said(loaded)}. {then}")


def _in_review(loaded: Loaded) -> Band:
    review, wanted = loaded.review, len(loaded.slots)
    counts = [one for one in counting(review) if one.verdict in APPROVALS]
    left = open_slots(review)
    signed = (
        f"{len(counts)} of {words.count(wanted, 'sign-off')} count{'s' if len(counts) == 1 else ''}"
    )
    may_sign = not objections(review, loaded.person, "reject")
    if loaded.in_the_way:
        can = " You can request changes or reject now." if may_sign else ""
        worst = loaded.in_the_way[0].status
        return Band(
            "failed" if worst == Status.FAILED else "stale",
            "Cannot be approved yet.",
            f"{findings_said(loaded)}. {signed}.{can}",
        )
    if may_sign:
        last = signed
        if len(left) == 1:
            last = "yours is the only sign-off that is wanted"
            if wanted > 1:
                last = f"yours is the last of {wanted} sign-offs"
        return Band("wanted_from_you", "Ready for you.", f"{findings_said(loaded)}; {last}.")
    roles = words.listed(dict.fromkeys(words.role(slot.role) for slot in left))
    return Band(
        "in_review",
        "Waiting for others.",
        f"{findings_said(loaded)}. {signed}; still wanted: {roles}.",
    )


def _changes_requested(loaded: Loaded) -> Band:
    last = _last(loaded, PackagePerson.Verdict.REQUEST_CHANGES)
    return Band(
        "changes_requested",
        f"{words.capital(loaded.you_or(last.person_id, last.printed_name))} requested changes.",
        f"{words.meaning(last.verdict, last.meaning)} “{last.reason}” "
        "Whoever may request amends it and submits it again.",
    )


def _approved(loaded: Loaded) -> Band:
    approval = loaded.approval
    first = approval.ends[0]
    if not approval.holds:
        return Band("ended", f"Ended on {day(first.at)}.", f"{first.sentence}{_ended_by(loaded)}")
    changed = [slug for slug, same in approval.facts.endpoints if not same]
    text = f"First to end it: {first.coming}"
    if changed:
        text += f" No longer covered, because changed since: {words.listed(changed)}."
    soon = approval.until - loaded.now <= SOON
    return Band("ending" if soon else "approved", f"Approved until {day(first.at)}.", text)


def _ended_by(loaded: Loaded) -> str:
    """Say who brought the end about, or that nobody had to act."""
    first = loaded.approval.ends[0]
    if first.code == "EVIDENCE_WITHDRAWN":
        for item in loaded.package.gathered.items.values():
            withdrawal = getattr(item, "withdrawal", None)
            if withdrawal and withdrawal.withdrawn_at == first.at:
                return f" By {withdrawal.withdrawn_by.username}: “{withdrawal.reason}”"
        return ""
    if first.code == "REVOKED":
        return " At once and for good; asking again takes a new promotion."
    if first.code in ("REVIEW_DUE", "EVIDENCE_ENDED", "WAIVER_ENDED", "CONDITION_OVERDUE"):
        return " Nobody had to act."
    return ""


def _rejected(loaded: Loaded) -> Band:
    last = _last(loaded, PackagePerson.Verdict.REJECT)
    who = words.capital(loaded.you_or(last.person_id, last.printed_name))
    return Band(
        "rejected",
        f"{who} rejected this on {day(last.signed_at)}.",
        f"{words.meaning(last.verdict, last.meaning)} “{last.reason}” An older approval of the "
        "same release stands as it stood; asking again takes a new promotion.",
    )


def _withdrawn(loaded: Loaded) -> Band:
    change = loaded.promotion.change
    return Band(
        "withdrawn",
        f"Withdrawn on {day(change.at)}.",
        f"By {change.actor_name}: “{change.reason}”",
    )


def _last(loaded: Loaded, verdict: str) -> PackagePerson:
    return next(one for one in reversed(loaded.signed) if one.verdict == verdict)


_BANDS = {
    Promotion.State.DRAFT: _draft,
    Promotion.State.IN_REVIEW: _in_review,
    Promotion.State.CHANGES_REQUESTED: _changes_requested,
    Promotion.State.APPROVED: _approved,
    Promotion.State.REJECTED: _rejected,
    Promotion.State.WITHDRAWN: _withdrawn,
}
