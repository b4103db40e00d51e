"""What the terms of a requirement may say, as values."""

import pytest

from evidence.kinds import KINDS
from gates.rules.terms import Known, problems
from gates.shipped import GATES
from registry.rules import ASKED

KNOWN = Known(kinds=KINDS, fields=ASKED, metrics={("guard", "pass_rate"): True})
GUARD = {"suite": "guard", "metric": "pass_rate", "threshold": "0.9"}
RED = {"kind": "red_team", "verdicts": ["pass"]}


@pytest.mark.parametrize(
    "requirement", [one for gate in GATES.values() for one in gate["requirements"]]
)
def test_what_is_shipped_is_in_order(requirement):
    assert problems(requirement["code"], requirement["type"], requirement["terms"], KNOWN) == []


@pytest.mark.parametrize(
    ("asks", "terms", "fields"),
    [
        ("evidence", RED, []),
        ("evidence", {}, ["kind", "verdicts"]),
        ("evidence", {**RED, "kind": "gossip"}, ["kind"]),
        ("evidence", {**RED, "verdicts": ["maybe"]}, ["verdicts"]),
        ("evidence", {**RED, "standings": []}, ["standings"]),
        ("evidence", {**RED, "standings": ["friend"]}, ["standings"]),
        ("evidence", {**RED, "max_age_days": 0}, ["max_age_days"]),
        ("evidence", {**RED, "max_age_days": True}, ["max_age_days"]),
        ("evidence", {**RED, "max_age_days": 30}, []),
        ("evidence", {**RED, "rollback": True}, ["rollback"]),
        ("evidence", {**RED, "tiers": ["high"], "classifications": ["public"]}, []),
        ("evidence", {**RED, "tiers": ["enormous"]}, ["tiers"]),
        ("evidence", {**RED, "waivable": False}, []),
        ("evidence", {**RED, "waivable": True}, ["waivable"]),
        ("evidence", {**RED, "colour": "red"}, [""]),
        ("score", {}, []),
        ("score", {"partial": True}, []),
        ("score", {"partial": "yes"}, ["partial"]),
        ("evidence", {**RED, "partial": True}, ["partial"]),
        ("evidence", {**RED, "kind": "benchmark", "partial": True}, []),
        ("metadata", {"lineage": True, "partial": True}, [""]),
        ("score", {"demands": [{"suite": "guard", "metric": "pass_rate", "threshold": "0.9"}]}, []),
        (
            "score",
            {"demands": [{"suite": "guard", "metric": "x", "threshold": "0.9"}]},
            ["demands"],
        ),
        (
            "score",
            {"demands": [{"suite": "guard", "metric": "pass_rate", "threshold": "NaN"}]},
            ["demands"],
        ),
        ("metadata", {}, ["fields"]),
        ("metadata", {"fields": ["maker"]}, []),
        ("metadata", {"fields": ["colour"]}, ["fields"]),
        ("metadata", {"lineage": True}, []),
        ("metadata", {"lineage": True, "fields": ["maker"]}, ["fields"]),
        ("check", {"check": "log_traceable", "max_age_hours": 24}, []),
        ("check", {"check": "log_traceable"}, ["max_age_hours"]),
        ("check", {"check": "looks_good", "max_age_hours": 24}, ["check"]),
        ("opinion", {}, ["type"]),
    ],
)
def test_what_terms_may_say(asks, terms, fields):
    assert [one.field for one in problems("x", asks, terms, KNOWN)] == fields
