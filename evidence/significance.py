"""Whether two scores differ by more than chance, where their samples allow to tell. Pure.

Two tests, both two-sided at 95 % and for independent samples, which errs towards "chance" where
both runs took the same ones: a two-sample z test on the standard errors; and where only counts
are known, a two-proportion z test, for scores that are shares of their samples.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

#: Beyond this a standard normal lies in 5 of 100 cases.
Z = 1.959963984540054
#: Below these the normal distribution says little: samples, and expected cases on each side.
FEWEST_SAMPLES, FEWEST_CASES = 30, 5
#: Units of shares, and what of them is the whole.
SHARES = {"fraction": 1, "%": 100}


@dataclass(frozen=True)
class Measured:
    """One score as its source gives it."""

    value: Decimal
    stderr: Decimal | None = None
    samples: int | None = None


@dataclass(frozen=True)
class Compared:
    """A later score beside an earlier one of the same metric.

    `better` is None for equal ones, `beyond_chance` where it cannot be told; `words` says both.
    """

    better: bool | None
    beyond_chance: bool | None
    words: str


def compare(before: Measured, now: Measured, *, higher_is_better: bool, unit: str = "") -> Compared:
    """Return how `now` stands to `before`, in words with the method and its level."""
    if now.value == before.value:
        return Compared(None, False, "The same.")
    better = (now.value > before.value) == higher_is_better
    word = "Better" if better else "Worse"
    z, method = _tested(before, now, unit)
    if z is None:
        return Compared(better, None, f"{word}; by chance or not cannot be told: {method}.")
    beyond = abs(z) >= Z
    how = "beyond chance" if beyond else "but within chance"
    return Compared(better, beyond, f"{word}, {how} (95 %, {method}, z = {abs(z):.2f}).")


def _tested(before: Measured, now: Measured, unit: str) -> tuple[float | None, str]:
    """Return z and the name of the test, or None and why there is none."""
    both = (before, now)
    counts = [one.samples for one in both]
    if any(count is not None and count < FEWEST_SAMPLES for count in counts):
        fewest = min(count for count in counts if count is not None)
        return None, f"a run of {fewest} samples is too small, a test takes {FEWEST_SAMPLES}"
    difference = float(now.value - before.value)
    if all(one.stderr is not None for one in both):
        spread = math.hypot(*(float(one.stderr) for one in both))
        if spread:
            return difference / spread, "two-sample z test on standard errors"
    if None in counts:
        return None, "a test takes the standard errors of both runs, or the samples of both"
    whole = SHARES.get(unit)
    shares = [float(one.value) / whole for one in both] if whole else []
    if not shares or not all(0 <= share <= 1 for share in shares):
        return None, "without standard errors only shares of samples can be tested"
    pooled = sum(share * count for share, count in zip(shares, counts, strict=True)) / sum(counts)
    if min(counts) * min(pooled, 1 - pooled) < FEWEST_CASES:
        return None, f"fewer than {FEWEST_CASES} cases are to be expected on one side"
    spread = math.sqrt(pooled * (1 - pooled) * sum(1 / count for count in counts))
    return (shares[1] - shares[0]) / spread, "two-proportion z test on samples"
