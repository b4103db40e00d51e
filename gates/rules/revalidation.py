"""When an approval that still holds should be looked at anew: triggers, judged as values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gates.rules.findings import day

#: An approval that ends within this time is due for renewal.
AHEAD = timedelta(days=30)


@dataclass(frozen=True)
class Trigger:
    """One reason to ask for an approval anew: a stable code and a sentence."""

    code: str
    sentence: str


@dataclass(frozen=True)
class Standing:
    """An approval as it was given, beside what is so now."""

    until: datetime
    first_end: str
    gates_named: Mapping[str, int]
    gates_now: Mapping[str, int]
    policy_named: str
    policy_now: str
    use_case_named: tuple[str, str]
    use_case_now: tuple[str, str]
    #: Providers that changed since the approval was given.
    providers: tuple[str, ...] = ()
    #: Approved endpoints that are no longer as they were.
    endpoints: tuple[str, ...] = ()


def triggers(standing: Standing, at: datetime) -> list[Trigger]:
    """Return every reason to ask anew, the end first; empty means there is none yet."""
    found = []
    if standing.until <= at:
        found.append(Trigger("ENDED", f"It ended on {day(standing.until)}: {standing.first_end}"))
    elif standing.until - at <= AHEAD:
        found.append(Trigger("ENDING", f"It ends on {day(standing.until)}: {standing.first_end}"))
    for gate, number in standing.gates_now.items():
        named = standing.gates_named.get(gate)
        if named is None:
            found.append(Trigger("GATE_ADDED", f"It meets the {gate} gate as well now."))
        elif named != number:
            sentence = f"It was judged by {gate} v{named}; v{number} is in force."
            found.append(Trigger("GATE_CHANGED", sentence))
    if standing.policy_named != standing.policy_now:
        found.append(Trigger("POLICY_CHANGED", "The policy in force is another one; it is met."))
    if standing.use_case_named != standing.use_case_now:
        was, now = " and ".join(standing.use_case_named), " and ".join(standing.use_case_now)
        sentence = f"The use case was {was} when it was approved, and is {now}."
        found.append(Trigger("USE_CASE_CHANGED", sentence))
    found += [
        Trigger("PROVIDER_CHANGED", f"The provider {name} changed since.")
        for name in standing.providers
    ]
    found += [
        Trigger("ENDPOINT_CHANGED", f"Endpoint {slug} changed and is no longer covered.")
        for slug in standing.endpoints
    ]
    return found


def newest_only(rows: Iterable[tuple[int, tuple[int, int]]]) -> set[int]:
    """Return, of (promotion, what it lets in), the newest promotion for each thing let in."""
    newest: dict[tuple[int, int], int] = {}
    for promotion, way in rows:
        newest[way] = max(promotion, newest.get(way, 0))
    return set(newest.values())
