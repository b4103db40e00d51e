"""What the terms of a requirement may say, by its type; a gate is published only with good ones."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from audit.refusals import Reason

TYPES = ("evidence", "score", "metadata", "check")
#: Keys that every type may have.
SCOPE = ("tiers", "classifications", "waivable")
OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "evidence": ("kind", "verdicts", "standings", "max_age_days", "rollback", "partial"),
    "score": ("demands", "max_age_days", "partial"),
    "metadata": ("fields", "lineage"),
    "check": ("check", "max_age_hours"),
}
CHECKS = ("evidence_complete", "log_traceable")
#: The oldest that evidence and verifications may be asked to be; what is older has ended anyway.
OLDEST_DAYS, OLDEST_HOURS = 3650, 24 * 365


@dataclass(frozen=True)
class Known:
    """What terms may name."""

    kinds: Collection[str] = ()
    verdicts: Collection[str] = ("pass", "fail", "noted")
    standings: Collection[str] = ("self_reported", "internal", "independent")
    tiers: Collection[str] = ("minimal", "limited", "high")
    classifications: Collection[str] = ("public", "internal", "confidential", "restricted")
    fields: Collection[str] = ()
    #: (suite, metric) -> whether higher is better
    metrics: Mapping[tuple[str, str], bool] = field(default_factory=dict)


def problems(code: str, asks: str, terms: Mapping[str, Any], known: Known) -> list[Reason]:
    """Return everything that is wrong with the terms of requirement `code` of the type `asks`."""
    if asks not in TYPES:
        return [_reason(code, f"There is no requirement of the type {asks}.", "type")]
    unknown = sorted(set(terms) - {*SCOPE, *OF_TYPE[asks]})
    found = [_reason(code, f"A requirement of the type {asks} has no “{one}”.") for one in unknown]
    for key, names in (
        ("tiers", known.tiers),
        ("classifications", known.classifications),
        ("verdicts", known.verdicts),
        ("standings", known.standings),
        ("fields", known.fields),
    ):
        if key in terms:
            found += _listed(code, key, terms[key], names)
    if terms.get("waivable", False) is not False:
        found.append(_reason(code, "“waivable” is left out or false.", "waivable"))
    if terms.get("partial", True) is not True:
        found.append(_reason(code, "“partial” is left out or true.", "partial"))
    return found + _OF_TYPE[asks](code, terms, known)


def _evidence(code: str, terms: Mapping[str, Any], known: Known) -> list[Reason]:
    found = []
    if terms.get("kind") not in known.kinds:
        found.append(_reason(code, "Choose a kind of evidence.", "kind"))
    if not terms.get("verdicts"):
        found.append(_reason(code, "Choose at least one verdict that meets it.", "verdicts"))
    if terms.get("rollback") and terms.get("kind") != "rollback_plan":
        found.append(_reason(code, "Only a rollback plan has a target to be judged.", "rollback"))
    if terms.get("partial") and terms.get("kind") != "benchmark":
        found.append(_reason(code, "Only a benchmark has runs that may be partial.", "partial"))
    return found + _age(code, terms, "max_age_days", OLDEST_DAYS)


def _score(code: str, terms: Mapping[str, Any], known: Known) -> list[Reason]:
    found = []
    for one in terms.get("demands", ()):
        name = f"{one.get('suite')}.{one.get('metric')}"
        if (one.get("suite"), one.get("metric")) not in known.metrics:
            found.append(_reason(code, f"There is no metric {name}.", "demands"))
        try:
            finite = Decimal(str(one.get("threshold"))).is_finite()
        except InvalidOperation:
            finite = False
        if not finite:
            found.append(_reason(code, f"The threshold of {name} is no number.", "demands"))
    return found + _age(code, terms, "max_age_days", OLDEST_DAYS)


def _metadata(code: str, terms: Mapping[str, Any], known: Known) -> list[Reason]:
    if bool(terms.get("lineage")) == bool(terms.get("fields")):
        return [_reason(code, "Choose the fields that are recorded, or the lineage.", "fields")]
    return []


def _check(code: str, terms: Mapping[str, Any], known: Known) -> list[Reason]:
    found = []
    if terms.get("check") not in CHECKS:
        found.append(_reason(code, "Choose a check.", "check"))
    if "max_age_hours" not in terms:
        sentence = "Say how many hours old the verification may be."
        found.append(_reason(code, sentence, "max_age_hours"))
    return found + _age(code, terms, "max_age_hours", OLDEST_HOURS)


def _listed(code: str, key: str, values: Any, known: Collection[str]) -> list[Reason]:
    if not values or not isinstance(values, list):
        return [_reason(code, f"Leave “{key}” out, or name at least one.", key)]
    unknown = sorted(set(values) - set(known))
    return [_reason(code, f"“{one}” is none of the {key}.", key) for one in unknown]


def _age(code: str, terms: Mapping[str, Any], key: str, most: int) -> list[Reason]:
    if key not in terms:
        return []
    value = terms[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        return [_reason(code, f"Give a whole number from 1 to {most}, or leave it out.", key)]
    return []


def _reason(code: str, sentence: str, field: str = "") -> Reason:
    return Reason("TERMS_REFUSED", f"{code}: {sentence}", field)


_OF_TYPE: Mapping[str, Callable[[str, Mapping[str, Any], Known], list[Reason]]] = {
    "evidence": _evidence,
    "score": _score,
    "metadata": _metadata,
    "check": _check,
}
