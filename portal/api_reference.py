"""The description of the API (OpenAPI 3.1) in parts that a page can show. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: A type in words: pieces of (text, name of the schema it links to or nothing).
Words = tuple[tuple[str, str], ...]

_FORMATS = {
    "date-time": "instant (RFC 3339)",
    "date": "day",
    "uri": "address",
    "uuid": "UUID",
    "binary": "file",
}
_TYPES = {
    "integer": "whole number",
    "boolean": "true or false",
    "string": "text",
    "null": "nothing",
    "number": "number",
    "object": "object",
    "array": "list",
}
#: Values of a closed list that are named before they are counted.
LISTED = 20
#: Where answers go beyond what every operation shares.
_SHARED = range(400, 600)


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a schema; `where` is path, query or header, or empty."""

    name: str
    words: Words
    description: str = ""
    required: bool = False
    where: str = ""


@dataclass(frozen=True)
class Answer:
    """What an operation answers with a status, and examples as (summary, JSON)."""

    status: str
    meaning: str
    words: Words = ()
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Operation:
    """One method at one address."""

    anchor: str
    method: str
    path: str
    description: str
    parameters: tuple[Field, ...]
    body: tuple[tuple[str, Words], ...]
    answers: tuple[Answer, ...]
    problems: tuple[str, ...]
    curl: str


@dataclass(frozen=True)
class Schema:
    """One shape of a document that operations answer with."""

    name: str
    description: str
    words: Words
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Reference:
    """The whole API: operations by what they are about, problems, and shapes."""

    title: str
    description: str
    groups: tuple[tuple[str, tuple[Operation, ...]], ...]
    problems: tuple[Answer, ...]
    schemas: tuple[Schema, ...]


def read(document: Mapping[str, Any]) -> Reference:
    """Return all that an OpenAPI document says of operations, problems and schemas."""
    groups: dict[str, list[Operation]] = {}
    problems: dict[str, Answer] = {}
    for path, methods in sorted(document["paths"].items()):
        for method, operation in methods.items():
            tag = operation.get("tags", ["other"])[0]
            groups.setdefault(tag, []).append(_operation(document, method, path, operation))
            problems |= _problems(document, operation)
    schemas = document.get("components", {}).get("schemas", {})
    return Reference(
        document["info"]["title"],
        document["info"].get("description", ""),
        tuple((tag, tuple(found)) for tag, found in sorted(groups.items())),
        tuple(problems[status] for status in sorted(problems)),
        tuple(_schema(name, schema) for name, schema in sorted(schemas.items())),
    )


def _operation(document: Mapping, method: str, path: str, operation: Mapping) -> Operation:
    parameters = tuple(_parameter(one) for one in operation.get("parameters", ()))
    order = {"path": 0, "query": 1, "header": 2}
    parameters = tuple(
        sorted(parameters, key=lambda one: (order.get(one.where, 3), not one.required, one.name))
    )
    body = operation.get("requestBody", {}).get("content", {})
    answers = [
        _answer(document, status, answer)
        for status, answer in sorted(operation["responses"].items())
    ]
    return Operation(
        f"operation-{operation['operationId']}",
        method.upper(),
        path,
        operation.get("description", ""),
        parameters,
        tuple((kind, words_of(given.get("schema", {}))) for kind, given in body.items()),
        tuple(one for one in answers if not _shared(one.status)),
        tuple(one.status for one in answers if _shared(one.status)),
        curl(method, path, operation),
    )


def _shared(status: str) -> bool:
    return status.isdigit() and int(status) in _SHARED


def _problems(document: Mapping, operation: Mapping) -> dict[str, Answer]:
    return {
        status: _answer(document, status, answer)
        for status, answer in operation["responses"].items()
        if _shared(status)
    }


