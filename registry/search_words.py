"""Keeping the words that rows are found by: in the change that saves a row, or all of them anew.

What a release is found by stands on its use case too: a row whose words come to differ has the
words of those that borrow from it made anew.
"""

from collections.abc import Iterable, Iterator
from functools import cache

from django.db import connection, models, transaction

from audit import Change
from audit.models import Head
from registry.models import SearchedNoun, SearchWord
from registry.search import Source, sources
from registry.words import SCHEME, words_in

#: Rows that are read at a time.
CHUNK = 100


def keep(change: Change) -> None:
    """Make the words of what a change saved agree with it."""
    for source in sources:
        for keys in _parts(sorted(change.saved.get(source.noun, ()), key=str)):
            if differing := _write(source, keys):
                for borrower, path in _borrowers(source.noun):
                    rows = borrower.noun._base_manager.filter(**{f"{path}__in": differing})
                    for borrowing in _parts(rows.values_list("pk", flat=True)):
                        _write(borrower, borrowing)


def catch_up(**kwargs) -> None:
    """Make the words anew of every noun whose words were made in another way."""
    tables = set(connection.introspection.table_names())
    for source in sources:
        if not {SearchedNoun._meta.db_table, source.noun._meta.db_table} <= tables:
            continue  # migrated only part of the way
        made_of = " ".join((SCHEME, *source.words, *source.called.split()))
        if not SearchedNoun.objects.filter(noun=source.label, made_of=made_of).exists():
            rebuild(source)
            SearchedNoun.objects.update_or_create(noun=source.label, defaults={"made_of": made_of})


@transaction.atomic
def rebuild(source: Source) -> None:
    """Make the words of every row of a noun anew; changes wait meanwhile."""
    list(Head.objects.select_for_update(no_key=True))
    SearchWord.objects.filter(noun=source.label).delete()
    rows = source.noun._base_manager.order_by("pk")
    last = None
    while True:
        page = rows if last is None else rows.filter(pk__gt=last)
        keys = list(page.values_list("pk", flat=True)[:CHUNK])
        if not keys:
            return
        last = keys[-1]
        _add(source, _read(source, keys))


def _write(source: Source, keys: list) -> list:
    """Write the words of these rows; return the keys of those that had others before."""
    wanted, kept = _read(source, keys), {}
    stored = SearchWord.objects.filter(noun=source.label, key__in=wanted)
    for pk, key, word in stored.values_list("pk", "key", "word"):
        kept.setdefault(key, {})[bytes(word)] = pk
    stale, missing, differing = [], {}, []
    for key, words in wanted.items():
        before = kept.get(key, {})
        gone, new = before.keys() - words, words - before.keys()
        stale += [before[word] for word in gone]
        missing[key] = new
        if before and (gone or new):
            differing.append(key)
    if stale:
        SearchWord.objects.filter(pk__in=stale).delete()
    _add(source, missing)
    return differing


def _add(source: Source, wanted: dict[str, set[bytes]]) -> None:
    rows = [
        SearchWord(noun=source.label, key=key, word=word)
        for key, words in wanted.items()
        for word in sorted(words)
    ]
    SearchWord.objects.bulk_create(rows)


def _read(source: Source, keys: Iterable) -> dict[str, set[bytes]]:
    """Return the words of each row, by its key; a field of many rows counts with all of them."""
    texts: dict[str, dict[str, None]] = {}
    rows = source.noun._base_manager.filter(pk__in=keys).order_by("pk")
    for pk, *values in rows.values_list("pk", *source.words):
        found = texts.setdefault(source.key(pk), {source.called: None})
        found.update(dict.fromkeys(str(value) for value in values if value))
    return {key: {word.encode() for word in words_in(*found)} for key, found in texts.items()}


def _parts(keys: Iterable) -> Iterator[list]:
    keys = list(keys)
    for begin in range(0, len(keys), CHUNK):
        yield keys[begin : begin + CHUNK]


@cache
def _borrowers(noun: type[models.Model]) -> list[tuple[Source, str]]:
    """Return (source, path to `noun`) of those with a word that stands on a row of `noun`."""
    found = {}
    for source in sources:
        for words in source.words:
            path, _, _ = words.rpartition("__")
            if path and _at(source.noun, path) is noun:
                found[source.label, path] = (source, path)
    return list(found.values())


def _at(noun: type[models.Model], path: str) -> type[models.Model]:
    for name in path.split("__"):
        noun = noun._meta.get_field(name).related_model
    return noun
