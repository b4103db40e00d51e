"""What an entry says about how a change came in; set by the middleware that knows."""

from contextvars import ContextVar

#: The id of the request being answered, as it stands in `X-Request-ID`; empty outside one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

#: The way in: "session", "token:<key>", "command:<name>"; empty when nobody said.
via: ContextVar[str] = ContextVar("via", default="")