def _answer(document: Mapping, status: str, answer: Mapping) -> Answer:
    if "$ref" in answer:
        answer = document["components"]["responses"][_name(answer["$ref"])]
    words: Words = ()
    examples: list[tuple[str, str]] = []
    for kind in answer.get("content", {}).values():
        words = words_of(kind.get("schema", {}))
        examples += [
            (name, json.dumps(one.get("value"), ensure_ascii=False, indent=2))
            for name, one in kind.get("examples", {}).items()
        ]
    return Answer(status, answer.get("description", ""), words, tuple(examples))


def _parameter(parameter: Mapping) -> Field:
    return Field(
        parameter["name"],
        words_of(parameter.get("schema", {})),
        parameter.get("description", ""),
        bool(parameter.get("required")),
        parameter.get("in", ""),
    )


def _schema(name: str, schema: Mapping) -> Schema:
    required = schema.get("required", ())
    fields = tuple(
        Field(key, words_of(value), value.get("description", ""), key in required)
        for key, value in schema.get("properties", {}).items()
    )
    return Schema(name, schema.get("description", ""), words_of(schema), fields)


# Types in words


def words_of(schema: Mapping) -> Words:
    """Return a type in words, such as “list of Release”, with what each word leads to."""
    return tuple(_merged(_words(schema)))


def _words(schema: Mapping) -> Iterable[tuple[str, str]]:
    if "$ref" in schema:
        name = _name(schema["$ref"])
        yield name, name
        return
    choices = schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf")
    if choices:
        for place, one in enumerate(choices):
            if place:
                yield (" and " if "allOf" in schema else " or "), ""
            yield from _words(one)
        return
    if "enum" in schema:
        named = [str(one) for one in schema["enum"] if one not in ("", None)]
        more = f" and {len(named) - LISTED} more" if named[LISTED:] else ""
        yield f"one of {', '.join(named[:LISTED])}{more}", ""
        return
    kinds = schema.get("type", "")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    for place, kind in enumerate(kinds):
        if place:
            yield " or ", ""
        if kind == "array":
            yield "list of ", ""
            yield from _words(schema.get("items", {}))
        else:
            yield _plain(kind, schema), ""


def _plain(kind: str, schema: Mapping) -> str:
    if kind == "string" and schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if kind in ("integer", "number") and {"minimum", "maximum"} <= schema.keys():
        bounds = f"{_TYPES[kind]} from {schema['minimum']} to {schema['maximum']}"
        return f"{bounds}, else {schema['default']}" if "default" in schema else bounds
    return _TYPES.get(kind, "anything")


def _merged(pieces: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return pieces of which those without a link are joined."""
    found: list[tuple[str, str]] = []
    for text, link in pieces:
        if found and not link and not found[-1][1]:
            found[-1] = (found[-1][0] + text, "")
        else:
            found.append((text, link))
    return found


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


# An example for the shell


def curl(method: str, path: str, operation: Mapping) -> str:
    """Return a command that asks the operation, with its required parameters filled in."""
    asked = [one for one in operation.get("parameters", ()) if one.get("required")]
    for one in asked:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", f"<{one['name']}>")
    query = [one for one in asked if one["in"] == "query"]
    lines = ["curl --fail-with-body --silent --show-error"]
    if method.lower() == "get" and query:
        lines[0] += " --get"
    elif method.lower() != "get":
        lines[0] += f" --request {method.upper()}"
    lines.append('--header "Authorization: Bearer $GATEHOUSE_TOKEN"')
    for kind in list(operation.get("requestBody", {}).get("content", {}))[:1]:
        if kind == "multipart/form-data":
            lines.append('--form "file=@<file>"')
        else:
            lines += [f'--header "Content-Type: {kind}"', '--data-binary "@<file>"']
    lines += [f'--data-urlencode "{one["name"]}={_example(one)}"' for one in query]
    lines.append(f'"$GATEHOUSE_URL{path}"')
    return " \\\n  ".join(lines)


def _example(parameter: Mapping) -> str:
    values = parameter.get("schema", {}).get("enum")
    return str(values[0]) if values else f"<{parameter['name']}>"
