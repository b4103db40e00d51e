"""What happened to a promotion, from the log itself: one line per change, oldest first."""

import json
from dataclasses import dataclass
from datetime import datetime

from audit.models import Entry
from gates.models import Promotion
from gates.pages import words

#: Entries of the log that one page shows; the history page has all.
SHOWN = 200

#: Event of a promotion -> icon, and what its actor did. First here speaks for its change.
EVENTS = {
    "promotion.revoked": ("revoked", "revoked the approval"),
    "promotion.approved": ("approved", "approved it with the last sign-off that was wanted"),
    "promotion.rejected": ("rejected", "rejected it"),
    "promotion.changes_requested": ("changes_requested", "requested changes"),
    "promotion.withdrawn": ("withdrawn", "withdrew the request"),
    "promotion.submitted": ("asked", "submitted it for review"),
    "promotion.requested": ("asked", "asked"),
    "promotion.evidence_taken_in": ("evidence", "took in newer evidence"),
    "promotion.amended": ("changed", "amended the request"),
    "finding.assigned": ("asked", "asked somebody to mend a finding"),
    "finding.unassigned": ("withdrawn", "took back what somebody was asked to mend"),
    "sign_off.asked": ("asked", "asked somebody to sign"),
    "condition.closed": ("closed", "found a condition met"),
    "thread.resolved": ("resolved", "resolved a thread"),
    "thread.reopened": ("comment", "opened a thread again"),
    "comment.written": ("comment", "commented"),
    "promotion.signed_approve_with_conditions": ("signed", "signed: approve with conditions"),
    "promotion.signed_approve": ("signed", "signed: approve"),
    "promotion.signed_request_changes": ("signed", "signed: request changes"),
    "promotion.signed_reject": ("signed", "signed: reject"),
}
_ORDER = {event: place for place, event in enumerate(EVENTS)}


@dataclass(frozen=True)
class Line:
    """One change, as `portal/_timeline.html` lays it out."""

    state: str
    actor: str
    sentence: str
    at: datetime
    number: int
    reason: str


@dataclass(frozen=True)
class Timeline:
    """The newest lines, oldest first, and how many entries are older still."""

    lines: list[Line]
    older: int
    #: The newest line of each event, to say by whom and when something changed.
    newest: dict[str, Line]


def timeline(promotion: Promotion) -> Timeline:
    """Return what happened to a promotion, in three queries and one more for a long history."""
    keys = [promotion.key, *(one.key for one in promotion.conditions.only("pk"))]
    about = Entry.objects.filter(about__in=keys, event__in=EVENTS)
    newest = list(about.select_related("change").order_by("-seq")[: SHOWN + 1])
    older = about.count() - SHOWN if len(newest) > SHOWN else 0
    by_change: dict = {}
    for entry in reversed(newest[:SHOWN]):
        by_change.setdefault(entry.change_id, []).append(entry)
    lines, last = [], {}
    for entries in by_change.values():
        line = _line(promotion, entries)
        lines.append(line)
        last |= dict.fromkeys((entry.event for entry in entries), line)
    return Timeline(lines, older, last)


def _more(entry: Entry) -> str:
    """Return what the facts of an entry add to its sentence."""
    facts = json.loads(entry.body).get("facts") or {}
    if entry.event.startswith("promotion.signed_"):
        return f", as {words.role(facts.get('slot', '').partition(':')[0])}"
    if entry.event == "finding.assigned":
        return f": {facts['finding']}, {facts['to']}, due {facts['due']}"
    return f": {facts['person']}" if entry.event == "sign_off.asked" else ""


def _line(promotion: Promotion, entries: list[Entry]) -> Line:
    main = min(entries, key=lambda entry: _ORDER[entry.event])
    state, sentence = EVENTS[main.event]
    if main.event == "promotion.requested":
        question = words.question(promotion)
        sentence = f"asked to {question[0].lower()}{question[1:]}"
    for entry in entries:
        sentence += _more(entry)
    change = main.change
    return Line(state, change.actor_name, f"{sentence}.", change.at, main.seq, change.reason)
