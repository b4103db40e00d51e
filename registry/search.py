"""Finding things by what people remember of them: a name, an identifier, the head of a digest.

Each noun is one source. `registry.search_places` says in which nouns and where it is worth
looking; each of them costs one query for keys, however many rows there are, and one for the few
rows that are shown. What is found is shown only as far as the reader may see it. Apps above add
their nouns in `AppConfig.ready()`; `registry.search_words` keeps the words.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import BigIntegerField, Exists, Field, Model, OuterRef, Q, QuerySet, TextField
from django.db.models.fields import AutoFieldMixin
from django.db.models.functions import Cast

from audit.naming import conceal
from registry import search_places
from registry.models import (
    Dataset,
    DatasetVersion,
    Environment,
    EvaluationSuite,
    ModelVersion,
    PolicyPack,
    PolicyVersion,
    PromptTemplate,
    PromptVersion,
    Provider,
    RegisteredModel,
    Release,
    SearchWord,
    ServingEndpoint,
    Tool,
    UseCase,
)
from registry.words import beginning_with, telling, words_in

#: Rows of one noun that a page of answers names.
SHOWN = 5
#: Rows that are counted; beyond them it says "more than".
COUNTED = 50
#: Characters of a question; every name and digest is shorter.
LONGEST = 200
#: Words of a question that are looked for; each may cost a query.
MOST_WORDS = 8
SHORTEST = 2

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{6,64})")
_MARKED_DIGEST = re.compile(r"sha256:([0-9a-f]{1,64})")


@dataclass(frozen=True)
class Source:
    """One noun that is searched: each word of the question begins one in its `words` fields.

    `note` says in a few words which row it is. `late` names columns that are long and not shown.
    """

    noun: type[Model]
    words: tuple[str, ...]
    note: Callable[[Model], str] = lambda row: ""
    related: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    #: Relations to rows that a reader may not see: those are not named, and no word is theirs.
    named: tuple[str, ...] = ()
    #: A column with digests, written `sha256:…`.
    digest: str = ""
    #: What people call each row beside its number: words that every row is found by as well.
    called: str = ""
    #: The address by name of the list of all of them, for a noun that the admin does not list.
    listed: str = ""

    @property
    def label(self) -> str:
        """The name of the noun beside its words."""
        return self.noun._meta.label_lower

    def key(self, pk) -> str:
        """Return the key of a row as it stands beside its words: what `Cast` makes of it."""
        return str(self.noun._meta.pk.get_db_prep_value(pk, connection))

    @property
    def key_field(self) -> Field:
        """A field of the type that a key beside words is cast back to."""
        pk = self.noun._meta.pk
        return BigIntegerField() if isinstance(pk, AutoFieldMixin) else type(pk)()

    def keys(self, reader, wanted: Q, most: int) -> list:
        """Return the keys of the `most` newest rows of `wanted` that `reader` may see."""
        rows = self.noun.objects.visible_to(reader).filter(wanted)
        return list(rows.order_by("-pk").values_list("pk", flat=True)[:most])

    def rows(self, keys: list) -> list[Model]:
        """Return the rows of `keys`, newest first."""
        rows = self.noun.objects.filter(pk__in=keys).select_related(*self.related)
        return list(rows.defer(*self.late).order_by("-pk"))


@dataclass(frozen=True)
class Question:
    """What was asked: its words, and the digest that it may be the head of."""

    text: str
    words: tuple[str, ...]
    digest: str

    @property
    def asked(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.words or self.digest)

    @property
    def for_lists(self) -> str:
        """The same question for the search box of a noun's list."""
        return " ".join(self.words) or self.digest

    def of(self, asked: Iterable[Source]) -> dict[Source, Q]:
        """Return the condition on the rows of each source that may have an answer.

        At most one query for each word, and one more.
        """
        asked = list(asked)
        places = (
            search_places.places([source.label for source in asked], self.words)
            if self.words
            else {}
        )
        conditions = {}
        for source in asked:
            wanted = Q()
            if source.label in places:
                wanted = _having(source, self.words, places[source.label])
            if wanted := wanted | self._of_digest(source.digest):
                conditions[source] = wanted
        return conditions

    def _of_digest(self, column: str) -> Q:
        """Return the condition that `column` begins with the digest; empty for no digest.

        A range, since both databases read it from the index, whatever their collation.
        """
        if not (column and self.digest):
            return Q()
        return Q(**{f"{column}__gte": self.digest, f"{column}__lt": f"{self.digest}g"})


def _having(source: Source, words: Iterable[str], place: search_places.Place | None) -> Q:
    """Return the condition that a row has every word, given where to look."""
    wanted = Q()
    for word in words:
        begin, end = beginning_with(word)
        rows = SearchWord.objects.filter(noun=source.label, word__gte=begin, word__lt=end)
        if place is None or word != place.word:
            wanted &= Q(Exists(rows.filter(key=Cast(OuterRef("pk"), TextField()))))
        elif place.keys is None:
            wanted &= Q(pk__in=rows.values(row=Cast("key", source.key_field)))
        else:
            wanted &= Q(pk__in=place.keys)
    return wanted


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


def read(text: str, shortest: int = SHORTEST) -> Question:
    """Return the question that `text` asks; it has no words where it is too short to look for.

    The head of a digest may be copied from a page, shortened (`sha256:9f2c41…b07e`) or bare.
    """
    text = "".join(sign if sign.isprintable() else " " for sign in text[:LONGEST]).strip()
    head = text.lower().partition("…")[0]
    if marked := _MARKED_DIGEST.fullmatch(head):
        return Question(text, (), f"sha256:{marked[1]}")
    bare = _DIGEST.fullmatch(head)
    words = words_in(head if bare else text)[:MOST_WORDS] if len(text) >= shortest else ()
    return Question(text, telling(words), f"sha256:{bare[1]}" if bare else "")


def found(reader, question: Question) -> list[Group]:
    """Return what `reader` may see of every noun that matches, in the order of the sources."""
    groups = []
    for source, wanted in question.of(sources).items():
        if keys := source.keys(reader, wanted, COUNTED + 1):
            shown = source.rows(keys[:SHOWN])
            if source.named:
                conceal(shown, reader, *source.named)
            groups.append(Group(source, shown, len(keys)))
    return groups


def narrowed(rows: QuerySet, text: str, most: int | None) -> QuerySet | None:
    """Return the first `most` of `rows` that a list's search finds; None for a noun not searched.

    Their keys are looked for once, for the list counts its rows before it reads a page of them.
    Without `most` they are found as they are read.
    """
    source = next((source for source in sources if source.noun is rows.model), None)
    if source is None:
        return None
    wanted = read(text, shortest=1).of([source]).get(source)
    if wanted is None:
        return rows.none()
    if most is None:
        return rows.filter(wanted)
    keys = rows.filter(wanted).values_list("pk", flat=True)[:most]
    return rows.filter(pk__in=list(keys))


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
        ("use_case__slug", "use_case__name", "notes"),
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
        ("slug", "address", "served_release_id"),
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
    Source(
        PolicyPack,
        ("slug", "name", "description", "jurisdiction"),
        lambda row: f"{row.name}, {row.get_layer_display()}",
    ),
    Source(
        PolicyVersion,
        ("pack__slug", "pack__name", "notes"),
        lambda row: f"{'Published' if row.published_at else 'Draft'}. {row.notes}".strip(),
        ("pack",),
        ("content", "clauses"),
        digest="digest",
    ),
    Source(EvaluationSuite, ("slug", "name", "description"), lambda row: row.name),
    Source(Environment, ("slug", "name"), lambda row: row.name),
]
