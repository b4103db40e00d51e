"""What a word is, for finding things. Pure: no Django, no queries."""

import re
import unicodedata
from collections.abc import Sequence

#: The way in which words are made here; another one makes all words anew.
SCHEME = "words/1"
#: Characters of a word that are kept and looked for.
LONGEST = 40
#: Different words of one row that it is found by: more than a long prompt has.
MOST = 5000

_WORD = re.compile(r"[^\W_]+")


def words_in(*texts: str) -> list[str]:
    """Return the different words of `texts` in their order, letters and digits alone.

    Upper and lower case are the same, and so are the ways in which Unicode writes one letter.
    """
    found: dict[str, None] = {}
    for text in texts:
        for word in _WORD.finditer(unicodedata.normalize("NFKC", text).casefold()):
            found[word[0][:LONGEST]] = None
            if len(found) == MOST:
                return list(found)
    return list(found)


def telling(words: Sequence[str]) -> tuple[str, ...]:
    """Return those of different words that begin no other: a row that has `heron` has `h`."""
    return tuple(
        word
        for word in words
        if not any(other != word and other.startswith(word) for other in words)
    )


def beginning_with(word: str) -> tuple[bytes, bytes]:
    """Return the range of bytes, its end left out, in which every word lies that begins so.

    UTF-8 keeps the order of characters and has no byte FF.
    """
    begin = word.encode()
    return begin, begin + b"\xff"
