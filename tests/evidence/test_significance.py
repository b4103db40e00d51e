"""Better, worse, and whether chance would do it: a table of cases with the method in words."""

from decimal import Decimal

import pytest

from evidence.significance import Measured, compare

STDERR = "two-sample z test on standard errors"
SHARE = "two-proportion z test on samples"


def measured(value: str, stderr: str = "", samples: int | None = None) -> Measured:
    return Measured(Decimal(value), Decimal(stderr) if stderr else None, samples)


# z by hand: a difference over the root of the sum of squares, or over that of the pooled share.
CASES = [
    # (before, now, unit, better, beyond chance, words)
    (("0.90", "0.01"), ("0.93", "0.01"), "", True, True, f"(95 %, {STDERR}, z = 2.12)"),
    (("0.90", "0.02"), ("0.93", "0.01"), "", True, False, f"(95 %, {STDERR}, z = 1.34)"),
    (("0.93", "0.01"), ("0.90", "0.01"), "", False, True, "Worse, beyond chance"),
    (("0.93", "0.02"), ("0.92", "0.02"), "", False, False, "Worse, but within chance"),
    # An exact figure beside one with an error.
    (("5.6", "0"), ("5.5", "0.04"), "", False, True, "z = 2.50"),
    # Standard errors come first, whatever the counts.
    (("0.80", "0.1", 900), ("0.90", "0.1", 900), "fraction", True, False, STDERR),
    (("0.80", "", 1000), ("0.85", "", 1000), "fraction", True, True, f"(95 %, {SHARE}, z = 2.94)"),
    (("80", "", 1000), ("85", "", 1000), "%", True, True, f"(95 %, {SHARE}, z = 2.94)"),
    (("0.80", "", 100), ("0.85", "", 100), "fraction", True, False, f"{SHARE}, z = 0.93"),
    # Of one only the count is known: the test that both allow.
    (("0.80", "0.0126", 1000), ("0.85", "", 1000), "fraction", True, True, SHARE),
    # All right and all wrong have a standard error of nothing, and counts that tell.
    (("1.0", "0", 200), ("0.9", "0", 200), "fraction", False, True, SHARE),
    (("0.8", "0"), ("0.9", "0"), "", True, None, "the samples of both"),
    (("0.8", "0.01"), ("0.9",), "", True, None, "the samples of both"),
    (("0.8",), ("0.9",), "fraction", True, None, "the samples of both"),
    (("4.1", "", 400), ("4.4", "", 400), "points", True, None, "only shares of samples"),
    (("80", "", 400), ("85", "", 400), "fraction", True, None, "only shares of samples"),
    (("0.8", "0.01", 29), ("0.9", "0.01", 400), "", True, None, "a run of 29 samples is too small"),
    (("0.999", "", 1000), ("0.998", "", 1000), "fraction", False, None, "fewer than 5 cases"),
    (("0.9", "0.01"), ("0.90", "0.2"), "", None, False, "The same."),
]


@pytest.mark.parametrize(("before", "now", "unit", "better", "beyond", "words"), CASES)
def test_two_scores_are_compared_as_far_as_their_samples_allow(
    before, now, unit, better, beyond, words
):
    found = compare(measured(*before), measured(*now), higher_is_better=True, unit=unit)
    assert (found.better, found.beyond_chance) == (better, beyond)
    assert words in found.words


def test_less_is_better_where_the_metric_says_so():
    found = compare(measured("1.5", "0.1"), measured("1.1", "0.1"), higher_is_better=False)
    assert (found.better, found.beyond_chance) == (True, True)
