"""The first generation's contract as an OpenAPI document, written out from the golden lists.

The notation: a field per word, ``name`` or ``name:type``, with ``!`` after the name of one that is required. Without a
type it is an id or another text that isn't empty; ``[type]`` is a list, ``[type]+`` one that isn't empty, ``=word`` a
constant, ``A|B`` either of two, and whatever else isn't in `TYPES` is a schema or a closed set.
"""

from __future__ import annotations

import re
from typing import Any, Final

from .golden import ENUMS, OPERATIONS, SCHEMAS, STREAM, Operation

Node = dict[str, Any]

TYPES: Final[dict[str, Node]] = {
    "id": {"type": "string", "minLength": 1},
    "id-or-null": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    "text": {"type": "string"},
    "payload": {"type": "string", "enum": ["Artifact", "Snapshot", "Diff", "Log"]},
    "time": {"type": "string", "format": "date-time"},
    "uri": {"type": "string", "format": "uri"},
    "uri-reference": {"type": "string", "format": "uri-reference"},
    "sha256": {"type": "string", "pattern": "^[a-f0-9]{64}$"},
    "claim": {"type": "string", "pattern": "^[a-z][a-z0-9-]*:[a-z][a-z0-9_]*$"},
    "flag": {"type": "boolean"},
    "true": {"const": True},
    "1": {"type": "integer", "const": 1},
    "count": {"type": "integer", "minimum": 0},
    "whole": {"type": "integer", "minimum": 1},
    "page": {"type": "integer", "minimum": 1, "maximum": 200, "default": 50},
    "status": {"type": "integer", "minimum": 100, "maximum": 599},
    "number": {"type": "number"},
    "share": {"type": "number", "minimum": 0, "maximum": 1},
    "object": {"type": "object", "additionalProperties": True},
    "texts": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
}

_JSON: Final = "application/json"


def tag_of(path: str) -> str:
    """The noun that an operation belongs to; generators make a package of it."""
    word = re.match(r"/v1/workspaces(?:/\{workspaceId\}(?:/([a-z-]+))?)?", path)[1] or "workspaces"
    return "Location" if word == "location-events" else word.title().replace("-", "")


TAGS: Final = list(dict.fromkeys(tag_of(each.path) for each in OPERATIONS.values()))


def document() -> Node:
    """The contract of that day."""
    paths: dict[str, Node] = {}
    for name, operation in OPERATIONS.items():
        paths.setdefault(operation.path, {})[operation.method] = _operation(name, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Portarium Control Plane API", "version": "1.0.0"},
        "servers": [{"url": "http://localhost:3000"}],
        "tags": [{"name": tag} for tag in TAGS],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def schemas() -> dict[str, Node]:
    """Its schemas, by name."""
    lists = {
        each.answer: f"items!:[{_item(each.answer)}] nextCursor" for each in OPERATIONS.values() if _item(each.answer)
    }
    found = {name: _object(fields, changes=name.startswith("Update")) for name, fields in (SCHEMAS | lists).items()}
    ways = SCHEMAS["AssignHumanTaskRequest"].split()
    found["AssignHumanTaskRequest"]["anyOf"] = [{"required": [way]} for way in ways]
    return found | {name: {"type": "string", "enum": words.split()} for name, words in ENUMS.items()}


def fields_of(notation: str) -> dict[str, tuple[Node, bool]]:
    """The fields that a notation speaks of: what they look like, and whether they are required."""
    found = {}
    for word in notation.split():
        name, _, kind = word.partition(":")
        found[name.removesuffix("!")] = (_type(kind or "id"), name.endswith("!"))
    return found


def _item(answer: str | None) -> str:
    """What a list is of; nothing if it is no list."""
    noun, of, _ = (answer or "").partition("ListResponse")
    if not of:
        return ""
    return noun if noun in SCHEMAS else f"{noun}V1"


def _object(notation: str, *, changes: bool) -> Node:
    fields = fields_of(notation)
    required = [name for name, (_, always) in fields.items() if always]
    return {
        "type": "object",
        "additionalProperties": False,
        **({"minProperties": 1} if changes else {}),
        **({"required": required} if required else {}),
        "properties": {name: kind for name, (kind, _) in fields.items()},
    }


def _type(kind: str) -> Node:
    if kind.startswith("["):
        inner = kind.strip("[]+")
        return {"type": "array", "items": _type(inner), **({"minItems": 1} if kind.endswith("+") else {})}
    if kind.startswith("="):
        return {"type": "string", "const": kind[1:]}
    if "|" in kind:
        return {"oneOf": [_type(each) for each in kind.split("|")]}
    return TYPES.get(kind, {"$ref": f"#/components/schemas/{kind}"})


def _operation(name: str, operation: Operation) -> Node:
    path = [
        {"name": each, "in": "path", "required": True, "schema": TYPES["id"]}
        for each in re.findall(r"\{(\w+)\}", operation.path)
    ]
    query = [
        {"name": each, "in": "query", "required": False, "schema": kind}
        for each, (kind, _) in fields_of(operation.query).items()
    ]
    return {
        "operationId": name,
        "tags": [tag_of(operation.path)],
        "security": [{"bearerAuth": []}],
        **({"parameters": [*path, *query]} if path or query else {}),
        **({"requestBody": {"required": True, "content": _content(operation.request)}} if operation.request else {}),
        "responses": {
            operation.status: {"description": "It is so.", **_answer(operation.answer)},
            "default": {"description": "A problem.", "content": _content("ProblemDetails", "application/problem+json")},
        },
    }


def _answer(answer: str | None) -> Node:
    if answer is None:
        return {}
    return {"content": {STREAM: {"schema": TYPES["text"]}} if answer == STREAM else _content(answer)}


def _content(schema: str, media: str = _JSON) -> Node:
    return {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
