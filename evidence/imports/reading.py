"""Bytes of somebody else's into text and values, bounded; what is refused says where and why."""

import json
from collections.abc import Iterable
from typing import Any

from audit import Reason
from audit.fields import parse_document
from audit.refusals import NotUnderstood
from evidence.imports.said import LARGEST_EXACT, Run
from evidence.rules import is_storable

MEBIBYTE = 1024**2
DEEPEST = 32
#: Figures in one card or file; each becomes a row while everybody else's writes wait.
MOST_SCORES = 1000


def unreadable(sentence: str, code: str = "NOT_READABLE") -> NotUnderstood:
    """Return the refusal of a file, for its reader to raise."""
    return NotUnderstood(Reason(code, sentence, "file"))


def refuse_too_many(runs: Iterable[Run], name: str) -> None:
    """Raise `NotUnderstood` when a file reports more figures than one import takes."""
    count = sum(len(run.scores) for run in runs)
    if count > MOST_SCORES:
        raise unreadable(
            f"“{name}” reports {count:,} figures; at most {MOST_SCORES:,} are taken at once. "
            "Split it.",
            "TOO_LARGE",
        )


def text_of(data: bytes, *, name: str, limit: int) -> str:
    """Return the text of a file of at most `limit` bytes in UTF-8. Raises `NotUnderstood`."""
    if len(data) > limit:
        raise unreadable(
            f"“{name}” is larger than {limit // MEBIBYTE} MiB, the most that is read.", "TOO_LARGE"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise unreadable(
            f"“{name}” is not UTF-8 text: see line {line}. Save it as UTF-8."
        ) from None
    if not is_storable(text):
        line = text[: text.index("\x00")].count("\n") + 1
        raise unreadable(f"“{name}” has a NUL character in line {line}. Take it out.")
    return text


def json_of(data: bytes, *, name: str, limit: int) -> dict:
    """Return the object that a JSON file holds, read strictly.

    Refused are duplicate keys, NaN, more than 32 levels, whole numbers beyond 2^53, NUL and half
    surrogate pairs. Raises `NotUnderstood`, with line and column where the text breaks off.
    """
    text = text_of(data, name=name, limit=limit)
    try:
        value = parse_document(text)
    except json.JSONDecodeError as error:
        raise unreadable(
            f"“{name}” is not valid JSON: {error.msg}, in line {error.lineno}, column "
            f"{error.colno}. Correct it there; nothing was imported."
        ) from None
    except ValueError as error:
        raise unreadable(f"“{name}” cannot be read: {error}") from None
    if problem := shape_problem(value):
        raise unreadable(f"“{name}” cannot be read: {problem}")
    if not isinstance(value, dict):
        raise unreadable(f"“{name}” is not a JSON object.")
    return value


def shape_problem(value: Any) -> str:
    """Return why a value is not kept, or nothing; walked without recursion."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            return f"It is nested more than {DEEPEST} levels deep."
        if isinstance(item, dict):
            waiting += [(key, depth) for key in item]
            waiting += [(inner, depth + 1) for inner in item.values()]
        elif isinstance(item, list):
            waiting += [(inner, depth + 1) for inner in item]
        elif isinstance(item, str) and not is_storable(item):
            return "It has characters that cannot be kept."
        elif isinstance(item, int) and abs(item) > LARGEST_EXACT:
            return f"It has the whole number {str(item)[:20]}…, beyond 2^53. Write it as text."
    return ""
