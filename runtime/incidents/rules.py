"""What may become of an incident, and what is wrong with what is said of one. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from audit.refusals import Reason

SEVERITIES = (
    (1, "1, people are harmed or the law is broken"),
    (2, "2, many get wrong answers"),
    (3, "3, some get wrong answers"),
    (4, "4, nobody noticed yet"),
)
OPEN, MITIGATED, RESOLVED, REVIEWED = "open", "mitigated", "resolved", "reviewed"
#: Verb -> the states from which it goes, and where it leads.
STEPS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "mitigate": ((OPEN,), MITIGATED),
    "resolve": ((OPEN, MITIGATED), RESOLVED),
    "reopen": ((MITIGATED, RESOLVED), OPEN),
    "review": ((RESOLVED,), REVIEWED),
}
LONGEST_TICKET = 500
#: How far ahead of now a window may end, by the clocks of those who write it down.
AHEAD = timedelta(minutes=5)
#: How long the follow-ups of an incident may take.
FOLLOWED_WITHIN = timedelta(days=366)


@dataclass(frozen=True)
class Facts:
    """What the rules know of an incident."""

    state: str
    resolved_by: int | None = None
    #: Emergencies that were rolled back because of it and that nobody reviewed.
    unreviewed: int = 0


def step_objections(verb: str, facts: Facts, *, person: int, trigger: str = "") -> list[Reason]:
    """Return why an incident does not go this step now."""
    begins, leads = STEPS[verb]
    reasons = []
    if facts.state not in begins:
        wanted = " or ".join(begins)
        sentence = f"It is {facts.state}; only what is {wanted} becomes {leads}."
        reasons.append(Reason("NOT_NOW", sentence))
    if verb == "resolve" and facts.unreviewed:
        sentence = (
            "An emergency rollback was done for it that nobody reviewed. Somebody else reviews it "
            "first."
        )
        reasons.append(Reason("EMERGENCY_UNREVIEWED", sentence))
    if verb == "review":
        if facts.resolved_by == person:
            sentence = "You resolved it yourself; somebody else reviews that."
            reasons.append(Reason("ONESELF", sentence))
        if not trigger.strip():
            reasons.append(Reason("MISSING", "Say what set it off.", "trigger"))
    return reasons


def open_to(state: str, verb: str) -> bool:
    """Whether a step is offered at all to an incident in this state."""
    return state in STEPS[verb][0]


def ticket_problem(text: str) -> str:
    """Return what is wrong with the address of a ticket; empty if nothing is.

    It is shown as a link: anything but https could run something in the reader's browser, and a
    name or password in it would be shown to everybody.
    """
    if not text:
        return ""
    if len(text) > LONGEST_TICKET or not text.isprintable() or " " in text or "\\" in text:
        return f"An address has at most {LONGEST_TICKET} characters, none of them blank."
    try:
        parts = urlsplit(text)
        host = parts.hostname
        parts.port  # noqa: B018 - it is read to see whether it can be
    except ValueError:
        return "This is no address."
    if parts.scheme != "https" or not host:
        return "The address begins with https:// and a host."
    if parts.username is not None or parts.password is not None:
        return "Take the name and password out of the address: everybody would see them."
    return ""


def window_problems(
    begins: datetime,
    ends: datetime | None,
    detected: datetime,
    now: datetime,
    before: tuple[datetime, datetime | None] | None = None,
) -> list[Reason]:
    """Return what is wrong with a window; `before` is the one that it takes the place of.

    A window only grows: what fell out of it would no longer be held.
    """
    reasons = []
    for name, at in (("begins_at", begins), ("ends_at", ends), ("detected_at", detected)):
        if at is not None and at > now + AHEAD:
            reasons.append(Reason("IN_THE_FUTURE", "This lies in the future.", name))
    if ends is not None and ends <= begins:
        reasons.append(Reason("BACKWARDS", "The window ends after it begins.", "ends_at"))
    if detected < begins:
        sentence = "It was detected before it began: let the window begin earlier."
        reasons.append(Reason("BACKWARDS", sentence, "detected_at"))
    if before is not None:
        was_begun, was_ended = before
        if begins > was_begun:
            sentence = "A window only grows: records that fall out of it would be held no longer."
            reasons.append(Reason("NARROWER", sentence, "begins_at"))
        if ends is not None and was_ended is not None and ends < was_ended:
            sentence = "A window only grows: records that fall out of it would be held no longer."
            reasons.append(Reason("NARROWER", sentence, "ends_at"))
    return reasons


@dataclass(frozen=True)
class Figures:
    """How long it took, as far as records tell; None: it cannot be told."""

    to_detect: timedelta | None
    to_mitigate: timedelta | None


def figures(
    first_affected: datetime | None, detected_at: datetime, mitigated_at: datetime | None
) -> Figures:
    """Return the time from the first affected request to when it was noticed, and to its end."""
    if first_affected is None:
        return Figures(None, None)
    nothing = timedelta(0)
    return Figures(
        max(detected_at - first_affected, nothing),
        max(mitigated_at - first_affected, nothing) if mitigated_at else None,
    )


def took_words(span: timedelta | None) -> str:
    """Return a length of time such as "3 h 40 min"; empty for none."""
    if span is None:
        return ""
    minutes, seconds = divmod(max(0, round(span.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    said = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(said[:2]) or "0 s"


def number_of(text: str) -> int | None:
    """Return the number of our own incident that a text names: `12`, `#12` or `incident 12`."""
    words = text.strip().lower().removeprefix("incident").strip().removeprefix("#")
    if words.isascii() and words.isdecimal() and len(words) <= 9:
        return int(words)
    return None


def follow_up_problems(text: str, due, today) -> list[Reason]:
    """Return what is wrong with a follow-up that is due on a day."""
    reasons: list[Reason] = []
    if not text.strip():
        reasons.append(Reason("MISSING", "Say what is to be done.", "text"))
    if due < today:
        reasons.append(Reason("IN_THE_PAST", "The day lies in the past.", "due_on"))
    elif due > today + FOLLOWED_WITHIN:
        reasons.append(Reason("TOO_FAR", "Give a day within a year.", "due_on"))
    return reasons


def shared(values: Iterable[str]) -> tuple[str, int, int]:
    """Return the commonest of the values, how often it stands there, and how many there are."""
    counted: dict[str, int] = {}
    for value in values:
        counted[value] = counted.get(value, 0) + 1
    if not counted:
        return "", 0, 0
    best = max(sorted(counted), key=counted.__getitem__)
    return best, counted[best], sum(counted.values())
