"""From the lines of a batch to records, or to what is wrong with each. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit import Reason
from audit.fields import parse_document
from audit.rules import canonical, digest
from runtime.records.fields import (
    AHEAD,
    BEHIND,
    FIELDS,
    OUTCOME,
    RAN,
    STATUSES,
    Misread,
    made_at,
)

MOST_ITEMS = 1000
MOST_BYTES = 1024**2
#: Bytes of one record; a real one has about a thousand.
LONGEST = 16 * 1024
#: Problems of one record that are told.
MOST_PROBLEMS = 10


@dataclass(frozen=True)
class Item:
    """One line: the record it is, or why it is none."""

    line: int
    #: What it calls itself, even if the rest cannot be read.
    id: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    payload_sha256: str = ""
    problems: tuple[Reason, ...] = ()


def items(lines: list[bytes], environment: str, now: datetime) -> Iterator[Item]:
    """Yield each line of a batch as it is read, for a router of `environment` at `now`."""
    for number, line in enumerate(lines, 1):
        yield _item(number, line, environment, now)


def _item(number: int, line: bytes, environment: str, now: datetime) -> Item:
    if len(line) > LONGEST:
        sentence = f"A record has at most {LONGEST} bytes; this one has {len(line)}."
        return Item(number, problems=(Reason("TOO_LONG", sentence),))
    try:
        given = parse_document(line.decode())
        if not isinstance(given, dict):
            raise ValueError("it is no object")
        payload = digest(canonical(given))
    except (TypeError, ValueError, RecursionError) as error:
        sentence = f"This is no JSON object that can be kept: {error}"[:300]
        return Item(number, problems=(Reason("NOT_JSON", sentence),))
    named = given.get("id")
    named = named[:36] if isinstance(named, str) else ""
    values, problems = _read(given, environment, now)
    if problems:
        return Item(number, named, problems=tuple(problems[:MOST_PROBLEMS]))
    return Item(number, named, values, payload)


def _read(given: dict, environment: str, now: datetime) -> tuple[dict[str, Any], list[Reason]]:
    values: dict[str, Any] = {}
    problems = [
        Reason("UNKNOWN_FIELD", "Records have no such field. Leave it out.", _short(name))
        for name in given
        if name not in FIELDS
    ]
    for name, known in FIELDS.items():
        value = given.get(name)
        if value is None:
            continue
        try:
            values[known.column] = known.read(value)
        except Misread as wrong:
            problems.append(Reason("NOT_READABLE", wrong.sentence, _short(wrong.field or name)))
    problems += [
        Reason("MISSING", f"Give {name}.", name)
        for name, known in FIELDS.items()
        if given.get(name) is None and (name == "status" or values.get("status") in known.needed)
    ]
    problems += _contradictions(values, environment, now)
    facts = given.get("facts")
    if isinstance(facts, dict) and facts.get("use_case", route := given.get("use_case")) != route:
        sentence = "The facts are about another use case than the record."
        problems.append(Reason("NOT_READABLE", sentence, "facts.use_case"))
    return values, problems


def _contradictions(values: dict, environment: str, now: datetime) -> Iterator[Reason]:
    kind, status = values.get("kind"), values.get("status")
    if kind and status and status not in STATUSES[kind]:
        sentence = f"The status of {kind} is one of {', '.join(STATUSES[kind])}."
        yield Reason("NOT_READABLE", sentence, "status")
    if status and status not in RAN and values.get("deployment"):
        yield Reason("NOT_READABLE", f"What was {status} went to no deployment.", "deployment")
    if kind == OUTCOME and "facts" in values:
        yield Reason("NOT_READABLE", "Facts belong to the record of the route.", "facts")
    if values.get("environment", environment) != environment:
        sentence = f"This router is one of {environment}; it records nothing elsewhere."
        yield Reason("ANOTHER_ENVIRONMENT", sentence, "environment")
    if "id" in values and not now - BEHIND <= made_at(values["id"]) <= now + AHEAD:
        sentence = (
            f"It was made at {made_at(values['id']):%Y-%m-%dT%H:%M:%SZ} by its id. Ids lie between "
            f"{BEHIND.days} days ago and {AHEAD.seconds // 60} minutes from now: put the clock of "
            "the router right."
        )
        yield Reason("CLOCK", sentence, "id")


def _short(name: str) -> str:
    return json.dumps(name[:100], ensure_ascii=True)[1:-1]
