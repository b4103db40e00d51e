"""Where releases are let in or asked for, as apps above know it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model, QuerySet

from registry.impact.kinds import Way
from registry.models import Environment, Release

#: Rows of one group that are named; the rest is counted.
SHOWN = 100


@dataclass(frozen=True)
class Place:
    """A release in an environment: let in until `until`, or asked for.

    `note` says what ends it or where it stands, and `rests` how the thing is part of its package.
    """

    release: Release
    environment: Environment
    state: str
    until: datetime | None
    note: str
    url: str
    endpoints: tuple[str, ...] = ()
    rests: str = ""
    ways: tuple[Way, ...] = ()


@dataclass(frozen=True)
class Places:
    """The places of releases, soonest end first, and whether there are more than were read."""

    rows: tuple[Place, ...] = ()
    more: bool = False


#: Where releases are let in. Each takes (releases, environments, reader, subject or None, most)
#: and returns `Places` that the reader may see. Apps above add to it in `AppConfig.ready()`.
places: list[Callable[..., Places]] = []


def let_in(
    releases: QuerySet, environments: QuerySet, reader, subject: Model | None, most: int = SHOWN
) -> Places:
    """Return where releases are let in or asked for: what ends first stands first."""
    found = [find(releases, environments, reader, subject, most) for find in places]
    rows = [place for one in found for place in one.rows]
    # What is let in comes first, by when it ends; then what is asked for.
    rows.sort(key=lambda one: (one.until is None, one.until and one.until.timestamp()))
    return Places(tuple(rows), any(one.more for one in found))
