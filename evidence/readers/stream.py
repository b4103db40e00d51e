"""JSON of any size, read strictly and piece by piece; what is broken is named with its place.

Refused are duplicate keys, what is not JSON, what is not UTF-8, nesting that never ends, and one
value larger than 16 Mi characters. NaN and infinities, which tools do write, are read as such.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evidence.readers.result import Broken, Figure
from evidence.rules import is_storable

CHUNK = 256 * 1024
MEBIBYTE = 1024**2
#: Characters of one value that is read at once.
LONGEST = 16 * MEBIBYTE
#: Characters of all that is kept of one document.
MOST_KEPT = 32 * MEBIBYTE

_BLANK = re.compile(r"[ \t\r\n]*")
#: Where a text may have what no database keeps.
_DOUBTFUL = re.compile(r"\\u(?:0000|d[89a-f])", re.IGNORECASE)
_OF_NUMBERS = re.compile(r"[-+.\deE]*", re.ASCII)
_NOT_YET = object()


class _Twice(ValueError):
    """A key stands twice; without its place."""


def _unique(pairs: list[tuple[str, Any]]) -> dict:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        raise _Twice(next(key for key, _ in pairs if key in seen or seen.add(key)))
    return document


def _whole(text: str) -> int | float:
    # Longer ones take a time that grows with the square of their length.
    return int(text) if len(text) <= 32 else float(text)


DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=Figure, parse_int=_whole)


def decoded(text: str, line: int) -> Any:
    """Return the value that one line of JSON Lines holds. Raises `Broken` with its place."""
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Broken(
            f"Line {line} is not valid JSON: {error.msg}, in column {error.colno}."
        ) from None
    except _Twice as error:
        raise Broken(f"In line {line}, the key “{str(error)[:50]}” stands twice.") from None
    except RecursionError:
        raise Broken(f"Line {line} is nested too deeply.") from None


def has_doubtful(value: Any) -> bool:
    """Whether a value has a text that no database keeps; walked without recursion."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and not is_storable(item):
            return True
    return False


class Rows:
    """Takes in the items of a long list one by one; this one only counts them."""

    #: Whether items are wanted as values; else they are read over.
    wanted = False

    def __init__(self):
        self.count = 0

    def add(self, item: Any) -> None:
        """Take one item in; None when items are not wanted."""
        self.count += 1


