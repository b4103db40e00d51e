"""What a use case would have left once a version retires: the table of cases."""

from datetime import UTC, date, datetime

import pytest

from registry.impact.outlook import Standing, outlooks

DAY = date(2027, 1, 14)
#: Versions: 1 retires; 2 comes from it; 3 and 4 do not.
RETIRES, ADAPTER, OTHER, THIRD = 1, 2, 3, 4
MAKER, ELSE = 10, 11


def standing(release: str, *versions: int, **values) -> Standing:
    values = {
        "use_case": "claims",
        "environment": "production",
        "until": datetime(2027, 6, 1, tzinfo=UTC),
        "makers": frozenset({ELSE}),
        **values,
    }
    return Standing(release=release, versions=frozenset(versions), **values)


ON_IT = standing("claims 1", RETIRES, makers=frozenset({MAKER}))

CASES = {
    "nothing else is let in": ([ON_IT], {}, [], []),
    "another maker's is left": ([ON_IT, standing("claims 2", OTHER)], {}, ["claims 2"], []),
    "what comes from it goes with it": (
        [ON_IT, standing("claims 2", ADAPTER, RETIRES)],
        {},
        [],
        [],
    ),
    "what retires earlier is gone by then": (
        [ON_IT, standing("claims 2", OTHER, retires_on=date(2026, 12, 1))],
        {},
        [],
        ["RETIRES_TOO"],
    ),
    "what retires on the same day is gone too": (
        [ON_IT, standing("claims 2", OTHER, retires_on=DAY)],
        {},
        [],
        ["RETIRES_TOO"],
    ),
    "what retires a day later is left": (
        [ON_IT, standing("claims 2", OTHER, retires_on=date(2027, 1, 15))],
        {},
        ["claims 2"],
        [],
    ),
    "of a version, the same maker's is left": (
        [ON_IT, standing("claims 2", OTHER, makers=frozenset({MAKER}))],
        {},
        ["claims 2"],
        [],
    ),
    "of a provider, the same maker's is not": (
        [ON_IT, standing("claims 2", OTHER, makers=frozenset({MAKER}))],
        {"provider": MAKER},
        [],
        ["SAME_PROVIDER"],
    ),
    "nor what has that maker's base version": (
        [ON_IT, standing("claims 2", OTHER, THIRD, makers=frozenset({MAKER, ELSE}))],
        {"provider": MAKER},
        [],
        ["SAME_PROVIDER"],
    ),
    "an approval that ends before may be renewed": (
        [ON_IT, standing("claims 2", OTHER, until=datetime(2027, 1, 2, tzinfo=UTC))],
        {},
        ["claims 2"],
        [],
    ),
    "another use case's does not help": (
        [ON_IT, standing("chat 1", OTHER, use_case="chat")],
        {},
        [],
        [],
    ),
    "nor does what runs elsewhere": (
        [ON_IT, standing("claims 2", OTHER, environment="sandbox")],
        {},
        [],
        [],
    ),
}


@pytest.mark.parametrize(("there", "asked", "left", "codes"), CASES.values(), ids=CASES)
def test_what_is_left(there, asked, left, codes):
    (found,) = outlooks(there, RETIRES, DAY, **asked)
    assert (found.use_case, found.environment) == ("claims", "production")
    assert ON_IT in found.resting
    assert [one.release for one in found.left] == left
    assert [one.code for one in found.others if not one.left] == codes
    assert all(one.sentence for one in found.others if one.code)


def test_where_nothing_rests_on_it_nothing_is_said():
    assert outlooks([standing("chat 1", OTHER)], RETIRES, DAY) == []
    assert outlooks([], RETIRES, DAY) == []


def test_where_nothing_is_left_comes_first():
    there = [
        ON_IT,
        standing("claims 2", OTHER),
        standing("zebra 1", RETIRES, use_case="zebra"),
    ]
    assert [one.use_case for one in outlooks(there, RETIRES, DAY)] == ["zebra", "claims"]


def test_an_end_before_the_day_is_said_with_its_date():
    soon = standing("claims 2", OTHER, until=datetime(2027, 1, 2, tzinfo=UTC))
    (found,) = outlooks([ON_IT, soon], RETIRES, DAY)
    assert found.others[0].sentence == (
        "Its approval ends before that, on 2 Jan 2027, unless it is renewed."
    )
