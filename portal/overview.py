"""The first page: what waits for the reader, what they asked for, what ends soon, what ended."""

from collections.abc import Iterator
from dataclasses import dataclass

from audit import clock, sinks
from audit.models import LossDeclaration
from audit.tables import Table
from gates import endings, queue
from gates.pages.emergencies import shown_open
from gates.pages.waiving import shown_in_force
from gates.revalidation import due_for_renewal
from portal.axis import draw
from registry.models import Person, Release
from registry.rights import may
from registry.roles import Role
from runtime import matrix, reviewing
from runtime.records import finding
from runtime.traces import finding as outside

#: Labels that the axis has room for; the table beneath it has them all.
ON_AXIS = 12
WAITING = ("what", "why you", "note", "waits since", "due", "address")


@dataclass(frozen=True)
class Pages:
    """Which page of the queue is shown, and whether there are more."""

    number: int
    count: int

    @property
    def earlier(self) -> int:
        """The page before this one, or 0."""
        return self.number - 1

    @property
    def later(self) -> int:
        """The page after this one, or 0."""
        return self.number + 1 if self.number < self.count else 0


def overview(user: Person, page: str = "1") -> dict:
    """Return the context of `admin/index.html` for one reader; `page` is of the queue."""
    now = clock.now()
    readable = page.isascii() and page.isdigit()
    # Only so many digits are read: a number of thousands is past the last page anyway.
    number = min(int(page[:9]), queue.LAST_PAGE) if readable else 1
    number = max(number, 1)
    waiting, total = queue.waiting_for(user, number)
    mine, mine_total = queue.requests_of(user)
    soon, ending_more, next_ending = endings.ending_soon(user)
    ended = endings.ended(user, endings.CANDIDATES)
    overdue, not_approved = reviewing.overdue(user), finding.not_approved(user)
    beside = outside.lately(user)
    marks = [(f"{row.title}, {row.environment}", row.ends) for row in soon[:ON_AXIS]]
    return {
        "now": now,
        "waiting": waiting,
        "waiting_total": total,
        "waiting_csv": "/waiting.csv",
        "waiting_pages": Pages(number, min(-(-total // queue.PAGE), queue.LAST_PAGE)),
        "waiting_in_teams": queue.in_review(user) if not total else 0,
        "requests_mine": mine,
        "requests_total": mine_total,
        "user_key": str(user.pk),
        "may_request": not may(user, "request", Release),
        "ended": ended,
        "alerts_css": "alert" if ended.rows or overdue or not_approved or beside else "",
        "alerts_more": list(_more(overdue, not_approved, beside)),
        "ending": soon,
        "ending_more": ending_more,
        "axis": draw(marks, now) if marks else None,
        "next_ending": next_ending,
        "waivers": shown_in_force(user),
        "break_glasses": shown_open(user),
        "renewals": due_for_renewal(user),
        "overdue_rollbacks": overdue,
        "running": matrix.heads(user),
        "not_approved": not_approved,
        "log": sinks.standing() if _told_of_the_log(user) else None,
        "outside": beside,
    }


def _more(overdue: list, not_approved: list, beside: list) -> Iterator[dict[str, str]]:
    """Yield which alerts may be more than are listed, in words, and where all of them stand."""
    for rows, most, what, url in (
        (not_approved, finding.ROUTERS, "routers that report doubtful", "/requests/?doubtful=yes"),
        (beside, outside.TOLD, "environments with calls outside the registry", "/outside/"),
        (overdue, reviewing.SHOWN, "overdue reviews of rollbacks", "/registry/environment/"),
    ):
        if len(rows) >= most:
            yield {"sentence": f"At most {most} {what} are listed here.", "url": url}


def table(request) -> Table:
    """Return what waits for the reader as a list that leaves, oldest first."""
    found, more = queue.everything(request.user)
    rows = [
        [one.sentence, one.why, one.note, one.since, one.due, request.build_absolute_uri(one.url)]
        for one in found
    ]
    return Table(WAITING, rows, rest="More waits than is listed here." if more else "")


def count_waiting(request) -> int:
    """Return what waits for the reader, for the filled figure of the sidebar."""
    counted = getattr(request, "waiting_total", None)
    return queue.count_waiting(request.user) if counted is None else counted


def count_in_review(request) -> int:
    """Return how many promotions are in review, for the sidebar's quiet figure."""
    return queue.in_review(request.user)


def _told_of_the_log(user: Person) -> bool:
    """Whether a log that disagrees is for this reader to know first: those who can do something."""
    return user.has_role(Role.AUDITOR) or not may(user, "declare_loss", LossDeclaration)
