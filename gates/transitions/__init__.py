"""The verbs that write at the gates: asking for a promotion, signing it, waiving a requirement."""

from gates.transitions.asking import amend, renew, request, submit, take_in, withdraw
from gates.transitions.conditions import close_condition
from gates.transitions.emergencies import break_glass, end_break_glass, review_break_glass
from gates.transitions.ending import revoke
from gates.transitions.signing import issue_challenge, sign
from gates.transitions.versions import (
    new_gate_version_from,
    publish_gate_version,
    remove_requirement,
    save_gate_draft,
    save_requirement,
)
from gates.transitions.waiving import ask_waiver, grant_waiver, refuse_waiver

__all__ = [
    "amend",
    "ask_waiver",
    "break_glass",
    "close_condition",
    "end_break_glass",
    "grant_waiver",
    "issue_challenge",
    "new_gate_version_from",
    "publish_gate_version",
    "refuse_waiver",
    "remove_requirement",
    "renew",
    "request",
    "review_break_glass",
    "revoke",
    "save_gate_draft",
    "save_requirement",
    "sign",
    "submit",
    "take_in",
    "withdraw",
]
