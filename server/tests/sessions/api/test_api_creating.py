"""Creating sessions: what is kept of a request, what is refused, and that the same request twice is one session."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from runyard.services.sessions import submitting

from .conftest import TASK, open_house

REPO = "https://github.com/ambient-code/platform"


async def refused(caller, body, *, status=400, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await caller.client.post("/v1/sessions", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_session_of_the_original_interface(house, ada):
    answer = await ada.client.post(
        "/v1/sessions",
        json={"task": TASK, "model": "claude-3.5-sonnet", "repos": [{"url": REPO, "branch": "main"}]},
    )
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    created = answer.json()
    assert set(created) == {"id", "message"}
    assert created["message"] == "Session created"
    assert re.fullmatch(r"session-\d{10}-[a-z]{6}", created["id"])
    session = await ada.get(created["id"])
    assert (session["id"], session["status"], session["task"]) == (created["id"], "pending", TASK)
    assert session["model"] == "claude-3.5-sonnet"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", session["createdAt"])
    assert not {"completedAt", "result", "error", "startedAt", "waiting", "reason", "usage"} & set(session)
    assert session["agent"] == "embedded"
    assert "claude-3.5-sonnet" in session["notes"][0]
    assert session["repos"] == [{"name": "platform", "url": REPO, "branch": "main"}]


async def test_everything_of_ours(house, ada):
    await house.yard.identity.credentials.add("acme", "s3cret", host="github.com")
    session = await ada.create(
        "Fix it",
        repos=[
            {"url": f"{REPO}.git", "path": "server/src", "credential": "acme"},
            {"url": "https://example.com/other/platform", "branch": ""},
        ],
        displayName="Näme",
        labels={"team": "core", "empty": ""},
        timeout=90,
        maxTurns=5,
        maxTokens=1000,
        interactive=True,
        approve=["run", "write", "run"],
        unknown={"is": "passed over"},
    )
    found = await ada.get(session)
    assert (found["displayName"], found["labels"]) == ("Näme", {"team": "core", "empty": ""})
    assert (found["timeout"], found["interactive"], found["notes"]) == (90.0, True, [])
    assert [one["name"] for one in found["repos"]] == ["platform", "platform-2"]
    assert found["repos"][0]["credential"] == "acme"
    params = (await house.job(session)).params
    assert params["budget"] == {"seconds": 90.0, "turns": 5, "tokens": 1000}
    assert (params["approve"], params["user"], params["session"]) == (["run", "write"], "ada", session)
    assert "s3cret" not in json.dumps(params)


async def test_the_yard_fills_in_what_nobody_asked_for(house, ada):
    found = await ada.get(await ada.create("x"))
    assert (found["model"], found["agent"]) == ("embedded", "embedded")
    assert (found["timeout"], found["interactive"], found["labels"], found["repos"]) == (1800.0, False, {}, [])
    nothing = dict.fromkeys(("model", "repos", "displayName", "labels", "timeout", "approve"))
    assert (await ada.get(await ada.create("x", **nothing)))["timeout"] == 1800.0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is no JSON"),
        (b'{"task": "x"', "The body is no JSON"),
        (b'\xff{"task": "x"}', "The body is no JSON"),
        (b'{"task": "\\ud800"}', "The body is no JSON"),
        (b"[" * 100_000, "The body is no JSON"),
        ([], "the body is []: Expected object, got array"),
        ({}, "the body is {}: Object missing required field task"),
        ({"task": 42}, "task is 42: Expected str, got int"),
        ({"task": ""}, "task is '': say what is to be done"),
        ({"task": " \n\t"}, "task is ' \\n\\t': say what is to be done"),
        ({"task": "x\0y"}, "NUL"),
        ({"task": "x", "labels": {"a\0": "b"}}, "NUL"),
        ({"task": "x" * 50_001}, "Expected str of length <= 50000"),
        ({"task": "x", "repos": {}}, "repos is {}: Expected array | null, got object"),
        ({"task": "x", "repos": [{"branch": "b"}]}, "repos[0] is {'branch': 'b'}: Object missing required field url"),
        ({"task": "x", "repos": [{"url": REPO}, {"url": 7}]}, "repos[1].url is 7: Expected str, got int"),
        ({"task": "x", "repos": [{"url": REPO}] * 17}, "Expected array of length <= 16"),
        ({"task": "x", "labels": {"a": 1}}, "labels[...] is {'a': 1}: Expected str, got int"),
        ({"task": "x", "labels": {"a=b": "c"}}, "Expected str matching regex"),
        ({"task": "x", "labels": {str(n): "" for n in range(65)}}, "Expected object of length <= 64"),
        ({"task": "x", "timeout": 0}, "timeout is 0: Expected float > 0"),
        ({"task": "x", "timeout": "soon"}, "timeout is 'soon'"),
        ({"task": "x", "timeout": 1801}, "timeout is 1801.0: this yard grants 1800.0 at most"),
        ({"task": "x", "maxTurns": 101}, "maxTurns is 101: this yard grants 100 at most"),
        ({"task": "x", "maxTokens": -1}, "maxTokens is -1: Expected int >= 1"),
        ({"task": "x", "interactive": "yes"}, "interactive is 'yes': Expected bool, got str"),
        ({"task": "x", "approve": ["rm"]}, "approve has 'rm': there is no such tool"),
    ],
)
async def test_what_cannot_be_used_is_named_with_its_value(ada, body, message):
    answer = await refused(ada, body)
    assert (answer["error"], answer["code"]) == ("Invalid request", "bad_request")
    assert message in answer["message"]
    assert len(answer["message"]) < 1000


async def test_an_unknown_model_is_refused_naming_those_there_are(ada):
    answer = await refused(ada, {"task": "x", "model": "nonsense"})
    assert answer["code"] == "unknown_model"
    assert "'nonsense'" in answer["message"]
    assert "embedded" in answer["message"]


@pytest.mark.parametrize(
    ("repository", "message"),
    [
        ({"url": ""}, "2048"),
        ({"url": "file:///etc/passwd"}, "file://"),
        ({"url": "git@github.com:a/b"}, "https://"),
        ({"url": "ext::sh -c id"}, "blank"),
        ({"url": "https://user:hunter2@github.com/a/b"}, "credential"),
        ({"url": "http://127.0.0.1/a"}, "RUNYARD_SESSION_HOSTS"),
        ({"url": "http://localhost:8000/a"}, "RUNYARD_SESSION_HOSTS"),
        ({"url": "http://169.254.169.254/latest"}, "RUNYARD_SESSION_HOSTS"),
        ({"url": "http://[::1]/a"}, "RUNYARD_SESSION_HOSTS"),
        ({"url": REPO, "branch": "--upload-pack=x"}, "branch"),
        ({"url": REPO, "path": "../.."}, "folder"),
        ({"url": REPO, "credential": "nobodys"}, "Credential 'nobodys' not found"),
        ({"url": "https://evil.example/a/b", "credential": "kept"}, "is for github.com"),
        ({"url": "https://github.com.evil.example/a/b", "credential": "kept"}, "is for github.com"),
        ({"url": "https://github.com:8443/a/b", "credential": "kept"}, "is for github.com"),
    ],
)
async def test_a_repository_that_cannot_be_had_is_refused(house, ada, repository, message):
    await house.yard.identity.credentials.add("kept", "s3cret", host="github.com")
    answer = await refused(ada, {"task": "x", "repos": [{"url": REPO}, repository]})
    assert (answer["error"], answer["code"]) == ("Invalid request", "bad_repository")
    assert answer["message"].startswith("repos[1]: ")
    assert message in answer["message"]
    assert "hunter2" not in answer["message"]


async def test_a_credential_of_another_project_does_not_exist(house, ada):
    bob = await house.caller("bob")
    await house.yard.identity.credentials.add("bobs", "s3cret", host="github.com", project=bob.project)
    wanted = {"task": "x", "repos": [{"url": REPO, "credential": "bobs"}]}
    assert "Credential 'bobs' not found" in (await refused(ada, wanted))["message"]
    assert (await bob.client.post("/v1/sessions", json=wanted)).status_code == 201


async def test_a_huge_body_is_not_read_to_its_end(ada):
    async def endless():
        for _ in range(10_000):
            yield b"x" * 65_536

    answer = await ada.client.post("/v1/sessions", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


# ---------------------------------------------------------------- once


async def test_the_same_key_and_request_are_the_same_session(ada):
    sessions = {await ada.create("x", key="k1") for _ in range(3)}
    assert len(sessions) == 1
    assert await ada.create("x", key="k2") not in sessions
    assert (await ada.client.get("/v1/sessions")).json()["total"] == 2


async def test_the_same_key_and_another_request_are_refused(ada):
    await ada.create("x", key="k1")
    answer = await refused(ada, {"task": "y"}, status=422, **{"Idempotency-Key": "k1"})
    assert answer["code"] == "idempotency_key_reused"


async def test_a_key_is_good_in_one_project(house, ada):
    await ada.create("x", key="k1")
    await house.yard.identity.projects.add("second-of-ada", members={ada.id: "member"})
    there = {"Idempotency-Key": "k1", "X-Ambient-Project": "second-of-ada"}
    assert (await refused(ada, {"task": "x"}, status=422, **there))["code"] == "idempotency_key_reused"


async def test_of_requests_at_once_one_is_done(ada):
    async def attempt():
        return await ada.client.post("/v1/sessions", json={"task": "x"}, headers={"Idempotency-Key": "k"})

    answers = await asyncio.gather(*(attempt() for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert all(
        (answer.json()["code"], answer.headers["retry-after"]) == ("request_in_flight", "1")
        for answer in answers
        if answer.status_code == 409
    )


@pytest.mark.parametrize("key", ["x" * 256, "ключ".encode().decode("latin-1")])
async def test_an_odd_key_is_refused(ada, key):
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = await ada.client.post("/v1/sessions", json={"task": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_two_sessions_never_share_an_id(house, ada, monkeypatch):
    """Even when the dice fall the same way."""
    taken = await ada.create()
    ids = iter([taken, taken, "session-1-abcdef"])
    monkeypatch.setattr(submitting, "_new_id", lambda _visit: next(ids))
    assert await ada.create() == "session-1-abcdef"


async def test_models_are_listed(ada):
    answer = await ada.client.get("/v1/models")
    assert answer.json() == {"items": [{"name": "embedded", "agent": "embedded", "default": True}]}


async def test_a_table_of_models_says_who_does_what(yard_database):
    table = json.dumps({"house": {"agent": "command", "command": ["/bin/cat"]}})
    async with open_house(yard_database, session_models=table) as house:
        ada = await house.caller()
        listed = (await ada.client.get("/v1/models")).json()["items"]
        assert {"name": "house", "agent": "command", "default": True} in listed
        session = await ada.get(await ada.create("x"))
        assert (session["model"], session["agent"]) == ("house", "command")
