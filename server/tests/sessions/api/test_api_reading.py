"""How sessions are shown, listed, awaited and removed, in every state they can be in."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from runyard.jobs import JobFailed, State
from runyard.services.sessions.listing import _CONDITIONS, AT_ONCE
from runyard.services.sessions.standing import status_of
from runyard.services.sessions.words import Tells

from .conftest import TASK, Caller, House

URL = "https://x.example/platform"
READY = {"name": "platform", "url": URL, "branch": "main", "commit": "0123abc", "state": "ready"}
USAGE = {"turns": 2, "inputTokens": 30, "outputTokens": 4, "toolCalls": 1}


async def works(ctx):
    await ctx.emit(Tells.REPO, {"name": "platform", "url": URL, "state": "cloning"})
    await ctx.emit(Tells.REPO, READY)
    for turns in (1, 2):
        await ctx.emit(Tells.USAGE, {**USAGE, "turns": turns})
    await ctx.emit(Tells.NOTE, {"content": "no model wrote this"})
    await ctx.log("one\ntwo\nthree\n")


async def completes(ctx):
    await works(ctx)
    return {"answer": "It is a platform."}


async def fails(ctx):
    await works(ctx)
    raise JobFailed("budget", "All 5 requests are used up.")


async def breaks(_ctx):
    raise JobFailed("internal", "The yard failed at this job.")


async def holds(ctx):
    await works(ctx)
    await ctx.flush()
    await asyncio.Event().wait()


async def waits(ctx):
    await works(ctx)
    await ctx.emit(Tells.WAITS, {"for": "approval"})
    await ctx.suspend("message", checkpoint=None, delay=timedelta(hours=1), after=ctx.job.last_seq)


async def ended(caller: Caller, script, **more) -> tuple[str, dict]:
    await caller.house.work(script)
    session = await caller.create(repos=[{"url": URL}], **more)
    await caller.house.ended(session)
    return session, await caller.get(session)


async def noted(house: House, session: str) -> None:
    await house.reached(session, lambda event: event.type == Tells.NOTE)


# ---------------------------------------------------------------- one session


async def test_a_completed_session_has_its_answer(ada):
    session, found = await ended(ada, completes)
    assert (found["status"], found["result"]) == ("completed", "It is a platform.")
    assert found["createdAt"] <= found["startedAt"] <= found["completedAt"]
    assert not {"error", "reason", "waiting"} & set(found)
    assert found["repos"] == [{"name": "platform", "url": URL, "branch": "main", "commit": "0123abc"}]
    assert (found["usage"], found["notes"]) == (USAGE, ["no model wrote this"])
    assert (await ada.client.get("/v1/sessions")).json()["items"] == [found]
    assert found["id"] == session


async def test_what_the_job_leaves_behind_is_what_counts(house, ada):
    """Its log may be past its retention, and the last word on usage comes with the answer."""
    usage = {**USAGE, "toolCalls": 2}

    async def sums_up(ctx):
        await works(ctx)
        return {"answer": "", "usage": usage, "commits": {"platform": "4567def"}}

    session, found = await ended(ada, sums_up)
    assert (found["usage"], found["repos"][0]["commit"]) == (usage, "4567def")
    numbers = await ada.get(f"{session}/metrics")
    assert {name: numbers[name] for name in usage} == usage


async def test_a_failed_session_says_why(ada):
    _, found = await ended(ada, fails)
    assert (found["status"], found["reason"], found["error"]) == ("failed", "budget", "All 5 requests are used up.")
    assert "result" not in found
    assert found["usage"] == USAGE


async def test_a_fault_of_ours_is_the_agents_failure(ada):
    _, found = await ended(ada, breaks)
    assert (found["status"], found["reason"], found["error"]) == (
        "failed", "agent_failed", "The yard failed at this job.",
    )  # fmt: skip


async def test_a_running_session_tells_what_is_known_so_far(house, ada):
    await house.work(holds)
    session = await ada.create(repos=[{"url": URL}])
    await noted(house, session)
    found = await ada.get(session)
    assert (found["status"], found["usage"]) == ("running", USAGE)
    assert found["repos"][0]["commit"] == "0123abc"
    assert not {"waiting", "completedAt", "result", "error"} & set(found)


async def test_a_waiting_session_runs_and_says_for_whom_it_waits(house, ada):
    await house.work(waits)
    session = await ada.create()
    await house.reached(session, lambda event: event.type == "state" and event.data["state"] == State.WAITING)
    found = await ada.get(session)
    assert (found["status"], found["waiting"]) == ("running", "approval")


async def test_a_session_that_goes_back_to_the_queue_still_runs(house, ada):
    """Whoever waits for the end of `pending` once never sees it again."""
    session = await ada.create()
    job = await house.job(session)
    await house.yard.database.execute("UPDATE jobs SET started_at = now() WHERE id = $1", job.id)
    assert (await ada.get(session))["status"] == "running"


async def test_a_stopped_session_has_failed(house, ada):
    await house.work(holds)
    session = await ada.create()
    await noted(house, session)
    assert (await ada.post(f"{session}/stop"))["id"] == session
    found = await ada.get(session, wait=30)
    assert (found["status"], found["reason"], found["error"]) == ("failed", "stopped", "The session was stopped.")
    assert (await ada.post(f"{session}/stop", status=409))["code"] == "ended"


async def test_a_session_whose_workers_were_lost_was_interrupted(house, ada):
    async def loses(_ctx):
        raise JobFailed("worker_lost", "The worker was lost 3 times while it ran this job.")

    await house.work(loses)
    found = await ada.get(await ada.create(), wait=30)
    assert (found["status"], found["reason"]) == ("failed", "interrupted")


async def test_a_session_nobody_has_begun_is_stopped_at_once(ada):
    session = await ada.create()
    found = await ada.post(f"{session}/stop")
    assert (found["status"], found["reason"]) == ("failed", "stopped")


async def test_waiting_for_the_end(house, ada):
    release = asyncio.Event()

    async def script(ctx):
        await ctx.emit(Tells.NOTE, {"content": "here"})
        await ctx.flush()
        await release.wait()
        return {"answer": "done"}

    await house.work(script)
    session = await ada.create()
    await noted(house, session)
    assert (await ada.get(session, wait=0.05))["status"] == "running"
    waiting = asyncio.create_task(ada.get(session, wait=30))
    release.set()
    assert (await waiting)["result"] == "done"
    assert (await ada.get(session, wait=30))["result"] == "done"


@pytest.mark.parametrize("wait", ["-1", "61", "soon", "nan"])
async def test_nobody_waits_for_ever(ada, wait):
    answer = await ada.client.get(f"/v1/sessions/{await ada.create()}", params={"wait": wait})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert f"wait is {wait!r}" in answer.json()["message"]


# ---------------------------------------------------------------- removing


async def test_a_removed_session_is_gone(house, ada):
    session, _ = await ended(ada, completes)
    answer = await ada.client.delete(f"/v1/sessions/{session}")
    assert (answer.status_code, answer.content) == (204, b"")
    for attempt in (ada.client.get, ada.client.delete):
        answer = await attempt(f"/v1/sessions/{session}")
        assert (answer.status_code, answer.json()["error"]) == (404, f"session not found: {session}")
    assert (await ada.client.get("/v1/sessions")).json() == {"items": [], "total": 0}


async def test_a_running_session_is_stopped_before_it_is_removed(house, ada):
    stopped = asyncio.Event()

    async def script(ctx):
        await ctx.emit(Tells.NOTE, {"content": "here"})
        await ctx.flush()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    await house.work(script)
    session = await ada.create()
    await noted(house, session)
    assert (await ada.client.delete(f"/v1/sessions/{session}")).status_code == 204
    assert stopped.is_set()


async def test_one_session_is_removed_once(ada):
    session = await ada.create()
    answers = await asyncio.gather(*(ada.client.delete(f"/v1/sessions/{session}") for _ in range(5)))
    assert {answer.status_code for answer in answers} <= {204, 404}
    assert 204 in {answer.status_code for answer in answers}


# ---------------------------------------------------------------- lists


async def test_all_sessions_are_listed_newest_first(ada):
    sessions = [await ada.create(str(number)) for number in range(AT_ONCE + 30)]
    answer = await ada.client.get("/v1/sessions")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    found = answer.json()
    assert [one["id"] for one in found["items"]] == sessions[::-1]
    assert (found["total"], set(found)) == (AT_ONCE + 30, {"items", "total"})


async def test_exactly_a_lot_is_listed(ada):
    sessions = [await ada.create(str(number)) for number in range(AT_ONCE)]
    found = (await ada.client.get("/v1/sessions")).json()
    assert ([one["id"] for one in found["items"]], found["total"]) == (sessions[::-1], AT_ONCE)


async def test_pages_leave_nothing_out(ada):
    sessions = [await ada.create(str(number)) for number in range(7)]
    found, cursor = [], {}
    while True:
        page = (await ada.client.get("/v1/sessions", params={"limit": 3, **cursor})).json()
        assert page["total"] == 7
        found += [one["id"] for one in page["items"]]
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
        await ada.create("newer than the first page")
        await ada.client.delete(f"/v1/sessions/{(await ada.client.get('/v1/sessions')).json()['items'][0]['id']}")
    assert found == sessions[::-1]


async def test_a_page_is_for_what_was_asked_for(house, ada):
    await house.work(completes)
    done = await ada.create("Count to 100%", labels={"team": "core", "kind": "a"}, displayName="Numbers")
    await house.ended(done)
    stopped = await ada.create("x_y", labels={"team": "core"})
    await house.ended(stopped)
    assert await ids(ada, status="completed") == [stopped, done]
    assert await ids(ada, status="failed") == await ids(ada, status="pending") == []
    assert await ids(ada, status="pending,completed") == [stopped, done]
    assert await ids(ada, label="team=core") == [stopped, done]
    assert await ids(ada, label=["team=core", "kind=a"]) == [done]
    assert await ids(ada, label="team=") == await ids(ada, label="team=cor") == []
    assert await ids(ada, search="100%") == await ids(ada, search="nUMBers") == await ids(ada, search=done) == [done]
    assert await ids(ada, search="x_y") == [stopped]
    assert await ids(ada, search="_") == [stopped]
    assert await ids(ada, search="x%") == []
    assert await ids(ada, search="\\") == await ids(ada, search="\0nothing") == []
    page = (await ada.client.get("/v1/sessions", params={"search": "1", "label": "kind=a", "limit": 5})).json()
    assert (page["total"], [one["id"] for one in page["items"]]) == (1, [done])


async def ids(caller: Caller, **query: object) -> list[str]:
    answer = await caller.client.get("/v1/sessions", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == len(answer.json()["items"])
    return [one["id"] for one in answer.json()["items"]]


async def test_a_status_is_listed_as_it_is_shown(house, ada):
    """The table of the listing and that of the session say the same of every state there is."""
    sessions = [await ada.create(state) for state in State] + [await ada.create("again")]
    for session, state in zip(sessions, [*State, State.QUEUED], strict=True):
        job = await house.job(session)
        if state is not State.QUEUED or session == sessions[-1]:
            await house.yard.database.execute(
                "UPDATE jobs SET state = 'running', started_at = now() WHERE id = $1", job.id
            )
        if state is not State.RUNNING:
            awaits = "message" if state is State.WAITING else None
            await house.yard.database.execute(
                "UPDATE jobs SET state = $2, awaits = $3, ended_at = CASE WHEN $4 THEN now() END WHERE id = $1",
                job.id, str(state), awaits, state.ended,
            )  # fmt: skip
    listed = {word: await ids(ada, status=word) for word in _CONDITIONS}
    for session in sessions:
        status = status_of(await house.job(session))
        assert [word for word, found in listed.items() if session in found] == [status]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"limit": 0}, "limit is '0'"),
        ({"limit": 501}, "limit is '501'"),
        ({"limit": "many"}, "limit is 'many'"),
        ({"cursor": "nonsense"}, "cursor is 'nonsense'"),
        ({"cursor": "ßü"}, "cursor is"),
        ({"status": "done"}, "status is 'done'"),
        ({"label": "team"}, "label is 'team'"),
        ({"label": "=core"}, "label is '=core'"),
    ],
)
async def test_an_odd_query_is_refused(ada, query, message):
    answer = await ada.client.get("/v1/sessions", params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert message in answer.json()["message"]


# ---------------------------------------------------------------- what it leaves behind


async def test_the_conversation_begins_with_the_task(house, ada):
    heard = asyncio.Event()

    async def script(ctx):
        await ctx.emit(Tells.SAID, {"role": "user", "content": ctx.job.params["task"]})
        await ctx.flush()
        await heard.wait()
        await ctx.emit(Tells.SAID, {"role": "assistant", "content": "Done."})
        return {"answer": "Done."}

    session = await ada.create()
    only = (await ada.get(f"{session}/messages"))["items"]
    assert [(one["seq"], one["role"], one["content"]) for one in only] == [(1, "user", TASK)]
    sent = await ada.post(f"{session}/messages", {"content": "And quickly."})
    await house.work(script)
    await house.reached(session, lambda event: event.type == Tells.SAID)
    heard.set()
    await house.ended(session)
    items = (await ada.get(f"{session}/messages"))["items"]
    assert [(one["role"], one["content"]) for one in items] == [
        ("user", TASK), ("user", "And quickly."), ("assistant", "Done."),
    ]  # fmt: skip
    assert items[1]["seq"] == sent["seq"]
    assert all(set(one) == {"seq", "at", "role", "content"} for one in items)


async def test_output_is_given_whole_or_from_its_end(house, ada):
    async def script(ctx):
        for number in range(3000):
            await ctx.log(f"line {number}\n")
        await ctx.log("ünd\rno end")
        return {"answer": ""}

    await house.work(script)
    session = await ada.create()
    await house.ended(session)
    answer = await ada.client.get(f"/v1/sessions/{session}/logs")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    whole = "".join(f"line {number}\n" for number in range(3000)) + "ünd\rno end"
    assert answer.text == whole
    for lines in (1, 2, 2999, 3001, 10_000):
        answer = await ada.client.get(f"/v1/sessions/{session}/logs", params={"tail": lines})
        assert answer.text == "\n".join(whole.split("\n")[-lines:])
    assert (await ada.client.get(f"/v1/sessions/{session}/logs", params={"tail": 0})).status_code == 400


async def test_the_tail_of_output_that_ends_with_a_line(ada):
    session, _ = await ended(ada, completes)
    for lines, expected in ((1, "three\n"), (2, "two\nthree\n"), (9, "one\ntwo\nthree\n")):
        assert (await ada.client.get(f"/v1/sessions/{session}/logs", params={"tail": lines})).text == expected


async def test_a_session_that_prints_nothing_has_no_output(ada):
    session = await ada.create()
    assert (await ada.client.get(f"/v1/sessions/{session}/logs")).text == ""
    assert (await ada.client.get(f"/v1/sessions/{session}/logs", params={"tail": 5})).text == ""


async def test_a_session_in_numbers(ada):
    session, found = await ended(ada, completes)
    numbers = await ada.get(f"{session}/metrics")
    assert {name: numbers[name] for name in USAGE} == USAGE
    assert (numbers["sessionId"], numbers["status"], numbers["attempts"]) == (session, "completed", 1)
    assert numbers["completedAt"] == found["completedAt"]
    assert numbers["queuedSeconds"] >= 0
    assert numbers["durationSeconds"] >= 0


async def test_a_session_nobody_has_begun_has_no_duration(ada):
    waiting = await ada.get(f"{await ada.create()}/metrics")
    assert "durationSeconds" not in waiting
    assert {name: waiting[name] for name in USAGE} == dict.fromkeys(USAGE, 0)


FILES = {
    "artifacts/report.md": b"# Report\n",
    "artifacts/deep/d\xc3\xa4ta.bin".encode("latin-1").decode(): b"\0" * 1000,
}
PATCHES = {"platform": b"diff --git a/x b/x\n", "other": b"diff --git a/y b/y\n"}


async def makes(ctx):
    for name, content in FILES.items():
        await ctx.artifact(name, content, content_type="text/markdown", limit=10_000)
    for name, content in PATCHES.items():
        await ctx.artifact(f"patches/{name}.diff", content, content_type="text/x-diff", limit=1000)
    await ctx.artifact("history.json", b"secret", content_type="application/json", limit=1000)
    return {"answer": ""}


@pytest.fixture
async def made(house, ada):
    await house.work(makes)
    session = await ada.create(repos=[{"url": URL}, {"url": "https://x.example/other"}, {"url": "https://x.example/q"}])
    await house.ended(session)
    return session


async def test_files_for_the_user_are_listed_and_nothing_else_is(ada, made):
    items = (await ada.get(f"{made}/artifacts"))["items"]
    assert {one["name"]: one["size"] for one in items} == {
        name.removeprefix("artifacts/"): len(content) for name, content in FILES.items()
    }
    assert all(set(one) == {"name", "size", "sha256", "contentType"} for one in items)
    for hidden in ("history.json", "../history.json", "..%2Fhistory.json", "patches/platform.diff", ""):
        answer = await ada.client.get(f"/v1/sessions/{made}/artifacts/{hidden}")
        assert answer.status_code in {404, 307}, hidden


async def test_a_file_is_fetched_whole_or_in_part(ada, made):
    for name, content in FILES.items():
        path = f"/v1/sessions/{made}/artifacts/{name.removeprefix('artifacts/')}"
        whole = await ada.client.get(path)
        assert (whole.status_code, whole.content) == (200, content)
        assert whole.headers["x-content-type-options"] == "nosniff"
        part = await ada.client.get(path, headers={"Range": "bytes=2-4"})
        assert (part.status_code, part.content) == (206, content[2:5])
        beyond = await ada.client.get(path, headers={"Range": "bytes=99999-"})
        assert beyond.status_code == 416
        assert beyond.json() == {
            "error": f"There are no bytes 'bytes=99999-' in {len(content)} bytes.", "code": "range_not_satisfiable",
        }  # fmt: skip
        assert beyond.headers["content-range"] == f"bytes */{len(content)}"


async def test_the_patch_of_all_and_of_one(ada, made):
    answer = await ada.client.get(f"/v1/sessions/{made}/patch")
    assert answer.headers["content-type"].startswith("text/x-diff")
    assert sorted(answer.content.splitlines()) == sorted(b"".join(PATCHES.values()).splitlines())
    answer = await ada.client.get(f"/v1/sessions/{made}/patch", params={"repo": "other"})
    assert answer.content == PATCHES["other"]
    unchanged = await ada.client.get(f"/v1/sessions/{made}/patch", params={"repo": "q"})
    assert (unchanged.status_code, unchanged.content) == (200, b"")
    unknown = await ada.client.get(f"/v1/sessions/{made}/patch", params={"repo": "nonsense"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_such_repository")
    assert "platform, other, q" in unknown.json()["message"]


async def test_a_session_without_repositories_has_no_patch(ada):
    answer = await ada.client.get(f"/v1/sessions/{await ada.create()}/patch")
    assert (answer.status_code, answer.content) == (200, b"")
