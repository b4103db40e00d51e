"""Answers kept under the position of the last governed change.

Facts change only through `audit.change`, and every change moves the position; so an answer that
is a pure function of facts and time holds while the position stands and its own end is not
reached. Nothing is ever invalidated by hand.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime
from threading import Lock
from typing import Any

from django.db import connection

from audit import clock

#: How often an answer is computed anew when changes keep landing meanwhile.
ATTEMPTS = 5


class Unsettled(Exception):
    """Changes kept landing while an answer was computed; the caller answers 503, try again."""


def position() -> int:
    """Return the number of the last change that may make an answer another: one statement."""
    # Asked by every request: making the statement anew would take a third of a short one's time.
    with connection.cursor() as cursor:
        cursor.execute("SELECT governed FROM audit_head WHERE id = 1")
        (found,) = cursor.fetchone()
    return found


class Kept:
    """A bounded store of answers, the least recently used thrown out first."""

    def __init__(self, limit: int = 10_000):
        self._answers: OrderedDict[Hashable, tuple[int, Any, datetime | None]] = OrderedDict()
        self._limit = limit
        self._lock = Lock()

    def answer(
        self,
        key: Hashable,
        compute: Callable[[], tuple[Any, datetime | None]],
        at_position: int | None = None,
    ) -> Any:
        """Return the answer under `key`, computed if none is kept that still holds.

        `compute` returns the answer and the instant it stops holding, or None for never.
        `at_position` is a position read earlier in this request; without it, it is read here.
        An answer is kept only if the position read again afterwards is unchanged: without that,
        a change landing in between leaves a torn answer behind. Raises `Unsettled`.
        """
        read = position() if at_position is None else at_position
        with self._lock:
            kept = self._answers.get(key)
            if kept is not None:
                under, answer, until = kept
                if under == read and (until is None or clock.now() < until):
                    self._answers.move_to_end(key)
                    return answer
        for _ in range(ATTEMPTS):
            answer, until = compute()
            again = position()
            if again == read:
                with self._lock:
                    self._answers[key] = (read, answer, until)
                    self._answers.move_to_end(key)
                    while len(self._answers) > self._limit:
                        self._answers.popitem(last=False)
                return answer
            read = again
        raise Unsettled

    def clear(self) -> None:
        """Forget everything; for tests, where a database is put back under a living process."""
        with self._lock:
            self._answers.clear()


#: Every answer of this process; keys begin with a name of their own.
kept = Kept()
