"""What ends soon stands where its day is, and no label hides another."""

from datetime import UTC, datetime, timedelta

import pytest

from portal.axis import draw

NOW = datetime(2026, 11, 23, 9, 14, tzinfo=UTC)


def at(days):
    return NOW + timedelta(days=days)


@pytest.mark.parametrize(
    ("days", "x", "anchor"),
    [(0, "4.00%", "start"), (15, "50.00%", "middle"), (30, "96.00%", "end"), (31, "96.00%", "end")],
)
def test_a_mark_stands_where_its_day_is(days, x, anchor):
    (mark,) = draw([("customer-chat 31", at(days))], NOW).marks
    assert (mark.x, mark.anchor) == (x, anchor)


def test_the_scale_has_round_weeks_and_both_ends():
    axis = draw([], NOW)
    assert [tick.label for tick in axis.ticks] == [
        "today", "30 Nov", "7 Dec", "14 Dec", "23 Dec",
    ]  # fmt: skip
    assert axis.ticks[0].x == "4.00%"
    assert axis.ticks[-1].x == "96.00%"


def test_labels_that_would_meet_stand_on_lines_of_their_own():
    endings = [(f"customer-chat {number}", at(10 + number / 10)) for number in range(3)]
    marks = draw(endings, NOW).marks
    assert len({mark.y for mark in marks}) == 3


def test_labels_far_apart_share_a_line_and_the_drawing_stays_low():
    near = draw([("a 1", at(3)), ("b 2", at(15)), ("c 3", at(27))], NOW)
    assert len({mark.y for mark in near.marks}) == 1
    assert near.height < draw([("a 1", at(3)), ("b 2", at(3))], NOW).height


def test_it_says_in_words_what_it_shows_soonest_first():
    axis = draw([("b 2", at(12)), ("a 1", at(11))], NOW)
    assert axis.sentence == "Approvals ending in the next 30 days: a 1 on 4 Dec, b 2 on 5 Dec."
