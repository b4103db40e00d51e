"""One requirement judged: every way it can stand, as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from gates.rules import (
    Demand,
    Evidence,
    Facts,
    Known,
    Requirement,
    Score,
    Status,
    Verified,
    assess,
    effective_gate,
    in_the_way,
)
from gates.rules.findings import gates_up_to

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)

REVIEW = Requirement(
    "production",
    "privacy_review",
    "evidence",
    "A privacy review passed.",
    {"kind": "privacy_review", "verdicts": ["pass"]},
)
ITEM = Evidence(
    id="a",
    kind="privacy_review",
    title="Review A",
    verdict="pass",
    standing="internal",
    digest="sha256:a",
    author="ann",
    created_at=NOW - 30 * DAY,
    expires_at=NOW + 300 * DAY,
)


def facts(**values) -> Facts:
    return Facts(**{"risk_tier": "limited", "data_classification": "internal", **values})


def judge(requirement: Requirement, **values):
    (finding,) = assess([requirement], facts(**values), NOW)
    return finding


def terms(**values) -> Requirement:
    return replace(REVIEW, terms={**REVIEW.terms, **values})


NEWER = replace(ITEM, id="b", title="Review B", created_at=NOW - DAY)


@pytest.mark.parametrize(
    ("requirement", "items", "status", "rests_on", "said"),
    [
        (REVIEW, [ITEM], Status.MET, ("a",), "Review A"),
        (REVIEW, [], Status.MISSING, (), "Nothing was given"),
        (REVIEW, [replace(ITEM, kind="red_team")], Status.MISSING, (), "Nothing was given"),
        (REVIEW, [replace(ITEM, verdict="fail")], Status.FAILED, ("a",), "failed"),
        (REVIEW, [replace(ITEM, verdict="noted")], Status.MISSING, (), "only notes"),
        (REVIEW, [replace(ITEM, expires_at=NOW)], Status.STALE, ("a",), "ended on 23 Nov 2026"),
        (REVIEW, [replace(ITEM, withdrawn_at=NOW)], Status.MISSING, (), "was withdrawn"),
        (REVIEW, [replace(ITEM, withdrawn_at=NOW + DAY)], Status.MET, ("a",), "Review A"),
        (REVIEW, [replace(ITEM, taken_in=False)], Status.MISSING, (), "after this was submitted"),
        # The newest verdict decides: a newer failure is not outvoted by an older pass,
        (REVIEW, [ITEM, replace(NEWER, verdict="fail")], Status.FAILED, ("b",), "Review B"),
        # not even before it is taken in;
        (
            REVIEW,
            [ITEM, replace(NEWER, verdict="fail", taken_in=False)],
            Status.FAILED,
            ("b",),
            "Review B",
        ),
        # an older failure is history.
        (REVIEW, [replace(ITEM, verdict="fail"), NEWER], Status.MET, ("b",), "Review B"),
        # A newer pass changes nothing until it is taken in.
        (REVIEW, [ITEM, replace(NEWER, taken_in=False)], Status.MET, ("a",), "Review A"),
        # Of those that pass, the newest that still holds.
        (REVIEW, [ITEM, replace(NEWER, expires_at=NOW + DAY)], Status.MET, ("b",), "Review B"),
        (REVIEW, [ITEM, replace(NEWER, expires_at=NOW)], Status.MET, ("a",), "Review A"),
        (terms(max_age_days=30), [ITEM], Status.STALE, ("a",), "ended on 23 Nov 2026"),
        (terms(max_age_days=31), [ITEM], Status.MET, ("a",), "Review A"),
        (terms(standings=["independent"]), [ITEM], Status.MISSING, (), "is internal"),
        (
            terms(standings=["independent"]),
            [replace(ITEM, standing="independent")],
            Status.MET,
            ("a",),
            "Review A",
        ),
    ],
)
def test_evidence(requirement, items, status, rests_on, said):
    finding = judge(requirement, evidence=tuple(items))
    assert (finding.status, finding.evidence) == (status, rests_on)
    assert said in finding.fact
    assert bool(finding.fix) == (status != Status.MET), "every no has its next step"


PLAN = replace(ITEM, kind="rollback_plan", rollback="sha256:old")
ROLLBACK = terms(kind="rollback_plan", rollback=True)


@pytest.mark.parametrize(
    ("plan", "approved", "status"),
    [
        (PLAN, {"sha256:old"}, Status.MET),
        (PLAN, {"sha256:other"}, Status.FAILED),
        (PLAN, set(), Status.FAILED),
        (replace(PLAN, rollback="switch_off"), set(), Status.MET),
        (replace(PLAN, rollback=""), set(), Status.FAILED),
    ],
)
def test_a_rollback_plan_names_what_is_approved_there_now(plan, approved, status):
    finding = judge(ROLLBACK, evidence=(plan,), approved_releases=frozenset(approved))
    assert finding.status == status


SCORES = Requirement("production", "benchmark_scores", "score", "Scores reach it.", {})
ACCURACY = Demand(1, "triage v1 accuracy", Decimal("0.9"), higher_is_better=True)
LEAKS = Demand(2, "triage v1 leaks", Decimal("0.01"), higher_is_better=False)


def score(text: str, *, metric=1, run=1, age=10, **values) -> Score:
    return Score(
        **{
            "metric": metric,
            "run": run,
            "item": f"item-{run}",
            "text": text,
            "value": Decimal(text),
            "subject": "release",
            "ran_at": NOW - age * DAY,
            "expires_at": NOW + 100 * DAY,
            **values,
        }
    )


@pytest.mark.parametrize(
    ("demands", "scores", "status", "runs"),
    [
        ([], [], Status.MISSING, ()),
        ([ACCURACY], [], Status.MISSING, ()),
        ([ACCURACY], [score("0.95")], Status.MET, (1,)),
        ([ACCURACY], [score("0.9")], Status.MET, (1,)),
        ([ACCURACY], [score("0.8999999")], Status.FAILED, (1,)),
        ([LEAKS], [score("0.01", metric=2)], Status.MET, (1,)),
        ([LEAKS], [score("0.0100001", metric=2)], Status.FAILED, (1,)),
        ([ACCURACY], [score("0.95", accepted=False)], Status.MISSING, ()),
        ([ACCURACY], [score("0.95", complete=False)], Status.MISSING, ()),
        ([ACCURACY], [score("0.95", withdrawn=True)], Status.MISSING, ()),
        ([ACCURACY], [score("0.95", expires_at=NOW)], Status.STALE, (1,)),
        # One demand unmet is the whole requirement unmet.
        ([ACCURACY, LEAKS], [score("0.95")], Status.MISSING, (1,)),
        ([ACCURACY, LEAKS], [score("0.95"), score("0.5", metric=2)], Status.FAILED, (1,)),
        # The newest counts, whatever an older run said.
        ([ACCURACY], [score("0.95"), score("0.5", run=2, age=1)], Status.FAILED, (2,)),
        ([ACCURACY], [score("0.5"), score("0.95", run=2, age=1)], Status.MET, (2,)),
        # A newer passing run changes nothing until it is taken in; a newer failing one does.
        (
            [ACCURACY],
            [score("0.95"), score("0.99", run=2, age=1, taken_in=False)],
            Status.MET,
            (1,),
        ),
        (
            [ACCURACY],
            [score("0.95"), score("0.5", run=2, age=1, taken_in=False)],
            Status.FAILED,
            (2,),
        ),
        # A run that is not accepted does not count against either, nor one that is partial.
        (
            [ACCURACY],
            [score("0.95"), score("0.5", run=2, age=1, accepted=False)],
            Status.MET,
            (1,),
        ),
        (
            [ACCURACY],
            [score("0.95"), score("0.5", run=2, age=1, complete=False)],
            Status.MET,
            (1,),
        ),
        # On the release first, then on its version.
        ([ACCURACY], [score("0.95", subject="version")], Status.MET, (1,)),
        (
            [ACCURACY],
            [score("0.95"), score("0.5", run=2, age=1, subject="version")],
            Status.MET,
            (1,),
        ),
        (
            [ACCURACY],
            [score("0.5"), score("0.95", run=2, age=1, subject="version")],
            Status.FAILED,
            (1,),
        ),
    ],
)
def test_scores(demands, scores, status, runs):
    finding = judge(SCORES, demands=tuple(demands), scores=tuple(scores))
    assert (finding.status, finding.runs) == (status, runs)
    assert bool(finding.fix) == (status != Status.MET)


PARTIAL_TAKEN = replace(SCORES, terms={"partial": True})


@pytest.mark.parametrize(
    ("requirement", "scores", "status", "said"),
    [
        (SCORES, [score("0.95", complete=False)], Status.MISSING, "has only a partial run."),
        (PARTIAL_TAKEN, [score("0.95", complete=False)], Status.MET, "(partial run 1 on the"),
        (PARTIAL_TAKEN, [score("0.95")], Status.MET, "(run 1 on the release"),
        # It counts for and against, and like any other only once it is accepted.
        (PARTIAL_TAKEN, [score("0.5", complete=False)], Status.FAILED, "(partial run 1 on the"),
        (
            PARTIAL_TAKEN,
            [score("0.95"), score("0.5", run=2, age=1, complete=False)],
            Status.FAILED,
            "(partial run 2 on the",
        ),
        (
            PARTIAL_TAKEN,
            [score("0.95", complete=False, accepted=False)],
            Status.MISSING,
            "partial run 1 waits to be accepted",
        ),
        (
            PARTIAL_TAKEN,
            [score("0.95", complete=False, taken_in=False)],
            Status.MISSING,
            "partial run 1 came after this was submitted",
        ),
        (PARTIAL_TAKEN, [score("0.95", complete=False, withdrawn=True)], Status.MISSING, "not me"),
        (
            PARTIAL_TAKEN,
            [score("0.95", complete=False, expires_at=NOW)],
            Status.STALE,
            "(partial run 1",
        ),
    ],
)
def test_a_partial_run_counts_where_the_requirement_takes_it(requirement, scores, status, said):
    finding = judge(requirement, demands=(ACCURACY,), scores=tuple(scores))
    assert finding.status == status and said in finding.fact


BENCHED = replace(REVIEW, terms={"kind": "benchmark", "verdicts": ["pass"]})
BENCH = replace(ITEM, kind="benchmark", partial=True)


@pytest.mark.parametrize(
    ("more", "item", "status", "said"),
    [
        ({}, BENCH, Status.MISSING, "“Review A” has only a partial run."),
        ({}, replace(BENCH, partial=False), Status.MET, "Review A"),
        ({"partial": True}, BENCH, Status.MET, "Its run is partial."),
        ({"partial": True}, replace(BENCH, held="“a.txt” is held."), Status.MISSING, "is held"),
        # What is no benchmark is judged by its verdict, and says so.
        ({"kind": "red_team"}, replace(BENCH, kind="red_team"), Status.MET, "Its run is partial."),
    ],
)
def test_a_benchmark_with_none_but_partial_runs(more, item, status, said):
    requirement = replace(BENCHED, terms={**BENCHED.terms, **more})
    finding = judge(requirement, evidence=(item,))
    assert finding.status == status and said in finding.fact


def test_a_score_says_on_what_it_was_measured_and_by_which_run():
    finding = judge(SCORES, demands=(ACCURACY,), scores=(score("0.95", subject="version"),))
    assert finding.fact == (
        "triage v1 accuracy 0.95, at least 0.9 (run 1 on the version, 13 Nov 2026)."
    )


METADATA = Requirement("sandbox", "basic", "metadata", "…", {"fields": ["maker", "region"]})


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ({"maker": True, "region": True}, Status.MET),
        ({"maker": True, "region": False}, Status.MISSING),
        ({"maker": True}, Status.MISSING),
        ({}, Status.MISSING),
    ],
)
def test_metadata(known, status):
    metadata = {
        code: Known(code, code.title(), there, "Fill it in.") for code, there in known.items()
    }
    assert judge(METADATA, metadata=metadata).status == status


def test_lineage_names_its_gaps():
    requirement = Requirement("regulated", "lineage", "metadata", "…", {"lineage": True})
    assert judge(requirement).status == Status.MET
    finding = judge(requirement, lineage_gaps=("Dataset notes 7 has no digest.",))
    assert (finding.status, finding.fact) == (Status.MISSING, "Dataset notes 7 has no digest.")


VERIFIED = Verified(finished_at=NOW - timedelta(hours=1), position=50)
TRACEABLE = Requirement(
    "regulated", "log", "check", "…", {"check": "log_traceable", "max_age_hours": 24}
)
COMPLETE = replace(TRACEABLE, terms={"check": "evidence_complete", "max_age_hours": 24})


@pytest.mark.parametrize(
    ("requirement", "verified", "status"),
    [
        (TRACEABLE, None, Status.MISSING),
        (TRACEABLE, VERIFIED, Status.MET),
        (TRACEABLE, replace(VERIFIED, finished_at=NOW - 24 * timedelta(hours=1)), Status.STALE),
        (TRACEABLE, replace(VERIFIED, position=49), Status.STALE),
        (TRACEABLE, replace(VERIFIED, broken=(("row:1", "It was altered."),)), Status.FAILED),
        (TRACEABLE, replace(VERIFIED, broken=(("", "An entry is gone."),)), Status.FAILED),
        (TRACEABLE, replace(VERIFIED, broken=(("row:2", "Not ours."),)), Status.MET),
        (COMPLETE, replace(VERIFIED, broken=(("row:1", "Not a file."),)), Status.MET),
        (COMPLETE, replace(VERIFIED, broken=(("file:1", "A file is lost."),)), Status.FAILED),
        (COMPLETE, replace(VERIFIED, incomplete=("The store is away.",)), Status.MISSING),
    ],
)
def test_checks_read_the_last_verification(requirement, verified, status):
    finding = judge(
        requirement,
        record_verified=verified,
        evidence_verified=verified,
        rows=frozenset({"row:1", "file:1"}),
        evidence_rows=frozenset({"file:1"}),
        rows_position=50,
    )
    assert finding.status == status


@pytest.mark.parametrize(
    ("stage", "tier", "gate"),
    [
        ("sandbox", "minimal", "sandbox"),
        ("sandbox", "high", "sandbox"),
        ("production", "minimal", "production"),
        ("production", "limited", "production"),
        ("production", "high", "regulated"),
        ("regulated", "minimal", "regulated"),
    ],
)
def test_risk_decides_the_gate(stage, tier, gate):
    assert effective_gate(stage, tier) == gate


def test_gates_are_cumulative():
    assert gates_up_to("regulated") == ("sandbox", "production", "regulated")


@pytest.mark.parametrize(
    ("extra", "tier", "classification", "applies"),
    [
        ({}, "minimal", "public", True),
        ({"tiers": ["limited", "high"]}, "minimal", "public", False),
        ({"tiers": ["limited", "high"]}, "high", "public", True),
        ({"classifications": ["restricted"]}, "high", "public", False),
        ({"classifications": ["restricted"]}, "high", "restricted", True),
    ],
)
def test_requirements_may_name_tiers_and_classifications(extra, tier, classification, applies):
    found = assess([terms(**extra)], facts(risk_tier=tier, data_classification=classification), NOW)
    assert bool(found) == applies


def test_what_stands_in_the_way_is_told_worst_first():
    items = (replace(ITEM, verdict="fail"), replace(ITEM, kind="red_team", expires_at=NOW))
    red = replace(REVIEW, code="red_team", terms={"kind": "red_team", "verdicts": ["pass"]})
    other = replace(REVIEW, code="other", terms={"kind": "benchmark", "verdicts": ["pass"]})
    found = assess([red, other, REVIEW], facts(evidence=items), NOW)
    assert [one.status for one in in_the_way(found)] == ["failed", "missing", "stale"]
