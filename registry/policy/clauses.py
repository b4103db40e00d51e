"""The kinds of clause: what a value may be, how values of several packs become one, and words.

A clause is named by a dotted key such as `residency.processing` or `safety.garak.attacks.max`. Its
value is kept in plain JSON types: lists sorted, numbers with a fraction as text.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import Any

#: Most open first.
CLASSIFICATIONS = ("public", "internal", "confidential", "restricted")
#: Weakest first: with a person's own rights a tool reaches less than with a service's, and no
#: call that a person has seen before it is made goes unseen.
AUTHORIZATIONS = ("none", "service_account", "user_delegated", "human_approval")
#: What may be required: a fact of the endpoint, or an evidence item that passes.
REQUIREMENTS = {
    "served_release_id": "Every endpoint reports which release served a request.",
    "independent_validation": "An independent validation passes.",
    "red_team": "A red team's report passes.",
    "privacy_review": "A privacy review passes.",
    "safety_check": "A safety check passes.",
}
PURPOSES = ("processing", "storage", "telemetry", "support")
#: A century; more is a slip of the key.
MOST_MONTHS, MOST_DAYS = 1200, 36_500
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,60}")


class NotAValue(ValueError):
    """The value is not one of this kind of clause; the text says what is wanted."""


@dataclass(frozen=True)
class Kind:
    """One kind of clause. `key` holds `*` where a name stands; `names` says what those name.

    `read` returns the value as it is kept and raises `NotAValue`; `stricter` merges two values
    and is associative, commutative and idempotent; `mentions` are the slugs a value names.
    """

    key: str
    group: str
    rule: str
    title: str
    read: Callable[[Any], Any]
    stricter: Callable[[Any, Any], Any]
    words: Callable[[Any], str]
    names: tuple[str, ...] = ()
    mentions: tuple[str, Callable[[Any], Sequence[str]]] | None = None

    def parts(self, key: str) -> tuple[str, ...] | None:
        """Return what stands where this kind has `*`, or None for a key of another kind."""
        # A suite's slug holds no dot, but a metric's name may.
        pattern = re.escape(self.key).replace(r"\*", "([^.]+)", 1).replace(r"\*", "(.+)")
        found = re.fullmatch(pattern, key)
        return found.groups() if found else None

    def merged(self, values: Sequence[Any]) -> Any:
        """Return the one value that is as strict as all of `values` together."""
        return reduce(self.stricter, values)


# Reading


def _slugs(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise NotAValue("Give a list of slugs.")
    bad = [one for one in value if not SLUG.fullmatch(one)]
    if bad:
        raise NotAValue(f"{bad[0]!r} is not a slug.")
    if len(set(value)) != len(value):
        raise NotAValue("A slug stands twice in the list.")
    return sorted(value)


def _regions(value: Any) -> list[str]:
    found = _slugs(value)
    if not found:
        raise NotAValue("No region at all can never be met. Name one at least.")
    return found


def _allow_deny(value: Any) -> dict[str, list[str]]:
    if not isinstance(value, dict) or not value or set(value) - {"allow", "deny"}:
        raise NotAValue("Give allow, deny or both, each a list of slugs.")
    found = {name: _slugs(value[name]) for name in sorted(value)}
    if "deny" in found and not found["deny"]:
        raise NotAValue("A deny that names nothing asks for nothing. Leave it out.")
    if "allow" in found and not set(found["allow"]) - set(found.get("deny", ())):
        raise NotAValue("What is allowed is all denied, so this can never be met.")
    return found


def _one_of(choices: Sequence[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices or not isinstance(value, str):
            raise NotAValue(f"Give one of {', '.join(choices)}.")
        return value

    return read


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise NotAValue("Give a number.")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise NotAValue("Give a number.") from None
    if not number.is_finite() or abs(number) >= 10**9 or number != round(number, 6):
        raise NotAValue("Give a number below a thousand million with at most six places.")
    return f"{round(number, 6).normalize():f}" if number else "0"


def _whole(most: int, unit: str) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise NotAValue(f"Give a whole number of {unit} from 1 to {most}.")
        return value

    return read


def _true(value: Any) -> bool:
    if value is not True:
        raise NotAValue("Give true. Nothing loosens what another pack requires: leave it out.")
    return True


# Merging


def _intersection(one: list[str], other: list[str]) -> list[str]:
    return sorted(set(one) & set(other))


def _narrower(one: dict, other: dict) -> dict:
    """Allow intersects and deny unites. What is denied leaves the allowed: deny beats allow."""
    deny = set(one.get("deny", ())) | set(other.get("deny", ()))
    allows = [set(value["allow"]) for value in (one, other) if "allow" in value]
    merged = {}
    if allows:
        merged["allow"] = sorted(set.intersection(*allows) - deny)
    if deny:
        merged["deny"] = sorted(deny)
    return merged


def _lower_of(order: Sequence[str]) -> Callable[[str, str], str]:
    return lambda one, other: min(one, other, key=order.index)


def _higher_of(order: Sequence[str]) -> Callable[[str, str], str]:
    return lambda one, other: max(one, other, key=order.index)


# Words


def _listed(value: Sequence[str]) -> str:
    return ", ".join(value) or "none"


def _allow_deny_words(value: dict) -> str:
    said = [f"{name} {_listed(value[name])}" for name in ("allow", "deny") if name in value]
    return "; ".join(said)


def _plain(value: str) -> str:
    return value.replace("_", " ")


def _set_of(key: str, title: str, noun: str) -> Kind:
    return Kind(
        key,
        "Data, providers, tools",
        "allow intersects, deny unites",
        title,
        _allow_deny,
        _narrower,
        _allow_deny_words,
        mentions=(noun, lambda value: [*value.get("allow", ()), *value.get("deny", ())]),
    )


KINDS: tuple[Kind, ...] = (
    *(
        Kind(
            f"residency.{purpose}",
            "Residency",
            "sets intersect",
            f"Regions of {'support access' if purpose == 'support' else purpose}",
            _regions,
            _intersection,
            _listed,
            mentions=("region", list),
        )
        for purpose in PURPOSES
    ),
    Kind(
        "data_classification.max",
        "Data, providers, tools",
        "lowest",
        "Most closely held data that may be sent",
        _one_of(CLASSIFICATIONS),
        _lower_of(CLASSIFICATIONS),
        str,
    ),
    _set_of("providers", "Makers and hosts", "provider"),
    _set_of("use_cases", "Use cases", "use case"),
    _set_of("tools", "Tools", "tool"),
    Kind(
        "tools.authorization.*",
        "Data, providers, tools",
        "strictest",
        "Under whose authority the tool acts",
        _one_of(AUTHORIZATIONS),
        _higher_of(AUTHORIZATIONS),
        _plain,
        names=("tool",),
    ),
    Kind(
        "safety.*.*.min",
        "Safety",
        "strictest",
        "Least score",
        _number,
        lambda one, other: max(one, other, key=Decimal),
        str,
        names=("suite", "metric"),
    ),
    Kind(
        "safety.*.*.max",
        "Safety",
        "strictest",
        "Greatest score",
        _number,
        lambda one, other: min(one, other, key=Decimal),
        str,
        names=("suite", "metric"),
    ),
    *(
        Kind(
            f"require.{name}",
            "Required, periods",
            "any",
            sentence,
            _true,
            lambda one, other: one or other,
            lambda value: "yes",
        )
        for name, sentence in REQUIREMENTS.items()
    ),
    Kind(
        "review_months",
        "Required, periods",
        "least",
        "Months until an approval is looked at again",
        _whole(MOST_MONTHS, "months"),
        min,
        str,
    ),
    Kind(
        "retention_days",
        "Required, periods",
        "least",
        "Days that request records are kept",
        _whole(MOST_DAYS, "days"),
        min,
        str,
    ),
)
#: Their order on pages.
ORDER = {kind.key: place for place, kind in enumerate(KINDS)}
GROUPS = tuple(dict.fromkeys(kind.group for kind in KINDS))


def kind_of(key: str) -> Kind | None:
    """Return the kind of clause that `key` names, or None for a key that nobody knows."""
    return next((kind for kind in KINDS if kind.parts(key) is not None), None)


def rank(key: str) -> tuple[int, str]:
    """Return what clauses are sorted by: their kind's place, then their name."""
    kind = kind_of(key)
    return (ORDER[kind.key] if kind else len(ORDER)), key
