"""The first page: what waits for the reader, what they asked for, what ends soon."""

from dataclasses import dataclass
from datetime import date, datetime

from audit import clock
from portal.axis import draw


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for the reader: a verb and its object, why them, and since when."""

    sentence: str  # "Sign claims-triage 14 into regulated-eu"
    url: str
    why: str  # "risk owner slot"
    since: datetime
    due: date | datetime | None = None
    note: str = ""  # "3 findings stand in the way · promotion 482"


@dataclass(frozen=True)
class Asked:
    """One promotion the reader asked for, with where it stands and who is next."""

    title: str  # "479 · contract-summaries 10 into production-eu"
    url: str
    state: str  # a state of the template tags, such as "in_review"
    signed: str  # "1 of 2"
    next: str  # "risk.second: sign, due 28 Nov"
    asked: datetime


@dataclass(frozen=True)
class Ending:
    """One approval that ends by itself."""

    title: str  # "customer-chat 31"
    url: str
    environment: str
    ends: datetime
    because: str  # "privacy review PR-96 ends"


def overview(user) -> dict:
    """Return the context of `admin/index.html` for one reader, oldest first."""
    now = clock.now()
    ending: list[Ending] = []
    return {
        "now": now,
        "waiting": [],
        "waiting_in_teams": 0,
        "requests_mine": [],
        "may_request": False,
        "ending": ending,
        "axis": draw([(row.title, row.ends) for row in ending], now) if ending else None,
        "next_ending": None,
    }
