"""What a file or a server says, in our words, whichever tool wrote it. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from audit.rules import canonical, digest, instant_text

#: Integers beyond this are not exact in every JSON reader; they are kept as text.
LARGEST_EXACT = 2**53
LONGEST_SLUG = 50


@dataclass(frozen=True)
class Score:
    """One figure as its source spells it; `unit` is empty unless the source itself says it."""

    metric: str
    text: str
    filter: str = ""
    subset: str = ""
    unit: str = ""
    #: The bounds where it may well be; no source that is imported says how sure it is.
    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class Run:
    """Scores of one suite; `ran_at` is None where the source does not say when."""

    suite: str
    source: str
    scores: tuple[Score, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    ran_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """The digest of what was measured, units aside: the same figures are given once.

        Neither is the file's name part of it: a file that was renamed says nothing new.
        """
        figures = sorted((s.metric, s.filter, s.subset, s.text) for s in self.scores)
        return digest(canonical([self.suite, figures, self.config]))


@dataclass(frozen=True)
class Data:
    """A dataset that a version names; what is empty is not said."""

    name: str
    version: str = ""
    role: str = "training"
    digest: str = ""
    source: str = ""
    classification: str = ""
    note: str = ""


@dataclass(frozen=True)
class Base:
    """What a version was made from; all but its name is empty where it is not said."""

    name: str
    version: str = ""
    identifier: str = ""
    weights_digest: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name, self.version)))


@dataclass(frozen=True)
class Version:
    """One version of a model. `makers` are names to look for, best first."""

    name: str
    identifier: str = ""
    makers: tuple[str, ...] = ()
    licence: str = ""
    card: str = ""
    weights_digest: str = ""
    bases: tuple[Base, ...] = ()
    relation: str = ""
    data: tuple[Data, ...] = ()
    runs: tuple[Run, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A model and its versions."""

    name: str
    description: str = ""
    versions: tuple[Version, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """All that one source says; `kind` is the tool's noun, `source` its name and digest."""

    kind: str
    source: str
    models: tuple[Model, ...]
    warnings: tuple[str, ...] = ()


def slug_of(name: str) -> str:
    """Return a name as it stands in addresses; one without any letter or digit gets a digest."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain.lower()).strip("-_")[:LONGEST_SLUG].strip("-_")
    return slug or f"unnamed-{digest(name.encode())[7:15]}"


def texts(value: Any) -> list[str]:
    """Return what is written as a text or as a list of texts; anything else in it is left out."""
    values = value if isinstance(value, list) else [value]
    return [str(v).strip() for v in values if isinstance(v, str | int | Decimal) and str(v).strip()]


def mapping(value: Any) -> dict:
    """Return a mapping as it is, and nothing for what is none."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict]:
    """Return the mappings of a list; a single one is a list of itself."""
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, dict)]


def kept(value: Any) -> Any:
    """Return a value as a document can keep it: numbers with a fraction and dates as texts."""
    match value:
        case dict():
            return {str(key): kept(item) for key, item in value.items()}
        case list() | tuple():
            return [kept(item) for item in value]
        case bool() | None | str():
            return value
        case int():
            return value if abs(value) <= LARGEST_EXACT else str(value)
        case datetime():
            return instant_text(value) if value.tzinfo else value.isoformat()
        case date():
            return value.isoformat()
    return str(value)
