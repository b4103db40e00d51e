"""What ends an approval, as a table; time is an argument."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gates.rules import ApprovalFacts, endings, review_date, standing
from gates.rules.approvals import FailingRun, Rest, add_months, ends_by

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)
REST = Rest("Review A", NOW + 100 * DAY)
APPROVAL = ApprovalFacts(
    promotion=1,
    decided_at=NOW - 10 * DAY,
    review_at=NOW + 300 * DAY,
    rests_on=(REST,),
    endpoints=(("one", True), ("two", True)),
)


@pytest.mark.parametrize(
    ("facts", "code", "holds"),
    [
        (APPROVAL, "EVIDENCE_ENDED", True),
        (replace(APPROVAL, rests_on=()), "REVIEW_DUE", True),
        (replace(APPROVAL, review_at=NOW), "REVIEW_DUE", False),
        (replace(APPROVAL, review_at=NOW + timedelta(microseconds=1)), "REVIEW_DUE", True),
        (replace(APPROVAL, rests_on=(replace(REST, until=NOW),)), "EVIDENCE_ENDED", False),
        (
            replace(APPROVAL, rests_on=(replace(REST, withdrawn_at=NOW - DAY),)),
            "EVIDENCE_WITHDRAWN",
            False,
        ),
        (
            replace(APPROVAL, failing_runs=(FailingRun("Run 7 fails.", NOW - DAY),)),
            "NEWER_RUN_FAILS",
            False,
        ),
        (replace(APPROVAL, endpoints=(("one", False), ("two", True))), "EVIDENCE_ENDED", True),
        (
            replace(APPROVAL, endpoints=(("one", False), ("two", False))),
            "ENDPOINT_CHANGED",
            False,
        ),
    ],
)
def test_what_ends_first_and_whether_it_holds(facts, code, holds):
    ends = endings(facts, NOW)
    assert ends[0].code == code
    assert (ends[0].at > NOW) == holds
    assert (standing([facts], NOW) is facts) == holds


def test_of_several_that_hold_the_one_that_ends_last_is_named():
    later = replace(APPROVAL, promotion=2, rests_on=(replace(REST, until=NOW + 200 * DAY),))
    ended = replace(APPROVAL, promotion=3, review_at=NOW - DAY)
    assert standing([APPROVAL, later, ended], NOW) is later
    assert standing([], NOW) is None


@pytest.mark.parametrize(
    ("start", "months", "day"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2027-12-31", 2, "2028-02-29"),
        ("2026-11-23", 12, "2027-11-23"),
        ("2026-11-23", 18, "2028-05-23"),
    ],
)
def test_months_are_calendar_months(start, months, day):
    instant = datetime.fromisoformat(start).replace(tzinfo=UTC)
    assert f"{add_months(instant, months):%Y-%m-%d}" == day


@pytest.mark.parametrize(("tier", "year"), [("high", 2027), ("limited", 2028), ("minimal", 2028)])
def test_the_tier_sets_the_review_date(tier, year):
    assert review_date(NOW, tier).year == year


@pytest.mark.parametrize(
    ("evidence", "waivers", "days"),
    [((), (), 300), ((100, 40), (), 40), ((400,), (), 300), ((100,), (7,), 7)],
)
def test_a_package_says_by_when_an_approval_on_it_has_ended(evidence, waivers, days):
    document = {
        "rests_on": [
            {"evidence": [{"holds_until": (NOW + one * DAY).isoformat()}]} for one in evidence
        ],
        "waivers": [{"ends_at": (NOW + one * DAY).isoformat()} for one in waivers],
    }
    assert ends_by(NOW + 300 * DAY, document) == NOW + days * DAY
