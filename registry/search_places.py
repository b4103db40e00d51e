"""Where it is worth looking for words: nouns that lack one are never asked, rare words are.

A database guesses badly how many rows have a word, and the wrong guess reads all of them. So it
is counted, as far as it matters, and each noun is then asked in the way that reads few.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from registry.models import SearchWord
from registry.words import beginning_with

#: Rows of a noun up to which a word is rare in it: they are read by their keys.
RARE = 500
#: Rows up to which those with a word are gathered first. Where every word is more common, rows are
#: read from the newest on, and enough of them are soon found.
GATHERED = 20_000


@dataclass(frozen=True)
class Place:
    """Where rows with all words are looked for: among those with the rarest of them.

    `keys` are these rows where they are few; None leaves them to the query.
    """

    word: str
    keys: frozenset[str] | None = None


def places(labels: list[str], words: Iterable[str]) -> dict[str, Place | None]:
    """Return by noun where to look for rows with all of `words`; nouns that lack one are left out.

    A noun is asked for words until one is rare in it: the longest first, as the likeliest. None
    says that every word is common in the noun. At most one query for each word, and one more.
    """
    found: dict[str, Place | None] = dict.fromkeys(labels)
    for word in sorted(words, key=len, reverse=True):
        common = [label for label, place in found.items() if place is None]
        if not common:
            break
        some = _some(common, word)
        for label in common:
            keys = some.get(label)
            if not keys:
                del found[label]
            elif len(keys) <= RARE:
                found[label] = Place(word, frozenset(keys))
    common = [label for label, place in found.items() if place is None]
    return found | (_rarest(common, words) if common else {})


def _some(labels: list[str], word: str) -> dict[str, list[str]]:
    """Return the keys of rows that have `word`, by noun: all of them, or more than `RARE`."""
    found: dict[str, list[str]] = {}
    for number, key in _of_each("key", RARE + 1, [(label, word) for label in labels]):
        found.setdefault(labels[number], []).append(key)
    return found


def _rarest(labels: list[str], words: Iterable[str]) -> dict[str, Place]:
    """Return the rarest word of each noun that has one worth gathering."""
    pairs = [(label, word) for label in labels for word in words]
    counts = {pairs[number]: rows for number, rows in _of_each("count(*)", GATHERED + 1, pairs)}
    rarest = {label: min(words, key=lambda word: counts[label, word]) for label in labels}
    return {label: Place(word) for label, word in rarest.items() if counts[label, word] <= GATHERED}


def _of_each(column: str, most: int, pairs: list[tuple[str, str]]) -> list[tuple]:
    """Return (number of the pair, `column`) of at most `most` words for each pair; one query.

    A pair is a noun and the beginning of a word.
    """
    table = connection.ops.quote_name(SearchWord._meta.db_table)
    asked = " UNION ALL ".join(
        f"SELECT {number}, {column} FROM (SELECT key FROM {table} "  # noqa: S608 - our own names
        "WHERE noun = %s AND word >= %s AND word < %s LIMIT %s) AS found"
        for number in range(len(pairs))
    )
    values = [(label, *beginning_with(word), most) for label, word in pairs]
    with connection.cursor() as cursor:
        cursor.execute(asked, sum(values, ()))
        return cursor.fetchall()
