"""Streams: the exact bytes of the original events, cursors that lose nothing, and every way a stream can end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from uuid import UUID

import pytest

from runyard.jobs import JobContext, JobFailed, Maintenance
from runyard.services.ci.stream import Cursor
from runyard.settings import Settings

from .conftest import DEADLINE, Caller, House, form, open_house, parse_sse, sse

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINES = ["one\n", "two\n", "three\n", "\n", "fïve \u2028 \x85\n", "no end"]


async def prints(ctx: JobContext) -> Mapping[str, object]:
    await ctx.log("".join(LINES[:2]))
    await ctx.emit("phase", {"phase": "test"})
    await ctx.log("".join(LINES[2:5]))
    await ctx.emit("test", {"id": "t.py::test_é", "outcome": "passed", "duration": 0.1, "message": None})
    await ctx.log(LINES[5])
    return {"exit_code": 0, "tests": {"total": 1}}


async def finished(house: House, caller: Caller) -> str:
    await house.work(prints)
    job = await caller.submit()
    await house.ended(job)
    return job


async def test_the_original_bytes_are_kept(house: House, ada: Caller) -> None:
    await house.work(prints)
    job = await ada.submit()
    async with ada.client.stream("GET", f"/jobs/{job}/stream", params={"from_beginning": "True"}) as answer:
        body = await answer.aread()
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["transfer-encoding"] == "chunked"
    plain = b"\n".join(line for line in body.split(b"\n") if not line.startswith((b"id: ", b":")))
    assert plain == b"".join(
        b"data: " + json.dumps(event).encode("ascii") + b"\n\n"
        for event in [
            *({"type": "log", "data": line} for line in LINES),
            {"type": "complete", "success": True},
        ]
    )


async def test_submit_stream_begins_with_the_id_and_submit_does_not(house: House, ada: Caller) -> None:
    await house.work(prints)
    for path, first in (("/submit-stream", "job_id"), ("/submit", "log")):
        async with ada.client.stream("POST", path, **form()) as answer:
            events = parse_sse(await answer.aread())
        assert events[0]["type"] == first
        assert [event["data"] for event in events if event["type"] == "log"] == LINES
        assert events[-1] == {"type": "complete", "success": True, "cursor": events[-1]["cursor"]}


async def test_a_stream_goes_on_after_any_cursor(house: House, ada: Caller) -> None:
    """Invariant 2."""
    job = await finished(house, ada)
    for query in ("", "?events=all"):
        whole = await sse(ada.client, f"/jobs/{job}/stream{query}", headers={"Last-Event-ID": "0"})
        for number, event in enumerate(whole[:-1], 1):
            rest = await sse(ada.client, f"/jobs/{job}/stream{query}", headers={"Last-Event-ID": event["cursor"]})
            assert rest == whole[number:], event["cursor"]


async def test_a_cursor_goes_on_in_the_archive_as_well(house: House, ada: Caller) -> None:
    """Invariant 2."""
    job = await finished(house, ada)
    path = f"/jobs/{job}/stream?events=all"
    whole = await sse(ada.client, path, headers={"Last-Event-ID": "0"})
    settings = house.yard.settings.model_copy(update={"compact_after": 1e-9})
    assert await Maintenance(house.yard.jobs, house.yard.artifacts, settings).compact() == 1
    assert await house.yard.jobs.events(UUID(job), 0) == []
    for number, event in enumerate([{"cursor": "0"}, *whole[:-1]]):
        assert await sse(ada.client, path, headers={"Last-Event-ID": event["cursor"]}) == whole[number:]


async def test_all_events_are_shown_to_who_asks(house: House, ada: Caller) -> None:
    job = await finished(house, ada)
    events = await sse(ada.client, f"/jobs/{job}/stream?events=all&from_beginning=true")
    states = [event for event in events if event["type"] == "state"]
    assert [(event["status"], event["attempt"]) for event in states] == [("queued", 0), ("running", 1)]
    assert [event["phase"] for event in events if event["type"] == "phase"] == ["test"]
    (test,) = [event for event in events if event["type"] == "test"]
    assert test["id"] == "t.py::test_é"
    del events[-1]["cursor"]
    assert events[-1] == {
        "type": "complete", "success": True, "status": "completed", "reason": None, "message": None,
        "exit_code": 0, "tests": {"total": 1},
    }  # fmt: skip


async def test_a_watcher_joins_at_the_present(house: House, ada: Caller) -> None:
    go_on = asyncio.Event()

    async def script(ctx: JobContext) -> Mapping[str, object]:
        await ctx.log("before\n")
        await ctx.flush()
        await go_on.wait()
        await ctx.log("after\n")
        return {}

    await house.work(script)
    job = await ada.submit()
    await house.reached(job, 3)
    async with ada.client.stream("GET", f"/jobs/{job}/stream") as answer:
        go_on.set()
        events = parse_sse(await answer.aread())
    assert [event["data"] for event in events if event["type"] == "log"] == ["after\n"]


async def test_a_job_that_has_ended_says_so(house: House, ada: Caller) -> None:
    job = await finished(house, ada)
    notice, complete = await sse(ada.client, f"/jobs/{job}/stream")
    assert "already completed" in notice["data"]
    assert notice["data"].endswith("\n")
    assert (complete["type"], complete["success"]) == ("complete", True)


async def test_a_cursor_at_or_beyond_the_end_gets_the_end(house: House, ada: Caller) -> None:
    job = await finished(house, ada)
    last = (await house.yard.jobs.get(UUID(job))).last_seq
    for cursor in (last, last + 5):
        (event,) = await sse(ada.client, f"/jobs/{job}/stream", headers={"Last-Event-ID": str(cursor)})
        assert event["type"] == "complete"


async def test_a_stream_waits_for_a_queued_job_as_long_as_it_takes(ground: Settings) -> None:
    """Invariant 7: heartbeats instead of a false end."""
    async with open_house(ground, stream_heartbeat=0.05) as house:
        ada = await house.caller()
        job = await ada.submit()
        async with ada.client.stream("GET", f"/jobs/{job}/stream?from_beginning=true") as answer:
            beats, rest = 0, b""
            async with asyncio.timeout(DEADLINE):
                async for piece in answer.aiter_raw():
                    before, beats = beats, beats + piece.count(b": still here\n\n")
                    rest += piece
                    if before < 3 <= beats:
                        await house.work(prints)
        assert parse_sse(rest)[-1]["success"] is True


async def test_the_place_in_the_queue_is_told_as_it_changes(ground: Settings) -> None:
    async with open_house(ground, stream_heartbeat=0.05) as house:
        ada = await house.caller()
        first, second = await ada.submit(), await ada.submit()
        path = f"/jobs/{second}/stream?events=all&from_beginning=1"
        positions = []
        async with asyncio.timeout(DEADLINE), ada.client.stream("GET", path) as answer:
            async for line in answer.aiter_lines():
                if not line.startswith("data: "):
                    continue
                event = json.loads(line[6:])
                positions.append(event.get("queue_position"))
                if event["type"] == "complete":
                    break
                await house.client(ada.key).post(f"/jobs/{first if len(positions) == 1 else second}/cancel")
        assert positions == [2, 1, None]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("tests_failed", "completed"),
        ("no_tests", "completed"),
        ("killed", "completed"),
        ("timeout", "failed"),
        ("bad_package", "failed"),
    ],
)
async def test_how_a_job_failed_is_told_alike_everywhere(house: House, ada: Caller, code: str, status: str) -> None:
    async def script(ctx: JobContext) -> Mapping[str, object]:
        raise JobFailed(code, "So it went.", result={"exit_code": 1, "tests": {"total": 3}})

    await house.work(script)
    job = await ada.submit()
    events = await sse(ada.client, f"/jobs/{job}/stream?events=all&from_beginning=1")
    told = {
        "status": status, "reason": code, "message": "So it went.", "exit_code": 1, "tests": {"total": 3}, "success": False,
    }  # fmt: skip
    assert {name: events[-1][name] for name in told} == told
    details = (await ada.client.get(f"/jobs/{job}/details")).json()
    assert {name: details[name] for name in told} == told
    assert (await ada.client.get(f"/jobs/{job}")).json()["status"] == status


async def test_a_drained_server_says_come_again(ground: Settings) -> None:
    """Invariant 7: every close says whether it is final."""
    async with open_house(ground) as house:
        ada = await house.caller()
        job = await ada.submit()
        async with ada.client.stream("GET", f"/jobs/{job}/stream?from_beginning=true") as answer:
            house.yard.tails.close()
            body = await answer.aread()
        assert body == b"retry: 500\n: going away\n\n"


async def test_a_watcher_that_leaves_is_noticed(house: House, ada: Caller) -> None:
    job = await ada.submit()
    async with asyncio.timeout(DEADLINE):
        async with ada.client.stream("GET", f"/jobs/{job}/stream"):
            while not house.yard.tails.watched:
                await asyncio.sleep(0)
        while house.yard.tails.watched:
            await asyncio.sleep(0)


async def test_a_slow_watcher_holds_up_nobody_and_misses_nothing(house: House, ada: Caller) -> None:
    """Invariant 2."""
    lines = [f"line {number} {'x' * 200}\n" for number in range(20_000)]

    async def script(ctx: JobContext) -> Mapping[str, object]:
        for start in range(0, len(lines), 100):
            await ctx.log("".join(lines[start : start + 100]))
        return {}

    job = await ada.submit()
    async with ada.client.stream("GET", f"/jobs/{job}/stream?from_beginning=1") as slow:
        await house.work(script)
        quick = await sse(house.client(ada.key), f"/jobs/{job}/stream?from_beginning=1")
        late = parse_sse(await slow.aread())
    assert [event.get("data") for event in quick[:-1]] == lines
    assert late == quick


async def test_bytes_that_are_not_text_and_endless_lines_arrive(house: House, ada: Caller) -> None:
    async def script(ctx: JobContext) -> Mapping[str, object]:
        await ctx.log(b"caf\xc3")
        await ctx.flush()
        await ctx.log(b"\xa9 \xff\xfe\n")
        await ctx.log(b"y" * 200_000 + b"\n")
        return {}

    await house.work(script)
    events = await sse(ada.client, f"/jobs/{await ada.submit()}/stream?from_beginning=1")
    text = "".join(event["data"] for event in events if event["type"] == "log")
    assert text == "café \ufffd\ufffd\n" + "y" * 200_000 + "\n"
    assert max(len(event.get("data", "")) for event in events) <= 65_536


@pytest.mark.parametrize("cursor", ["x", "-1", "1.x", "1.2.3"])
async def test_a_cursor_that_is_none_is_refused(ada: Caller, cursor: str) -> None:
    answer = await ada.client.get(f"/jobs/{await ada.submit()}/stream", headers={"Last-Event-ID": cursor})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "last-event-id"]


async def test_an_unparsable_flag_is_told_in_the_frameworks_shape(ada: Caller) -> None:
    answer = await ada.client.get(f"/jobs/{await ada.submit()}/stream?from_beginning=maybe")
    (error,) = answer.json()["detail"]
    assert (answer.status_code, error["type"], error["loc"]) == (
        422,
        "bool_parsing",
        ["query", "from_beginning"],
    )


@pytest.mark.parametrize(
    ("text", "cursor"), [("0", Cursor(0)), ("7", Cursor(7)), ("7.3", Cursor(6, 3)), ("7.0", Cursor(7))]
)
async def test_a_cursor_is_read(text: str, cursor: Cursor) -> None:
    assert Cursor.parse(text) == cursor


async def test_a_job_that_is_removed_while_it_is_watched_ends_its_stream(house: House, ada: Caller) -> None:
    job = await ada.submit()
    async with ada.client.stream("GET", f"/jobs/{job}/stream?from_beginning=1") as answer:
        await house.yard.database.execute("DELETE FROM events")
        await house.yard.database.execute("DELETE FROM jobs")
        house.yard.tails._look_everywhere()
        async with asyncio.timeout(DEADLINE):
            notice, complete = parse_sse(await answer.aread())
    assert "no job" in notice["data"]
    assert (complete["type"], complete["success"]) == ("complete", False)


async def test_a_log_of_many_small_events_comes_without_a_pause(house: House, ada: Caller) -> None:
    async def script(ctx: JobContext) -> Mapping[str, object]:
        for number in range(1500):
            await ctx.log(f"{number}\n")
            await ctx.emit("test", {"id": "t", "outcome": "passed", "duration": 0.0, "message": None})
        return {}

    await house.work(script)
    job = await ada.submit()
    await house.ended(job)
    async with asyncio.timeout(house.yard.settings.stream_heartbeat - 1):
        events = await sse(ada.client, f"/jobs/{job}/stream?events=all&from_beginning=1")
    assert [event["data"] for event in events if event["type"] == "log"] == [f"{number}\n" for number in range(1500)]
    assert len(events) == 3003
