"""Packs merged into one policy: the strictest wins, and every clause keeps where it came from.

An effective policy is a set of origins for each clause; its value is folded from them. So the
merge of merges equals the merge, and neither order nor repetition matters.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from audit.rules import canonical, digest
from registry.policy.clauses import Kind, kind_of, rank

SCHEMA = "gatehouse.effective-policy/1"
#: The layers, widest first.
LAYERS = ("organisation", "jurisdiction", "domain", "use_case")


@dataclass(frozen=True)
class Pack:
    """One published version of a pack, as the merge sees it; `clauses` as they are kept."""

    slug: str
    number: int
    layer: str
    digest: str
    clauses: Mapping[str, Mapping[str, Any]]

    def __str__(self) -> str:
        return f"{self.slug} v{self.number}"


@dataclass(frozen=True)
class Origin:
    """What one pack says in one clause, and why."""

    pack: str
    number: int
    layer: str
    digest: str
    #: The canonical text of the value, so that origins can be told apart and sorted.
    text: str
    why: str
    value: Any = None

    def __eq__(self, other) -> bool:
        return isinstance(other, Origin) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple:
        return LAYERS.index(self.layer), self.pack, self.number, self.text, self.why, self.digest

    def __lt__(self, other: "Origin") -> bool:
        return self._key < other._key

    def __str__(self) -> str:
        return f"{self.pack} v{self.number}"


@dataclass(frozen=True)
class Held:
    """One clause in force: its value and the packs that say something about it."""

    key: str
    origins: tuple[Origin, ...]

    @cached_property
    def kind(self) -> Kind:
        """What kind of clause it is."""
        return kind_of(self.key)

    @cached_property
    def value(self) -> Any:
        """The strictest of what the packs say."""
        return self._merged(self.origins)

    @property
    def words(self) -> str:
        """The value as people read it."""
        return self.kind.words(self.value)

    def _merged(self, origins: Iterable[Origin]) -> Any:
        # A single value is folded with itself, so that it has the form that merged values have.
        values = [origin.value for origin in origins]
        return self.kind.merged([*values, values[0]])

    @cached_property
    def roles(self) -> dict[Origin, str]:
        """What each origin does: "sets", "same" (says it too), "narrows" or "looser".

        Where no pack alone says what holds, those narrow without which it would not hold; the
        widest layers are left out first.
        """
        roles: dict[Origin, str] = {}
        for origin in self.origins:
            if self._merged([origin]) == self.value:
                roles[origin] = "same" if "sets" in roles.values() else "sets"
        if roles:
            return {origin: roles.get(origin, "looser") for origin in self.origins}
        needed = list(self.origins)
        for origin in self.origins:
            others = [one for one in needed if one != origin]
            if others and self._merged(others) == self.value:
                needed = others
        return {one: "narrows" if one in needed else "looser" for one in self.origins}

    @property
    def set_by(self) -> tuple[Origin, ...]:
        """The origins that make the value what it is."""
        return tuple(one for one, role in self.roles.items() if role in ("sets", "narrows"))

    @property
    def overruled(self) -> tuple[Origin, ...]:
        """The origins that ask for less."""
        return tuple(one for one, role in self.roles.items() if role == "looser")


@dataclass(frozen=True)
class Effective:
    """The policy that packs make together."""

    clauses: Mapping[str, Held]

    def value(self, key: str) -> Any:
        """Return the value of a clause, or None if no pack says anything."""
        held = self.clauses.get(key)
        return held.value if held else None

    @cached_property
    def packs(self) -> tuple[str, ...]:
        """The packs it comes from, as "slug vN", widest layer first."""
        found = sorted({origin for held in self.clauses.values() for origin in held.origins})
        return tuple(dict.fromkeys(str(origin) for origin in found))

    @cached_property
    def document(self) -> dict:
        """The canonical document: every clause with its value and all its origins."""
        return {
            "schema": SCHEMA,
            "clauses": [
                {
                    "clause": held.key,
                    "value": held.value,
                    "origins": [
                        {
                            "pack": origin.pack,
                            "version": origin.number,
                            "layer": origin.layer,
                            "digest": origin.digest,
                            "value": origin.value,
                            "why": origin.why,
                            "role": role,
                        }
                        for origin, role in held.roles.items()
                    ],
                }
                for held in self.clauses.values()
            ],
        }

    @cached_property
    def content(self) -> str:
        """The canonical text that the digest is taken over."""
        return canonical(self.document).decode()

    @cached_property
    def digest(self) -> str:
        """The digest of the canonical document."""
        return digest(self.content.encode())


def _made_of(origins: Mapping[str, Iterable[Origin]]) -> Effective:
    held = {key: Held(key, tuple(sorted(set(found)))) for key, found in origins.items()}
    return Effective({key: held[key] for key in sorted(held, key=rank)})


def effective_of(packs: Iterable[Pack]) -> Effective:
    """Return the policy that `packs` make together; none at all make the empty policy."""
    origins: dict[str, list[Origin]] = {}
    for pack in packs:
        for key, clause in pack.clauses.items():
            value = clause["value"]
            origins.setdefault(key, []).append(
                Origin(
                    pack.slug,
                    pack.number,
                    pack.layer,
                    pack.digest,
                    canonical(value).decode(),
                    clause["why"],
                    value,
                )
            )
    return _made_of(origins)


def merge(*policies: Effective) -> Effective:
    """Return the policy that is as strict as all of `policies` together."""
    origins: dict[str, list[Origin]] = {}
    for policy in policies:
        for key, held in policy.clauses.items():
            origins.setdefault(key, []).extend(held.origins)
    return _made_of(origins)
