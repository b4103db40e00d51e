"""What differs between two sets of clauses, in words, and which of the two asks for more. Pure.

Clauses are judged one by one, as they would be merged with those of other packs. A clause is
stricter when whatever it lets through was let through before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from registry.policy.clauses import Kind, kind_of, rank

STRICTER, LOOSER, BOTH, NEITHER = (
    "stricter",
    "looser",
    "stricter in part, looser in part",
    "as strict as before",
)


@dataclass(frozen=True)
class ClauseChange:
    """One clause that differs: `state` is changed, added or removed.

    `parts` tell what came and went inside a value of several parts, such as "tools.deny crm
    added"; `why_before` and `why_after` are what the versions say themselves.
    """

    key: str
    state: str
    before: str
    after: str
    effect: str
    why_before: str = ""
    why_after: str = ""
    parts: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The difference on one line, as in “residency.processing de-1, us-1 → de-1: stricter”."""
        if self.state != "changed":
            said = f"{self.key} {self.state}, {self.after or self.before}"
        elif self.parts:
            said = ", ".join(self.parts)
        elif self.before == self.after:
            return f"{self.key} stays {self.after}, for another reason"
        else:
            said = f"{self.key} {self.before} → {self.after}"
        return f"{said}: {self.effect}"


Clauses = Mapping[str, Mapping[str, Any]]


def clause_changes(before: Clauses, after: Clauses) -> list[ClauseChange]:
    """Return every clause that differs, in the order in which clauses are shown."""
    return [
        _change(key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys(), key=rank)
        if before.get(key) != after.get(key)
    ]


def unchanged_clauses(before: Clauses, after: Clauses) -> list[str]:
    """Return the names of the clauses that say the same for the same reason."""
    return [key for key in sorted(before, key=rank) if before[key] == after.get(key)]


def _change(key: str, old: Mapping | None, new: Mapping | None) -> ClauseChange:
    kind = kind_of(key)
    words = ["" if one is None else _words(kind, one["value"]) for one in (old, new)]
    whys = ["" if one is None else one["why"] for one in (old, new)]
    if old is None:
        return ClauseChange(key, "added", *words, STRICTER, *whys)
    if new is None:
        return ClauseChange(key, "removed", *words, LOOSER, *whys)
    effect, parts = BOTH, ()
    if kind is not None:
        effect = compared(kind, old["value"], new["value"])
        parts = tuple(_parts(key, old["value"], new["value"]))
    return ClauseChange(key, "changed", *words, effect, *whys, parts)


def _words(kind: Kind | None, value: Any) -> str:
    # A kind that an older version of this program knew is said as it was written.
    return kind.words(value) if kind else str(value)


def compared(kind: Kind, old: Any, new: Any) -> str:
    """Return whether `new` asks for more than `old`: what is as strict as both is their merge."""
    was, now, both = _plain(kind, old), _plain(kind, new), _plain(kind, old, new)
    if was == now:
        return NEITHER
    return STRICTER if both == now else LOOSER if both == was else BOTH


def _plain(kind: Kind, *values: Any) -> Any:
    """Return values merged, in the one form that equally strict values share."""
    merged = kind.merged([*values, values[0]])
    if isinstance(merged, dict) and "allow" in merged:
        # Only what is allowed passes; a denial of anything else adds nothing.
        return {"allow": merged["allow"]}
    return merged


def _parts(key: str, old: Any, new: Any) -> Iterable[str]:
    """Tell of each slug that came into a list of allowed or denied ones, or left it."""
    if not isinstance(old, dict):
        return
    for name in ("allow", "deny"):
        if (name in old) != (name in new):
            state, value = ("added", new) if name in new else ("removed", old)
            yield f"{key}.{name} {', '.join(value[name]) or 'none'} {state}"
            continue
        was, now = set(old.get(name, ())), set(new.get(name, ()))
        if came := sorted(now - was):
            yield f"{key}.{name} {', '.join(came)} added"
        if gone := sorted(was - now):
            yield f"{key}.{name} {', '.join(gone)} removed"


def counted(effects: Iterable[str]) -> str:
    """Return how many changes are of which effect, as in “2 stricter, 1 looser”."""
    found = list(effects)
    return ", ".join(
        f"{found.count(effect)} {effect}"
        for effect in (STRICTER, LOOSER, BOTH, NEITHER)
        if effect in found
    )
