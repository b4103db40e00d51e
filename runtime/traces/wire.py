"""OTLP as it comes over HTTP: from bytes, in either encoding, to spans; and answers back.

Of a span only what is read is taken out of the message: content never becomes a value of ours.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from runtime.traces.conventions import READ, is_content

PROTOBUF, JSON = "application/x-protobuf", "application/json"
#: Spans of one body, with the groups that they stand in.
MOST_SPANS = 10_000
#: Attributes and events of one span, and characters of a value, that are looked at.
MOST_ATTRIBUTES, MOST_EVENTS, LONGEST = 512, 256, 256
NO_PROTOBUF = "The body is no ExportTraceServiceRequest in protobuf."
#: The status of a span that failed.
FAILED = 2


class NotTraces(ValueError):
    """A body is no message of traces; the sentence says where."""


class TooManySpans(ValueError):
    """A body holds more spans than are taken at once."""


@dataclass(frozen=True)
class Span:
    """What is read of one span. Ids are in hexadecimal, times in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    start: int
    end: int
    failed: bool
    resource: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    #: Names of attributes that held content, on the span and on its events.
    content: tuple[str, ...] = ()


def spans(body: bytes, encoding: str) -> list[Span]:
    """Return the spans of a body. Raises `NotTraces` and `TooManySpans`."""
    if encoding == JSON:
        return list(_of_json(body))
    # Before it is a message: two bytes make a span of a hundred and more.
    _bound(body)
    return list(_of_protobuf(body))


# Protobuf

#: Where a message holds its groups: `resource_spans`, their `scope_spans`, and the spans of these.
LEVELS = (1, 2, 2)


def _bound(body: bytes) -> None:
    """Raise `TooManySpans` for a body of too many groups and spans, without reading them."""
    left = MOST_SPANS
    places = [(0, len(body), 0)]
    while places:
        at, end, level = places.pop()
        while at < end:
            key, at = _varint_at(body, at, end)
            kind = key & 7
            if kind == 0:
                _, at = _varint_at(body, at, end)
                continue
            length, at = _varint_at(body, at, end) if kind == 2 else ({1: 8, 5: 4}.get(kind), at)
            if length is None or at + length > end:
                raise NotTraces(NO_PROTOBUF)
            if kind == 2 and key >> 3 == LEVELS[level]:
                left -= 1
                if left < 0:
                    raise TooManySpans
                if level + 1 < len(LEVELS):
                    places.append((at, at + length, level + 1))
            at += length


def _varint_at(body: bytes, at: int, end: int) -> tuple[int, int]:
    found = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = body[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found, at
    raise NotTraces(NO_PROTOBUF)


def _of_protobuf(body: bytes) -> Iterator[Span]:
    message = ExportTraceServiceRequest()
    try:
        message.ParseFromString(body)
    except DecodeError:
        raise NotTraces(NO_PROTOBUF) from None
    for group in message.resource_spans:
        resource, _ = _kept(_pairs(group.resource.attributes))
        for scope in group.scope_spans:
            for one in scope.spans:
                attributes, content = _kept(_pairs(one.attributes))
                for event in one.events[:MOST_EVENTS]:
                    content += _kept(_pairs(event.attributes))[1]
                yield Span(
                    trace_id=one.trace_id.hex(),
                    span_id=one.span_id.hex(),
                    start=one.start_time_unix_nano,
                    end=one.end_time_unix_nano,
                    failed=one.status.code == FAILED,
                    resource=resource,
                    attributes=attributes,
                    content=tuple(dict.fromkeys(content)),
                )


def _pairs(attributes) -> Iterator[tuple[str, Any]]:
    return ((one.key, one.value) for one in attributes)


def _value(value) -> Any:
    """Return a value that is a text, number or truth, or a list of such; None for others."""
    if isinstance(value, dict):
        return _value_of_json(value)
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values[:MOST_ATTRIBUTES]]
    if kind in ("string_value", "int_value", "bool_value", "double_value"):
        return _short(getattr(value, kind))
    return None


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and value == int(value) else None
    return value[:LONGEST] if isinstance(value, str) else value


