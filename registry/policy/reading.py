"""A policy version as people write it: YAML read safely, checked clause by clause, written again.

    clauses:
      residency.processing:
        value: [eu-central-1, fra-dc-1]
        why: Claims are processed where our contract with the insured says.

Every problem is told at once, with its line.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

import yaml

from registry.policy.clauses import KINDS, NotAValue, kind_of, rank

#: What a document may weigh and how deep it may nest: a full pack takes a tenth of either.
MOST_BYTES = 64 * 1024
MOST_DEPTH = 8
MOST_CLAUSES = 500
MOST_WORDS = 1000
#: Characters of an unknown clause that are compared with those that there are.
LONGEST_KEY = 100


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a document; `line` counts from 1, 0 is the whole of it."""

    sentence: str
    line: int = 0
    clause: str = ""

    def __str__(self) -> str:
        where = f"Line {self.line}: " if self.line else ""
        what = f"{self.clause}: " if self.clause else ""
        return f"{where}{what}{self.sentence}"


@dataclass(frozen=True)
class Known:
    """The slugs that a clause may name; `metrics` are (suite, metric) -> higher is better."""

    region: frozenset[str] = frozenset()
    provider: frozenset[str] = frozenset()
    use_case: frozenset[str] = frozenset()
    tool: frozenset[str] = frozenset()
    metrics: Mapping[tuple[str, str], bool] = field(default_factory=dict)

    def of(self, noun: str) -> frozenset[str]:
        """Return the slugs of a noun: region, provider, use case or tool."""
        return getattr(self, noun.replace(" ", "_"))


@dataclass(frozen=True)
class Read:
    """What a YAML text says: plain values, the line of each clause, and what could not be read."""

    document: dict[str, Any]
    lines: Mapping[str, int]
    problems: tuple[Problem, ...] = ()


def read_yaml(text: str) -> Read:
    """Parse a YAML document of one mapping, without aliases, tags or keys that stand twice."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        return _unread(f"The document is over {MOST_BYTES // 1024} KiB.")
    try:
        _refuse_depth(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except _Unreadable as error:
        return _unread(str(error), error.line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = f"This is not YAML: {error.problem or 'it ends too early'}."
        return _unread(said, mark.line + 1 if mark else 0)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return _unread(
            f"The character U+{ord(text[error.position]):04X} cannot stand in YAML. Take it out.",
            line,
        )
    except (yaml.YAMLError, ValueError) as error:
        return _unread(f"This is not YAML: {error}.".replace("\n", " "))
    if node is None:
        return _unread("The document is empty. Give clauses.")
    if not isinstance(node, yaml.MappingNode):
        return _unread("The document is not a mapping. Give clauses.", 1)
    reader = _Reader()
    return Read(reader.value(node, ()), reader.lines, tuple(reader.problems))


class _Unreadable(ValueError):
    def __init__(self, sentence: str, line: int):
        super().__init__(sentence)
        self.line = line


def _unread(sentence: str, line: int = 0) -> Read:
    return Read({}, {}, (Problem(sentence, line),))


def _refuse_depth(text: str) -> None:
    """Walk the events, which nest no deeper than the text, before anything is built of them."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise _Unreadable("Aliases are not read. Write the value out.", line)
        if getattr(event, "tag", None):
            raise _Unreadable("Tags are not read. Write a plain value.", line)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_DEPTH:
                raise _Unreadable(f"The document nests deeper than {MOST_DEPTH} levels.", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Reader:
    """Builds plain values from nodes and remembers on which line each clause stands."""

    def __init__(self):
        self.lines: dict[str, int] = {}
        self.problems: list[Problem] = []

    def value(self, node: yaml.Node, path: tuple[str, ...]) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*path, str(n))) for n, each in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: tuple[str, ...]) -> dict:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem("A key is a plain text.", line))
                continue
            key = key_node.value
            if key in found:
                self.problems.append(Problem(f"{key} stands twice.", line))
            self.lines["/".join((*path, key))] = line
            found[key] = self.value(value_node, (*path, key))
        return found


def _scalar(node: yaml.ScalarNode) -> Any:
    kind = node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return yaml.constructor.SafeConstructor.bool_values[node.value.lower()]
    if kind in ("int", "float"):
        try:
            number = Decimal(node.value)
        except InvalidOperation:
            return node.value  # 0x1f, 1_000, .inf: told as not the value that is wanted
        return int(number) if kind == "int" else number
    return node.value


# Checking


