"""What differs between two texts, line by line and inside changed lines word by word. Pure.

The texts are prompts: they are compared as they were written, and nothing in them is rendered.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

#: Unchanged lines that are kept on each side of a change.
CONTEXT = 3
#: Lines of both texts together; beyond them everything is shown as replaced, since the time it
#: takes to match them grows with the square.
MOST_LINES = 4000
#: Characters of changed lines, each line's times those of the one it became; beyond them whole
#: lines are shown, for the same reason.
MOST_WORK = 20_000_000
#: Less alike than this, two lines are a removal and an addition, not one line that changed.
ALIKE = 0.35

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True)
class Line:
    """A line of the difference: `kind` is same, added, removed or skipped.

    `old` and `new` are its numbers in either text; `parts` are (text, whether it is marked).
    """

    kind: str
    old: int | None
    new: int | None
    parts: tuple[tuple[str, bool], ...]


def lines(before: str, after: str) -> list[Line]:
    """Return the difference of two texts; unchanged stretches are folded, equal texts give []."""
    if before == after:
        return []
    old, new = before.splitlines(), after.splitlines()
    if len(old) + len(new) > MOST_LINES:
        return _replaced(old, new, 0, 0, marked=False)
    found: list[Line] = []
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    work = sum(
        len(was) * len(now)
        for tag, a, a_end, b, b_end in blocks
        if tag == "replace"
        for was, now in zip(old[a:a_end], new[b:b_end], strict=False)
    )
    for place, (tag, a, a_end, b, b_end) in enumerate(blocks):
        if tag == "equal":
            found += _same(old[a:a_end], a, b, first=place == 0, last=place == len(blocks) - 1)
        else:
            found += _replaced(old[a:a_end], new[b:b_end], a, b, marked=work <= MOST_WORK)
    if not any(line.kind in ("added", "removed") for line in found):
        # Only the ends of lines differ, which no line shows.
        found.append(Line("skipped", None, None, (("Only the ends of lines differ.", False),)))
    return found


def _same(some: Sequence[str], a: int, b: int, *, first: bool, last: bool) -> list[Line]:
    """Return unchanged lines, of a long stretch only those next to a change."""
    shown = [
        Line("same", a + place + 1, b + place + 1, ((text, False),))
        for place, text in enumerate(some)
    ]
    head, tail = (0 if first else CONTEXT), (0 if last else CONTEXT)
    folded = len(shown) - head - tail
    if folded < 2:
        return shown
    said = Line("skipped", None, None, ((f"{folded} unchanged lines", False),))
    return [*shown[:head], said, *shown[len(shown) - tail :]]


def _replaced(
    old: Sequence[str], new: Sequence[str], a: int, b: int, *, marked: bool
) -> list[Line]:
    """Return removed lines and then the added ones; those that pair up are marked by words."""
    removed = [_whole(text) for text in old]
    added = [_whole(text) for text in new]
    if marked:
        for place, (was, now) in enumerate(zip(old, new, strict=False)):
            if pair := words(was, now):
                removed[place], added[place] = pair
    return [
        *(Line("removed", a + place + 1, None, parts) for place, parts in enumerate(removed)),
        *(Line("added", None, b + place + 1, parts) for place, parts in enumerate(added)),
    ]


def _whole(text: str) -> tuple[tuple[str, bool], ...]:
    return ((text, False),)


def words(was: str, now: str) -> tuple[tuple, tuple] | None:
    """Return the parts of two lines with the words that differ marked; None if too different."""
    old, new = _WORD.findall(was), _WORD.findall(now)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < ALIKE:
        return None
    before: list[tuple[str, bool]] = []
    after: list[tuple[str, bool]] = []
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        marked = tag != "equal"
        if a < a_end:
            before.append(("".join(old[a:a_end]), marked))
        if b < b_end:
            after.append(("".join(new[b:b_end]), marked))
    return tuple(before), tuple(after)
