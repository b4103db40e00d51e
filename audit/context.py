"""What an entry says about how a change came in; set by whoever knows, and put back after."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: The id of the request being answered, as it stands in `X-Request-ID`; empty outside one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

#: The way in: "session", "token:<key>", "command:<name>"; empty when nobody said.
via: ContextVar[str] = ContextVar("via", default="")


@contextmanager
def through(way: str) -> Iterator[None]:
    """Let changes say that they came in by `way`; also a decorator, for a command's `handle`."""
    token = via.set(way)
    try:
        yield
    finally:
        via.reset(token)
