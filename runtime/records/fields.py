"""What a record says, field by field: how each is read, and what kind of thing it is.

Pure: no Django, no queries, no clock. A field that is not named here is refused, so that neither
prompts nor answers can come in; whoever adds one says what kind it is.
"""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.instants import read_instant
from runtime import routing

# What kind of thing a field holds.
IDENTIFIER, FACT, MEASURE, SENSITIVE = "identifier", "fact", "measure", "sensitive"

ROUTE, OUTCOME = "route", "outcome"
#: What may become of each kind; under the first something runs.
STATUSES = {ROUTE: ("routed", "refused", "error"), OUTCOME: ("served", "failed")}
#: The statuses under which something was called.
RAN = ("routed", "served", "failed")

#: How far the clock in an id may be off: ahead of ours, and behind it while records wait.
AHEAD, BEHIND = timedelta(minutes=5), timedelta(days=45)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}", re.ASCII)
#: What stands in addresses.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}", re.ASCII)
SLUG = re.compile(r"[A-Za-z0-9_-]{1,50}", re.ASCII)
CODE = re.compile(r"[A-Z][A-Z0-9_]{0,59}", re.ASCII)
TRACE = re.compile(r"(?!0{32})[0-9a-f]{32}", re.ASCII)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
KEYED = re.compile(r"hmac-sha256:[0-9a-f]{64}", re.ASCII)
#: Names in one list, and the largest whole number of a measure.
MOST_NAMES, LARGEST = 50, 2**31 - 1


class Misread(ValueError):
    """A field cannot be read; the sentence says what to give."""

    def __init__(self, sentence: str, field: str = ""):
        self.sentence, self.field = sentence, field
        super().__init__(sentence)


@dataclass(frozen=True)
class Field:
    """One field of a record: the column that keeps it, what kind it is, and its reader.

    `needed` says under which statuses it must be given; elsewhere it may be null or left out.
    """

    column: str
    holds: str
    read: Callable[[Any], Any]
    needed: tuple[str, ...] = ()


def _matching(pattern: re.Pattern, sentence: str) -> Callable[[Any], str]:
    def read(value):
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Misread(sentence)
        return value

    return read


def _whole(least: int, most: int = LARGEST) -> Callable[[Any], int]:
    def read(value):
        if type(value) is not int or not least <= value <= most:
            raise Misread(f"Give a whole number from {least} to {most}.")
        return value

    return read


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value):
        if not isinstance(value, str) or value not in words:
            raise Misread(f"Give one of {', '.join(words)}.")
        return value

    return read


def _list_of(read_one: Callable[[Any], str]) -> Callable[[Any], list[str]]:
    def read(value):
        if not isinstance(value, list) or len(value) > MOST_NAMES:
            raise Misread(f"Give a list of at most {MOST_NAMES}.")
        return [read_one(one) for one in value]

    return read


def _id(value) -> uuid.UUID:
    try:
        found = uuid.UUID(value) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        found = None
    if found is None or found.version != 7 or str(found) != value:
        raise Misread("Give a UUID of version 7 in small letters, new for every record.")
    return found


def _instant(value) -> datetime:
    at, problem = read_instant(value if isinstance(value, str) else "")
    if problem:
        raise Misread(problem)
    return at


def _facts(value) -> dict[str, Any]:
    """Return the facts of a request as `routing.read` takes them, each word a name.

    The use case is a field of its own, and left out here.
    """
    if not isinstance(value, dict):
        raise Misread("Give an object of facts.")
    try:
        read = routing.read({"use_case": "-", **value})
    except routing.NotAQuestion as problem:
        raise Misread(problem.sentence, f"facts.{problem.field}") from None
    said: dict[str, Any] = {}
    for name in ("regions", "tools", "capabilities", "exclude"):
        words = getattr(read, name)
        if words is not None and (words or name == "regions"):
            said[name] = sorted(words)
    if read.health:
        said["health"] = dict(read.health)
    for name, words in said.items():
        if len(words) > MOST_NAMES or not all(NAME.fullmatch(word) for word in words):
            raise Misread(f"Give at most {MOST_NAMES} names, without blanks.", f"facts.{name}")
    for name in ("data_classification", "tokens"):
        if getattr(read, name) is not None:
            said[name] = getattr(read, name)
    return said


