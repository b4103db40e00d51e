"""What people and systems are told of, whom each kind concerns, and when a sending is tried again.

Every kind is a line of `KINDS`; what a change causes at once is a line of `EVENTS`. What follows
from the facts, and from time alone, is found by `gates.notices.finding`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

#: An approval that ends is told of this many days ahead, once each.
ENDING_DAYS = (30, 7, 1)
#: News that nobody was told of for this long is not told any more: the overview has it.
STALE_AFTER = timedelta(days=7)
#: Waits between tries; after the last of them a sending is given up. About three days in all.
WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=16),
    timedelta(hours=48),
)


@dataclass(frozen=True)
class Kind:
    """One kind of notice: its code, its name, what it tells, and the circles it concerns.

    Circles are `requester`, `makers` (of the release), `signers` (who signed it), `wanted` (who
    may fill an open slot), `risk_owners` and `operators` of the team, `administrators`, and
    `named` (whom the notice itself names).
    """

    code: str
    name: str
    about: str
    circles: tuple[str, ...]
    #: Only while the promotion is in review; by then overtaken, it is told to nobody.
    in_review: bool = False
    #: Whether people may turn it on and off; otherwise it goes to whom it names.
    mail: bool = True
    #: Whether it goes to whoever caused it, too.
    to_actor: bool = False
    #: Whether a webhook may be sent it.
    hooks: bool = True


KINDS: Mapping[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            "promotion.requested",
            "Promotion asked for",
            "Somebody asks to let a release that you made into an environment.",
            ("makers",),
            in_review=True,
        ),
        Kind(
            "sign_off.wanted",
            "Sign-off wanted",
            "A promotion waits for a signature that you may give.",
            ("wanted",),
            in_review=True,
        ),
        Kind(
            "promotion.decided",
            "Promotion decided",
            "What you asked for, made or signed was approved, rejected, withdrawn or sent back.",
            ("requester", "makers", "signers"),
        ),
        Kind(
            "package.changed",
            "Package changed",
            "A package changed in review, and signatures on it stopped counting.",
            ("requester", "named"),
            in_review=True,
        ),
        Kind(
            "approval.ending",
            "Approval ends soon",
            "An approval ends in 30 days, in 7 days, or tomorrow.",
            ("requester", "makers", "risk_owners", "operators"),
        ),
        Kind(
            "approval.ended",
            "Approval ended",
            "An approval ended, and nothing allows the release there any more.",
            ("requester", "makers", "risk_owners", "operators"),
        ),
        Kind(
            "break_glass.used",
            "Break-glass",
            "Somebody let a release in without the signatures, for a short while.",
            ("risk_owners", "operators"),
        ),
        Kind(
            "finding.assigned",
            "Finding assigned to you",
            "Somebody asks you by name to mend what stands in the way of a promotion.",
            ("named",),
        ),
        Kind(
            "sign_off.asked",
            "Asked to sign",
            "Somebody asks you by name to sign a promotion.",
            ("named",),
            in_review=True,
        ),
        Kind(
            "sign_off.reminder",
            "Reminder",
            "Somebody reminds you of a promotion that waits for your signature.",
            ("named",),
            in_review=True,
        ),
        Kind(
            "sign_off.receipt",
            "Receipt for your signature",
            "You signed; the file with it proves later that the log held your signature.",
            ("named",),
            to_actor=True,
            hooks=False,
        ),
        Kind(
            "incident.opened",
            "Incident opened",
            "Somebody opened an incident that your team deals with.",
            ("operators", "risk_owners", "named"),
        ),
        Kind(
            "incident.moved",
            "Incident moved on",
            "An incident that you take part in was mitigated, resolved, reopened or reviewed.",
            ("named",),
        ),
        Kind(
            "follow_up.set",
            "Follow-up for you",
            "Somebody asks you by name to do something so that an incident does not come again.",
            ("named",),
        ),
        Kind(
            "runtime.activated",
            "Release activated",
            "A release of your team runs in an environment.",
            ("operators",),
        ),
        Kind(
            "runtime.suspended",
            "Suspended",
            "Something that your team runs was suspended.",
            ("operators", "risk_owners"),
        ),
        Kind(
            "runtime.rolled_back",
            "Rolled back",
            "An environment in which your team runs something was rolled back.",
            ("operators", "risk_owners"),
        ),
        Kind(
            "webhook.off",
            "Webhook switched off",
            "A webhook did not answer for days and was switched off.",
            ("administrators",),
        ),
        Kind(
            "webhook.test",
            "Test of a webhook",
            "An administrator tries whether a webhook answers.",
            (),
            mail=False,
        ),
    )
}
#: Kinds that a webhook may be sent.
FOR_WEBHOOKS = tuple(
    code for code, kind in KINDS.items() if kind.hooks and not code.startswith("webhook.")
)

#: Event of the log -> kinds that it causes, in the change itself.
EVENTS: Mapping[str, tuple[str, ...]] = {
    "promotion.submitted": ("promotion.requested", "sign_off.wanted"),
    "promotion.approved": ("promotion.decided",),
    "promotion.rejected": ("promotion.decided",),
    "promotion.changes_requested": ("promotion.decided",),
    "promotion.withdrawn": ("promotion.decided",),
}


def ending_step(until: datetime, at: datetime) -> int | None:
    """Return which of `ENDING_DAYS` an end at `until` has come to by `at`, the least of them."""
    if until <= at:
        return None
    return min((days for days in ENDING_DAYS if until - at <= timedelta(days=days)), default=None)


def in_days(days: int) -> str:
    """Return "tomorrow" or "in 7 days"."""
    return "tomorrow" if days == 1 else f"in {days} days"


def wait_after(attempts: int) -> timedelta | None:
    """Return how long to wait after so many failed tries; None when it is given up."""
    return WAITS[attempts - 1] if attempts <= len(WAITS) else None
