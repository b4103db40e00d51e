"""When a condition is open, closed and overdue, and who sets and closes one: as values."""

from datetime import UTC, datetime, timedelta

import pytest

from gates.rules import ApprovalFacts, endings
from gates.rules.conditions import (
    MOST,
    Asked,
    Closing,
    Condition,
    Proof,
    closing_objections,
    overdue_at,
    setting_problems,
    state,
)

DAY = timedelta(days=1)
DUE = datetime(2026, 6, 30, tzinfo=UTC)
SIGNED = DUE - 60 * DAY


def condition(*closings: tuple[int, int | None]) -> Condition:
    """Return one with closings as days from its due date: closed, withdrawn."""
    return Condition(
        1,
        "Measure refusals.",
        "rae",
        DUE,
        "benchmark",
        tuple(
            Closing(DUE + closed * DAY, None if gone is None else DUE + gone * DAY)
            for closed, gone in closings
        ),
    )


@pytest.mark.parametrize(
    ("closings", "ends"),
    [
        ((), 0),
        (((-10, None),), None),
        (((0, None),), None),
        # Too late: the approval ended at the due date and does not come back.
        (((1, None),), 0),
        # Withdrawn before it fell due, and not closed anew.
        (((-10, -5),), 0),
        (((-10, -5), (-4, None)), None),
        # Withdrawn after: open again from then on, which ends it at once.
        (((-10, 20),), 20),
        (((-10, 20), (10, None)), None),
        (((-10, 20), (10, 40)), 40),
        (((-10, 20), (21, None)), 20),
    ],
)
def test_when_it_ends_the_approval(closings, ends):
    at = overdue_at(condition(*closings))
    assert at == (None if ends is None else DUE + ends * DAY)


@pytest.mark.parametrize(
    ("closings", "at", "expected"),
    [
        ((), -1, "open"),
        ((), 0, "overdue"),
        (((-10, None),), -11, "open"),
        (((-10, None),), -10, "closed"),
        (((-10, None),), 100, "closed"),
        (((-10, -5),), -5, "open"),
        (((-10, -5),), 0, "overdue"),
        (((-10, 20),), 19, "closed"),
        (((-10, 20),), 20, "overdue"),
    ],
)
def test_how_it_stands(closings, at, expected):
    assert state(condition(*closings), DUE + at * DAY) == expected


def test_an_open_one_is_among_the_ends_of_its_approval():
    both = condition(), condition((-9, None))
    facts = ApprovalFacts(1, SIGNED, DUE + 300 * DAY, conditions=both)
    first, *others = endings(facts, SIGNED)
    assert (first.at, first.code) == (DUE, "CONDITION_OVERDUE")
    assert first.sentence == "The condition “Measure refusals.” of rae fell due and is not closed."
    assert [one.code for one in others] == ["REVIEW_DUE"]


def codes(reasons) -> list[str]:
    return [one.code for one in reasons]


GOOD = Asked("Measure refusals.", 1, DUE, "benchmark")


@pytest.mark.parametrize(
    ("verdict", "asked", "expected"),
    [
        ("approve", [], []),
        ("approve", [GOOD], ["CONDITIONS_UNWANTED"]),
        ("reject", [GOOD], ["CONDITIONS_UNWANTED"]),
        ("approve_with_conditions", [], ["CONDITION_MISSING"]),
        ("approve_with_conditions", [GOOD], []),
        ("approve_with_conditions", [GOOD] * (MOST + 1), ["TOO_MANY_CONDITIONS"]),
        ("approve_with_conditions", [Asked(" ", 1, DUE, "benchmark")], ["TEXT_MISSING"]),
        ("approve_with_conditions", [Asked("Do.", 2, DUE, "benchmark")], ["OWNER_UNKNOWN"]),
        ("approve_with_conditions", [Asked("Do.", 1, DUE, "gossip")], ["KIND_UNKNOWN"]),
        ("approve_with_conditions", [Asked("Do.", 1, None, "benchmark")], ["DUE_MISSING"]),
        ("approve_with_conditions", [Asked("Do.", 1, SIGNED, "benchmark")], ["DUE_PASSED"]),
        (
            "approve_with_conditions",
            [Asked("Do.", 1, DUE + 400 * DAY, "benchmark")],
            ["DUE_TOO_LATE"],
        ),
        (
            "approve_with_conditions",
            [GOOD, Asked("", None, None, "")],
            ["TEXT_MISSING", "OWNER_UNKNOWN", "KIND_UNKNOWN", "DUE_MISSING"],
        ),
    ],
)
def test_what_a_signature_may_set(verdict, asked, expected):
    problems = setting_problems(
        verdict,
        asked,
        owners=[1],
        kinds=["benchmark"],
        now=SIGNED,
        review_at=DUE + 300 * DAY,
    )
    assert codes(problems) == expected


PROOF = Proof(
    "benchmark", "pass", True, frozenset({7}), SIGNED + DAY, DUE + 90 * DAY, withdrawn=False
)


def proof(**values) -> Proof:
    return Proof(**{**vars(PROOF), **values})


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ({}, []),
        ({"person": 7}, ["GAVE_IT"]),
        ({"person": 5}, ["OWNS_IT"]),
        ({"now": DUE}, ["OVERDUE"]),
        ({"condition": condition((-40, None))}, ["CLOSED"]),
        ({"proof": proof(kind="red_team")}, ["DOES_NOT_FIT"]),
        ({"proof": proof(verdict="fail")}, ["DOES_NOT_FIT"]),
        ({"proof": proof(about=False)}, ["DOES_NOT_FIT"]),
        ({"proof": proof(withdrawn=True)}, ["DOES_NOT_FIT"]),
        ({"proof": proof(created_at=SIGNED)}, ["DOES_NOT_FIT"]),
        ({"proof": proof(expires_at=SIGNED + 2 * DAY)}, ["DOES_NOT_FIT"]),
    ],
)
def test_who_may_close_it_and_by_what(about, expected):
    about = {
        "condition": condition(),
        "proof": PROOF,
        "person": 3,
        "owner": 5,
        "signed_at": SIGNED,
        "now": SIGNED + 30 * DAY,
        **about,
    }
    reasons = closing_objections(about.pop("condition"), about.pop("proof"), **about)
    assert codes(reasons) == expected
