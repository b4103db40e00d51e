"""Results of red teams, typed in one way whatever the tool. Pure."""

import math

#: Of the normal distribution, for an interval of 95 %.
Z = 1.959963984540054


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return Wilson's interval of 95 % for a share; for no tries at all, everything."""
    if not total:
        return 0.0, 1.0
    share, square = hits / total, Z * Z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = Z * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    half /= 1 + square / total
    return max(0.0, middle - half), min(1.0, middle + half)


def typed(
    *,
    attack_class: str,
    probe: str,
    detector: str,
    attempts: int,
    failures: int,
    interval: tuple[float, float] | None = None,
    method: str | None = None,
    severity: str | None = None,
    not_judged: int = 0,
) -> dict:
    """Return one row of `details.red_team`; failures are attacks that worked.

    Without an interval of the tool's own it has Wilson's; without an attempt neither that nor a
    rate. `severity` is None where the tool has none.
    """
    if interval is None:
        interval, method = wilson(failures, attempts), "wilson"
    return {
        "attack_class": attack_class,
        "probe": probe,
        "detector": detector,
        "attempts": attempts,
        "failures": failures,
        "rate": failures / attempts if attempts else None,
        "interval": list(interval) if attempts else None,
        "interval_method": method if attempts else None,
        "severity": severity,
        "not_judged": not_judged,
    }
