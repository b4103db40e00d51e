"""How a registered thing stands: in use, deprecated or retired, and what that means. Pure."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.refusals import Reason
from registry.rules import circle

IN_USE, DEPRECATED, RETIRED = "in_use", "deprecated", "retired"
#: From best to worst: what is retired as a whole is retired in each of its versions.
ORDER = (IN_USE, DEPRECATED, RETIRED)
#: Verb -> the state that it declares.
DECLARES = {"deprecate": DEPRECATED, "retire": RETIRED, "reinstate": IN_USE}


@dataclass(frozen=True)
class Standing:
    """How one thing stands, since when, by whom and why.

    `successor` is what to take instead, at the end of a chain of successors; it is empty when
    none is named. `through` names what the thing belongs to, if that is what is out of use.
    """

    state: str = IN_USE
    reason: str = ""
    by: str = ""
    at: datetime | None = None
    successor: str = ""
    #: Its key and address; none for what the reader may not see.
    successor_id: int | None = None
    successor_url: str = ""
    #: Whether even the last successor is retired.
    successor_retired: bool = False
    through: str = ""

    @property
    def in_use(self) -> bool:
        """Whether nothing stands against naming it."""
        return self.state == IN_USE

    @property
    def instead(self) -> str:
        """What to take instead, as a sentence."""
        if self.successor_retired:
            return f"{self.successor} succeeds it and is retired too: take another one."
        if self.successor:
            return f"Take {self.successor} instead."
        return "No successor is named: take another one."


@dataclass(frozen=True)
class Named:
    """One thing that another names: the noun in words, its name, and how it stands."""

    noun: str
    name: str
    standing: Standing
    url: str = ""
    #: The field that names it.
    field: str = ""

    @property
    def sentence(self) -> str:
        """How it stands, and what to take instead."""
        with_it = f" with {self.standing.through}" if self.standing.through else ""
        return (
            f"The {self.noun} {self.name} is {self.standing.state}{with_it}. "
            f"{self.standing.instead}"
        )


def worse(one: Standing, other: Standing) -> Standing:
    """Return whichever stands worse; of equals the first."""
    return other if ORDER.index(other.state) > ORDER.index(one.state) else one


def retired_reasons(named: Iterable[Named]) -> list[Reason]:
    """Return a refusal for each retired thing among `named`: nothing new names it."""
    return [
        Reason("RETIRED", one.sentence, one.field) for one in named if one.standing.state == RETIRED
    ]


def deprecated_sentences(named: Iterable[Named]) -> list[str]:
    """Return a warning for each deprecated thing among `named`, which may still be named."""
    return [one.sentence for one in named if one.standing.state == DEPRECATED]


def last(start: Hashable, successors: Mapping) -> Any:
    """Return the end of the chain of successors that begins at `start`, or `start` itself."""
    seen = {start}
    while (following := successors.get(start)) is not None and following not in seen:
        start = following
        seen.add(start)
    return start


def declaring_problems(
    *,
    noun: str,
    name: str,
    state: str,
    now: str,
    successor: str = "",
    successors: Mapping[str, str] | None = None,
    same: bool = False,
) -> list[Reason]:
    """Judge whether a thing that stands as `now` can be declared to stand as `state`.

    `successors` maps the names of things out of use to their successors, this one's left out;
    `same` says that the standing declaration names this successor already.
    """
    if state == IN_USE:
        if now == IN_USE:
            return [Reason("IN_USE", f"The {noun} {name} is in use already.")]
        return []
    if state == now and same:
        return [Reason("NOTHING_NEW", f"The {noun} {name} is {now} already, with this successor.")]
    if not successor:
        return []
    if successor == name:
        return [Reason("SUCCESSOR", f"A {noun} does not succeed itself.", "successor")]
    if path := circle(name, {**(successors or {}), name: successor}):
        return [
            Reason(
                "SUCCESSOR_CIRCLE",
                f"The successors would lead back to where they began: {' → '.join(path)}. "
                "Name another successor.",
                "successor",
            )
        ]
    return []
