"""From spans to calls of models: those that say which release or generation they belong to become
records, the others traffic that nobody can place. Pure.
"""

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from audit import Reason
from audit.rules import canonical, digest
from runtime.records.fields import AHEAD, BEHIND, FIELDS, LARGEST, MOST_NAMES, OUTCOME, Misread
from runtime.records.reading import Item
from runtime.traces import conventions
from runtime.traces.wire import Span

SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}", re.ASCII)
#: Characters of a service, provider or model as it calls itself.
NAME = 128


@dataclass(frozen=True)
class Traffic:
    """One call of a model that says neither release nor generation."""

    day: date
    at: datetime
    service: str
    provider: str
    model: str
    answered_by: str
    failed: bool
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    #: How many attributes with content were dropped.
    erased: int


@dataclass(frozen=True)
class Calls:
    """What the spans of one body are: records and traffic, and those that are neither."""

    items: tuple[Item, ...]
    traffic: tuple[Traffic, ...]
    #: Why spans were refused, in their order.
    refused: tuple[str, ...]


def calls(spans: Iterable[Span], router: str, environment: str, now: datetime) -> Calls:
    """Return what `spans` are, for a router (by its key) of `environment` at `now`.

    A span that calls no model is none of ours, and left out.
    """
    items: list[Item] = []
    traffic: list[Traffic] = []
    refused = []
    for span in spans:
        said = conventions.present(span.attributes)
        if not _calls_a_model(said):
            continue
        ours = _ours(span.resource, said)
        try:
            if conventions.RELEASE in ours or conventions.GENERATION in ours:
                items.append(_item(len(items) + 1, span, said, ours, (router, environment), now))
            else:
                traffic.append(_traffic(span, said, now))
        except Misread as wrong:
            refused.append(f"{wrong.field}: {wrong.sentence}")
    return Calls(tuple(items), tuple(traffic), tuple(refused))


def _calls_a_model(said: Mapping[str, Any]) -> bool:
    operation = said.get("gen_ai.operation.name")
    if operation is not None:
        return operation in conventions.OPERATIONS
    # Before operations had names.
    return bool(said.get("gen_ai.request.model") or said.get("gen_ai.response.model"))


def _ours(resource: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that are ours; a span's own win over those of its resource."""
    found = {name: value for name, value in said.items() if name in conventions.OURS}
    flag = {
        new: said[old] for old, new in conventions.FLAG.items() if old in said and new not in found
    }
    # Others have flags as well: ours is told by its set, which is a snapshot.
    try:
        FIELDS["digest"].read(flag.get("gatehouse.snapshot"))
    except Misread:
        flag = {}
    version = flag.get(conventions.GENERATION)
    if isinstance(version, str) and version.isascii() and version.isdigit() and len(version) < 10:
        flag[conventions.GENERATION] = int(version)
    of_resource = {
        name: value
        for name, value in resource.items()
        if name in conventions.OURS and name not in found and name not in flag
    }
    return found | flag | of_resource


def _times(span: Span, now: datetime) -> tuple[datetime, datetime]:
    """Return when a span began and ended. Raises `Misread`."""
    bounds = [int((now + by).timestamp()) * 10**9 for by in (-BEHIND, AHEAD)]
    if not bounds[0] <= span.end <= bounds[1]:
        sentence = (
            f"Spans end between {BEHIND.days} days ago and {AHEAD.seconds // 60} minutes from now: "
            "put the clock of what sends them right."
        )
        raise Misread(sentence, "end_time_unix_nano")
    if not 0 < span.start <= span.end or span.end - span.start > LARGEST * 10**6:
        raise Misread("A span begins before it ends.", "start_time_unix_nano")
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    began, ended = (epoch + timedelta(microseconds=at // 1000) for at in (span.start, span.end))
    return began, ended


# Records


def _item(
    line: int,
    span: Span,
    said: Mapping[str, Any],
    ours: Mapping[str, Any],
    of: tuple[str, str],
    now: datetime,
) -> Item:
    router, environment = of
    began, ended = _times(span, now)
    if not SPAN_ID.fullmatch(span.span_id):
        raise Misread("Give the id of the span: 8 bytes, not all 0.", "span_id")
    values: dict[str, Any] = {
        "id": record_id(span, router),
        "kind": OUTCOME,
        "router_seq": None,
        "occurred_at": ended,
        "began_at": began,
        "trace": _read("trace", span.trace_id, "trace_id"),
        "request": f"{span.trace_id}-{span.span_id}",
        "attempt": 1,
        "route": "",
        "environment": environment,
        "latency_ms": (span.end - span.start) // 10**6,
    }
    for name, value in ours.items():
        values[FIELDS[conventions.OURS[name]].column] = _read(conventions.OURS[name], value, name)
    if values["environment"] != environment:
        sentence = f"This router is one of {environment}; it records nothing elsewhere."
        raise Misread(sentence, "gatehouse.environment")
    erased = list(span.content)
    for name, called in conventions.GENERAL.items():
        if said.get(name) is None:
            continue
        try:
            values[FIELDS[called].column] = FIELDS[called].read(said[name])
        except Misread:
            erased.append(name)
    values["status"] = "failed" if span.failed or values.get("failure") else "served"
    if span.failed:
        values.setdefault("failure", "error")
    values["erased"] = sorted(erased)[:MOST_NAMES]
    return Item(line, str(values["id"]), values, digest(canonical(values)))


def _read(called: str, value: Any, name: str) -> Any:
    try:
        return FIELDS[called].read(value)
    except Misread as wrong:
        raise Misread(wrong.sentence, name) from None


def record_id(span: Span, router: str) -> uuid.UUID:
    """Return the id of a span's record: the same whenever it is sent again by that router.

    It is a UUID of version 7 of the instant at which the span ended.
    """
    named = hashlib.sha256(f"{router}:{span.trace_id}:{span.span_id}".encode()).digest()
    number = int.from_bytes(named[:16], "big") & ((1 << 76) - 1)
    number |= (span.end // 10**6) << 80 | 7 << 76
    return uuid.UUID(int=number & ~(3 << 62) | 2 << 62)


# What nobody can place


def _traffic(span: Span, said: Mapping[str, Any], now: datetime) -> Traffic:
    _, ended = _times(span, now)
    asked = _name(said.get("gen_ai.request.model"))
    answered = _name(said.get("gen_ai.response.model"))
    return Traffic(
        day=ended.date(),
        at=ended,
        service=_name(span.resource.get("service.name") or said.get("service.name")),
        provider=_name(said.get("gen_ai.provider.name")),
        model=asked or answered,
        answered_by=answered,
        failed=span.failed or bool(said.get("error.type")),
        tokens_in=_count(said.get("gen_ai.usage.input_tokens")),
        tokens_out=_count(said.get("gen_ai.usage.output_tokens")),
        tokens_cached=_count(said.get("gen_ai.usage.cache_read.input_tokens")),
        erased=len(span.content),
    )


def _name(value: Any) -> str:
    """Return what calls itself so, in characters that can be shown; empty for no text."""
    if not isinstance(value, str):
        return ""
    shown = (" " if unicodedata.category(one)[0] == "C" else one for one in value)
    return " ".join("".join(shown).split())[:NAME]


def _count(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= LARGEST else 0


def refusal(refused: Iterable[str], conflicts: Iterable[Reason]) -> Iterator[str]:
    """Yield each different reason for which spans were refused."""
    yield from dict.fromkeys((*refused, *(one.sentence for one in conflicts)))
