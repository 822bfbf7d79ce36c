"""What a session tells while it runs: every event in the contract's words, in order, from any place on."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from uuid import uuid4

import pytest

from runyard.jobs import JobFailed, Maintenance
from runyard.services.sessions.records import Records
from runyard.services.sessions.tidings import Ledger
from runyard.services.sessions.words import Tells

from .conftest import TASK, parse_sse

HEAD = {"seq", "at", "type"}


async def everything(ctx):
    await ctx.emit(Tells.SAID, {"role": "user", "content": ctx.job.params["task"]})
    await ctx.emit(Tells.REPO, {"name": "platform", "url": "https://x.example/p", "branch": "main", "state": "cloning"})
    ready = {"name": "platform", "url": "https://x.example/p", "branch": "main", "commit": "abc", "state": "ready"}
    await ctx.emit(Tells.REPO, ready)
    await ctx.emit(Tells.NOTE, {"content": "a note"})
    await ctx.emit(Tells.DELTA, {"content": "I lo"})
    await ctx.emit(Tells.DELTA, {"content": "ok\n\nid: 7"})
    await ctx.emit(Tells.SAID, {"role": "assistant", "content": "I look\n\nid: 7"})
    await ctx.emit(Tells.TOOL_CALL, {"call": "call-1", "name": "run", "arguments": {"command": "ls"}})
    await ctx.emit(Tells.APPROVAL, {"call": "call-1", "state": "needed"})
    await ctx.emit(Tells.WAITS, {"for": "approval"})
    await ctx.emit(Tells.WAITS, {"for": None})
    await ctx.log("README.md\n")
    await ctx.emit(Tells.TOOL_RESULT, {"call": "call-1", "ok": True, "content": "README.md", "truncated": False})
    await ctx.emit(Tells.USAGE, {"turns": 1, "inputTokens": 2, "outputTokens": 3, "toolCalls": 1})
    await ctx.artifact("artifacts/report.md", b"# R", content_type="text/markdown", limit=10)
    await ctx.artifact("history.json", b"{}", content_type="application/json", limit=10)
    await ctx.progress(50)
    return {"answer": "It is a platform."}


TOLD = [
    ("status", {"status": "pending"}),
    ("status", {"status": "running"}),
    ("message", {"role": "user", "content": TASK}),
    ("repo", {"name": "platform", "url": "https://x.example/p", "branch": "main", "state": "cloning"}),
    ("repo", {"name": "platform", "url": "https://x.example/p", "branch": "main", "state": "ready", "commit": "abc"}),
    ("note", {"content": "a note"}),
    ("delta", {"content": "I lo"}),
    ("delta", {"content": "ok\n\nid: 7"}),
    ("message", {"role": "assistant", "content": "I look\n\nid: 7"}),
    ("tool_call", {"call": "call-1", "name": "run", "arguments": {"command": "ls"}}),
    ("approval", {"call": "call-1", "state": "needed"}),
    ("status", {"status": "running", "waiting": "approval"}),
    ("status", {"status": "running"}),
    ("log", {"content": "README.md\n"}),
    ("tool_result", {"call": "call-1", "ok": True, "content": "README.md", "truncated": False}),
    ("usage", {"turns": 1, "inputTokens": 2, "outputTokens": 3, "toolCalls": 1}),
    (
        "artifact",
        {
            "name": "report.md",
            "size": 3,
            "sha256": "9cfee3938acb6764e1fd9b3a58af6ea81ec5c2c8eb3b40b6e0d5a54cc4d1e5d2",
        },
    ),
    ("status", {"status": "completed"}),
]


def fields(event):
    return event["type"], {name: value for name, value in event.items() if name not in HEAD}


async def test_every_event_is_told_in_the_words_of_the_contract(house, ada):
    await house.work(everything)
    session = await ada.create()
    told = await ada.events(session)
    shown = [fields(event) for event in told]
    digest = shown[-2][1].pop("sha256")
    assert len(digest) == 64
    expected = [(kind, {name: value for name, value in body.items() if name != "sha256"}) for kind, body in TOLD]
    assert shown == expected
    seqs = [event["seq"] for event in told]
    assert seqs == sorted(set(seqs))
    assert all(event["at"].endswith("Z") for event in told)


async def test_a_stream_goes_on_after_any_event(house, ada):
    await house.work(everything)
    session = await ada.create()
    told = await ada.events(session)
    for place, event in enumerate(told[:-1]):
        assert await ada.events(session, after=event["seq"]) == told[place + 1 :]
        header = {"Last-Event-ID": str(event["seq"])}
        answer = await ada.client.get(f"/v1/sessions/{session}/events", headers=header)
        assert parse_sse(answer.content) == told[place + 1 :]


async def test_whoever_asks_for_more_than_there_is_is_told_the_end(house, ada):
    await house.work(everything)
    session = await ada.create()
    last = (await ada.events(session))[-1]
    assert await ada.events(session, after=last["seq"]) == [last]
    assert [event["status"] for event in await ada.events(session, after=10**9)] == ["completed"]


async def test_the_log_is_the_same_after_it_was_packed_away(house, ada):
    await house.work(everything)
    session = await ada.create()
    told = await ada.events(session)
    before = await ada.get(session)
    spoken = await ada.get(f"{session}/messages")
    yard = house.yard
    settings = yard.settings.model_copy(update={"compact_after": 1e-6})
    await Maintenance(yard.jobs, yard.artifacts, settings=settings).compact()
    job = await house.job(session)
    assert job.archive is not None
    fresh = Ledger(yard)  # one that hasn't seen the session before
    assert await fresh.of(job) == await house.room.ledger.of(job)
    assert await Records(yard, fresh, house.room.agents).of([job.id, uuid4()]) == await house.room.records.of([job.id])
    assert await ada.events(session) == told
    assert await ada.events(session, after=told[5]["seq"]) == told[6:]
    assert await ada.get(f"{session}/messages") == spoken
    assert await ada.get(session) == before


async def test_a_log_that_is_packed_away_while_somebody_looks_is_not_forgotten(house, ada):
    """A job read before the packing, events after it: what is remembered then would be remembered for ever."""
    await house.work(everything)
    session = await ada.create()
    await ada.events(session)
    before = await house.job(session)
    yard = house.yard
    settings = yard.settings.model_copy(update={"compact_after": 1e-6})
    await Maintenance(yard.jobs, yard.artifacts, settings=settings).compact()
    found = await Ledger(yard).of(replace(before, archive=None))
    assert found.usage is not None
    assert found.repositories["platform"]["commit"] == "abc"


async def test_events_past_their_retention_are_gone_and_the_end_is_not(house, ada):
    await house.work(everything)
    session = await ada.create()
    end = (await ada.events(session))[-1]
    job = await house.job(session)
    await house.yard.database.execute("DELETE FROM events WHERE job = $1", job.id)
    assert await ada.events(session) == [end]
    for path in ("messages", "logs", "logs?tail=5", "events"):
        answer = await ada.client.get(f"/v1/sessions/{session}/{path}", headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (410, "events_expired"), path
    assert (await ada.get(session))["result"] == "It is a platform."


@pytest.mark.parametrize("cursor", ["-1", "x", "1.2", "9" * 19, "0x1"])
async def test_what_is_no_cursor_is_refused(ada, cursor):
    session = await ada.create()
    answer = await ada.client.get(f"/v1/sessions/{session}/events", params={"after": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert repr(cursor) in answer.json()["message"]


async def test_watching_from_now_on(house, ada):
    """What happened before isn't told; where the stream begins is, so that a reader goes on from there."""
    go_on = asyncio.Event()

    async def slowly(ctx):
        await ctx.emit(Tells.DELTA, {"content": "one"})
        await ctx.flush()
        await go_on.wait()
        await ctx.emit(Tells.DELTA, {"content": "two"})
        return {"answer": ""}

    await house.work(slowly)
    session = await ada.create()
    shown = await house.reached(session, lambda event: event.type == Tells.DELTA)
    page = await ada.client.get(
        f"/v1/sessions/{session}/events", params={"after": "last"}, headers={"Accept": "application/json"}
    )
    assert page.json() == {"items": [], "last": shown.seq, "ended": False}
    async with ada.client.stream("GET", f"/v1/sessions/{session}/events", params={"after": "last"}) as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == f"id: {shown.seq}"
        go_on.set()
        told = [json.loads(line[6:]) async for line in lines if line.startswith("data: ")]
    assert [event["seq"] for event in told] == [shown.seq + 1, shown.seq + 2]
    assert [event["type"] for event in told] == ["delta", "status"]