class Stream:
    """One JSON document, from `read(size)` that gives bytes, as far as it is wanted."""

    def __init__(self, read: Callable[[int], bytes]):
        self._read = read
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("strict").decode
        self._text, self._at, self._ended = "", 0, False
        #: Lines before the text that is held, and characters of its first line before it.
        self._lines, self._column = 0, 0
        self._kept = 0
        #: Whether it goes on, after all that can be read, with bytes that are no text.
        self.is_rotten = False

    # What is held

    def _more(self, size: int = 0) -> bool:
        """Read on, letting go of what is behind; false at the end."""
        if self._ended:
            return False
        behind = self._text[: self._at]
        if lines := behind.count("\n"):
            self._lines += lines
            self._column = len(behind) - behind.rindex("\n") - 1
        else:
            self._column += len(behind)
        self._text, self._at = self._text[self._at :], 0
        data = self._read(size or CHUNK)
        self._ended = not data
        try:
            self._text += self._decode(data, final=self._ended)
        except UnicodeDecodeError as error:
            # What stands before it is read first: it may be all that is wanted.
            self._text += error.object[: error.start].decode()
            self.is_rotten = self._ended = True
        return True

    def broken(self, problem: str, at: int | None = None) -> Broken:
        """Return the refusal of what stands at a position of the text that is held."""
        at = self._at if at is None else at
        if self.is_rotten and (at >= len(self._text) or problem.startswith("unterminated")):
            problem, at = "a byte is not UTF-8 text", len(self._text)
        line = self._lines + self._text.count("\n", 0, at) + 1
        begun = self._text.rfind("\n", 0, at)
        column = at - begun if begun >= 0 else self._column + at + 1
        return Broken(
            f"It is not JSON that can be read: {problem}, in line {line}, column {column}."
        )

    def peek(self) -> str:
        """Return the next character that is not blank; nothing at the end."""
        while True:
            self._at = _BLANK.match(self._text, self._at).end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _take(self, wanted: str) -> str:
        found = self.peek()
        if not found:
            raise self.broken("it ends too early")
        if found not in wanted:
            raise self.broken(f"{' or '.join(wanted)} is expected, not {found!r}")
        self._at += 1
        return found

    # Values

    def _at_once(self) -> Any:
        """Return the object or list that begins here if all of it is near, else `_NOT_YET`."""
        while True:
            try:
                value, self._at = DECODER.raw_decode(self._text, self._at)
                return value
            except (json.JSONDecodeError, _Twice):
                pass
            if len(self._text) - self._at >= CHUNK or not self._more():
                return _NOT_YET

    def _scalar(self) -> Any:
        """Return the text, number or word that begins here, however far it goes."""
        while True:
            held = len(self._text) - self._at
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # What is read next may mend an end that is cut off, and nothing before it.
                cut = error.msg.startswith("Unterminated") or error.pos > len(self._text) - 16
                if self._ended or not cut:
                    raise self.broken(error.msg.lower(), error.pos) from None
            else:
                # A number may go on in what is not read yet.
                if self._ended or _OF_NUMBERS.match(self._text, end).end() < len(self._text):
                    self._at = end
                    return value
            if held > LONGEST:
                raise self.broken("one value is longer than 16 Mi characters")
            self._more(max(CHUNK, held))

    def members(self) -> Iterator[str]:
        """Yield each key of the object that begins here, standing before its value."""
        self._take("{")
        seen: set[str] = set()
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() not in ('"', ""):
                raise self.broken("a key in double quotes is expected")
            held, at = self._text, self._at
            key = self._scalar()
            if key in seen:
                raise self.broken(f"the key “{key[:50]}” stands twice", self._begun(held, at))
            seen.add(key)
            self._take(":")
            yield key
            if self._take(",}") == "}":
                return

    def items(self) -> Iterator[int]:
        """Yield the place of each item of the list that begins here, standing before it."""
        self._take("[")
        if self.peek() == "]":
            self._at += 1
            return
        place = 0
        while True:
            yield place
            place += 1
            if self._take(",]") == "]":
                return

    def skip(self) -> None:
        """Read over the value that begins here, of any size."""
        mark = self.peek()
        if not mark:
            raise self.broken("it ends too early")
        if mark not in "{[":
            self._scalar()
        elif self._at_once() is _NOT_YET:
            for _ in self.members() if mark == "{" else self.items():
                self.skip()

    def value(self, rows: Mapping[tuple, type[Rows]], into: dict | None = None, path=()) -> Any:
        """Return the value that begins here; long lists at the paths of `rows` become such.

        An object is built in `into`, so that what was read before a break is there after it.
        """
        mark = self.peek()
        if not mark:
            raise self.broken("it ends too early")
        if mark == "[" and path in rows:
            return self._rows(rows[path]())
        leads_to_rows = any(known[: len(path)] == path for known in rows)
        if mark not in "{[" or not leads_to_rows:
            found = self._near(mark)
            if found is not _NOT_YET:
                return found
        if mark == "[":
            return [self.value(rows, path=(*path, place)) for place in self.items()]
        built = {} if into is None else into
        for key in self.members():
            inner = {} if self.peek() == "{" else None
            if inner is not None:
                built[key] = inner
            found = self.value(rows, inner, (*path, key))
            built[key] = found
        return built

    def _begun(self, held: str, at: int) -> int:
        """Return where a value begins now that began at `at` of the text held then."""
        return at if self._text is held else 0

    def _near(self, mark: str) -> Any:
        """Return a value that is near and sound; one that is neither is walked by its parts."""
        held, at = self._text, self._at
        found = self._at_once() if mark in "{[" else self._scalar()
        if found is _NOT_YET:
            return found
        at = self._begun(held, at)
        self._kept += self._at - at
        if self._kept > MOST_KEPT:
            raise self.broken("it holds more than 32 Mi characters beside its samples")
        if _DOUBTFUL.search(self._text, at, self._at) and has_doubtful(found):
            if isinstance(found, str):
                raise self.broken("a text has a NUL or half of a surrogate pair", at)
            self._at = at
            return _NOT_YET
        return found

    def _rows(self, rows: Rows) -> Rows:
        for _ in self.items():
            if not rows.wanted:
                self.skip()
                rows.add(None)
                continue
            item = self._at_once() if self.peek() in "{[" else self._scalar()
            if item is _NOT_YET:
                kept, item = self._kept, self.value({})
                self._kept = kept
            rows.add(item)
        return rows
