"""What makes an approval due for renewal, as values."""

from datetime import UTC, datetime, timedelta

import pytest

from gates.rules.revalidation import Standing, newest_only, triggers

NOW = datetime(2026, 3, 10, tzinfo=UTC)
DAY = timedelta(days=1)
STANDING = Standing(
    until=NOW + 100 * DAY,
    first_end="The evidence “Red team” ends.",
    gates_named={"sandbox": 1, "production": 1},
    gates_now={"sandbox": 1, "production": 1},
    policy_named="sha256:1",
    policy_now="sha256:1",
    use_case_named=("limited risk", "internal data"),
    use_case_now=("limited risk", "internal data"),
)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"until": NOW + 31 * DAY}, []),
        ({"until": NOW + 30 * DAY}, ["ENDING"]),
        ({"until": NOW}, ["ENDED"]),
        ({"gates_now": {"sandbox": 2, "production": 1}}, ["GATE_CHANGED"]),
        ({"gates_now": {"sandbox": 1, "production": 1, "regulated": 1}}, ["GATE_ADDED"]),
        ({"gates_now": {"sandbox": 1}}, []),
        ({"policy_now": "sha256:2"}, ["POLICY_CHANGED"]),
        ({"use_case_now": ("high risk", "internal data")}, ["USE_CASE_CHANGED"]),
        ({"providers": ("Aurora", "Boreal")}, ["PROVIDER_CHANGED", "PROVIDER_CHANGED"]),
        ({"endpoints": ("heron",)}, ["ENDPOINT_CHANGED"]),
        (
            {"until": NOW, "policy_now": "sha256:2", "endpoints": ("heron",)},
            ["ENDED", "POLICY_CHANGED", "ENDPOINT_CHANGED"],
        ),
    ],
)
def test_what_asks_for_a_renewal(changed, expected):
    found = triggers(Standing(**{**vars(STANDING), **changed}), NOW)
    assert [one.code for one in found] == expected
    assert all(one.sentence.endswith(".") for one in found)


def test_only_the_newest_approval_of_a_way_in_is_renewed():
    assert newest_only([(1, (5, 7)), (4, (5, 7)), (2, (5, 8))]) == {2, 4}
