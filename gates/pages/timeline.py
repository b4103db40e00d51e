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
    "promotion.approved": ("approved", "signed: approve. Every slot is filled, so it is approved"),
    "promotion.rejected": ("rejected", "signed: reject, so it is rejected"),
    "promotion.changes_requested": ("changes_requested", "signed: request changes"),
    "promotion.withdrawn": ("withdrawn", "withdrew the request"),
    "promotion.submitted": ("asked", "submitted it for review"),
    "promotion.requested": ("asked", "asked"),
    "promotion.evidence_taken_in": ("evidence", "took in newer evidence"),
    "promotion.amended": ("changed", "amended the request"),
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


def timeline(promotion: Promotion) -> tuple[list[Line], int]:
    """Return the newest lines, oldest first, and how many entries are not shown."""
    about = Entry.objects.filter(about=promotion.key)
    newest = list(
        about.filter(event__in=EVENTS).select_related("change").order_by("-seq")[: SHOWN + 1]
    )
    older = about.filter(event__in=EVENTS).count() - SHOWN if len(newest) > SHOWN else 0
    by_change: dict = {}
    for entry in reversed(newest[:SHOWN]):
        by_change.setdefault(entry.change_id, []).append(entry)
    return [_line(promotion, entries) for entries in by_change.values()], max(0, older)


def _line(promotion: Promotion, entries: list[Entry]) -> Line:
    main = min(entries, key=lambda entry: _ORDER[entry.event])
    state, sentence = EVENTS[main.event]
    if main.event == "promotion.requested":
        sentence = f"asked to {words.question(promotion)[0].lower()}{words.question(promotion)[1:]}"
    for entry in entries:
        if entry.event.startswith("promotion.signed_"):
            slot = (json.loads(entry.body).get("facts") or {}).get("slot", "")
            sentence += f" (as {words.role(slot.partition(':')[0])})"
    change = main.change
    return Line(state, change.actor_name, sentence, change.at, main.seq, change.reason)