async def test_watching_from_now_on_what_has_ended_is_told_its_end(house, ada):
    await house.work(everything)
    session = await ada.create()
    told = await ada.events(session)
    assert await ada.events(session, after="last") == told[-1:]


async def test_a_reader_that_comes_back_goes_on_from_where_it_was(house, ada):
    """Browsers repeat the address they began with, and say beside it how far they are."""
    await house.work(everything)
    session = await ada.create()
    told = await ada.events(session)
    path, headers = f"/v1/sessions/{session}/events?after=last", {"Last-Event-ID": str(told[2]["seq"])}
    answer = await ada.client.get(path, headers=headers)
    assert parse_sse(answer.content) == told[3:]


async def test_events_come_as_they_happen(house, ada):
    go_on = asyncio.Event()

    async def slowly(ctx):
        await ctx.emit(Tells.DELTA, {"content": "one"})
        await go_on.wait()
        await ctx.emit(Tells.DELTA, {"content": "two"})
        return {"answer": ""}

    await house.work(slowly)
    session = await ada.create()
    contents = []
    async with ada.client.stream("GET", f"/v1/sessions/{session}/events") as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: ") and (event := json.loads(line[6:]))["type"] == "delta":
                contents.append(event["content"])
                go_on.set()
    assert contents == ["one", "two"]