def validate(
    document: Mapping[str, Any], known: Known, lines: Mapping[str, int] | None = None
) -> tuple[dict[str, dict], list[Problem]]:
    """Return the clauses of a document as they are kept, and every problem with it.

    `document` holds `clauses`, a mapping of keys to {"value", "why"}; `known` are the slugs that
    may be named; `lines` come from `read_yaml`.
    """
    checker = _Checker(known, lines or {})
    clauses = document.get("clauses")
    for name in document:
        if name not in DOCUMENT_KEYS:
            checker.tell(f"{name} is not known here.", path=name)
    if not isinstance(clauses, dict):
        checker.tell("Give clauses, a mapping of clause names.", path="clauses")
        return {}, checker.problems
    if len(clauses) > MOST_CLAUSES:
        checker.tell(f"A pack has at most {MOST_CLAUSES} clauses.", path="clauses")
        return {}, checker.problems
    kept = {key: read for key, given in clauses.items() if (read := checker.clause(key, given))}
    checker.together(kept)
    problems = sorted(checker.problems, key=lambda one: one.line)
    return {key: kept[key] for key in sorted(kept, key=rank)}, problems


#: What a document may say beside its clauses; who loads a file reads them.
DOCUMENT_KEYS = ("pack", "clauses", "notes")


class _Checker:
    def __init__(self, known: Known, lines: Mapping[str, int]):
        self.known, self.lines = known, lines
        self.problems: list[Problem] = []

    def tell(self, sentence: str, clause: str = "", path: str = "") -> None:
        path = path or f"clauses/{clause}"
        while path and path not in self.lines:
            path = path.rpartition("/")[0]
        self.problems.append(Problem(sentence, self.lines.get(path, 0), clause))

    def clause(self, key: str, given: Any) -> dict | None:
        """Return one clause as it is kept, or None when it cannot be."""
        before = len(self.problems)
        kind = kind_of(key)
        if kind is None:
            self.tell(f"There is no such clause.{_meant(key)}", key)
            return None
        if not isinstance(given, dict):
            self.tell("Give value and why.", key)
            return None
        for name in given:
            if name not in ("value", "why"):
                self.tell(f"{name} is not known here.", key, f"clauses/{key}/{name}")
        why = given.get("why")
        if not isinstance(why, str) or not why.strip():
            self.tell("Say why, in a plain sentence.", key, f"clauses/{key}/why")
        elif len(why) > MOST_WORDS:
            self.tell(f"Say why in at most {MOST_WORDS} characters.", key, f"clauses/{key}/why")
        self._names(key, kind.names, kind.parts(key))
        value = None
        try:
            value = kind.read(given.get("value"))
        except NotAValue as error:
            self.tell(str(error), key, f"clauses/{key}/value")
        else:
            if kind.mentions:
                noun, mentioned = kind.mentions
                for slug in sorted(set(mentioned(value)) - self.known.of(noun)):
                    self.tell(f"There is no {noun} {slug}.", key, f"clauses/{key}/value")
        if len(self.problems) > before:
            return None
        return {"value": value, "why": " ".join(why.split())}

    def _names(self, key: str, names: Iterable[str], parts: tuple[str, ...]) -> None:
        if tuple(names) == ("suite", "metric"):
            if parts not in self.known.metrics:
                self.tell(f"No suite {parts[0]} has a metric {parts[1]}.", key)
            return
        for noun, slug in zip(names, parts, strict=True):
            if slug not in self.known.of(noun):
                self.tell(f"There is no {noun} {slug}.", key)

    def together(self, kept: Mapping[str, dict]) -> None:
        """Tell of clauses that can each be met, but not with each other."""
        for key, clause in kept.items():
            upper = kept.get(f"{key.removesuffix('.min')}.max", clause)
            if key.endswith(".min") and Decimal(clause["value"]) > Decimal(upper["value"]):
                self.tell(
                    f"At least {clause['value']} and at most {upper['value']} can never be "
                    "met together.",
                    key,
                )
            tool = key.removeprefix("tools.authorization.")
            tools = kept.get("tools", {}).get("value", {})
            if tool != key and tool in tools.get("deny", ()):
                self.tell("The tool is denied, so how it is authorised is never asked.", key)


# Writing


class _Dumper(yaml.SafeDumper):
    """Lists inside clauses on one line each, as people write them."""

    def represent_sequence(self, tag, sequence, flow_style=None):
        return super().represent_sequence(tag, sequence, flow_style=True)


def write_yaml(
    clauses: Mapping[str, Mapping[str, Any]], pack: Mapping | None = None, notes: str = ""
) -> str:
    """Return clauses as YAML that `read_yaml` reads again, with the pack's own words before."""
    document: dict[str, Any] = {"pack": dict(pack)} if pack else {}
    if notes:
        document["notes"] = notes
    document["clauses"] = {
        key: {"value": clause["value"], "why": clause["why"]} for key, clause in clauses.items()
    }
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=96)


def _meant(key: str) -> str:
    """Return the clause that `key` is nearly, as a question; empty where none is near."""
    known = [kind.key for kind in KINDS]
    near = get_close_matches(key[:LONGEST_KEY], known, n=1, cutoff=0.75)
    return f" Is {near[0]} meant?" if near else ""
