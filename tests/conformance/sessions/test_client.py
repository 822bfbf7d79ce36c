"""What the client of today promises, over real processes: everything once, files by their whole names, a view from now."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from ambient_platform import (
    AmbientClient,
    ConflictError,
    CreateSessionRequest,
    LogEvent,
    MessageEvent,
    NoteEvent,
    Session,
    StatusEvent,
)
from runyard.testing.faults import Cut
from runyard.testing.running import RunningYard, wait_until
from runyard.testing.sync_proxy import SyncFaultProxy
from runyard.yard import Yard

from .conftest import PROJECT

MAKES = "mkdir -p out/deep 'b är' && echo '# Report' > out/deep/report.md && echo odd > 'b är/100%?#.txt'"
MODELS = {
    "maker": {"agent": "command", "command": ["sh", "-c", MAKES]},
    "stuck": {"agent": "command", "command": ["sh", "-c", "echo begun; exec sleep 1000"]},
    "echo": {"agent": "command", "command": ["cat"]},
}


@pytest.fixture(scope="module")
def yard(yard_database: str) -> Iterator[RunningYard]:
    with RunningYard(database_url=yard_database, settings={"session_models": json.dumps(MODELS)}) as running:
        yield running


@pytest.fixture(scope="module")
def url(yard: RunningYard) -> str:
    return yard.inferlets_url.replace("ws://", "http://")


@pytest.fixture(scope="module")
def token(yard: RunningYard) -> str:
    async def make(opened: Yard) -> str:
        user = await opened.identity.users.create("Ada", email="ada@example.com")
        await opened.identity.projects.add(PROJECT, members={user.id: "member"})
        return (await opened.identity.keys.issue(user.id, kind="openshift")).secret.reveal()

    return yard.inside(make)


@pytest.fixture
def client(url: str, token: str) -> Iterator[AmbientClient]:
    with AmbientClient(url, token, PROJECT) as client:
        yield client


@pytest.fixture
def losing(url: str, token: str) -> Iterator[AmbientClient]:
    """A client whose first request is served, and whose answer is lost."""
    host, port = url.removeprefix("http://").split(":")
    with SyncFaultProxy(host, int(port)) as proxy:
        proxy.inject(Cut(lazy=True), times=1)
        with AmbientClient(proxy.url, token, PROJECT) as client:
            yield client
        assert proxy.connections > 1


def at_work(client: AmbientClient) -> Session:
    """A session whose agent would never end its turn."""
    session = client.start_session(CreateSessionRequest("Think.", model="stuck"))
    assert any(isinstance(event, LogEvent) for event in session.events())
    return session


def waits(session: Session) -> None:
    """Return when it waits for a message."""
    assert any(isinstance(event, StatusEvent) and event.waiting == "message" for event in session.events())


def test_files_are_named_with_their_folders(client: AmbientClient, tmp_path: Path) -> None:
    session = client.start_session(CreateSessionRequest("Make files.", model="maker"))
    session.result(timeout=60)
    assert {artifact.name for artifact in session.artifacts()} == {"out/deep/report.md", "b är/100%?#.txt"}
    assert session.download("out/deep/report.md", tmp_path).read_text() == "# Report\n"
    assert session.download("b är/100%?#.txt", tmp_path / "odd").read_text() == "odd\n"


def test_a_message_whose_answer_is_lost_is_said_once(client: AmbientClient, losing: AmbientClient) -> None:
    session = at_work(client)
    seq = losing.send_message(session.id, "Are you there?")
    session.cancel()
    assert [event.seq for event in session.events() if isinstance(event, MessageEvent)] == [seq]


def test_an_interruption_whose_answer_is_lost_is_about_one_turn(client: AmbientClient, losing: AmbientClient) -> None:
    session = at_work(client)
    losing.interrupt(session.id)
    waits(session)
    assert session.finish().id == session.id
    assert session.wait(timeout=60).status == "completed"
    assert [event.content for event in session.events() if isinstance(event, NoteEvent)] == [
        "The turn was interrupted."
    ]


def test_what_ends_by_itself_is_not_finished(client: AmbientClient) -> None:
    session = at_work(client)
    with pytest.raises(ConflictError) as refused:
        session.finish()
    assert refused.value.code == "not_interactive"
    session.cancel()


def test_watching_from_now_on(client: AmbientClient, url: str) -> None:
    session = client.start_session(CreateSessionRequest("One", model="echo", interactive=True))
    waits(session)
    watched = "runyard_watched_jobs 1.0"
    wait_until(lambda: watched not in httpx.get(f"{url}/metrics").text, "nobody to watch")
    with ThreadPoolExecutor(1) as other, session.events(after="last") as events:
        seen = other.submit(next, events)
        wait_until(lambda: watched in httpx.get(f"{url}/metrics").text, "somebody to watch")
        sent = session.send("Two")
        first = seen.result(60)
        assert (first.seq, first.raw["content"]) == (sent, "Two")
    session.finish()
    session.wait(timeout=60)
    (end,) = session.events(after="last")
    assert end.terminal


def test_numbers_have_names_that_stay(client: AmbientClient, url: str) -> None:
    session = client.start_session(CreateSessionRequest("One", model="echo"))
    session.wait(timeout=60)
    assert session.metrics().keys() == {
        "sessionId", "status", "createdAt", "startedAt", "completedAt", "queuedSeconds", "durationSeconds",
        "timeoutSeconds", "maxTurns", "maxTokens", "attempts", "events", "turns", "inputTokens", "outputTokens",
        "toolCalls",
    }  # fmt: skip
    ours = re.findall(r"^(runyard_\w+)(?:\{(.*)\})? [0-9.e+]+$", httpx.get(f"{url}/metrics").text, re.MULTILINE)
    assert {name for name, _ in ours} >= {"runyard_jobs", "runyard_watched_jobs"}
    assert ("runyard_jobs", 'kind="session.agent",state="succeeded"') in ours
