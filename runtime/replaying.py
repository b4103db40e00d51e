"""Trying kept facts against two documents: what would take another route, and what none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import Reason
from runtime import routing
from runtime.keeping import Kept, kept_for


@dataclass(frozen=True)
class Replayed:
    """Kept facts with where they go and would go; None is nowhere."""

    kept: Kept
    before: str | None
    after: str | None

    @property
    def verdict(self) -> str:
        """Whether the route stays, changes, would be refused, or is refused as before."""
        if self.after is None:
            return "refused_before" if self.before is None else "refused"
        return "same" if self.before == self.after else "moved"

    @property
    def breaks(self) -> bool:
        """Whether it is routed now, as is expected, and would not be."""
        return self.kept.expected == "routed" and self.verdict == "refused"


def replay(before: Mapping[str, Any], after: Mapping[str, Any], at: datetime) -> list[Replayed]:
    """Return how the kept facts of every use case in either document fare in both; one query."""
    kept = kept_for(before["routes"].keys() | after["routes"].keys())
    return [
        Replayed(one, _routed(before, one, at), _routed(after, one, at))
        for slug in sorted(kept)
        for one in kept[slug]
    ]


def _routed(document: Mapping[str, Any], kept: Kept, at: datetime) -> str | None:
    answer = routing.decide(document, kept.facts, at, generation=0, digest="")
    return answer["selected"]["deployment"] if answer["selected"] else None


def broken(found: Iterable[Replayed]) -> list[Reason]:
    """Return what stands in the way of a change that would refuse what is expected to be routed."""
    return [
        Reason(
            "REPLAY_REFUSED",
            f"{one.kept.use_case}: the test facts “{one.kept.name}” would be refused. Only an "
            "emergency goes on all the same.",
        )
        for one in found
        if one.breaks
    ]


def counted(found: Iterable[Replayed]) -> dict[str, int]:
    """Return how many fare in which way."""
    verdicts = [one.verdict for one in found]
    words = ("same", "moved", "refused", "refused_before")
    return {word: verdicts.count(word) for word in words}
