"""Evidence files in the form that the real tools write, made from nothing but our own words.

Whoever reads them with a reader of that tool finds what the evidence says: every figure in a run
is computed from the same samples that stand in its file.
"""

from dataclasses import dataclass

from django.core.files.base import ContentFile


@dataclass(frozen=True)
class Figure:
    """One measured figure as the file spells it: metric, text, standard error, sample count."""

    metric: str
    text: str
    stderr: str = ""
    samples: int | None = None


@dataclass(frozen=True)
class Made:
    """A file as somebody uploads it, with the figures that can be read from it."""

    name: str
    content: bytes
    figures: tuple[Figure, ...] = ()
    source: str = ""

    def upload(self) -> ContentFile:
        """Return it as the evidence verbs take uploads."""
        return ContentFile(self.content, name=self.name)
