"""What a waiver stands in for, judged as values."""

from datetime import UTC, datetime, timedelta

import pytest

from gates.rules import Finding, PersonFacts, Requirement, Status
from gates.rules.waivers import (
    UNWAIVABLE,
    Waived,
    answering_objections,
    asking_objections,
    unwaivable,
    with_waivers,
)
from gates.shipped import GATES

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TERMS = {"kind": "red_team", "verdicts": ["pass"]}
RED_TEAM = Requirement("production", "red_team", "evidence", "A red team attacked it.", TERMS)


def finding(status: Status = Status.MISSING, **values) -> Finding:
    values = {"gate": "production", "code": "red_team", "fact": "There is none.", **values}
    return Finding(status=status, sentence=RED_TEAM.sentence, fix="Give one.", **values)


def waiver(**values) -> Waived:
    return Waived(
        **{
            "id": 3,
            "gate": "production",
            "code": "red_team",
            "terms": TERMS,
            "asked_by": "rae",
            "granted_by": "olga",
            "control": "People read along.",
            "granted_at": NOW - DAY,
            "ends_at": NOW + DAY,
            **values,
        }
    )


@pytest.mark.parametrize(
    ("before", "waivers", "after"),
    [
        (Status.MISSING, [], Status.MISSING),
        (Status.MISSING, [waiver()], Status.WAIVED),
        (Status.STALE, [waiver()], Status.WAIVED),
        (Status.FAILED, [waiver()], Status.WAIVED),
        (Status.MET, [waiver()], Status.MET),
        # It ends at its last instant, not after it.
        (Status.MISSING, [waiver(ends_at=NOW)], Status.MISSING),
        (Status.MISSING, [waiver(ends_at=NOW), waiver(id=4)], Status.WAIVED),
        # Another requirement, another gate, or the same one asked for otherwise.
        (Status.MISSING, [waiver(code="privacy_review")], Status.MISSING),
        (Status.MISSING, [waiver(gate="regulated")], Status.MISSING),
        (Status.MISSING, [waiver(terms={**TERMS, "max_age_days": 30})], Status.MISSING),
    ],
)
def test_what_a_waiver_does_to_a_finding(before, waivers, after):
    (found,) = with_waivers([finding(before)], [RED_TEAM], waivers, NOW)
    assert found.status == after


def test_a_waived_finding_says_by_whom_until_when_and_what_is_done_instead():
    (found,) = with_waivers([finding()], [RED_TEAM], [waiver()], NOW)
    assert found.fact == (
        "Waived by olga until 11 Mar 2026. Instead: People read along. "
        "Without the waiver: missing. There is none."
    )
    assert (found.until, found.waiver, found.fix) == (NOW + DAY, 3, "")
    assert not found.stands_in_the_way


def test_an_ended_waiver_is_named_still_and_the_finding_rests_on_nothing_else():
    ended = [waiver(ends_at=NOW)]
    (found,) = with_waivers([finding(evidence=("e1",), runs=(7,))], [RED_TEAM], ended, NOW)
    assert found.stands_in_the_way
    assert found.fact == "There is none. Waiver 3 ended on 10 Mar 2026."
    assert found.evidence == ("e1",), "the page still leads there"
    assert found.rests_on == ((), ()), "so that time alone does not make the package another"


@pytest.mark.parametrize(
    ("gate", "code"), [(gate, one["code"]) for gate in GATES for one in GATES[gate]["requirements"]]
)
def test_which_of_the_shipped_requirements_are_never_waived(gate, code):
    row = next(one for one in GATES[gate]["requirements"] if one["code"] == code)
    requirement = Requirement(gate, code, row["type"], row["sentence"], row["terms"])
    never = row["type"] == "check" or (gate, code) in UNWAIVABLE
    assert bool(unwaivable(requirement)) is never


def test_a_gate_may_say_that_a_requirement_is_never_waived():
    terms = {**TERMS, "waivable": False}
    asked = Requirement("production", "red_team", "evidence", RED_TEAM.sentence, terms)
    assert unwaivable(asked) == "The gate says that it is never waived."
    (found,) = with_waivers([finding()], [asked], [waiver(terms=terms)], NOW)
    assert found.status == Status.MISSING, "even if one was granted somehow"
    assert codes(asking_objections(asked, NOW + DAY, NOW)) == ["UNWAIVABLE"]


def codes(reasons) -> list[str]:
    return [one.code for one in reasons]


@pytest.mark.parametrize(
    ("requirement", "ends_at", "open_ones", "expected"),
    [
        (RED_TEAM, NOW + DAY, 0, []),
        (RED_TEAM, datetime(2026, 9, 10, 12, tzinfo=UTC), 0, []),
        (RED_TEAM, datetime(2026, 9, 10, 13, tzinfo=UTC), 0, ["TOO_LONG"]),
        (RED_TEAM, NOW, 0, ["ENDED_ALREADY"]),
        (RED_TEAM, NOW + DAY, 1, ["ASKED_ALREADY"]),
        (None, NOW + DAY, 0, ["NOT_ASKED_FOR"]),
        (None, NOW, 0, ["NOT_ASKED_FOR", "ENDED_ALREADY"]),
    ],
)
def test_what_may_be_asked_for(requirement, ends_at, open_ones, expected):
    assert codes(asking_objections(requirement, ends_at, NOW, open_ones)) == expected


OWNER = PersonFacts(2, frozenset({"risk_owner"}))


@pytest.mark.parametrize(
    ("person", "about", "expected"),
    [
        (OWNER, {}, []),
        (PersonFacts(2, frozenset({"reviewer"})), {}, ["NO_ROLE"]),
        (PersonFacts(1, frozenset({"risk_owner"})), {}, ["ASKED_IT"]),
        (PersonFacts(2, frozenset({"risk_owner"}), ("made_release",)), {}, ["INVOLVED"]),
        (PersonFacts(2, frozenset({"risk_owner"}), is_person=False), {}, ["SERVICE_ACCOUNT"]),
        (OWNER, {"answered": True}, ["ANSWERED"]),
        (OWNER, {"ends_at": NOW}, ["ENDED_ALREADY"]),
        (
            PersonFacts(1, frozenset(), ("gave_evidence", "requester")),
            {"answered": True},
            ["ANSWERED", "NO_ROLE", "ASKED_IT", "INVOLVED", "INVOLVED"],
        ),
    ],
)
def test_who_may_answer(person, about, expected):
    about = {"asked_by": 1, "answered": False, "ends_at": NOW + DAY, "now": NOW, **about}
    assert codes(answering_objections(person, **about)) == expected
