"""The client for asyncio: the same calls, the same behaviour, and the event loop never waits."""

import asyncio
import inspect
import threading

import pytest
from ambient_tests_server import ACTED_RESET, SILENT, TOKEN, Answer
from blockbuster import blockbuster_ctx

import ambient_platform as ap
from ambient_platform import AmbientClient, AsyncAmbientClient, CreateSessionRequest, RetryPolicy


def public(kind):
    return {
        name: member
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_") and (inspect.isroutine(member) or isinstance(member, property))
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [(AmbientClient, AsyncAmbientClient), (ap.Session, ap.AsyncSession), (ap.EventStream, ap.AsyncEventStream)],
)
def test_both_have_the_same_calls(one, other):
    assert public(one).keys() == public(other).keys()
    for name, member in public(one).items():
        twin = public(other)[name]
        assert inspect.getdoc(member) == inspect.getdoc(twin), name
        if inspect.isroutine(member):
            mine, theirs = inspect.signature(member).parameters, inspect.signature(twin).parameters
            assert [(key, one.kind, one.default) for key, one in mine.items()] == [
                (key, one.kind, one.default) for key, one in theirs.items()
            ], name
            now = name in {"session", "stream_events", "events", "from_env"}
            assert inspect.iscoroutinefunction(twin) is not now, name
    mine, theirs = inspect.signature(one).parameters, inspect.signature(other).parameters
    assert [(key, one.kind, one.default) for key, one in mine.items()] == [
        (key, one.kind, one.default) for key, one in theirs.items()
    ]


async def test_a_session_from_beginning_to_end(server, tmp_path):
    with blockbuster_ctx(scanned_modules=["ambient_platform"]):
        async with AsyncAmbientClient(server.url, TOKEN, "demo") as client:
            server.behaviour = "runs"
            session = await client.start_session(CreateSessionRequest("Hello world"))
            await asyncio.to_thread(server.script, session.id)
            events = [event async for event in session.events()]
            assert [event.seq for event in events] == list(range(1, 16))
            assert await session.result() == "It is a platform."
            assert (await session.get()).ended
            assert [one.role for one in await session.messages()] == ["user", "assistant"]
            server.files[session.id]["report.md"] = b"x" * 2_000_000
            assert [one.name for one in await session.artifacts()] == ["report.md"]
            place = await session.download("report.md", tmp_path)
            assert place.stat().st_size == 2_000_000
            assert (await session.patch()).startswith(b"--- a")
            assert "line 4" in await session.logs(tail=2)
            assert (await session.metrics())["turns"] == 2
            assert (await client.models())[0].default
            with pytest.raises(ap.ConflictError):
                await session.send("more")
            await session.delete()
            with pytest.raises(ap.SessionNotFoundError):
                await session.get()
    with pytest.raises(RuntimeError, match="closed"):
        await client.models()


async def test_what_changes_a_session(async_client, server):
    session = async_client.session(await asyncio.to_thread(server.add))
    assert await session.send("go on") == 1
    assert (await session.interrupt()).status == "running"
    await session.approve("c1", approved=False)
    assert server.decided == {"c1": {"approved": False}}
    assert (await session.finish()).status == "completed"
    other = async_client.session(await asyncio.to_thread(server.add))
    assert (await other.cancel()).reason == "stopped"
    assert repr(other) == f"AsyncSession({other.id!r})"


async def test_a_list_goes_on_over_its_pages(async_client, server):
    ids = [await asyncio.to_thread(server.add) for _ in range(5)]
    page = await async_client.list_sessions(limit=2)
    assert (len(page.items), page.total) == (2, 5)
    assert [one.id async for one in page] == ids[::-1]
    assert [one.id for one in page] == ids[:2:-1]


async def test_nothing_is_lost_or_doubled_over_many_connections(async_client, server):
    session_id = await asyncio.to_thread(server.add)
    server.cut_after, server.double = 7, True
    watching = [asyncio.ensure_future(_seqs(async_client.stream_events(session_id))) for _ in range(5)]
    for index in range(60):
        await asyncio.to_thread(server.emit, session_id, "delta", content=str(index))
    await asyncio.to_thread(server.emit, session_id, "status", status="completed")
    assert await asyncio.gather(*watching) == [list(range(1, 62))] * 5


