"""The registry's judgements, as tables of cases: no database."""

from datetime import UTC, datetime, timedelta

import pytest

from registry import rules
from registry.rules import Count

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def codes(reasons) -> list[str]:
    return [reason.code for reason in reasons]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], ""),
        (["text", "image"], ""),
        ("text", "Give a list of texts"),
        (["text", 3], "Give a list of texts"),
        (["text", "text"], "only once"),
        ([" text"], "without blanks"),
        ([""], "without blanks"),
        (["x" * 101], "without blanks"),
    ],
)
def test_a_list_holds_short_different_names(value, problem):
    found = rules.list_problem(value)
    assert problem in found if problem else not found


@pytest.mark.parametrize(("value", "fine"), [({}, True), ({"a": 1}, True), ([], False), (1, False)])
def test_parameters_are_an_object(value, fine):
    assert (rules.object_problem(value) == "") is fine


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        ("fraud", "fraud", False),
        ("fraud", "claims", True),
        ("fraud", "", True),
        ("", "fraud", False),  # a digest may be recorded later, once
        (None, 7, False),
        (7, None, True),
    ],
)
def test_some_fields_keep_their_first_value(before, after, refused):
    reasons = rules.set_once_problems({"slug": before}, {"slug": after}, {"slug": "slug"})
    assert codes(reasons) == (["SET_ONCE"] if refused else [])
    assert all(reason.field == "slug" for reason in reasons)


@pytest.mark.parametrize(
    ("base_of", "path"),
    [
        ({}, []),
        ({"a": "b"}, []),
        ({"a": "a"}, ["a", "a"]),
        ({"a": "b", "b": "a"}, ["a", "b", "a"]),
        ({"a": "b", "b": "c", "c": "a"}, ["a", "b", "c", "a"]),
        ({"a": "b", "b": "c", "c": "b"}, []),  # somebody else's circle
    ],
)
def test_a_lineage_never_comes_back_to_itself(base_of, path):
    assert rules.circle("a", base_of) == path
    for reason in rules.circle_reasons(path):
        assert " ← ".join(path) in reason.sentence


COMPLETE = {
    "name": "heron 1",
    "identifier": "heron-7b",
    "maker": "lab",
    "base": "",
    "base_sealed": False,
    "lineage_circle": [],
}


@pytest.mark.parametrize(
    ("differing", "expected"),
    [
        ({}, []),
        ({"identifier": ""}, ["IDENTIFIER_MISSING"]),
        ({"maker": ""}, ["MAKER_MISSING"]),
        ({"base": "crane 2", "base_sealed": True}, []),
        ({"base": "crane 2"}, ["BASE_NOT_SEALED"]),
        (
            {"base": "crane 2", "lineage_circle": ["heron 1", "crane 2", "heron 1"]},
            ["LINEAGE_CIRCLE"],
        ),
        (
            {"identifier": "", "maker": "", "base": "crane 2"},
            ["IDENTIFIER_MISSING", "MAKER_MISSING", "BASE_NOT_SEALED"],
        ),
    ],
)
def test_what_keeps_a_version_from_being_sealed_is_said_at_once(differing, expected):
    assert codes(rules.version_seal_problems(**COMPLETE | differing)) == expected


@pytest.mark.parametrize(
    ("templates", "expected"),
    [([], 0), (["system", "policy"], 0), (["system", "system"], 1), (["a", "b", "a", "b", "b"], 2)],
)
def test_a_release_takes_one_version_of_each_prompt(templates, expected):
    reasons = rules.release_seal_problems(templates=templates, use_case="claims")
    assert codes(reasons) == ["PROMPT_TWICE"] * expected


ORDINARY = {
    "role": "reviewer",
    "label": "reviewer",
    "for_team": True,
    "active": True,
    "service": False,
    "signs": True,
}


@pytest.mark.parametrize(
    ("differing", "expected"),
    [
        ({}, []),
        ({"active": False}, ["INACTIVE"]),
        ({"service": True}, ["SERVICE_ACCOUNT"]),
        ({"service": True, "role": "viewer", "signs": False}, []),
        ({"role": "administrator", "signs": False}, ["ADMINISTRATOR_FOR_ALL"]),
        ({"role": "administrator", "signs": False, "for_team": False}, []),
        (
            {"role": "administrator", "signs": False, "for_team": False, "service": True},
            ["SERVICE_ACCOUNT"],
        ),
    ],
)
def test_who_can_be_granted_what(differing, expected):
    assert codes(rules.grant_problems(**ORDINARY | differing)) == expected


