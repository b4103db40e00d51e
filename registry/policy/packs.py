"""What a YAML document says of its pack, beside the clauses: which one, what it binds, and notes.

pack:
  slug: customer-data
  name: Customer data
  layer: domain
  use_cases: [claims-triage]
clauses: …
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from registry.policy.merging import LAYERS
from registry.policy.reading import Problem

#: Longer names would not fit their columns.
MOST_TEXT = {"name": 200, "jurisdiction": 20, "description": 2000, "notes": 5000}
MOST_USE_CASES = 500
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,50}")


@dataclass(frozen=True)
class About:
    """A pack as a document describes it; None where the document says nothing."""

    slug: str
    name: str | None = None
    layer: str | None = None
    jurisdiction: str | None = None
    description: str | None = None
    use_cases: tuple[str, ...] | None = None
    notes: str | None = None

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the pack that the document says, its slug and layer aside."""
        named = {"name": self.name, "description": self.description}
        return {name: value for name, value in named.items() if value is not None}


def read_pack(
    document: Mapping[str, Any], lines: Mapping[str, int] | None = None
) -> tuple[About | None, list[Problem]]:
    """Return what a document says of its pack, or None without a slug, and every problem.

    `lines` come from `read_yaml`.
    """
    reader = _Reader(document, lines or {})
    return reader.about(), reader.problems


class _Reader:
    def __init__(self, document: Mapping[str, Any], lines: Mapping[str, int]):
        self.document, self.lines = document, lines
        self.problems: list[Problem] = []

    def tell(self, sentence: str, path: str) -> None:
        self.problems.append(Problem(sentence, line_of(self.lines, path)))

    def about(self) -> About | None:
        pack = self.document.get("pack")
        if not isinstance(pack, Mapping):
            self.tell("Name the pack: under pack, its slug at least.", "pack")
            return None
        fields: dict[str, Callable[[str, Any], Any]] = {
            "slug": self._slug,
            "name": self._text,
            "layer": self._layer,
            "jurisdiction": self._text,
            "description": self._text,
            "use_cases": self._use_cases,
        }
        for name in pack:
            if name not in fields:
                self.tell(f"pack: {name} is not known here.", f"pack/{name}")
        said = {name: read(name, pack[name]) for name, read in fields.items() if name in pack}
        if self.document.get("notes") is not None:
            said["notes"] = self._text("notes", self.document["notes"], "notes")
        if "slug" not in pack:
            self.tell("Name the pack: give its slug.", "pack")
        self._fitting(said)
        return About(**said) if said.get("slug") else None

    def _fitting(self, said: dict) -> None:
        layer, jurisdiction = said.get("layer"), said.get("jurisdiction")
        if layer == "jurisdiction" and not jurisdiction:
            self.tell("A pack of a jurisdiction names it.", "pack/layer")
        if layer and layer != "jurisdiction" and jurisdiction:
            self.tell("Only a pack of a jurisdiction names one.", "pack/jurisdiction")

    def _slug(self, name: str, value: Any) -> str | None:
        if isinstance(value, str) and SLUG.fullmatch(value):
            return value
        self.tell("slug: Give letters, digits, hyphens and underscores, 50 at most.", "pack/slug")
        return None

    def _text(self, name: str, value: Any, path: str = "") -> str | None:
        path = path or f"pack/{name}"
        if value is None:
            return ""
        if not isinstance(value, str):
            self.tell(f"{name}: Give a text.", path)
            return None
        if len(value) > MOST_TEXT[name]:
            self.tell(f"{name}: Give at most {MOST_TEXT[name]} characters.", path)
            return None
        return value.strip()

    def _layer(self, name: str, value: Any) -> str | None:
        if value in LAYERS and isinstance(value, str):
            return value
        self.tell(f"layer: Give one of {', '.join(LAYERS)}.", "pack/layer")
        return None

    def _use_cases(self, name: str, value: Any) -> tuple[str, ...] | None:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.tell("use_cases: Give a list of slugs.", "pack/use_cases")
            return None
        if len(value) > MOST_USE_CASES:
            self.tell(f"use_cases: Give at most {MOST_USE_CASES}.", "pack/use_cases")
            return None
        return tuple(sorted(set(value)))


def line_of(lines: Mapping[str, int], path: str) -> int:
    """Return the line on which a path of a document stands, or what it stands in; 0 for none."""
    while path and path not in lines:
        path = path.rpartition("/")[0]
    return lines.get(path, 0)
