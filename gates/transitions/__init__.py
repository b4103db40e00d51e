"""The verbs that write promotions: asking for one, signing it; and those of webhooks."""

from gates.transitions.asking import amend, request, submit, take_in, withdraw
from gates.transitions.discussing import comment, reopen, resolve
from gates.transitions.helping import (
    ask_to_sign,
    assign,
    remind,
    remind_all,
    withdraw_assignment,
)
from gates.transitions.signing import issue_challenge, sign
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
    "assign",
    "comment",
    "issue_challenge",
    "remind",
    "remind_all",
    "renew_secret",
    "reopen",
    "request",
    "resolve",
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
