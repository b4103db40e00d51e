"""What a pack tells, and as of when: the one frame that its documents are made in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from audit.excerpts import Extent
from evidence.models import EvidenceItem


@dataclass(frozen=True)
class View:
    """Who reads, and how far the record reached at the instant that the pack is of."""

    reader: Any
    covered: Extent

    @property
    def at(self) -> datetime:
        return self.covered.at

    @property
    def number(self) -> int:
        """The number of the last change that counts."""
        return self.covered.number

    def known(self, rows: QuerySet) -> QuerySet:
        """Return the rows of an append-only noun that were there by then."""
        return rows.filter(change__number__lte=self.number)

    def knows(self, row: Model | None) -> bool:
        """Whether a row of an append-only noun, read with its change, was there by then."""
        return row is not None and row.change.number <= self.number


@dataclass
class Told:
    """All that goes into a pack about one thing."""

    #: Name of a document, without its ending -> what it says.
    documents: dict[str, Any] = field(default_factory=dict)
    #: Path -> the sealed bytes that a digest was taken over.
    sealed: dict[str, str] = field(default_factory=dict)
    #: Evidence items by key, to take their files in.
    items: dict[str, EvidenceItem] = field(default_factory=dict)
    #: Rows whose entries are proved.
    keys: set[str] = field(default_factory=set)
    #: What is not in it, and why.
    left_out: list[dict[str, str]] = field(default_factory=list)

    def seal(self, folder: str, digest: str, content: str) -> str:
        """Take in sealed bytes under their digest; return where they are."""
        path = f"{folder}/{digest.removeprefix('sha256:')}.json"
        self.sealed[path] = content
        return path

    def note(self, rows: Iterable[Model]) -> None:
        """Have the entries about these rows proved."""
        self.keys.update(row.key for row in rows)

    def leave_out(self, what: str, why: str, **more: str) -> None:
        self.left_out.append({"what": what, "why": why, **more})
