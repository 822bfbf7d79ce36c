"""The wire as programs of the original generation know it, and what the yard adds to it, over real processes."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from runyard.testing.running import RunningYard, wait_until

from .conftest import PROJECT
from .original import OriginalClient, OriginalError

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TASK = "Hello world"


def test_a_session_from_its_creation_to_its_end(original: OriginalClient) -> None:
    session = original.create(task=TASK, model="claude-3.5-sonnet")
    assert re.fullmatch(r"session-\d+-[a-z]{6}", session)
    found = original.wait(session)
    assert (found.id, found.status, found.task, found.model) == (session, "completed", TASK, "claude-3.5-sonnet")
    assert found.result
    assert found.error is None
    assert TIME.fullmatch(found.created_at or "")
    assert TIME.fullmatch(found.completed_at or "")
    assert session in [one.id for one in original.list()]


def test_what_cannot_be_cloned_fails_with_its_error(original: OriginalClient) -> None:
    """The original clones what it can and says nothing of the rest; here nobody waits for an analysis of nothing."""
    session = original.create(task=TASK, repos=[{"url": "https://nowhere.invalid/a/b", "branch": "main"}])
    found = original.wait(session)
    assert (found.status, found.result) == ("failed", None)
    assert "nowhere.invalid" in (found.error or "")


def test_every_session_of_one_second_has_its_own_id(original: OriginalClient) -> None:
    with ThreadPoolExecutor(8) as pool:
        sessions = list(pool.map(lambda number: original.create(task=f"{TASK} {number}"), range(40)))
    assert len(set(sessions)) == 40
    listed = [one.id for one in original.list()]
    assert set(sessions) <= set(listed)
    for session in sessions:
        original.http.delete(f"/v1/sessions/{session}")


def test_the_list_is_never_cut_off(original: OriginalClient) -> None:
    sessions = [original.create(task=f"{TASK} {number}", timeout=60) for number in range(25)]
    newest = [one.id for one in original.list()][:25]
    assert newest == sessions[::-1]
    for session in sessions:
        assert original.http.delete(f"/v1/sessions/{session}").status_code == 204


@pytest.mark.parametrize(
    ("path", "changes", "told"),
    [
        ("/v1/sessions/session-xyz", {}, "API error (404): session not found: session-xyz"),
        ("/v1/sessions/Bad_Id", {}, "API error (400): Invalid session ID"),
        ("/v1/sessions", {"Authorization": ""}, "API error (401): Missing or invalid authorization"),
        ("/v1/sessions", {"Authorization": "Basic eA=="}, "API error (401): Missing or invalid authorization"),
        ("/v1/sessions", {"Authorization": "Bearer sha256~nonsense"}, "API error (401): Token expired or invalid"),
        ("/v1/sessions", {"X-Ambient-Project": ""}, "API error (400): Project required. Set X-Ambient-Project header"),
        ("/v1/sessions", {"X-Ambient-Project": "Bad_Name"}, "API error (400): Invalid project name"),
        ("/v1/sessions", {"X-Ambient-Project": "foreign"}, "API error (403): Unauthorized to access project"),
    ],
)
def test_refusals_have_the_words_they_always_had(
    original: OriginalClient, path: str, changes: dict[str, str], told: str
) -> None:
    original.http.headers.update(changes)
    with pytest.raises(OriginalError) as refused:
        original._json("GET", path)
    assert str(refused.value) == told


def test_both_protocols_of_the_port_are_told_apart(url: str) -> None:
    assert httpx.get(f"{url}/health").json() == {"status": "ok"}
    assert httpx.get(f"{url}/ready").json() == {"status": "ready"}
    assert "runyard_jobs" in httpx.get(f"{url}/metrics").text
    upgrade = {
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }  # fmt: skip
    assert httpx.get(f"{url}/", headers=upgrade).status_code == 101


def test_no_answer_tells_what_the_server_is_made_of(original: OriginalClient) -> None:
    for path in ("/v1/sessions", "/v1/sessions/session-xyz", "/nonsense"):
        answer = original.http.get(path)
        assert "server" not in answer.headers
        assert "Traceback" not in answer.text


def events(client: httpx.Client, session: str, after: int = 0) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/sessions/{session}/events", params={"after": after})
    lines = [line for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_an_interactive_session_talks_until_it_is_finished(original: OriginalClient) -> None:
    session = original.create(task=TASK, interactive=True)

    def waiting() -> bool:
        return bool(original._json("GET", f"/v1/sessions/{session}").get("waiting") == "message")

    wait_until(waiting, "the session to wait")
    assert original.get(session).status == "running"
    sent = original.http.post(f"/v1/sessions/{session}/messages", json={"content": "And again"})
    assert sent.status_code == 202
    wait_until(waiting, "the session to wait again")
    assert original.http.post(f"/v1/sessions/{session}/finish").status_code == 202
    assert original.wait(session).status == "completed"
    told = events(original.http, session)
    assert [one["seq"] for one in told] == sorted({one["seq"] for one in told})
    roles = [one["role"] for one in told if one["type"] == "message"]
    assert roles == ["assistant", "user", "assistant"]
    spoken = original._json("GET", f"/v1/sessions/{session}/messages")["items"]
    assert [one["role"] for one in spoken] == ["user", "assistant", "user", "assistant"]
    assert spoken[0]["content"] == TASK
    waits = [one.get("waiting") for one in told if one["type"] == "status"]
    assert waits.count("message") == 2


def test_two_hundred_watch_one_session(original: OriginalClient, url: str, token: str) -> None:
    """Whoever comes when sees the same events, in order, none twice."""
    session = original.create(task=TASK, interactive=True)
    headers = {"Authorization": f"Bearer {token}", "X-Ambient-Project": PROJECT}
    limits = httpx.Limits(max_connections=200)
    ready = threading.Barrier(201)

    with httpx.Client(base_url=url, headers=headers, timeout=60.0, limits=limits) as crowd:

        def watch(_: int) -> list[dict[str, Any]]:
            ready.wait(60)
            return events(crowd, session)

        with ThreadPoolExecutor(200) as pool:
            watching = [pool.submit(watch, number) for number in range(200)]
            ready.wait(60)
            for number in range(5):
                original.http.post(f"/v1/sessions/{session}/messages", json={"content": f"message {number}"})
            original.http.post(f"/v1/sessions/{session}/finish")
            streams = [each.result(60) for each in watching]
    assert all(told == streams[0] for told in streams)
    assert [one["content"] for one in streams[0] if one.get("role") == "user"] == [f"message {n}" for n in range(5)]
    assert streams[0][-1]["status"] == "completed"


def test_a_stream_goes_on_after_the_server_was_killed(yard_database: str) -> None:
    """Kill -9 in the middle: the reader goes on from its cursor, and the session ends all the same."""
    with RunningYard(database_url=yard_database) as yard:

        async def make(opened: Any) -> str:
            user = await opened.identity.users.create("Ada", email="ada@example.com")
            await opened.identity.projects.add(PROJECT, members={user.id: "member"})
            return str((await opened.identity.keys.issue(user.id, kind="openshift")).secret.reveal())

        url = yard.inferlets_url.replace("ws://", "http://")
        with OriginalClient(url, yard.inside(make), PROJECT) as client:
            session = client.create(task=TASK, interactive=True)
            seen: list[dict[str, Any]] = []
            with pytest.raises(httpx.TransportError):
                _watch(client, session, seen, then=yard.kill)
            yard.start()
            assert client.http.post(f"/v1/sessions/{session}/finish").status_code == 202
            rest = events(client.http, session, after=seen[-1]["seq"])
            assert rest[-1]["status"] == "completed"
            whole = events(client.http, session)
            assert seen + rest == whole


def _watch(client: OriginalClient, session: str, seen: list[dict[str, Any]], *, then: Callable[[], None]) -> None:
    """Read a stream, and do something when the session waits for a person."""
    with client.http.stream("GET", f"/v1/sessions/{session}/events") as answer:
        for line in answer.iter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
                if seen[-1].get("waiting"):
                    then()
