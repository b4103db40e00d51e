"""The YAML block at the head of a model card, read safely and within bounds. Pure."""

import re
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from evidence.imports.reading import DEEPEST, shape_problem, unreadable

LARGEST = 256 * 1024
LONGEST_NUMBER = 64
FENCE = re.compile(r"^---[ \t]*$", re.MULTILINE)


def split(text: str, name: str) -> tuple[str, str]:
    """Return a card's front matter and its Markdown; a card without any has an empty one.

    Raises `NotUnderstood` when the block is too long or does not end.
    """
    first = FENCE.match(text)
    if first is None:
        return "", text
    last = FENCE.search(text, first.end() + 1)
    if last is None:
        raise unreadable(
            f"The settings of “{name}” begin in line 1 and do not end: a line --- is missing."
        )
    block = text[first.end() : last.start()]
    if len(block.encode()) > LARGEST:
        raise unreadable(f"The settings of “{name}” are larger than 256 KiB.", "TOO_LARGE")
    return block, text[last.end() :].lstrip("\n")


def parsed(block: str, name: str) -> dict:
    """Return the settings of a block whose first line break ends line 1 of the file.

    Refused are invalid YAML, types beyond the plain ones, duplicate keys, anchors and aliases,
    and more than 32 levels, each with its line. Raises `NotUnderstood`.
    """
    loader = None
    try:
        loader = _Loader(block)
        value = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "its settings"
        raise unreadable(
            f"“{name}” has invalid YAML in {where}: {error.problem or error.context}. "
            "Correct it there; nothing was imported.",
            "YAML_INVALID",
        ) from None
    except yaml.reader.ReaderError as error:
        line = block[: error.position].count("\n") + 1
        raise unreadable(
            f"“{name}” has a character in line {line} that YAML does not know. Take it out.",
            "YAML_INVALID",
        ) from None
    finally:
        if loader is not None:
            loader.dispose()
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise unreadable(f"The settings of “{name}” are not a mapping of keys to values.")
    if problem := shape_problem(value):
        raise unreadable(f"“{name}” cannot be read: {problem}")
    return value


class _Loader(yaml.SafeLoader):
    """`safe_load` without aliases (few bytes that grow to gigabytes), depth and double keys."""

    depth = 0

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._refuse("anchors and aliases are not read; write the value out", event)
        self.depth += 1
        if self.depth > DEEPEST:
            self._refuse(f"nested more than {DEEPEST} levels deep", event)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    @staticmethod
    def _refuse(problem: str, event) -> None:
        raise yaml.constructor.ConstructorError(None, None, problem, event.start_mark)

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse("a key is a plain text", key)
            if key.value in seen:
                self._refuse(f"the key “{key.value[:50]}” stands twice", key)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def figure(self, node) -> Any:
        """A number with a fraction as it is spelt: a float would round it."""
        text = self.construct_scalar(node)
        try:
            return Decimal(text.replace("_", ""))
        except InvalidOperation:
            return text

    def whole(self, node) -> Any:
        # 1:59:59 and so on is a number to the base of 60, slow to work out when it is long.
        if len(node.value) > LONGEST_NUMBER:
            self._refuse("a number that is too long", node)
        return self.construct_yaml_int(node)

    def instant(self, node) -> Any:
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            return self.construct_scalar(node)  # such as 2026-02-30


_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.figure)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.whole)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.instant)
