"""The verbs that write at the gates: asking, signing, exceptions, conditions, ends, notices."""

from gates.transitions.asking import amend, renew, request, submit, take_in, withdraw
from gates.transitions.conditions import close_condition
from gates.transitions.discussing import comment, reopen, resolve
from gates.transitions.emergencies import break_glass, end_break_glass, review_break_glass
from gates.transitions.ending import revoke
from gates.transitions.helping import (
    ask_to_sign,
    assign,
    remind,
    remind_all,
    withdraw_assignment,
)
from gates.transitions.signing import issue_challenge, open_challenge, sign
from gates.transitions.versions import (
    new_gate_version_from,
    publish_gate_version,
    remove_requirement,
    save_gate_draft,
    save_requirement,
)
from gates.transitions.waiving import ask_waiver, grant_waiver, refuse_waiver
from gates.transitions.webhooks import (
    renew_secret,
    save_webhook,
    switch_off,
    switch_on,
    try_out,
)

__all__ = [
    "amend",
    "ask_to_sign",
    "ask_waiver",
    "assign",
    "break_glass",
    "close_condition",
    "comment",
    "end_break_glass",
    "grant_waiver",
    "issue_challenge",
    "new_gate_version_from",
    "open_challenge",
    "publish_gate_version",
    "refuse_waiver",
    "remind",
    "remind_all",
    "remove_requirement",
    "renew",
    "renew_secret",
    "reopen",
    "request",
    "resolve",
    "review_break_glass",
    "revoke",
    "save_gate_draft",
    "save_requirement",
    "save_webhook",
    "sign",
    "submit",
    "switch_off",
    "switch_on",
    "take_in",
    "try_out",
    "withdraw",
    "withdraw_assignment",
]
