"""Finding things by what people remember of them: a name, an identifier, the head of a digest.

Each noun is one source and costs one query, however many rows there are; what is found is shown
only as far as the reader may see it. Apps above add their nouns in `AppConfig.ready()`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

from django.db.models import Model, Q, QuerySet

from audit.naming import conceal
from registry.models import (
    Dataset,
    DatasetVersion,
    Environment,
    ModelVersion,
    PromptTemplate,
    PromptVersion,
    Provider,
    RegisteredModel,
    Release,
    ServingEndpoint,
    Tool,
    UseCase,
)

#: Rows of one noun that a page of answers names.
SHOWN = 5
#: Rows that are counted; beyond them it says "more than".
COUNTED = 50
#: Characters of a question; every name and digest is shorter.
LONGEST = 200
#: Words of a question that are looked for; each is one more reading of every row.
MOST_WORDS = 8
SHORTEST = 2

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})")
_MARKED_DIGEST = re.compile(r"sha256:([0-9a-f]{1,64})")


@dataclass(frozen=True)
class Source:
    """One noun that is searched: each word of the question is in one of its `words` fields.

    `note` says in a few words which row it is. `late` names columns that are long and not shown.
    """

    noun: type[Model]
    words: tuple[str, ...]
    note: Callable[[Model], str] = lambda row: ""
    related: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    #: Relations to rows that the reader may not see: these are not named, nor found by.
    named: tuple[str, ...] = ()
    #: A column with digests, written `sha256:…`.
    digest: str = ""

    def rows(self, reader, question: "Question") -> QuerySet | None:
        """Return the matching rows that `reader` may see, newest first; None if there are none."""
        seen = {
            name: Q(
                **{
                    f"{name}__in": self.noun._meta.get_field(name)
                    .related_model.objects.visible_to(reader)
                    .order_by()
                }
            )
            for name in self.named
        }
        wanted = question.of_words(self.words, seen) | question.of_digest(self.digest)
        if not wanted:
            return None
        rows = self.noun.objects.visible_to(reader).filter(wanted)
        return rows.select_related(*self.related).defer(*self.late).order_by("-pk")


@dataclass(frozen=True)
class Question:
    """What was asked: its words, and the digest that it may be the head of."""

    text: str
    words: tuple[str, ...]
    digest: str

    @property
    def for_lists(self) -> str:
        """The same question for the search box of a noun's list."""
        return " ".join(self.words) or self.digest

    def of_words(self, fields: Iterable[str], seen: Mapping[str, Q] | None = None) -> Q:
        """Return the condition that every word is somewhere in `fields`; empty for no words.

        `seen` gives, by the relation that a field begins with, the rows that count.
        """
        guards = seen or {}
        each = (
            reduce(
                or_,
                (
                    Q(**{f"{field}__icontains": word}) & guards.get(field.partition("__")[0], Q())
                    for field in fields
                ),
            )
            for word in self.words
        )
        return reduce(and_, each, Q())

    def of_digest(self, column: str) -> Q:
        """Return the condition that `column` begins with the digest; empty for no digest.

        A range, since both databases read it from the index, whatever their collation.
        """
        if not (column and self.digest):
            return Q()
        return Q(**{f"{column}__gte": self.digest, f"{column}__lt": f"{self.digest}g"})


@dataclass(frozen=True)
class Group:
    """What was found of one noun: the first rows, and how many there are, up to `COUNTED`."""

    source: Source
    rows: list[Model]
    number: int

    @property
    def more(self) -> int:
        """How many were counted beside the rows shown."""
        return min(self.number, COUNTED) - len(self.rows)

    @property
    def beyond(self) -> bool:
        """Whether there are more than were counted."""
        return self.number > COUNTED


def read(text: str) -> Question:
    """Return the question that `text` asks; it has no words where it is too short to look for.

    The head of a digest may be copied from a page, shortened (`sha256:9f2c41…b07e`) or bare.
    """
    text = "".join(sign if sign.isprintable() else " " for sign in text[:LONGEST]).strip()
    head = text.lower().partition("…")[0]
    if marked := _MARKED_DIGEST.fullmatch(head):
        return Question(text, (), f"sha256:{marked[1]}")
    bare = _DIGEST.fullmatch(head)
    if bare:
        return Question(text, (head,), f"sha256:{bare[1]}")
    return Question(text, tuple(text.split())[:MOST_WORDS] if len(text) >= SHORTEST else (), "")


def found(reader, question: Question) -> list[Group]:
    """Return what `reader` may see of every noun that matches, in the order of the sources."""
    groups = []
    for source in sources:
        rows = source.rows(reader, question)
        if rows is not None and (some := list(rows[: COUNTED + 1])):
            shown = some[:SHOWN]
            if source.named:
                conceal(shown, reader, *source.named)
            groups.append(Group(source, shown, len(some)))
    return groups


def _of_version(version) -> str:
    maker = f", made by {version.maker.name}" if version.maker else ""
    return f"{version.identifier or 'no identifier'}{maker}"


def _of_prompt(template) -> str:
    return f"{template.name}, {template.get_kind_display()} prompt"


#: What is searched, in the order of the answer.
sources: list[Source] = [
    Source(UseCase, ("slug", "name", "purpose"), lambda row: row.name),
    Source(
        Release,
        ("use_case__slug", "use_case__name", "model_version__model__slug", "notes"),
        lambda row: f"made with {row.model_version}",
        ("use_case", "model_version__model"),
        ("content", "model_version__card", "model_version__content"),
        ("model_version",),
        digest="digest",
    ),
    Source(RegisteredModel, ("slug", "name", "description"), lambda row: row.name),
    Source(
        ModelVersion,
        ("model__slug", "model__name", "version", "identifier"),
        _of_version,
        ("model", "maker"),
        ("content", "card"),
        digest="digest",
    ),
    Source(
        ServingEndpoint,
        ("slug", "address", "version__model__slug", "served_release_id"),
        lambda row: f"{row.host.name}, {row.address}",
        ("host",),
        ("content",),
        ("version",),
        digest="digest",
    ),
    Source(PromptTemplate, ("slug", "name"), _of_prompt),
    Source(
        PromptVersion,
        ("template__slug", "template__name", "text", "notes"),
        lambda row: f"{row.template.get_kind_display()} prompt. {row.notes}".strip(),
        ("template",),
        ("content", "text"),
        digest="digest",
    ),
    Source(Dataset, ("slug", "name", "description"), lambda row: row.name),
    Source(
        DatasetVersion,
        ("dataset__slug", "dataset__name", "version"),
        lambda row: f"{row.get_classification_display()}, {row.jurisdiction}",
        ("dataset",),
        digest="digest",
    ),
    Source(Tool, ("slug", "name", "description"), lambda row: row.name),
    Source(Provider, ("slug", "name"), lambda row: row.name),
    Source(Environment, ("slug", "name"), lambda row: row.name),
]
