"""The agent that needs nothing but this machine: a report on the repositories, and prose that says nothing else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from runyard.sandbox import Sandbox
from runyard.services.sessions.order import Repository
from runyard.services.sessions.words import Tells
from runyard.text.weights import packaged_weights

from .bench import Bench, open_bench
from .fake_provider import Exchange, Move, answers, says, status
from .git_server import GitServer

TASK = "Analyze the repository structure and provide a summary"


@pytest.fixture(scope="session")
async def bench(yard_database: str, sandbox: Sandbox) -> AsyncIterator[Bench]:
    """Its language model is the provider of the test."""
    async with open_bench(yard_database, sandbox, text="provider") as opened:
        yield opened


@pytest.fixture
def orders(git_server: GitServer) -> Repository:
    git_server.make(
        "orders",
        {
            "README.md": "# Orders\n\nTakes orders.\n",
            "src/orders/__init__.py": "",
            "src/orders/main.py": "def main():\n    print(1)\n",
            "tests/test_main.py": "def test_one(): ...\n\n\ndef test_two(): ...\n",
            "pyproject.toml": '[project]\nname = "orders"\ndependencies = ["httpx>=0.28"]\n',
        },
    )
    return Repository(name="orders", url=git_server.address("orders"))


def counts(number: int) -> Move:
    """How many tokens a text has."""

    async def move(exchange: Exchange) -> None:
        body = json.dumps({"tokens": list(range(number))}).encode()
        await exchange.head(200, {"content-type": "application/json", "content-length": str(len(body))})
        await exchange.write(body)

    return move


async def test_a_report_says_what_is_in_the_repository(bench: Bench, orders: Repository):
    bench.provider.will(answers("The repository has 5 files."), counts(40), counts(7))
    story = await bench.tell(TASK, agent="embedded", repositories=[orders])
    assert "# orders" in story.answer
    assert "2 tests" in story.answer
    assert "httpx" in story.answer
    assert story.shown == story.answer
    assert story.told(Tells.TOOL_CALL) == [{"call": "call-1", "name": "analyse", "arguments": {}}]
    assert story.told(Tells.USAGE)[-1] == {"turns": 1, "inputTokens": 40, "outputTokens": 7, "toolCalls": 1}


async def test_prose_that_is_not_true_is_left_out(bench: Bench, orders: Repository):
    bench.provider.will(answers("The repository has 9,999 files. It was written by Napoleon."), counts(1), counts(1))
    answer = (await bench.tell(TASK, agent="embedded", repositories=[orders])).answer
    assert "9,999" not in answer
    assert "Napoleon" not in answer


async def test_without_a_language_model_there_is_the_report_and_a_note(
    yard_database: str, sandbox: Sandbox, orders: Repository
):
    async with open_bench(yard_database, sandbox) as bench:
        story = await bench.tell(TASK, agent="embedded", repositories=[orders])
        assert "# orders" in story.answer
        assert len(story.notes) == 1
        assert "no opening in prose: this yard has no language model" in story.notes[0]
        story = await bench.tell("Hello world", agent="embedded")
        assert "no repository to analyse" in story.answer


async def test_a_language_model_that_fails_costs_the_opening_only(bench: Bench, orders: Repository):
    bench.provider.will(status(500, "boom"))
    story = await bench.tell(TASK, agent="embedded", repositories=[orders])
    assert "# orders" in story.answer
    assert "boom" in story.notes[0]


async def test_without_a_repository_the_language_model_answers(bench: Bench):
    bench.provider.will(says("Hel", "lo."), counts(3), status(404, "no such path"))
    story = await bench.tell("Hello world", agent="embedded")
    assert story.answer == story.shown == "Hello."
    asked: dict[str, Any] = bench.provider.exchanges[-3].body
    assert asked["messages"][-1] == {"role": "user", "content": "Hello world"}


async def test_a_question_about_the_report_is_answered_shortly(bench: Bench, orders: Repository):
    bench.provider.will(answers("Fine."), counts(1), counts(1))
    job = await bench.start(TASK, agent="embedded", repositories=[orders], interactive=True)
    waits = await bench.waits(job)
    await bench.say(job, "Which tests are there?")
    await bench.waits(job, after=waits.seq)
    await bench.finish(job)
    story = await bench.story(job)
    assert story.answer.startswith("### orders\n\n- **Tests.** ")
    assert "2 tests" in story.answer
    assert len(story.answer) < len(story.said[0])


async def test_an_analysis_can_need_approval(bench: Bench, orders: Repository):
    job = await bench.start(TASK, agent="embedded", repositories=[orders], approve=["analyse"])
    await bench.waits(job, "approval")
    await bench.decide(job, "call-1", approved=False)
    story = await bench.story(job)
    assert story.reason == "agent_failed"
    assert "does not allow" in story.error


@pytest.mark.slow
@pytest.mark.skipif(packaged_weights() is None, reason="runyard[local-llm] is not installed")
async def test_the_packaged_model_opens_the_report(yard_database: str, sandbox: Sandbox, orders: Repository):
    async with open_bench(yard_database, sandbox, text="packaged") as bench:
        story = await bench.tell(TASK, agent="embedded", repositories=[orders])
        assert "# orders" in story.answer
        assert story.notes == []
        usage = story.told(Tells.USAGE)[-1]
        assert int(str(usage["inputTokens"])) > 50 < 1000
        print(story.answer)
