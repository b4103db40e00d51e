"""The rules of signing, derived again from what was recorded, as tables: no database."""

import dataclasses

import pytest

from gates.rules.recorded import Decided, Event, Packaged, Signed, judge

SLOTS = ("reviewer:1", "risk_owner:1")
PACKAGE = Packaged("d", True, SLOTS, SLOTS, frozenset({9}))


def signed(row: str, person: int, slot: str, **values) -> Signed:
    given = Signed(row, person, slot, slot.partition(":")[0], "approve", "d", True)
    return dataclasses.replace(given, **values)


FIRST = signed("s:1", 1, "reviewer:1")
SECOND = signed("s:2", 2, "risk_owner:1")
EVENTS = [
    Event(0, "promotion.requested", "a", 9, "p:1"),
    Event(1, "promotion.submitted", "b", 9, "p:1"),
    Event(2, "promotion.signed_approve", "c", 1, "s:1", {"package": "d", "slot": "reviewer:1"}),
    Event(3, "promotion.signed_approve", "e", 2, "s:2", {"package": "d", "slot": "risk_owner:1"}),
    Event(4, "promotion.approved", "e", 2, "p:1"),
]


def codes(events=EVENTS, rows=(FIRST, SECOND), package=PACKAGE, decided=("approved", "d")) -> set:
    found = judge(
        events, {one.row: one for one in rows}, {package.digest: package}, Decided(*decided)
    )
    return {one.code for one in found}


def edited(number: int, **values) -> list[Event]:
    return [
        dataclasses.replace(one, **values) if place == number else one
        for place, one in enumerate(EVENTS)
    ]


def test_what_was_done_in_order_has_nothing_against_it():
    assert codes() == set()
    assert codes(EVENTS[:3], (FIRST,), decided=("in_review", "")) == set()
    assert codes([], (), decided=("draft", "")) == set()


but = dataclasses.replace
BROKEN = {
    "by somebody else": ({"events": edited(2, actor=5)}, "SIGNATURE_ACTOR"),
    "another verdict": ({"rows": (but(FIRST, verdict="reject"), SECOND)}, "SIGNATURE_VERDICT"),
    "on other bytes": ({"package": but(PACKAGE, intact=False)}, "SIGNATURE_DIGEST"),
    "the log names another package": (
        {"events": edited(2, facts={"package": "x", "slot": "reviewer:1"})},
        "SIGNATURE_DIGEST",
    ),
    "in another slot": ({"rows": (but(FIRST, slot="reviewer:2"), SECOND)}, "SIGNATURE_SLOT"),
    "a slot of another role": ({"rows": (but(FIRST, role="risk_owner"), SECOND)}, "SIGNATURE_SLOT"),
    "without the role": ({"rows": (but(FIRST, held=False), SECOND)}, "SIGNATURE_ROLE"),
    "by a maker": ({"package": but(PACKAGE, involved=frozenset({2}))}, "SIGNATURE_DUTY"),
    "by who asked": ({"events": edited(1, actor=2)}, "SIGNATURE_DUTY"),
    "twice by one": (
        {"rows": (FIRST, but(SECOND, person=1)), "events": edited(3, actor=1)},
        "SIGNATURE_TWICE",
    ),
    "its row gone": ({"rows": (SECOND,)}, "SIGNATURE_GONE"),
    "decided in no change of a signature": ({"events": edited(4, change="z")}, "DECISION_UNSIGNED"),
    "decided before the last signature": (
        {"events": [*EVENTS[:3], dataclasses.replace(EVENTS[4], change="c"), EVENTS[3]]},
        "DECISION_QUORUM",
    ),
    "on another package": ({"decided": ("approved", "x")}, "DECISION_PACKAGE"),
    "a package with fewer slots than its gate": (
        {"package": but(PACKAGE, demanded=(*SLOTS, "privacy_officer:1"))},
        "DECISION_GATE",
    ),
    "no entry of the decision": ({"events": EVENTS[:4]}, "DECISION_UNLOGGED"),
    "rejected without a reject": (
        {"events": edited(4, event="promotion.rejected"), "decided": ("rejected", "d")},
        "DECISION_UNSIGNED",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_each_rule_is_named_when_it_is_broken(what):
    given, code = BROKEN[what]
    assert code in codes(**given)
