"""What is told when, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from gates.rules.notices import EVENTS, KINDS, WAITS, ending_step, in_days, wait_after

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "step"),
    [
        (31, None),
        (30, 30),
        (29.9, 30),
        (7.1, 30),
        (7, 7),
        (1.1, 7),
        (1, 1),
        (0.1, 1),
        (0, None),
        (-3, None),
    ],
)
def test_an_end_is_told_of_at_the_nearest_step(days, step):
    assert ending_step(NOW + timedelta(days=days), NOW) == step


def test_days_are_said_as_people_say_them():
    assert [in_days(days) for days in (30, 7, 1)] == ["in 30 days", "in 7 days", "tomorrow"]


def test_each_try_waits_longer_and_the_last_is_the_last():
    waits = [wait_after(number) for number in range(1, len(WAITS) + 1)]
    assert waits == sorted(waits)
    assert sum(waits, timedelta()) > timedelta(days=2)
    assert wait_after(len(WAITS) + 1) is None


def test_every_event_causes_kinds_that_there_are():
    assert {kind for kinds in EVENTS.values() for kind in kinds} <= set(KINDS)
