"""Break-glass as values: who may, how long, and by when it is reviewed."""

from datetime import UTC, datetime, timedelta

import pytest

from gates.rules import PersonFacts
from gates.rules.approvals import Ending, Forbidden
from gates.rules.emergencies import (
    Emergency,
    ends_of,
    opening_objections,
    review_due,
    reviewing_objections,
)


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        # 2 March 2026 is a Monday.
        ("2026-03-02 09:00", "2026-03-09"),
        ("2026-03-02 23:59", "2026-03-09"),
        ("2026-03-03 00:00", "2026-03-10"),
        ("2026-03-05 12:00", "2026-03-12"),
        ("2026-03-06 12:00", "2026-03-13"),
        ("2026-03-07 12:00", "2026-03-13"),
        ("2026-03-08 12:00", "2026-03-13"),
        ("2026-12-31 12:00", "2027-01-07"),
        ("2028-02-28 12:00", "2028-03-06"),
    ],
)
def test_five_working_days_in_utc(opened, due):
    found = review_due(datetime.fromisoformat(opened).replace(tzinfo=UTC))
    assert f"{found:%Y-%m-%d %H:%M:%S}" == f"{due} 23:59:59"


def test_a_working_day_is_one_of_utc_wherever_it_was_opened():
    # Late on Sunday in New York it is Monday in UTC.
    assert review_due(datetime.fromisoformat("2026-03-01T22:00:00-05:00")).day == 9


NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def emergency(**values) -> Emergency:
    return Emergency(1, "Olga", NOW, 4, (("a", True), ("b", True)), **values)


def test_it_ends_by_itself_and_by_what_ends_an_approval():
    assert [(one.code, one.at) for one in ends_of(emergency(), NOW)] == [
        ("BREAK_GLASS_ENDED", NOW + 4 * HOUR)
    ]
    ended = emergency(ended=Ending(NOW + HOUR, "REVOKED", "Ended."))
    assert ends_of(ended, NOW)[0].code == "REVOKED"
    barred = emergency(forbidden=(Forbidden("POLICY_X", "No.", NOW, "a"),))
    assert barred.covered == ("b",)
    assert ends_of(barred, NOW)[0].code == "BREAK_GLASS_ENDED"
    everywhere = emergency(forbidden=(Forbidden("POLICY_X", "No.", NOW),))
    assert ends_of(everywhere, NOW)[0].code == "POLICY_X"
    changed = Emergency(1, "Olga", NOW, 4, (("a", False),))
    assert ends_of(changed, NOW)[0].code == "ENDPOINT_CHANGED"


OWNER = PersonFacts(1, frozenset({"risk_owner"}))


@pytest.mark.parametrize(
    ("person", "about", "expected"),
    [
        (OWNER, {}, []),
        (OWNER, {"hours": 72}, []),
        (OWNER, {"hours": 73}, ["TOO_LONG"]),
        (OWNER, {"hours": 0}, ["TOO_LONG"]),
        (OWNER, {"incident": "  "}, ["INCIDENT_MISSING"]),
        (OWNER, {"wanted": ["reviewer"]}, ["NO_ROLE"]),
        (PersonFacts(1, frozenset({"reviewer"}), ("made_release",)), {}, ["INVOLVED"]),
        (PersonFacts(1, frozenset({"reviewer"}), is_person=False), {}, ["SERVICE_ACCOUNT"]),
        (OWNER, {"forbidden": ["Not in Mars."]}, ["POLICY_FORBIDS"]),
        (OWNER, {"overdue": ["Break-glass 3"]}, ["REVIEW_OVERDUE"]),
    ],
)
def test_who_may_open_it_and_for_how_long(person, about, expected):
    about = {"wanted": ["reviewer", "risk_owner"], "hours": 4, "incident": "INC-1", **about}
    assert [one.code for one in opening_objections(person, **about)] == expected


@pytest.mark.parametrize(
    ("person", "about", "expected"),
    [
        (OWNER, {}, []),
        (OWNER, {"reviewed": True}, ["REVIEWED"]),
        (OWNER, {"ends": NOW + HOUR}, ["STILL_OPEN"]),
        (PersonFacts(9, frozenset({"reviewer"})), {}, ["OPENED_IT"]),
        (PersonFacts(1, frozenset()), {}, ["NO_ROLE"]),
        (PersonFacts(1, frozenset({"reviewer"}), is_person=False), {}, ["SERVICE_ACCOUNT"]),
    ],
)
def test_who_reviews_it(person, about, expected):
    about = {"opened_by": 9, "reviewed": False, "ends": NOW, "now": NOW, **about}
    assert [one.code for one in reviewing_objections(person, **about)] == expected
