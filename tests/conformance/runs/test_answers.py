"""Every operation of the contract, asked for what isn't there and in ways that can't be right.

A program made by a generator reads every answer by the contract: a status it doesn't name, or a failure that is no
problem, breaks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from runyard.services.runs.contract import contract

from .conftest import WORKSPACE

WITHOUT_TOKEN = {"createToken", "enrolMachine"}
SAFE = {"get"}

FOR_OTHERS = {"createWorkspace", "claimMachineInvocations", "reportMachineInvocation"}
"""What even an administrator of a workspace may not: it takes one of the yard, or a machine."""


def operations() -> Iterator[tuple[str, str, str, dict]]:
    for path, item in contract()["paths"].items():
        for method, operation in item.items():
            yield operation["operationId"], method, path, operation


ALL = [pytest.param(method, path, operation, id=name) for name, method, path, operation in operations()]
GUARDED = [each for each in ALL if each.id not in WITHOUT_TOKEN]
CHANGES = [each for each in GUARDED if each.values[0] not in SAFE]
BODIES = [
    each
    for each in GUARDED
    if each.id not in FOR_OTHERS and "application/json" in each.values[2].get("requestBody", {}).get("content", {})
]
LISTS = [each for each in GUARDED if any(each["name"] == "cursor" for each in each.values[2].get("parameters", ()))]


def address(path: str, *, workspace: str = WORKSPACE, **ids: str) -> str:
    """A path with ids in it that nothing has."""
    known = {"workspaceId": workspace, "sha256": "0" * 64, **ids}
    parts = [known.get(part[1:-1], str(uuid4())) if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


def check(answer: httpx.Response, operation: dict) -> None:
    """The answer is one that the contract knows."""
    success = {int(status) for status in operation["responses"] if status != "default"}
    assert answer.headers["x-correlation-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.status_code in success or answer.status_code == 304:
        return
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"].startswith("https://portarium.dev/problems/")
    assert problem["title"]
    assert problem["instance"] == answer.url.raw_path.decode().partition("?")[0]


@pytest.mark.parametrize(("method", "path", "operation"), GUARDED)
def test_a_stranger_is_refused(stranger: httpx.Client, method: str, path: str, operation: dict):
    answer = stranger.request(method, address(path))
    check(answer, operation)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path", "operation"), [each for each in GUARDED if "{" in each.values[1]])
def test_the_token_of_another_workspace_is_none(admin: httpx.Client, method: str, path: str, operation: dict):
    answer = admin.request(method, address(path, workspace="ws-other"))
    check(answer, operation)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [each for each in GUARDED if each.values[1].count("{") > 1 and not each.values[2].get("requestBody")],
)
def test_what_is_not_there_is_not_found(admin: httpx.Client, method: str, path: str, operation: dict):
    for unknown in (None, "nonsense", "a%2Fb", "%00", "x" * 300):
        ids = {} if unknown is None else dict.fromkeys(_ids(operation), unknown)
        answer = admin.request(method, address(path, **ids))
        check(answer, operation)
        assert answer.status_code in {404, 422} if unknown else answer.status_code == 404, answer.text


def _ids(operation: dict) -> list[str]:
    return [each["name"] for each in operation["parameters"] if each["in"] == "path" and each["name"] != "workspaceId"]


@pytest.mark.parametrize(("method", "path", "operation"), BODIES)
def test_a_body_that_cannot_be_right_is_refused(admin: httpx.Client, method: str, path: str, operation: dict):
    place = address(path)
    for body in (b"", b"{", b"[]", b"null", b'{"nobodyKnows": 1}', b'{"a": NaN}', b"\xff", b"[" * 20_000):
        answer = admin.request(method, place, content=body, headers={"Content-Type": "application/json"})
        check(answer, operation)
        assert answer.status_code in {400, 404, 422}, answer.text


@pytest.mark.parametrize(("method", "path", "operation"), BODIES)
def test_a_body_of_another_kind_is_refused(admin: httpx.Client, method: str, path: str, operation: dict):
    answer = admin.request(method, address(path), content=b"a=b", headers={"Content-Type": "text/plain"})
    check(answer, operation)
    assert answer.status_code in {404, 415}, answer.text


@pytest.mark.parametrize(("method", "path", "operation"), LISTS)
def test_a_page_that_there_is_not_is_refused(admin: httpx.Client, method: str, path: str, operation: dict):
    place = address(path)
    for query in (
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "x"},
        {"cursor": ""},
        {"cursor": "nonsense"},
    ):
        answer = admin.request(method, place, params=query)
        check(answer, operation)
        assert answer.status_code in {404, 422}, answer.text


@pytest.mark.parametrize(("method", "path", "operation"), LISTS)
def test_a_filter_that_fits_nothing_finds_nothing_or_is_refused(
    admin: httpx.Client, method: str, path: str, operation: dict
):
    for name in [each["name"] for each in operation["parameters"] if each["in"] == "query"]:
        for value in ("\0", "'; --", "%", "é", "9" * 400):
            answer = admin.request(method, address(path), params={name: value})
            check(answer, operation)
            if answer.status_code == 200:
                assert answer.json()["items"] == []


@pytest.mark.parametrize(("method", "path", "operation"), [each for each in GUARDED if str(each.id).startswith("list")])
def test_a_list_is_a_list_for_all_who_may_look(auditor: httpx.Client, method: str, path: str, operation: dict):
    answer = auditor.request(method, address(path))
    check(answer, operation)
    if answer.status_code == 200:
        assert isinstance(answer.json()["items"], list)
    else:
        assert answer.status_code in {403, 404, 422}


@pytest.mark.parametrize(("method", "path", "operation"), CHANGES)
def test_somebody_who_only_looks_changes_nothing(auditor: httpx.Client, method: str, path: str, operation: dict):
    answer = auditor.request(method, address(path), json={} if operation.get("requestBody") else None)
    check(answer, operation)
    assert answer.status_code in {400, 403, 404, 422}, answer.text
