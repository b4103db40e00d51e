"""Figures beside what a page is about: counted once for each governed change, not for each page."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from audit import clock
from audit.kept import Unsettled, kept
from registry.models import Person

T = TypeVar("T")

#: How long a figure is shown as it was, where time alone would make it another.
AS_IT_WAS = timedelta(minutes=1)


def as_it_was(name: str, user: Person, count: Callable[[], T]) -> T:
    """Return the figures `name` of one reader, counted anew after each governed change."""
    try:
        return kept.answer((name, user.pk), lambda: (count(), clock.now() + AS_IT_WAS))
    except Unsettled:
        return count()