async def test_a_page_of_json_instead_of_a_stream(house, ada):
    release = asyncio.Event()

    async def waits(ctx):
        await ctx.emit(Tells.NOTE, {"content": "here"})
        await ctx.flush()
        await release.wait()
        return {"answer": "done"}

    await house.work(waits)
    session = await ada.create()
    await house.reached(session, lambda event: event.type == Tells.NOTE)

    async def page(after):
        answer = await ada.client.get(
            f"/v1/sessions/{session}/events", params={"after": after}, headers={"Accept": "application/json"}
        )
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        return answer.json()

    first = await page(0)
    assert [event["type"] for event in first["items"]] == ["status", "status", "note"]
    assert (first["last"], first["ended"]) == (3, False)
    assert await page(3) == {"items": [], "last": 3, "ended": False}
    release.set()
    await house.ended(session)
    last = await page(3)
    assert ([event["status"] for event in last["items"]], last["ended"]) == (["completed"], True)


async def test_a_long_log_comes_in_pages_that_leave_nothing_out(house, ada):
    async def talks(ctx):
        for number in range(1200):
            await ctx.emit(Tells.DELTA, {"content": str(number)})
        return {"answer": ""}

    await house.work(talks)
    session = await ada.create()
    told, after, ended = [], 0, False
    while not ended:
        answer = await ada.client.get(
            f"/v1/sessions/{session}/events", params={"after": after}, headers={"Accept": "application/json"}
        )
        page = answer.json()
        assert len(page["items"]) <= 500
        if page["last"] == after:
            await house.ended(session)
        told += page["items"]
        after, ended = page["last"], page["ended"]
    assert [event["content"] for event in told if event["type"] == "delta"] == [str(n) for n in range(1200)]
    assert told == await ada.events(session)


async def test_many_watch_one_and_all_see_all_of_it(house, ada):
    started = asyncio.Event()

    async def talks(ctx):
        await started.wait()
        for number in range(500):
            await ctx.emit(Tells.DELTA, {"content": str(number)})
        return {"answer": ""}

    await house.work(talks)
    session = await ada.create()
    watching = [asyncio.create_task(ada.events(session)) for _ in range(20)]
    started.set()
    streams = await asyncio.gather(*watching)
    assert all(told == streams[0] for told in streams)
    assert [event["content"] for event in streams[0] if event["type"] == "delta"] == [str(n) for n in range(500)]


async def test_a_failure_ends_the_stream_with_its_reason(house, ada):
    async def fails(_ctx):
        raise JobFailed("clone_failed", "https://x.example/p can't be cloned: not found")

    await house.work(fails)
    session = await ada.create()
    end = (await ada.events(session))[-1]
    assert fields(end) == (
        "status",
        {
            "status": "failed",
            "reason": "clone_failed",
            "error": "https://x.example/p can't be cloned: not found",
        },
    )


async def test_a_stream_of_a_session_that_is_deleted_ends(house, ada):
    async def waits(ctx):
        await ctx.emit(Tells.NOTE, {"content": "here"})
        await asyncio.Event().wait()

    await house.work(waits)
    session = await ada.create()
    await house.reached(session, lambda event: event.type == Tells.NOTE)
    watching = asyncio.create_task(ada.events(session))
    assert (await ada.client.delete(f"/v1/sessions/{session}")).status_code == 204
    told = await watching
    assert [event["type"] for event in told][:3] == ["status", "status", "note"]
    assert (await ada.client.get(f"/v1/sessions/{session}/events")).status_code == 404