_name = _matching(NAME, "Give a name of at most 128 letters, digits and . _ : @ / + -.")
_id_of = _matching(ID, "Give an id of at most 128 letters, digits and . _ : @ + -.")
_digest = _matching(DIGEST, "Give a digest: sha256: and 64 hexadecimal digits.")
_EVERY = tuple(status for statuses in STATUSES.values() for status in statuses)

#: Every field that a record may have.
FIELDS: Mapping[str, Field] = {
    "id": Field("id", IDENTIFIER, _id, _EVERY),
    "kind": Field("kind", FACT, _one_of(*STATUSES), _EVERY),
    "seq": Field("router_seq", IDENTIFIER, _whole(1, 2**53 - 1), _EVERY),
    "at": Field("occurred_at", FACT, _instant, _EVERY),
    "request": Field("request", IDENTIFIER, _id_of, _EVERY),
    "attempt": Field("attempt", IDENTIFIER, _whole(1, 1000), _EVERY),
    "trace": Field(
        "trace", IDENTIFIER, _matching(TRACE, "Give a trace id: 32 hexadecimal digits, not all 0.")
    ),
    "conversation": Field("conversation", IDENTIFIER, _id_of),
    "user": Field(
        "user_hash",
        SENSITIVE,
        _matching(
            KEYED,
            "Give hmac-sha256: and 64 hexadecimal digits, made with a key of your own; "
            "a user's name or number is not taken.",
        ),
    ),
    "environment": Field(
        "environment", FACT, _matching(SLUG, "Give the slug of an environment."), _EVERY
    ),
    "use_case": Field("route", FACT, _matching(SLUG, "Give the slug of a use case."), _EVERY),
    "engine": Field("engine", FACT, _name),
    "generation": Field("generation", FACT, _whole(1), RAN),
    "digest": Field("snapshot_digest", IDENTIFIER, _digest, RAN),
    "status": Field("status", FACT, _one_of(*_EVERY), _EVERY),
    "reason": Field(
        "reason", FACT, _matching(CODE, "Give a code in capital letters."), STATUSES[ROUTE]
    ),
    "deployment": Field("deployment", IDENTIFIER, _name, RAN),
    "release": Field("release_digest", IDENTIFIER, _digest, RAN),
    "prompts": Field("prompts", IDENTIFIER, _list_of(_digest)),
    "policy": Field("policy_digest", IDENTIFIER, _digest),
    "served_release": Field("served_release", IDENTIFIER, _name),
    "failure": Field("failure", FACT, _name),
    "facts": Field("facts", FACT, _facts, STATUSES[ROUTE]),
    "tokens_in": Field("tokens_in", MEASURE, _whole(0)),
    "tokens_out": Field("tokens_out", MEASURE, _whole(0)),
    "latency_ms": Field("latency_ms", MEASURE, _whole(0)),
    "erased": Field("erased", FACT, _list_of(_name)),
    "masked": Field("masked", FACT, _list_of(_name)),
}

#: Columns that the server fills, beside those of the fields.
OWN_COLUMNS: Mapping[str, str] = {
    "batch": IDENTIFIER,
    "router": IDENTIFIER,
    "received_at": FACT,
    "use_case": IDENTIFIER,
    "release": IDENTIFIER,
    "model_version": IDENTIFIER,
    "prompt_bundle": IDENTIFIER,
    "policy_bundle": IDENTIFIER,
    "payload_sha256": IDENTIFIER,
    "unverified": FACT,
    "skewed": FACT,
    "leaf": IDENTIFIER,
}

#: Every column of a record by what kind of thing it holds.
CLASSES: Mapping[str, str] = {
    **{field.column: field.holds for field in FIELDS.values()},
    **OWN_COLUMNS,
}


def made_at(name: uuid.UUID) -> datetime:
    """Return the instant that a UUID of version 7 was made at, to the millisecond."""
    return datetime.fromtimestamp((name.int >> 80) / 1000, UTC)


def first_id(instant: datetime) -> uuid.UUID:
    """Return what no UUID of version 7 made at `instant` or later lies below."""
    return uuid.UUID(int=max(0, int(instant.timestamp() * 1000)) << 80)