async def _seqs(events):
    return [event.seq async for event in events]


async def test_leaving_a_stream_drops_its_connection(async_client, server):
    session_id = await asyncio.to_thread(server.add)
    await asyncio.to_thread(server.emit, session_id, "delta", content="a")
    async with async_client.stream_events(session_id) as events:
        async for event in events:
            assert event.seq == events.cursor == 1
            break
    await asyncio.to_thread(server.until, lambda: server.open == 0)
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_a_stream_is_left_by_cancelling(async_client, server):
    session_id = await asyncio.to_thread(server.add)
    watching = asyncio.ensure_future(_seqs(async_client.stream_events(session_id)))
    await asyncio.to_thread(server.until, lambda: server.seen("GET .*/events"))
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    await asyncio.to_thread(server.until, lambda: server.open == 0)


@pytest.mark.parametrize("comment", [None, 0.01])
async def test_a_wait_ends_in_time(async_client, server, comment):
    server.comment = comment
    session_id = await asyncio.to_thread(server.add)
    with pytest.raises(TimeoutError, match="timed out after 0.1 seconds"):
        await async_client.wait_for_completion(session_id, timeout=0.1)


async def test_a_wait_ends_in_time_while_the_server_says_nothing(async_client, server):
    session_id = await asyncio.to_thread(server.add)
    server.fault("GET .*/events", SILENT)
    with pytest.raises(ap.SessionTimeout):
        await async_client.wait_for_completion(session_id, timeout=0.1)


async def test_an_original_server_is_asked_again_and_again(original):
    async with AsyncAmbientClient(original.url, TOKEN, "demo") as client:
        session_id = await asyncio.to_thread(original.add)
        running, ended = dict(original.sessions[session_id]), {**original.sessions[session_id], "status": "completed"}
        for status in (running, running, ended):
            original.fault(f"GET /v1/sessions/{session_id}", Answer(200, status))
        assert (await client.wait_for_completion(session_id, poll_interval=0.0)).ended


async def test_a_session_is_created_once(async_client, server):
    server.fault("POST .*", ACTED_RESET, times=2)
    created = await async_client.create_session(CreateSessionRequest("Hello world"))
    assert list(server.sessions) == [created.id]


async def test_a_provider_may_wait(server):
    threads = []

    async def waits():
        await asyncio.sleep(0)
        return TOKEN

    def gives_one_that_waits():
        return waits()

    def blocks():
        threads.append(threading.current_thread())
        return TOKEN

    for provider in (waits, blocks, gives_one_that_waits):
        async with AsyncAmbientClient(server.url, provider, "demo") as client:
            assert (await client.list_sessions()).total == 0
            assert client.token is provider
    assert threads != [threading.main_thread()]


async def test_a_refused_token_is_asked_for_again(server):
    tokens = ["sha256~" + "a" * 20, TOKEN, "sha256~" + "a" * 20, "sha256~" + "a" * 20]
    async with AsyncAmbientClient(server.url, lambda: tokens.pop(0), "demo") as client:
        assert (await client.list_sessions()).total == 0
        with pytest.raises(ap.AuthenticationError):
            await client.list_sessions()
    assert len(server.requests) == 3


async def test_the_environment(server, monkeypatch):
    monkeypatch.setenv("AMBIENT_API_URL", server.url)
    monkeypatch.setenv("AMBIENT_TOKEN", TOKEN)
    monkeypatch.setenv("AMBIENT_PROJECT", "demo")
    async with AsyncAmbientClient.from_env(retry=RetryPolicy(attempts=1)) as client:
        assert (await client.list_sessions()).total == 0
        assert repr(client) == f"AsyncAmbientClient({server.url!r}, project='demo')"


def test_a_client_that_would_wait_says_so():
    from ambient_platform._port import run

    async def waits():
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waited for an event loop"):
        run(waits())
