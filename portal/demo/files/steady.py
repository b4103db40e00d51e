"""Numbers and names that look measured and are the same whenever the same thing is told."""

import json
import uuid
from hashlib import sha256
from math import sqrt

_SPACE = uuid.UUID("6e5cf1f0-3f4c-4a9c-8a6b-2f7f2b6f0d11")


def number(of: str, low: int, high: int) -> int:
    """Return a whole number from `low` to `high` that depends on `of` alone."""
    return low + int.from_bytes(sha256(of.encode()).digest()[:6]) % (high - low + 1)


def spread(of: str, count: int, chosen: int) -> set[int]:
    """Return `chosen` different places out of `count`, spread without a pattern."""
    by_hash = sorted(range(count), key=lambda place: sha256(f"{of} {place}".encode()).digest())
    return set(by_hash[:chosen])


def uid(of: str) -> str:
    """Return a UUID that depends on `of` alone."""
    return str(uuid.uuid5(_SPACE, of))


def short(of: str) -> str:
    """Return an id of 22 letters and digits, as some tools give."""
    return sha256(of.encode()).hexdigest()[:22]


def mean_stderr(right: int, count: int) -> float:
    """Return the standard error of a share: sample deviation over the root of the count."""
    share = right / count
    return sqrt(share * (1 - share) / (count - 1))


def as_json(document) -> bytes:
    """Return a document as tools write it: indented, with a line break at its end."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
