"""Conditions as pages show them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.utils.html import format_html

from evidence.kinds import KINDS
from gates.causes import address_of
from gates.conditions import facts_of, with_closings
from gates.models import Condition
from gates.pages import words
from gates.pages.loaded import Loaded
from gates.rules.conditions import state
from gates.rules.findings import day
from registry.rights import may


@dataclass(frozen=True)
class Row:
    """One condition, as `gates/_conditions.html` lays it out."""

    state: str
    text: str
    said: str
    due: datetime
    url: str
    give_url: str = ""
    give_words: str = ""


def facts(condition: Condition) -> list[dict[str, Any]]:
    """Return what a condition says, as the grid of facts."""
    promotion, signature = condition.promotion, condition.sign_off
    url = promotion.get_absolute_url()
    return [
        {
            "label": "Of promotion",
            "value": format_html('<a href="{}">{}</a>', url, promotion.pk),
            "note": words.short(promotion),
        },
        {
            "label": "Set by",
            "value": signature.printed_name,
            "note": f"{words.role(signature.role)}, {day(signature.signed_at)}",
        },
        {"label": "Met by", "value": condition.owner.username, "note": condition.owner.name},
        {"label": "Due", "value": day(condition.due_at), "note": "At the end of that day, in UTC."},
        {"label": "Closed by", "value": kind_name(condition.evidence_kind), "note": "evidence"},
        *_cause(condition.follows_from),
    ]


def _cause(text: str) -> list[dict[str, Any]]:
    if not text:
        return []
    url = address_of(text)
    return [
        {
            "label": "Follows from",
            "value": format_html('<a href="{}">{}</a>', url, text) if url else text,
            "note": "What taught it.",
        }
    ]


def kind_name(kind: str) -> str:
    """Return a kind of evidence as people say it."""
    return KINDS[kind].name.lower() if kind in KINDS else kind.replace("_", " ")


def shown_conditions(loaded: Loaded) -> list[Row]:
    """Return the conditions of the signatures on the package on show; two queries."""
    rows = Condition.objects.filter(
        promotion=loaded.promotion, sign_off__package_digest=loaded.digest
    )
    gives = not may(loaded.user, "give_evidence", loaded.promotion.release)
    return [_row(one, loaded, gives) for one in with_closings(rows)]


def give_url(condition: Condition) -> str:
    """Return the address of the form that gives evidence to close a condition by."""
    query = {"kind": condition.evidence_kind, "release": condition.promotion.release_id}
    return f"/evidence/evidenceitem/add/?{urlencode(query)}"


def _row(condition: Condition, loaded: Loaded, gives: bool) -> Row:
    stands = state(facts_of(condition), loaded.now)
    kind = kind_name(condition.evidence_kind)
    said = (
        f"To be met by {loaded.you_or(condition.owner_id, condition.owner.username)}; evidence of "
        f"the kind {kind} closes it. Set by {condition.sign_off.printed_name}."
    )
    closing = list(condition.closings.all())[-1:]
    if stands == "closed":
        said = f"Closed by {closing[0].closed_by.username} on {day(closing[0].closed_at)}. {said}"
    elif closing:
        said = f"What closed it was withdrawn. {said}"
    if condition.follows_from:
        said = f"{said} It follows from {condition.follows_from}."
    offers = gives and stands == "open"
    return Row(
        state=stands,
        text=condition.text,
        said=said,
        due=condition.due_at,
        url=condition.get_absolute_url(),
        give_url=give_url(condition) if offers else "",
        give_words=f"Give evidence of the kind {kind}" if offers else "",
    )
