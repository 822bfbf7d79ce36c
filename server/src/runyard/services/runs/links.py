"""Links of the contract: with what an answer says, what can be asked for next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

Node: TypeAlias = dict[str, Any]

_METHODS: Final = ("get", "put", "post", "delete", "patch")
_VARIABLE: Final = re.compile(r"\{(\w+)\}")
_JSON: Final = "application/json"
_REF: Final = "#/components/schemas/"
_CURSOR: Final = "nextCursor"


def link(document: Node) -> None:
    """Add to each thing that is made the operations that take its id and its list, and to each page the next one."""
    schemas, every = document["components"]["schemas"], list(_operations(document["paths"]))
    lists = {operation["operationId"] for _, operation in every if _CURSOR in _fields(operation, "200", schemas)}
    for path, operation in every:
        for status in operation["responses"].keys() & {"201", "202"}:
            known = _variables(path) | _fields(operation, status, schemas)
            links = {
                other["operationId"]: {"operationId": other["operationId"], "parameters": _asked(path, target)}
                for target, other in every
                if (_is_below(target, path) and _variables(target) <= known)
                or (target == path and other["operationId"] in lists)
            }
            if links:
                operation["responses"][status]["links"] = links
            if status == "201" and any(_is_below(target, path) for target, _ in every):
                operation["responses"][status]["headers"]["Location"] = {"$ref": "#/components/headers/Location"}
        if operation["operationId"] in lists:
            operation["responses"]["200"]["links"] = {"nextPage": _next_page(path, operation)}


def _operations(paths: Mapping[str, Node]) -> Iterator[tuple[str, Node]]:
    for path, item in paths.items():
        yield from ((path, item[method]) for method in _METHODS if method in item)


def _is_below(target: str, path: str) -> bool:
    """Whether a path is that of one thing of a collection, or of something about it; of a workspace, itself alone."""
    thing = re.fullmatch(re.escape(path) + r"/\{\w+\}(/.*)?", target)
    return thing is not None and (thing[1] is None or "{" in path)


def _names(path: str) -> list[str]:
    return _VARIABLE.findall(path)


def _variables(path: str) -> frozenset[str]:
    return frozenset(_names(path))


def _asked(path: str, target: str) -> dict[str, str]:
    """Where each part of the target's path comes from: the path that was asked for, or the answer."""
    return {
        f"path.{name}": f"$request.path.{name}" if name in _variables(path) else f"$response.body#/{name}"
        for name in _names(target)
    }


def _next_page(path: str, operation: Node) -> Node:
    """The same list with the same filters, since a cursor is of these; what wasn't given has no value here either."""
    same = [f"query.{each['name']}" for each in operation["parameters"] if each["in"] == "query"]
    kept = {name: f"$request.{name}" for name in (*(f"path.{name}" for name in _names(path)), *same)}
    return {
        "operationId": operation["operationId"],
        "parameters": kept | {"query.cursor": f"$response.body#/{_CURSOR}"},
    }


def _fields(operation: Node, status: str, schemas: Mapping[str, Node]) -> frozenset[str]:
    """What an answer has fields for."""
    schema = operation["responses"].get(status, {}).get("content", {}).get(_JSON, {}).get("schema", {})
    return frozenset(schemas.get(schema.get("$ref", "").removeprefix(_REF), {}).get("properties", ()))
