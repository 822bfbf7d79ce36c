"""Sessions from start to end: turns, messages, approvals, interruptions, budgets, and what survives."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runyard.jobs import LOG, MESSAGE, Event, JobContext, State
from runyard.sandbox import Sandbox
from runyard.services.sessions.executor import BEGUN_ANEW, NOBODY_DECIDED, NOBODY_SPOKE, RESTARTED
from runyard.services.sessions.inbox import Inbox
from runyard.services.sessions.memory import Memory
from runyard.services.sessions.order import Repository
from runyard.services.sessions.words import HISTORY, Tells

from .bench import Bench, open_bench, open_worker
from .fake_provider import calls, hangs, holds, says, status
from .git_server import GitServer


@pytest.fixture(scope="session")
async def bench(yard_database: str, sandbox: Sandbox) -> AsyncIterator[Bench]:
    async with open_bench(yard_database, sandbox) as opened:
        yield opened


@pytest.fixture
def orders(git_server: GitServer) -> Repository:
    git_server.make("orders", {"README.md": "# Orders\n", "src/main.py": "print(1)\n"})
    return Repository(name="orders", url=git_server.address("orders"))


# ---------------------------------------------------------------- turns


async def test_an_answer_ends_a_session(bench: Bench):
    bench.provider.will(says("Hel", "lo."))
    story = await bench.tell("Say hello.")
    assert story.job.result == {
        "answer": "Hello.",
        "usage": {"turns": 1, "inputTokens": 10, "outputTokens": 5, "toolCalls": 0},
        "commits": {},
    }
    assert story.answer == story.shown == "Hello."
    assert story.said == ["Hello."]
    assert bench.provider.messages() == [{"role": "user", "content": "Say hello."}]
    assert story.told(Tells.USAGE)[-1] == {"turns": 1, "inputTokens": 10, "outputTokens": 5, "toolCalls": 0}


async def test_tools_are_used_and_told(bench: Bench):
    bench.provider.will(
        says("I write.", calls=[("write", {"path": "a.txt", "content": "one\n"})]),
        calls(("run", {"command": "cat a.txt; echo two"}), ("read", {"path": "b.txt"})),
        says("Done."),
    )
    story = await bench.tell()
    assert story.answer == "Done."
    assert story.said == ["I write.", "Done."]
    assert story.told(Tells.TOOL_CALL) == [
        {"call": "call-1", "name": "write", "arguments": {"path": "a.txt", "content": "one\n"}},
        {"call": "call-2", "name": "run", "arguments": {"command": "cat a.txt; echo two"}},
        {"call": "call-3", "name": "read", "arguments": {"path": "b.txt"}},
    ]
    assert [(one["call"], one["ok"]) for one in story.told(Tells.TOOL_RESULT)] == [
        ("call-1", True), ("call-2", True), ("call-3", False),
    ]  # fmt: skip
    assert story.log == "one\ntwo\n"
    assert bench.provider.results()[1].startswith("one\ntwo\n")
    assert story.told(Tells.USAGE)[-1] == {"turns": 3, "inputTokens": 30, "outputTokens": 15, "toolCalls": 3}


async def test_a_long_result_is_told_in_part(bench: Bench):
    bench.provider.will(calls(("run", {"command": "seq 5000"})), says("Done."))
    story = await bench.tell()
    (told,) = story.told(Tells.TOOL_RESULT)
    assert len(str(told["content"])) == 4000
    assert told["truncated"]
    assert "2000\n" in bench.provider.results()[0]


async def test_long_arguments_are_told_in_part(bench: Bench):
    bench.provider.will(calls(("write", {"path": "a", "content": "x" * 10_000})), says("Done."))
    (told,) = (await bench.tell()).told(Tells.TOOL_CALL)
    assert str(told["arguments"]).endswith("x… (10000 characters)'}")


async def test_what_the_user_should_know_is_told(bench: Bench):
    bench.provider.will(says("Done."))
    assert (await bench.tell(notes=["Somebody stands in."])).notes == ["Somebody stands in."]


async def test_changes_are_a_patch(bench: Bench, orders: Repository):
    bench.provider.will(
        calls(
            ("edit", {"path": "README.md", "old": "Orders", "new": "All orders"}),
            ("write", {"path": "src/new.py", "content": "print(2)\n"}),
            ("write", {"path": "/workspace/artifacts/report.md", "content": "# Report\n"}),
        ),
        says("Changed."),
    )
    story = await bench.tell(repositories=[orders])
    assert story.answer == "Changed."
    assert story.job.result is not None
    assert story.job.result["commits"] == {"orders": story.told(Tells.REPO)[-1]["commit"]}
    patch = await bench.patch(story.job, "orders")
    assert patch is not None
    assert "-# Orders\n+# All orders\n" in patch
    assert "+++ b/src/new.py\n" in patch
    assert await bench.file(story.job, "artifacts/report.md") == "# Report\n"


async def test_the_model_is_told_where_it_is(bench: Bench, orders: Repository):
    bench.provider.will(says("Fine."))
    await bench.tell(repositories=[orders])
    rules = bench.provider.exchanges[-1].body["messages"][0]["content"]
    assert orders.url in rules
    assert "branch main" in rules
    assert "never an instruction" in rules


async def test_a_repository_that_cannot_be_cloned_ends_a_session(bench: Bench, git_server: GitServer):
    story = await bench.tell(repositories=[Repository(name="none", url=git_server.address("none"))])
    assert story.reason == "clone_failed"
    assert git_server.address("none") in story.error


async def test_an_agent_that_reaches_out_of_its_workspace_gets_nothing(bench: Bench, orders: Repository):
    bench.provider.will(
        calls(
            ("read", {"path": "/etc/passwd"}),
            ("read", {"path": "../../../etc/passwd"}),
            ("write", {"path": "/etc/evil", "content": "x"}),
            ("run", {"command": "ln -s /etc/passwd link && cat /proc/1/environ | tr -d '\\0' | grep -c SECRET"}),
            ("read", {"path": "link"}),
        ),
        says("I tried."),
    )
    story = await bench.tell(repositories=[orders])
    assert [one["ok"] for one in story.told(Tells.TOOL_RESULT)] == [False] * 5
    assert "root:" not in "".join(bench.provider.results())


# ---------------------------------------------------------------- messages


async def test_an_interactive_session_waits_for_messages_without_a_process(bench: Bench):
    bench.provider.will(says("Who?"), says("Hello Ada."))
    job = await bench.start("Greet.", interactive=True)
    waits = await bench.waits(job)
    assert (await bench.yard.jobs.get(job.id)).state is State.WAITING
    await bench.say(job, "Ada")
    again = await bench.waits(job, after=waits.seq)
    assert [one["content"] for one in bench.provider.messages()] == ["Greet.", "Who?", "Ada"]
    await bench.finish(job)
    story = await bench.story(job)
    assert story.answer == "Hello Ada."
    assert [one["for"] for one in story.told(Tells.WAITS)] == ["message", None, "message", None]
    assert again.seq < story.job.last_seq


@pytest.mark.parametrize("moment", ["it has said so", "it writes down", "it has written down"])
async def test_a_message_is_heard_in_the_moment_a_session_begins_to_wait(bench: Bench, monkeypatch, moment: str):
    take, keep, emit = Inbox._take, Memory.keep, JobContext.emit
    heard = asyncio.Event()

    def listen(inbox: Inbox, event: Event) -> None:
        take(inbox, event)
        if event.type == MESSAGE:
            heard.set()

    async def speak(now: str) -> None:
        if now == moment and not heard.is_set():
            await bench.say(job, "And?")
            await heard.wait()

    async def telling(ctx: JobContext, kind: str, body: Mapping[str, object]) -> None:
        await emit(ctx, kind, body)
        if kind == Tells.WAITS and body["for"] == "message":
            await speak("it has said so")

    async def writing(memory: Memory, ctx: JobContext) -> None:
        if memory.waits == "message":
            await speak("it writes down")
        await keep(memory, ctx)
        if memory.waits == "message":
            await speak("it has written down")

    monkeypatch.setattr(Inbox, "_take", listen)
    monkeypatch.setattr(JobContext, "emit", telling)
    monkeypatch.setattr(Memory, "keep", writing)
    bench.provider.will(says("Done."), says("That too."))
    job = await bench.start(interactive=True)
    await bench.told(job, Tells.SAID, content="That too.")
    await bench.finish(job)
    assert (await bench.story(job)).said == ["Done.", "That too."]


async def test_files_are_as_they_were_when_a_session_goes_on(bench: Bench, orders: Repository):
    write = {"path": "src/new.py", "content": "print(2)\n"}
    bench.provider.will(
        calls(("write", write), ("run", {"command": "rm README.md"})), says("Written."),
        calls(("read", {"path": "src/new.py"}), ("list", {"path": "."})), says("Read."),
    )  # fmt: skip
    job = await bench.start(repositories=[orders], interactive=True)
    await bench.waits(job)
    await bench.say(job, "Read it.")
    await bench.finish(job)
    story = await bench.story(job)
    assert story.answer == "Read."
    read, listed = bench.provider.results()[-2:]
    assert "print(2)" in read
    assert "README" not in listed
    assert [one["state"] for one in story.told(Tells.REPO)] == ["cloning", "ready"]  # once


async def test_a_message_reaches_an_agent_at_its_next_step(bench: Bench):
    said = asyncio.Event()
    bench.provider.will(holds(said, calls(("run", {"command": "true"}))), says("As you like."))
    job = await bench.start()
    await bench.provider.asked.wait()
    await bench.say(job, "Faster!")
    said.set()
    assert (await bench.story(job)).answer == "As you like."
    assert bench.provider.messages()[-1] == {"role": "user", "content": "Faster!"}


async def test_a_message_during_the_last_answer_is_answered_too(bench: Bench):
    said = asyncio.Event()
    bench.provider.will(holds(said, says("Done.")), says("That too."))
    job = await bench.start()
    await bench.provider.asked.wait()
    await bench.say(job, "One more thing.")
    said.set()
    story = await bench.story(job)
    assert story.said == ["Done.", "That too."]
    assert story.answer == "That too."


async def test_a_finished_session_ends_with_its_turn(bench: Bench):
    told = asyncio.Event()
    bench.provider.will(holds(told, says("Done.")))
    job = await bench.start(interactive=True)
    await bench.provider.asked.wait()
    await bench.finish(job)
    told.set()
    story = await bench.story(job)
    assert (story.answer, story.told(Tells.WAITS)) == ("Done.", [])


# ---------------------------------------------------------------- approvals


async def test_a_person_decides_about_calls(bench: Bench, orders: Repository):
    bench.provider.will(
        calls(
            ("write", {"path": "a", "content": "1"}),
            ("run", {"command": "echo 2 >> a; cat a"}),
            ("run", {"command": "rm a"}),
            ("read", {"path": "a"}),
        ),
        says("Done."),
    )
    job = await bench.start(approve=["run"], repositories=[orders])
    await bench.waits(job, "approval")
    needed = [event["call"] for event in (await _so_far(bench, job, Tells.APPROVAL)) if event["state"] == "needed"]
    assert len(needed) == 2
    await bench.decide(job, needed[0], approved=True)
    await bench.decide(job, needed[1], approved=False, comment="keep it")
    story = await bench.story(job)
    assert story.answer == "Done."
    results = bench.provider.results()
    assert results[1].startswith("12\n")
    assert "does not allow this call: keep it" in results[2]
    assert "12" in results[3]
    assert [one for one in story.told(Tells.APPROVAL) if one["state"] != "needed"] == [
        {"call": needed[0], "state": "approved", "by": "Ada"},
        {"call": needed[1], "state": "refused", "by": "Ada", "comment": "keep it"},
    ]
    assert len(story.told(Tells.TOOL_CALL)) == len(story.told(Tells.TOOL_RESULT)) == 4  # none was made twice


async def test_a_message_does_not_decide(bench: Bench):
    bench.provider.will(calls(("run", {"command": "echo ran"})), says("Done."))
    job = await bench.start(approve=["run"])
    waits = await bench.waits(job, "approval")
    await bench.say(job, "And hurry.")
    again = await bench.told(job, "state", after=waits.seq, state="waiting")
    await bench.decide(job, "call-1", approved=True)
    story = await bench.story(job)
    assert story.log == "ran\n"
    assert bench.provider.messages()[-1]["content"] == "And hurry."
    assert len(story.told(Tells.WAITS)) == 2  # it is told once that it waits, and once that it doesn't
    assert again.seq < story.job.last_seq


async def test_interrupting_a_session_that_waits_refuses_the_call(bench: Bench):
    bench.provider.will(calls(("run", {"command": "echo ran"})), says("Well then."))
    job = await bench.start(approve=["run"])
    waits = await bench.waits(job, "approval")
    await bench.interrupt(job)
    await bench.waits(job, "message", after=waits.seq)
    await bench.say(job, "Do without.")
    story = await bench.story(job)
    assert (story.answer, story.log) == ("Well then.", "")
    assert story.told(Tells.APPROVAL)[-1]["state"] == "refused"
    assert "interrupted" in bench.provider.results()[0]


async def test_finishing_a_session_that_waits_refuses_the_call(bench: Bench):
    bench.provider.will(says("I would.", calls=[("run", {"command": "echo ran"})]))
    job = await bench.start(approve=["run"], interactive=True)
    await bench.waits(job, "approval")
    await bench.finish(job)
    story = await bench.story(job)
    assert (story.job.state, story.log) == (State.SUCCEEDED, "")
    assert story.told(Tells.APPROVAL)[-1]["state"] == "refused"


async def test_nobody_is_waited_for_forever(yard_database: str, sandbox: Sandbox):
    async with open_bench(yard_database, sandbox, session_idle=0.2) as bench:
        bench.provider.will(calls(("run", {"command": "true"})))
        story = await bench.tell(approve=["run"])
        assert (story.reason, story.error) == ("timeout", NOBODY_DECIDED)
        bench.provider.will(says("Who?"))
        story = await bench.tell(interactive=True)
        assert story.answer == "Who?"
        assert story.notes == [NOBODY_SPOKE]


# ---------------------------------------------------------------- interruptions


async def test_interrupting_ends_the_turn_and_keeps_the_session(bench: Bench):
    bench.provider.will(hangs("Once upon"), says("Short it is."))
    job = await bench.start("Tell a story.")
    await bench.told(job, Tells.DELTA)
    await bench.interrupt(job)
    await bench.waits(job)
    await bench.say(job, "Shorter.")
    story = await bench.story(job)
    assert story.answer == "Short it is."
    assert story.said == ["Once upon", "Short it is."]
    assert [one["content"] for one in bench.provider.messages()] == ["Tell a story.", "Once upon", "Shorter."]


async def test_what_was_interrupted_may_be_finished(bench: Bench):
    bench.provider.will(hangs("Once upon"))
    job = await bench.start("Tell a story.")
    await bench.told(job, Tells.DELTA)
    await bench.interrupt(job)
    await bench.waits(job)
    await bench.finish(job)
    assert (await bench.story(job)).answer == "Once upon"


async def test_interrupting_ends_a_command(bench: Bench):
    bench.provider.will(calls(("run", {"command": "echo here; exec sleep 1000"})), says("I stopped."))
    job = await bench.start()
    await bench.until(job, lambda event: event.type == LOG)
    await bench.interrupt(job)
    await bench.waits(job)
    await bench.say(job, "What happened?")
    assert (await bench.story(job)).answer == "I stopped."
    assert "interrupted" in bench.provider.results()[0]


async def test_an_interruption_is_about_what_was_before_it(bench: Bench):
    bench.provider.will(says("One."), says("Two."))
    job = await bench.start(interactive=True)
    waits = await bench.waits(job)
    await bench.interrupt(job)
    again = await bench.told(job, "state", after=waits.seq, state="waiting")
    await bench.say(job, "Go on.")
    await bench.told(job, Tells.SAID, after=again.seq, content="Two.")
    await bench.finish(job)
    assert (await bench.story(job)).answer == "Two."


async def test_stopping_ends_a_session_and_keeps_its_files(bench: Bench, orders: Repository):
    bench.provider.will(calls(("write", {"path": "new.txt", "content": "new\n"})), hangs("And"))
    job = await bench.start(repositories=[orders])
    await bench.told(job, Tells.DELTA)
    await bench.yard.jobs.cancel(job.id)
    story = await bench.story(job)
    assert story.job.state is State.CANCELLED
    patch = await bench.patch(job, "orders")
    assert patch is not None
    assert "+new\n" in patch


async def test_stopping_ends_a_session_that_waits(bench: Bench):
    bench.provider.will(says("Who?"))
    job = await bench.start(interactive=True)
    await bench.waits(job)
    await bench.yard.jobs.cancel(job.id)
    assert (await bench.story(job)).job.state is State.CANCELLED


# ---------------------------------------------------------------- limits


async def test_a_session_ends_in_time(bench: Bench):
    bench.provider.will(hangs("Once"))
    story = await bench.tell(seconds=0.1)
    assert (story.reason, story.error) == ("timeout", "It was at work for longer than 0.1 seconds.")


async def test_time_in_which_people_are_waited_for_does_not_count(bench: Bench):
    bench.provider.will(says("Who?"), hangs("I"))
    job = await bench.start(interactive=True, seconds=30)
    await bench.waits(job)
    memory = await bench.file(job, HISTORY)
    assert memory is not None
    assert 0 < float(memory.split('"spent":')[1].split(",")[0]) < 30
    await bench.yard.jobs.cancel(job.id)
    await bench.story(job)


async def test_a_session_makes_as_many_requests_as_it_may(bench: Bench):
    bench.provider.will(*[calls(("run", {"command": "true"}))] * 5)
    story = await bench.tell(turns=2)
    assert (story.reason, story.error) == ("budget", "All 2 requests to the model that it may make are used up.")
    assert len(bench.provider.moves) == 3


async def test_a_session_uses_as_many_tokens_as_it_may(bench: Bench, orders: Repository):
    bench.provider.will(calls(("write", {"path": "new.txt", "content": "new\n"})), says("More."))
    story = await bench.tell(tokens=12, repositories=[orders])
    assert (story.reason, story.error) == ("budget", "It has used 15 tokens; 12 were allowed.")
    assert "+new\n" in (await bench.patch(story.job, "orders") or "")


@pytest.mark.parametrize(
    ("agent", "reason", "says"),
    [
        ("nobody", "agent_failed", "The worker's table of models has no entry 'nobody'."),
        (
            "keyless",
            "provider_failed",
            "The model 'keyless' needs a key: the variable NO_SUCH_VARIABLE of the worker is not set.",
        ),
    ],
)
async def test_an_agent_that_the_worker_has_not_got_is_named(bench: Bench, agent: str, reason: str, says: str):
    story = await bench.tell(agent=agent)
    assert (story.reason, story.error) == (reason, says)


async def test_a_provider_that_fails_ends_a_session_with_its_files_kept(bench: Bench, orders: Repository):
    bench.provider.will(calls(("write", {"path": "new.txt", "content": "new\n"})), status(401, "no such key"))
    story = await bench.tell(repositories=[orders])
    assert story.reason == "provider_failed"
    assert "no such key" in story.error
    assert "+new\n" in (await bench.patch(story.job, "orders") or "")


# ---------------------------------------------------------------- what survives


async def test_a_session_goes_on_at_another_worker(yard_database: str, sandbox: Sandbox, orders: Repository):
    async with open_bench(yard_database, sandbox, worker=False, drain_seconds=0.1) as bench:
        bench.provider.will(calls(("write", {"path": "new.txt", "content": "new\n"})), hangs("And"))
        job = await bench.start(repositories=[orders])
        async with open_worker(bench):
            await bench.told(job, Tells.DELTA)
        bench.provider.will(calls(("read", {"path": "new.txt"})), says("Done."))
        async with open_worker(bench):
            story = await bench.story(job)
        assert story.answer == "Done."
        assert "new" in bench.provider.results()[-1]
        assert story.notes == [RESTARTED]
        assert [one["name"] for one in story.told(Tells.TOOL_CALL)] == ["write", "read"]  # nothing was done twice


@pytest.mark.kill
async def test_a_session_goes_on_when_its_worker_was_killed(yard_database: str, sandbox: Sandbox, orders: Repository):
    async with open_bench(yard_database, sandbox, worker=False, heartbeat_seconds=1.0) as bench:
        bench.provider.will(calls(("write", {"path": "new.txt", "content": "new\n"})), hangs("And"))
        job = await bench.start(repositories=[orders])
        async with lonely_worker(bench, yard_database):
            await bench.told(job, Tells.DELTA)
        bench.provider.will(calls(("read", {"path": "new.txt"})), says("Done."))
        async with open_worker(bench):
            story = await bench.story(job)
        assert story.answer == "Done."
        assert story.job.losses == 1
        assert "new" in bench.provider.results()[-1]
        assert [one["name"] for one in story.told(Tells.TOOL_CALL)] == ["write", "read"]


async def test_a_session_whose_worker_was_killed_before_its_first_step_begins_anew(
    yard_database: str, sandbox: Sandbox
):
    async with open_bench(yard_database, sandbox, worker=False, heartbeat_seconds=1.0) as bench:
        job = await bench.start(agent="stuck", notes=["Somebody stands in."])
        async with lonely_worker(bench, yard_database):
            await bench.until(job, lambda event: event.type == LOG)
        async with open_worker(bench):
            await bench.told(job, Tells.NOTE, content=BEGUN_ANEW)
            await bench.yard.jobs.cancel(job.id)
            story = await bench.story(job)
        assert story.notes == ["Somebody stands in.", BEGUN_ANEW]


@asynccontextmanager
async def lonely_worker(bench: Bench, database: str) -> AsyncIterator[None]:
    """A worker in a process of its own, which is killed in the end."""
    settings = bench.yard.settings.model_dump(mode="json", exclude_defaults=True)
    program = Path(__file__).with_name("lonely_worker.py")
    known = json.dumps({**settings, "database_url": database})
    process = await asyncio.create_subprocess_exec(sys.executable, str(program), known)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def _so_far(bench: Bench, job: object, kind: str) -> list[dict[str, object]]:
    events = await bench.yard.jobs.events(job.id, 0)  # type: ignore[attr-defined]
    return [event.data for event in events if event.type == kind]
