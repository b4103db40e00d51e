"""The plan of an import: what the person decides, and each step with its reason."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from audit.rules import canonical, digest
from registry.models import Team


@dataclass(frozen=True)
class Wish:
    """What the importing person decides, because no source says it.

    `units` maps a metric, or "suite/metric", to the unit that the person confirms; `lower` names
    the metrics of which less is better. Classification and jurisdiction are those of datasets
    that are not registered yet. `ran_at` is when runs ran whose source does not say it.
    """

    team: Team
    units: Mapping[str, str] = field(default_factory=dict)
    lower: frozenset[str] = frozenset()
    classification: str = ""
    jurisdiction: str = ""
    ran_at: datetime | None = None

    def unit_of(self, suite: str, metric: str) -> str | None:
        """Return the confirmed unit of a metric, or None."""
        return self.units.get(f"{suite}/{metric}", self.units.get(metric))


@dataclass(frozen=True)
class Step:
    """One line of a plan: `verb` is create, change, link, skip or conflict."""

    verb: str
    noun: str
    name: str
    because: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What an import does, or did."""

    kind: str
    source: str
    team: str
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The digest of the plan; it is the same as long as nothing it rests on changed."""
        return digest(canonical(asdict(self)))

    @property
    def writes(self) -> bool:
        """Whether there is anything to write."""
        return any(step.verb in ("create", "change") for step in self.steps)

    def as_document(self) -> dict:
        """Return the plan as a JSON document, with the count of each verb."""
        counts = dict.fromkeys(("create", "change", "link", "skip", "conflict"), 0)
        for step in self.steps:
            counts[step.verb] += 1
        return {**asdict(self), "counts": counts, "digest": self.digest}
