"""Canonical bytes, digests, the Merkle tree and actors. Pure: no Django, no queries, no clock."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import rfc8785

# The Merkle tree of RFC 6962, section 2.1, kept as its peaks: the roots of the perfect subtrees
# that the binary digits of the size name, largest first. It is written once, in the file that
# auditors take away.
from audit.verify_audit import EMPTY_ROOT, leaf_hash, node_hash, push
from audit.verify_audit import root_of as root

__all__ = [
    "EMPTY_ROOT",
    "Actor",
    "article",
    "canonical",
    "decimal_text",
    "digest",
    "instant_text",
    "leaf_hash",
    "listed",
    "node_hash",
    "plain",
    "push",
    "root",
    "system",
]


@dataclass(frozen=True)
class Actor:
    """Who acts, as the log prints it. `id` is None for the system itself."""

    id: int | None
    name: str


def system(name: str) -> Actor:
    """Return the actor for what no person did, such as `system:migration-0002`."""
    return Actor(id=None, name=f"system:{name}")


def article(noun: str) -> str:
    """Return a noun with its article: "an evidence item", "a use case"."""
    return f"{'an' if noun[:1].lower() in 'aeio' else 'a'} {noun}"


def listed(names: Iterable[str], hidden: int = 0) -> str:
    """Return names with commas between them, and how many more there are that have no name here."""
    said = ", ".join(names)
    if not hidden:
        return said
    return f"{said} and {hidden} that you may not see" if said else f"{hidden} that you may not see"


# Canonical bytes

#: Whole numbers beyond it have no exact form in JSON (RFC 8785, appendix D).
LARGEST = 2**53 - 1
SURROGATES = "\ud800"


def instant_text(value: datetime) -> str:
    """Return an aware instant as UTC with six decimal places and `Z`."""
    if value.tzinfo is None:
        raise ValueError("An instant needs a time zone before it can be digested.")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def decimal_text(value: Decimal) -> str:
    """Return a finite number without exponent or trailing zeros, so that 1.50 and 1.5 agree."""
    if not value.is_finite():
        raise ValueError("NaN and infinity have no canonical form.")
    if not value:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain(value: Any) -> Any:
    """Return `value` in the types RFC 8785 knows; floats are refused.

    A float would make `1.0` and `1` the same bytes; a number that matters is a Decimal here.
    """
    # By far the most there is: asked first, since documents have thousands of each.
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return _exact(value)
    if kind is dict:
        return {str(key): plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | memoryview):
        return [plain(item) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> str | int:
    match value:
        case int():
            return _exact(value)
        case float():
            raise TypeError("A float has no exact canonical form; use a Decimal or a string.")
        case Decimal():
            return decimal_text(value)
        case datetime():
            return instant_text(value)
        case date():
            return value.isoformat()
        case timedelta():
            return value // timedelta(microseconds=1)
        case uuid.UUID():
            return str(value)
        case bytes() | memoryview():
            return digest(bytes(value))
        case str():
            return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical form.")


def _exact(value: int) -> int:
    if not -LARGEST <= value <= LARGEST:
        raise ValueError(f"{value} has no exact canonical form; use a string.")
    return value


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 bytes of `value`.

    Raises `TypeError` or `ValueError` for what has none.
    """
    ours = plain(value)
    try:
        text = json.dumps(ours, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    except RecursionError:
        raise ValueError("The document is nested too deeply.") from None
    # The same bytes, several times as fast, but for the order of keys: RFC 8785 sorts them as
    # UTF-16 has them, Python by code point, which differ from the surrogates on.
    if text.isascii() or max(text) < SURROGATES:
        return text.encode()
    return rfc8785.dumps(ours)


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` as `sha256:<64 hex>`."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
