"""Instants as tools write them, read strictly. Pure: no Django, no queries, no clock."""

import re
from datetime import UTC, datetime

#: RFC 3339, with at most the microseconds that the record keeps.
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def read_instant(text: str) -> tuple[datetime | None, str]:
    """Return the instant that an RFC 3339 text names, in UTC, or what is wrong with it."""
    remedy = "Give an instant such as 2026-03-01T12:00:00Z; a + in an address is written %2B."
    if not INSTANT.fullmatch(text):
        return None, remedy
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC), ""
    except (ValueError, OverflowError):
        return None, f"There is no such instant. {remedy}"
