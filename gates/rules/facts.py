"""What requirements are judged by, as plain values: evidence, scores, metadata, verifications."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True)
class Requirement:
    """One thing that a gate asks for; `terms` are described in `gates.shipped`."""

    gate: str
    code: str
    type: str
    sentence: str
    terms: Mapping
    guidance: str = ""
    guidance_url: str = ""


@dataclass(frozen=True)
class Evidence:
    """An evidence item as a rule sees it. `taken_in` is whether the promotion rests on it."""

    id: str
    kind: str
    title: str
    verdict: str
    standing: str
    digest: str
    author: str
    created_at: datetime
    expires_at: datetime
    taken_in: bool = True
    withdrawn_at: datetime | None = None
    #: What a rollback plan puts back: a release digest, "switch_off", or "".
    rollback: str = ""
    #: Whether it has runs and none of them is complete.
    partial: bool = False
    #: Why one of its files is held, as a sentence; evidence that nobody may read meets nothing.
    held: str = ""


@dataclass(frozen=True)
class Score:
    """One figure of a run on the release or on its version. It counts once it is accepted."""

    metric: int
    run: int
    item: str
    text: str
    value: Decimal
    subject: str  # "release" or "version"
    ran_at: datetime
    expires_at: datetime
    complete: bool = True
    accepted: bool = True
    taken_in: bool = True
    withdrawn: bool = False
    #: Whether the requirement lets a partial run speak.
    partial_allowed: bool = False

    @property
    def counts(self) -> bool:
        """Whether the figure speaks, for or against."""
        whole = self.complete or self.partial_allowed
        return self.accepted and whole and not self.withdrawn

    @property
    def called(self) -> str:
        """The run in words: "run 4", or "partial run 4"."""
        return f"run {self.run}" if self.complete else f"partial run {self.run}"

    @property
    def order(self) -> tuple[datetime, int]:
        """Newest last; runs of one instant in the order they were given."""
        return self.ran_at, self.run


@dataclass(frozen=True)
class Demand:
    """A score that the use case demands."""

    metric: int
    name: str
    threshold: Decimal
    higher_is_better: bool
    unit: str = ""

    def met_by(self, value: Decimal) -> bool:
        """Whether `value` is on the right side of the threshold, or on it."""
        return value >= self.threshold if self.higher_is_better else value <= self.threshold

    @property
    def bound(self) -> str:
        """The threshold in words: "at least 0.9"."""
        side = "at least" if self.higher_is_better else "at most"
        return f"{side} {self.threshold.normalize():f}{f' {self.unit}' if self.unit else ''}"


@dataclass(frozen=True)
class Known:
    """One fact of the minimum metadata: recorded, or what to do about it."""

    code: str
    label: str
    known: bool
    fix: str = ""


@dataclass(frozen=True)
class Verified:
    """The last recorded verification of one scope."""

    finished_at: datetime
    position: int
    #: (row key, sentence) of each discrepancy; an empty key concerns the log itself.
    broken: tuple[tuple[str, str], ...] = ()
    incomplete: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """All that the requirements of one promotion are judged by."""

    risk_tier: str
    data_classification: str
    evidence: tuple[Evidence, ...] = ()
    scores: tuple[Score, ...] = ()
    demands: tuple[Demand, ...] = ()
    metadata: Mapping[str, Known] = field(default_factory=dict)
    lineage_gaps: tuple[str, ...] = ()
    #: Digests of releases that rollback plans put back and that are approved there now.
    approved_releases: frozenset[str] = frozenset()
    #: The last verification of the record, and the last that read every evidence file.
    record_verified: Verified | None = None
    evidence_verified: Verified | None = None
    #: Keys of the rows that must be sound: the release with what it is made of and rests on.
    rows: frozenset[str] = frozenset()
    evidence_rows: frozenset[str] = frozenset()
    #: Number of the newest change to those rows; an older verification did not see it.
    rows_position: int = 0
