"""The one clock of the project, so that a story can be told in the past.

Rules take time as an argument; entrances and transitions read it here. Only the demo seed and
the tests set it, and nothing that answers a request does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_set_to: ContextVar[datetime | None] = ContextVar("clock", default=None)


def now() -> datetime:
    """Return the current instant, aware, in UTC."""
    return _set_to.get() or datetime.now(UTC)


@contextmanager
def at(instant: datetime) -> Iterator[None]:
    """Hold the clock at `instant`, which must be aware, for the length of the block."""
    if instant.tzinfo is None:
        raise ValueError("The clock needs an instant with a time zone.")
    token = _set_to.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _set_to.reset(token)