def _kept(pairs: Iterable[tuple[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """Return the attributes that are read, and the names of those that held content."""
    kept: dict[str, Any] = {}
    content = []
    for place, (name, value) in enumerate(pairs):
        if place == MOST_ATTRIBUTES:
            break
        if is_content(name):
            content.append(name)
        elif name in READ and name not in kept:
            kept[name] = _value(value)
    return kept, content


# JSON


def _of_json(body: bytes) -> Iterator[Span]:
    try:
        message = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise NotTraces(f"The body is no JSON that can be read: {error}"[:200]) from None
    left = MOST_SPANS
    for group, at in _each(message, "resourceSpans", "the body", MOST_SPANS):
        resource, _ = _kept(_attributes(_object(group, "resource", at), f"{at}.resource"))
        left -= 1
        for scope, within in _each(group, "scopeSpans", at, left):
            left -= 1
            for one, place in _each(scope, "spans", within, left):
                left -= 1
                yield _span(one, resource, place)


def _span(one: dict, resource: dict, at: str) -> Span:
    attributes, content = _kept(_attributes(one, at))
    events = _each(one, "events", at)
    for event, place in islice(events, MOST_EVENTS):
        content += _kept(_attributes(event, place))[1]
    return Span(
        trace_id=_text(one, "traceId", at).lower(),
        span_id=_text(one, "spanId", at).lower(),
        start=_number(one, "startTimeUnixNano", at),
        end=_number(one, "endTimeUnixNano", at),
        failed=_object(one, "status", at).get("code") in (FAILED, "STATUS_CODE_ERROR"),
        resource=resource,
        attributes=attributes,
        content=tuple(dict.fromkeys(content)),
    )


def _no_number(name: str):
    raise ValueError(f"{name} is no number of JSON.")


def _each(holder: Any, name: str, at: str, most: int | None = None) -> Iterator[tuple[dict, str]]:
    """Yield the objects of a list, each with where it stands. Raises `TooManySpans`."""
    if not isinstance(holder, dict):
        raise NotTraces(f"{at} is no object.")
    rows = holder.get(name)
    if rows is None:
        return
    if not isinstance(rows, list):
        raise NotTraces(f"{name} of {at} is no list.")
    if most is not None and len(rows) > most:
        raise TooManySpans
    for place, one in enumerate(rows):
        where = f"{name}[{place}]"
        if not isinstance(one, dict):
            raise NotTraces(f"{where} of {at} is no object.")
        yield one, where if at == "the body" else f"{at}.{where}"


def _object(holder: dict, name: str, at: str) -> dict:
    found = holder.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise NotTraces(f"{name} of {at} is no object.")
    return found


def _text(holder: dict, name: str, at: str) -> str:
    found = holder.get(name, "")
    if not isinstance(found, str):
        raise NotTraces(f"{name} of {at} is no text.")
    return found


def _number(holder: dict, name: str, at: str) -> int:
    """Return a whole number, which one encoder writes as a number and another as a text."""
    found = _whole(holder.get(name, 0))
    if found is None:
        raise NotTraces(f"{name} of {at} is no whole number.")
    return found


def _whole(found: Any) -> int | None:
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) < 20:
        return int(found)
    return found if type(found) is int else None


def _attributes(holder: dict, at: str) -> Iterator[tuple[str, Any]]:
    for one, place in _each(holder, "attributes", at):
        yield _text(one, "key", place), _object(one, "value", place)


def _value_of_json(value: dict) -> Any:
    for kind in ("stringValue", "boolValue", "doubleValue"):
        if kind in value:
            found = value[kind]
            return _short(found) if isinstance(found, str | bool | int | float) else None
    if "intValue" in value:
        return _whole(value["intValue"])
    values = value.get("arrayValue")
    rows = values.get("values") if isinstance(values, dict) else None
    if isinstance(rows, list):
        return [_value_of_json(one) for one in rows[:MOST_ATTRIBUTES] if isinstance(one, dict)]
    return None


# Answers


def answer(encoding: str, rejected: int = 0, sentence: str = "") -> bytes:
    """Return the answer to a body that was taken, all but `rejected` of its spans."""
    if encoding == JSON:
        # As protobuf's mapping has it: a number of 64 bits is a text.
        said = {"rejectedSpans": str(rejected), "errorMessage": sentence}
        return json.dumps({"partialSuccess": said} if sentence else {}).encode()
    message = ExportTraceServiceResponse()
    if sentence:
        message.partial_success.rejected_spans = rejected
        message.partial_success.error_message = sentence
    return message.SerializeToString()


#: Codes of `google.rpc.Status` by that of HTTP.
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 413: 3, 415: 3, 429: 8, 503: 14}


def status(encoding: str, http: int, sentence: str) -> bytes:
    """Return a `google.rpc.Status`, which tells why nothing was taken."""
    code = CODES.get(http, 13 if http >= 500 else 3)
    if encoding == JSON:
        return json.dumps({"code": code, "message": sentence}).encode()
    text = sentence.encode()
    # Field 1 is a number, field 2 a text with its length in groups of seven bits.
    return bytes((0x08, code, 0x12)) + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)
