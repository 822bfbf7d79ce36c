"""Command-line agents: a program of the operator's in the workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runyard.jobs import LOG, State
from runyard.sandbox import Sandbox
from runyard.services.sessions.order import Repository
from runyard.services.sessions.words import Tells

from .bench import Bench, open_bench
from .git_server import GitServer


@pytest.fixture(scope="session")
async def bench(yard_database: str, sandbox: Sandbox) -> AsyncIterator[Bench]:
    async with open_bench(yard_database, sandbox) as opened:
        yield opened


@pytest.fixture
def orders(git_server: GitServer) -> Repository:
    git_server.make("orders", {"README.md": "# Orders\n"})
    return Repository(name="orders", url=git_server.address("orders"))


async def test_its_output_is_the_log_and_the_answer(bench: Bench):
    story = await bench.tell(agent="program")
    assert story.log == "working\ndone\n"
    assert story.answer == "working\ndone"
    assert story.told(Tells.USAGE)[-1] == {"turns": 1, "inputTokens": 0, "outputTokens": 0, "toolCalls": 1}


async def test_the_task_comes_on_standard_input(bench: Bench):
    assert (
        await bench.tell("Größe: 5; $(rm -rf /) `x`\n\"'", agent="reader")
    ).answer == "Größe: 5; $(rm -rf /) `x`\n\"'"


async def test_the_task_can_be_an_argument(bench: Bench):
    assert (await bench.tell("$(id); {task}", agent="argument")).answer == "I was told: $(id); {task}"


async def test_it_changes_repositories_and_writes_its_answer(bench: Bench, orders: Repository):
    story = await bench.tell(agent="writer", repositories=[orders])
    assert story.answer == "# Done"
    patch = await bench.patch(story.job, "orders")
    assert patch is not None
    assert "+changed\n" in patch
    assert "answer.md" not in patch


async def test_a_program_that_fails_ends_the_session_with_its_last_words(bench: Bench):
    story = await bench.tell(agent="broken")
    assert (story.reason, story.error) == ("agent_failed", "The agent's program has ended with exit code 3. oh no")


async def test_a_program_that_is_not_there_is_named(bench: Bench):
    story = await bench.tell(agent="missing")
    assert story.reason == "agent_failed"
    assert "no-such-program" in story.error


async def test_it_sees_the_variables_it_is_given_and_a_home_of_its_own(bench: Bench):
    answer = (await bench.tell(agent="secretive")).answer
    assert answer.startswith(("b /home/", "b /tmp/"))
    assert "nowhere" in answer


async def test_an_interactive_program_is_told_what_was_said_before(bench: Bench):
    job = await bench.start("One.", agent="reader", interactive=True)
    waits = await bench.waits(job)
    await bench.say(job, "Two.")
    await bench.waits(job, after=waits.seq)
    await bench.finish(job)
    answer = (await bench.story(job)).answer
    assert answer == "# Earlier in this conversation\n\n## User\n\nOne.\n\n## You\n\nOne.\n\n# Now\n\nTwo."


async def test_the_whole_program_can_need_approval(bench: Bench):
    job = await bench.start(agent="program", approve=["run"])
    await bench.waits(job, "approval")
    await bench.decide(job, "call-1", approved=True)
    assert (await bench.story(job)).answer == "working\ndone"


async def test_a_program_that_is_not_approved_does_not_run(bench: Bench):
    job = await bench.start(agent="program", approve=["run"])
    await bench.waits(job, "approval")
    await bench.decide(job, "call-1", approved=False, comment="not today")
    story = await bench.story(job)
    assert (story.reason, story.log) == ("agent_failed", "")
    assert "not today" in story.error


async def test_interrupting_ends_the_program(bench: Bench):
    job = await bench.start(agent="stuck")
    await bench.until(job, lambda event: event.type == LOG)
    await bench.interrupt(job)
    await bench.waits(job)
    await bench.yard.jobs.cancel(job.id)
    assert (await bench.story(job)).job.state is State.CANCELLED
