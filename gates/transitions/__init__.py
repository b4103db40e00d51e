"""The verbs that write promotions: asking for one, and signing it."""

from gates.transitions.asking import amend, request, submit, take_in, withdraw
from gates.transitions.signing import issue_challenge, sign

__all__ = ["amend", "issue_challenge", "request", "sign", "submit", "take_in", "withdraw"]