@pytest.mark.parametrize(
    ("expires_at", "active", "expected"),
    [
        (NOW + timedelta(days=365), True, []),
        (NOW + timedelta(days=365, seconds=1), True, ["TOKEN_TOO_LONG"]),
        (NOW, True, ["TOKEN_ENDED"]),
        (NOW - MINUTE, True, ["TOKEN_ENDED"]),
        (None, True, ["TOKEN_ENDED"]),
        (NOW + timedelta(days=1), False, ["INACTIVE"]),
        (NOW, False, ["INACTIVE", "TOKEN_ENDED"]),
    ],
)
def test_a_token_lives_a_year_at_most(expires_at, active, expected):
    assert (
        codes(rules.token_problems(now=NOW, expires_at=expires_at, owner_active=active)) == expected
    )


@pytest.mark.parametrize(("others", "expected"), [(0, ["LAST_ADMINISTRATOR"]), (1, []), (9, [])])
def test_somebody_is_left_to_administer(others, expected):
    assert codes(rules.last_administrator_problems(others=others, doing="leaving")) == expected


@pytest.mark.parametrize(
    ("count", "after", "locked"),
    [
        (Count(), Count(1, NOW), False),
        (Count(3, NOW - MINUTE), Count(4, NOW - MINUTE), False),
        (Count(4, NOW - MINUTE), Count(5, NOW - MINUTE, NOW + 15 * MINUTE), True),
        # Fifteen minutes without a lock, and the count begins anew.
        (Count(4, NOW - 15 * MINUTE), Count(1, NOW), False),
        (Count(4, NOW - 15 * MINUTE + timedelta(seconds=1)), None, True),
        # While it is locked nothing counts, so nobody can keep it locked by trying on.
        (Count(5, NOW - MINUTE, NOW + MINUTE), Count(5, NOW - MINUTE, NOW + MINUTE), True),
        # A lock that ran out leaves five new tries.
        (Count(5, NOW - 14 * MINUTE, NOW), Count(1, NOW), False),
    ],
)
def test_the_fifth_failure_in_a_quarter_of_an_hour_locks_for_another(count, after, locked):
    found = rules.after_failure(count, NOW)
    assert rules.is_locked(found, NOW) is locked
    if after is not None:
        assert found == after


def test_an_address_is_allowed_more_than_an_account():
    assert rules.after_failure(Count(5, NOW), NOW, allowed=50) == Count(6, NOW)
    assert rules.is_locked(rules.after_failure(Count(49, NOW), NOW, allowed=50), NOW)


# Completeness


@pytest.mark.parametrize(
    ("base", "method", "said"),
    [
        ("", "", "no base version of ours"),
        ("crane 2", "adapter", "adapter of crane 2"),
        ("crane 2", "", ""),
    ],
)
def test_lineage_names_base_and_method(base, method, said):
    assert rules.lineage_said(base, method) == said


@pytest.mark.parametrize(
    ("method", "listed", "known"),
    [
        ("", [], False),
        ("", [("evaluation", "golden 1")], True),
        ("adapter", [("evaluation", "golden 1")], False),
        ("adapter", [("fine_tuning", "tickets 3")], True),
        ("quantised", [("evaluation", "golden 1")], True),
    ],
)
def test_what_was_tuned_was_tuned_on_something(method, listed, known):
    assert bool(rules.datasets_said(method, listed)) is known


@pytest.mark.parametrize(
    ("use_case", "stances", "said"),
    [
        ("claims", {"claims": "intended"}, "claims"),
        ("claims", {"claims": "disallowed"}, ""),
        ("claims", {"fraud": "intended"}, ""),
        (None, {"fraud": "intended", "claims": "intended", "hr": "disallowed"}, "claims, fraud"),
        (None, {"hr": "disallowed"}, ""),
    ],
)
def test_intended_use_is_listed_on_the_model(use_case, stances, said):
    assert rules.intended_said(use_case, stances) == said


EVERYWHERE = {purpose: ["eu-central"] for purpose in rules.PURPOSES}


@pytest.mark.parametrize(
    ("endpoints", "processing", "whole"),
    [
        ({}, "", ""),
        ({"a": EVERYWHERE}, "eu-central", "a"),
        ({"a": EVERYWHERE, "b": {}}, "", ""),
        ({"a": {"processing": ["eu-west"]}}, "eu-west", ""),
        (
            {"a": EVERYWHERE, "b": EVERYWHERE | {"processing": ["eu-west"]}},
            "eu-central, eu-west",
            "a, b",
        ),
        ({"a": EVERYWHERE | {"support": []}}, "eu-central", ""),
    ],
)
def test_each_endpoint_says_where_it_does_what(endpoints, processing, whole):
    assert rules.processing_said(endpoints) == processing
    assert rules.endpoints_said(endpoints) == whole
