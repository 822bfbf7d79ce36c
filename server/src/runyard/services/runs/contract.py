"""The contract: an OpenAPI document, made of the routes and the models that they speak in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from copy import deepcopy
from functools import cache
from typing import Any, Final, TypeAlias

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from runyard.services.runs.api.edge import ASKED
from runyard.services.runs.api.problems import MEDIA
from runyard.services.runs.api.routes import all_routes
from runyard.services.runs.links import link
from runyard.services.runs.models.auth import TokenRequest
from runyard.services.runs.models.base import ProblemDetails

TITLE: Final = "Portarium Control Plane API"
VERSION: Final = "1.0.0"
SERVER: Final = "http://localhost:8000"

Node: TypeAlias = dict[str, Any]

_REF: Final = "#/components/schemas/"
_METHODS: Final = ("get", "put", "post", "delete", "patch")
_RENAMED: Final = {"Tier": "ExecutionTier", "WorkspaceRole": "UserRole"}
"""What the protocol calls things that other floors have named."""

_SECURITY: Final[list[dict[str, list[str]]]] = [{"bearerAuth": []}]
_IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Name of this request, by which it is known when it comes again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
_REPEATABLE: Final = {
    "claimMachineInvocations", "heartbeatAgent", "heartbeatMachine", "testAgentConnection", "testMachineConnection",
}  # fmt: skip
"""Posts that may come again as they are: nothing is remembered of them, so they have no key."""

_HEADERS: Final = {
    "X-Correlation-Id": ("What ties the request to what comes of it.", True, {"type": "string", "minLength": 1}),
    "ETag": ("Which version of a thing this is.", False, {"type": "string", "pattern": '^"[0-9a-f]+"$'}),
    "Location": ("Where the new thing is.", True, {"type": "string", "format": "uri-reference"}),
    "RateLimit-Limit": ("How many requests the caller may make at once.", True, {"type": "integer", "minimum": 1}),
    "RateLimit-Remaining": ("How many of them are left.", True, {"type": "integer", "minimum": 0}),
    "RateLimit-Reset": ("Seconds until there are all of them again.", True, {"type": "integer", "minimum": 0}),
    "Retry-After": ("Seconds to wait before the next request.", False, {"type": "integer", "minimum": 1}),
}
"""Headers of answers: what they say, whether they are always there, and what they look like."""


def _named(*headers: str) -> Node:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}


_PROBLEM: Final = {
    "description": "What is wrong, as a problem by RFC 9457.",
    "headers": _named("X-Correlation-Id", "Retry-After"),
    "content": {MEDIA: {"schema": {"$ref": f"{_REF}ProblemDetails"}}},
}


def contract() -> Node:
    """The document, the same for every yard of this version; whoever asks gets one of their own."""
    return deepcopy(_made())


@cache
def _made() -> Node:
    document: Node = get_openapi(
        title=TITLE,
        version=VERSION,
        openapi_version="3.1.0",
        routes=all_routes(),
        servers=[{"url": SERVER}],
        description="Governed workflow runs: workspaces, workflows, runs, approvals, evidence and machines.",
    )
    paths = document["paths"]
    for operation in _operations(paths):
        _finish(operation)
    for item in paths.values():
        post = item.get("post", {})
        if post.get("security") == _SECURITY and post["operationId"] not in _REPEATABLE:
            post.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    schemas = document.pop("components", {}).get("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    asked = _add(schemas, [ProblemDetails, TokenRequest, *ASKED.values()])
    for name in schemas.keys() - asked:
        _complete(schemas[name])
    document["components"] = {
        "schemas": {name: _plain(schemas[name]) for name in sorted(schemas, key=lambda name: _RENAMED.get(name, name))},
        "headers": {
            name: {"description": text, "required": always, "schema": schema}
            for name, (text, always, schema) in _HEADERS.items()
        },
        "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
    }
    document["paths"] = {path: _plain(item) for path, item in paths.items()}
    document["tags"] = [{"name": name} for name in dict.fromkeys(_tags(document["paths"]))]
    renamed: Node = _renamed(document)
    link(renamed)
    return renamed


def operations() -> list[str]:
    """Every ``operationId`` of the contract, in its order."""
    return [str(operation["operationId"]) for operation in _operations(contract()["paths"])]


def _operations(paths: Mapping[str, Node]) -> Iterator[Node]:
    for item in paths.values():
        yield from (item[method] for method in _METHODS if method in item)


def _tags(paths: Mapping[str, Node]) -> Iterator[str]:
    for operation in _operations(paths):
        yield from operation["tags"]


def _finish(operation: Node) -> None:
    """Say what the framework can't know: how failures look, who may call, and what it is about in one sentence."""
    responses = operation["responses"]
    responses.pop("422", None)
    responses["default"] = _PROBLEM
    guarded = operation.setdefault("security", _SECURITY)
    for status, answer in responses.items():
        if status != "default":
            rate = [name for name in _HEADERS if guarded and name.startswith("RateLimit")]
            versions = [] if status == "204" else ["ETag"]
            answer["headers"] = _named("X-Correlation-Id", *versions, *rate)
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _present(parameter["schema"])
    summary, _, rest = str(operation.pop("description", operation["summary"])).partition("\n\n")
    operation["summary"] = summary.replace("\n", " ").replace("``", "`")
    if rest:
        operation["description"] = rest.replace("``", "`")


def _complete(schema: Node) -> None:
    """Require what an answer always has: a field with a value of its own is there even if nobody gave it another."""
    fields = schema.get("properties", {})
    always = [name for name, field in fields.items() if field.get("default") is not None]
    required = {*schema.get("required", ()), *always}
    if always:
        schema["required"] = [name for name in fields if name in required]


def _present(schema: Node) -> Node:
    """The schema of a parameter that may be left out: there is no null in a query."""
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) != 1:
        return schema
    return {**{word: value for word, value in schema.items() if word != "anyOf"}, **choices[0]}


def _add(schemas: MutableMapping[str, Node], models: Sequence[type[BaseModel]]) -> set[str]:
    """Add what requests are made of, and return its names; what answers are made of as well says the same in both."""
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=f"{_REF}{{model}}")
    for name, schema in found.get("$defs", {}).items():
        known = schemas.setdefault(name, schema)
        if _plain(known) != _plain(schema):
            raise ValueError(f"Two schemas are called {name!r}: {known} and {schema}.")
    return set(found.get("$defs", {}))


def _plain(node: Any, *, names: bool = False) -> Any:
    """A schema without titles that were made of names, and without defaults that only mean absence.

    Args:
        names: the keys are names of fields, and not words of the language.
    """
    if isinstance(node, dict):
        return {
            key: _plain(value, names=key in {"properties", "$defs"} and not names)
            for key, value in node.items()
            if names or not ((key == "title" and isinstance(value, str)) or (key == "default" and value is None))
        }
    return [_plain(each) for each in node] if isinstance(node, list) else node


def _renamed(node: Any) -> Any:
    if isinstance(node, dict):
        return {_RENAMED.get(key, key): _renamed(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_renamed(each) for each in node]
    if isinstance(node, str) and node.startswith(_REF):
        name = node.removeprefix(_REF)
        return _REF + _RENAMED.get(name, name)
    return node
