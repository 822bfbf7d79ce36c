"""The stream of a workspace's events."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import pytest

from runyard.services.runs import tail
from runyard.services.runs.ledger import Ledger
from runyard.services.runs.tail import read
from runyard.testing.running import until

from .house import frames, note


@asynccontextmanager
async def streaming(person, path="/events:stream", **options):
    async with asyncio.timeout(30), person.client.stream("GET", path, **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield frames(answer)


async def take(events, count):
    return [await anext(events) for _ in range(count)]


async def test_events_come_as_they_happen(desk, ada):
    await desk.write(ada.workspace, "before")
    async with streaming(ada) as events:
        await desk.write(ada.workspace, "first", "second", run_id="run-1")
        found = await take(events, 2)
    assert [event["data"]["text"] for event in found] == ["first", "second"]
    event = found[0]
    assert event["specversion"] == "1.0"
    assert event["type"] == "com.portarium.run.Noted"
    assert (event["subject"], event["runid"]) == ("runs/run-1", "run-1")
    assert (event["tenantid"], event["correlationid"]) == (ada.workspace, "c")
    assert event["datacontenttype"] == "application/json"


@pytest.mark.parametrize("how", [{"headers": {"Last-Event-ID": "1"}}, {"params": {"after": "1"}}])
async def test_a_stream_goes_on_where_it_was_cut(desk, ada, how):
    await desk.write(ada.workspace, "a", "b", "c")
    async with streaming(ada, "/events/stream", **how) as events:
        assert [event["data"]["text"] for event in await take(events, 2)] == ["b", "c"]
        await desk.write(ada.workspace, "d")
        assert (await anext(events))["id"] == "4"


async def test_many_readers_at_different_places_miss_nothing(desk, ada):
    texts = [str(number) for number in range(1200)]
    for start in range(0, 1200, 300):
        await desk.write(ada.workspace, *texts[start : start + 300])

    async def read(after):
        async with streaming(ada, params={"after": str(after)}) as events:
            return [event["data"]["text"] for event in await take(events, 1200 - after)]

    places = (0, 1, 499, 500, 501, 1100)
    assert await asyncio.gather(*map(read, places)) == [texts[place:] for place in places]
    await until(lambda: desk.room.streams.watched == 0, "the readers to be gone")


async def test_a_reader_who_is_far_behind_holds_nobody_up(desk, ada, monkeypatch):
    await desk.write(ada.workspace, *map(str, range(600)))
    gate, waiting = asyncio.Event(), asyncio.Event()

    async def slowly(database, workspace, after):
        if workspace == ada.workspace and after < 600:
            waiting.set()
            await gate.wait()
        return await read(database, workspace, after)

    monkeypatch.setattr(tail, "read", slowly)
    async with streaming(ada, params={"after": "0"}) as behind:
        first = asyncio.create_task(anext(behind))
        await waiting.wait()
        async with streaming(ada) as ahead:
            await desk.write(ada.workspace, "new")
            assert (await anext(ahead))["data"]["text"] == "new"
        gate.set()
        assert (await first)["data"]["text"] == "0"
        assert (await take(behind, 600))[-1]["data"]["text"] == "new"


async def test_one_run_can_be_followed(desk, ada):
    await desk.write(ada.workspace, "mine", run_id="run-1")
    await desk.write(ada.workspace, "another's", run_id="run-2")
    await desk.write(ada.workspace, "mine too", run_id="run-1")
    async with streaming(ada, params={"after": "0", "runId": "run-1"}) as events:
        assert [event["data"]["text"] for event in await take(events, 2)] == ["mine", "mine too"]


async def test_nothing_of_other_workspaces_is_heard(desk, ada):
    other = await desk.person("admin")
    async with streaming(ada, params={"after": "0"}) as events:
        await desk.write(other.workspace, "theirs")
        await desk.write(ada.workspace, "mine")
        assert (await anext(events))["data"]["text"] == "mine"


@pytest.mark.parametrize("said", ["x", "-1", "9" * 30])
async def test_what_is_no_event_is_refused(ada, said):
    await ada.get("/events:stream", 422, after=said)


async def test_a_place_that_does_not_exist_yet_is_the_present(desk, ada):
    await desk.write(ada.workspace, "a")
    async with streaming(ada, params={"after": "999"}) as events:
        await desk.write(ada.workspace, "b")
        assert (await anext(events))["data"]["text"] == "b"


async def test_who_comes_back_too_late_is_told(desk, ada):
    async def long_ago(connection):
        book = await Ledger(lambda: desk.yard.clock() - timedelta(days=9)).open(connection, ada.workspace)
        for _ in range(10):
            note(book, "old")
        await book.close()

    await desk.yard.database.transaction(long_ago)
    await desk.write(ada.workspace, *map(str, range(256)))
    problem = await ada.get("/events:stream", 410, after="3")
    assert problem["oldest"] == 11
    async with streaming(ada, params={"after": "0"}) as events:
        assert (await anext(events))["data"]["text"] == "0"


async def test_without_a_token_there_is_no_stream(desk, ada):
    answer = await ada.client.get("/events:stream", headers={"Authorization": ""})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_quiet_stream_has_signs_of_life(desk, ada):
    async with asyncio.timeout(30), ada.client.stream("GET", "/events:stream") as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == ": connected"
        assert [await anext(lines), (await anext(lines))[:4]] == ["", "id: "]


async def lines_of(person, path, **params):
    async with asyncio.timeout(30), person.client.stream("GET", path, params=params) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for line in answer.aiter_lines():
            yield line


@pytest.mark.parametrize(
    "path", ["/events:stream", "/location-events:stream"]
)  # that of invocations: test_invocations.py
async def test_a_stream_ends_when_its_reader_is_no_longer_let_in(desk, ada, path):
    bob = await desk.person("operator", workspace=ada.workspace)
    bob.client.headers["Accept"] = "text/event-stream"
    async with aclosing(lines_of(bob, path)) as lines:
        assert await anext(lines)
        assert (await ada.client.delete(f"/users/{bob.id}")).status_code == 204
        await desk.write(ada.workspace, "not for Bob")
        rest = [line async for line in lines]
    assert not any("not for Bob" in line for line in rest)
    assert ": going away" in rest


async def test_a_stream_of_one_run_has_signs_of_life_while_others_go_on(desk, ada):
    """It says where it is as well: who comes back needn't be sent all that was not for them."""
    stop = asyncio.Event()

    async def others():
        while not stop.is_set():
            await desk.write(ada.workspace, "another's", run_id="run-2")

    going_on = asyncio.create_task(others())
    try:
        async with aclosing(lines_of(ada, "/events:stream", runId="run-1")) as lines:
            said = [line async for line in _up_to_second_place(lines)]
    finally:
        stop.set()
        await going_on
    assert ": still here" in said
    assert not any(line.startswith("data:") for line in said)


async def _up_to_second_place(lines):
    places = 0
    async for line in lines:
        yield line
        places += line.startswith("id: ")
        if places == 2:
            return
