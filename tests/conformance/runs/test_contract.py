"""The contract holds everything that programs of the first generation were made for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runyard.services.runs.contract import contract

from .golden import ENUMS, OPERATIONS, STREAM, Operation
from .upstream import fields_of, schemas, tag_of

DOCUMENT = contract()
SCHEMAS = DOCUMENT["components"]["schemas"]
FIRST = {name: schema for name, schema in schemas().items() if "properties" in schema}
REQUESTS = [name for name in FIRST if name.endswith("Request")]
ANSWERS = [name for name in FIRST if not name.endswith("Request")]
WITHOUT_TOKEN = {"createToken", "enrolMachine"}
"""What somebody does who has no token yet, with a secret in the body."""

PROBLEM = {"$ref": "#/components/schemas/ProblemDetails"}


def operations() -> Iterator[tuple[str, str, dict]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def name_of(content: dict) -> str:
    """What an answer is: a schema, or a type of media."""
    ((media, described),) = content.items()
    return described["schema"]["$ref"].rpartition("/")[2] if media == "application/json" else media


def test_there_are_sixty_one_operations_from_the_beginning():
    assert len(OPERATIONS) == 61


def test_every_operation_has_an_id_of_its_own_and_says_what_it_does():
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids)
    assert all(operation["summary"].endswith(".") for _, _, operation in operations())


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_where_it_was_and_answers_as_it_did(name: str):
    wanted = OPERATIONS[name]
    ((path, method, operation),) = [found for found in operations() if found[2]["operationId"] == name]
    (status,) = set(operation["responses"]) - {"default"}
    content = operation["responses"][status].get("content")
    body = operation.get("requestBody")
    query = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
    found = Operation(
        method,
        path,
        status,
        name_of(content) if content else None,
        name_of(body["content"]) if body else None,
        wanted.query,
    )
    assert found == wanted
    assert operation["tags"] == [tag_of(path)]
    assert fields_of(wanted.query).keys() <= set(query)
    assert not [each for each in operation.get("parameters", ()) if each["in"] != "path" and each["required"]]


@pytest.mark.parametrize(("path", "method", "operation"), list(operations()))
def test_every_failure_is_a_problem(path: str, method: str, operation: dict):
    assert operation["responses"]["default"]["content"] == {"application/problem+json": {"schema": PROBLEM}}
    assert operation["security"] == ([] if operation["operationId"] in WITHOUT_TOKEN else [{"bearerAuth": []}])


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_has_what_it_always_had(name: str):
    assert FIRST[name]["properties"].keys() <= SCHEMAS[name]["properties"].keys()
    assert set(FIRST[name].get("required", ())) <= set(SCHEMAS[name].get("required", ()))
    assert set(SCHEMAS[name].get("required", ())) <= set(SCHEMAS[name]["properties"])


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_may_hold_what_it_always_could_and_needs_no_more(name: str):
    assert FIRST[name]["properties"].keys() <= SCHEMAS[name]["properties"].keys()
    assert set(SCHEMAS[name].get("required", ())) <= set(FIRST[name].get("required", ()))
    assert SCHEMAS[name]["additionalProperties"] is False


@pytest.mark.parametrize("name", FIRST)
def test_a_field_is_of_the_type_it_was(name: str):
    """Numbers that count, texts of one form, lists: what a program reads them as. Limits may come on top."""
    ours = SCHEMAS[name]["properties"]
    assert {field: plain(ours[field]) for field in FIRST[name]["properties"]} == {
        field: plain(schema) for field, schema in FIRST[name]["properties"].items()
    }


def plain(schema: dict) -> object:
    """What a generator makes of a schema."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return plain(SCHEMAS[name]) if "oneOf" in SCHEMAS.get(name, ()) else name
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        return [plain(each) for each in choices]
    if "items" in schema:
        return ["list of", plain(schema["items"])]
    if "const" in schema:
        return schema["const"]
    return schema["type"], schema.get("enum"), schema.get("format") == "date-time"


@pytest.mark.parametrize("name", [name for name in SCHEMAS if name.endswith("ListResponse")])
def test_a_list_is_paged_in_both_spellings(name: str):
    assert SCHEMAS[name]["required"] == ["items"]
    assert {"items", "nextCursor", "cursor"} <= set(SCHEMAS[name]["properties"])


@pytest.mark.parametrize("name", ENUMS)
def test_a_closed_set_has_the_words_it_had(name: str):
    assert SCHEMAS[name]["enum"] == ENUMS[name].split()


def nulls(node: object, place: str) -> Iterator[str]:
    """Where something may be null."""
    if isinstance(node, dict):
        if node.get("type") == "null":
            yield place
        for key, value in node.items():
            yield from nulls(value, f"{place}.{key}")
    elif isinstance(node, list):
        for each in node:
            yield from nulls(each, place)


def test_absent_means_absent():
    """No answer holds null; of all requests only one may, to take an assignment away."""
    found = [place for name, schema in SCHEMAS.items() for place in nulls(schema, name)]
    assert found == ["PutWorkItemAssignmentRequest.properties.workforceMemberId.anyOf"]


def test_streams_are_text():
    """A generator takes a schema of an object for one, and its client would wait for the end of the stream."""
    streams = [
        operation["responses"]["200"]["content"][STREAM]["schema"]
        for _, _, operation in operations()
        if STREAM in operation["responses"].get("200", {}).get("content", {})
    ]
    assert streams
    assert all(schema == {"type": "string"} for schema in streams)
