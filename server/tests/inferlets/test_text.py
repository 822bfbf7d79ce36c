"""Text for programs, from the packaged model: whole, in pieces, constrained, as tokens, and cut short."""

from __future__ import annotations

import asyncio
import json
import re
import struct
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

from runyard.services.inferlets import instances
from runyard.services.inferlets.instances import Gave, Said
from runyard.services.inferlets.runtime import core, plain
from runyard.services.inferlets.words import SIGNALLED
from runyard.text import model, model_name

from . import programs as wat
from . import texts
from .conftest import Bench

BRIEF = '{"max_tokens": 6, "temperature": 0}'
ENDLESS = '{"max_tokens": 4000, "grammar": "root ::= [a-z ] root"}'  # has no end
SCHEMA = json.dumps({
    "max_tokens": 60, "temperature": 0,
    "json_schema": {
        "type": "object", "required": ["name", "age"], "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "minimum": 0, "maximum": 99}
        },
    },
})  # fmt: skip


def joined(said: list[object]) -> str:
    return "".join(one.text for one in said if isinstance(one, Said))


def test_the_reference_names_every_function() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "inferlets-programs.md").read_text()
    text = next(one for one in core.INTERFACES if one.name == "runyard:inferlet/text")
    methods = {name.rpartition(".")[2] for name in text.functions}
    assert [name for name in plain.FUNCTIONS if not re.search(rf"`{name}\(", page)] == []
    assert [name for name in methods if f" {name}: func(" not in page] == []


async def test_a_program_asks_without_options(bench: Bench) -> None:
    """It asks "hello" and reads the answer, as long as it may be."""
    end, said = await bench.story(await bench.launch(wat.ASK))
    assert end.reason == "completed", end
    assert joined(said)


async def test_a_schema_makes_json(bench: Bench) -> None:
    end, said = await bench.story(await bench.launch(texts.GENERATE, "A person.", SCHEMA))
    found = json.loads(joined(said))
    assert end.reason == "completed"
    assert set(found) == {"name", "age"}
    assert isinstance(found["age"], int)


async def test_pieces_make_the_whole(bench: Bench) -> None:
    """And a text that was ended is forgotten."""
    _, (*pieces, last) = await bench.story(await bench.launch(texts.STREAM, "Say hi.", BRIEF))
    _, whole = await bench.story(await bench.launch(texts.GENERATE, "Say hi.", BRIEF))
    _, answer = await bench.story(await bench.launch(texts.CHAT, '[{"role": "user", "content": "Say hi."}]', BRIEF))
    assert joined(pieces) == joined(whole) == joined(answer) != ""
    assert last == Said("there is no text 1 being written")


async def test_tokens_go_both_ways_and_have_successors(bench: Bench) -> None:
    job = await bench.launch(texts.TOKENS, "The capital of France is", "")
    end, said = await bench.story(job)
    assert end.reason == "completed", end
    gave, whole = said
    assert whole == Said("The capital of France is")
    assert isinstance(gave, Gave)
    content = b"".join([piece async for piece in bench.yard.artifacts.read(gave.sha256)])
    likely = list(struct.iter_unpack("<If", content))
    assert len(likely) == 3
    assert 1 > likely[0][1] > likely[1][1] > likely[2][1] > 0


async def test_a_component_streams_talks_and_looks_ahead(bench: Bench) -> None:
    conversation = '[{"role": "user", "content": "Say hi."}]'
    job = await bench.launch(texts.COMPONENT, "Say hi.", BRIEF, conversation, "The capital of France is")
    end, (*pieces, answer, following) = await bench.story(job)
    assert end.reason == "completed", end
    assert joined(pieces) == joined([answer]) != ""
    assert following == Said(" Paris")


async def test_a_component_finds_the_model_and_its_tokens(bench: Bench) -> None:
    end, said = await bench.story(await bench.launch(texts.TOKENIZER))
    assert end.reason == "completed", end
    assert said == [Said(str(model_name(bench.yard.settings))), Said("wörld")]


@pytest.mark.parametrize(
    ("options", "says"),
    [('{"grammar": "root ::= foo"}', "grammar"), ('{"max_tokens": 0}', "max_tokens"), ("nonsense", "options")],
)
async def test_bad_options_are_told(bench: Bench, options: str, says: str) -> None:
    for program in (texts.GENERATE, texts.STREAM):
        end, said = await bench.story(await bench.launch(program, "hi", options))
        assert (end.reason, end.text) == ("completed", "refused")
        assert says in joined(said)
    end, _ = await bench.story(await bench.launch(texts.COMPONENT, "hi", options))
    assert end.reason == "exception"
    assert says in end.text


async def test_an_instance_has_few_texts_at_a_time(bench: Bench) -> None:
    """Those it leaves behind are written no further."""
    end, said = await bench.story(await bench.launch(texts.HOARD, "Go on.", ENDLESS))
    assert end.text == "refused"
    assert "8 texts" in joined(said)
    async with asyncio.timeout(60):
        assert joined((await bench.story(await bench.launch(texts.GENERATE, "Say hi.", BRIEF)))[1])


async def test_eight_programs_at_once(bench: Bench) -> None:
    jobs = [await bench.launch(texts.GENERATE, f"Count from {number}.", BRIEF) for number in range(8)]
    stories = await asyncio.gather(*map(bench.story, jobs))
    assert all(end.reason == "completed" and joined(said) for end, said in stories)


async def test_a_program_that_generates_is_told_to_end(bench: Bench) -> None:
    job = await bench.launch(texts.STREAM, "Go on.", ENDLESS)
    async with aclosing(bench.says(job)) as says:
        await anext(says)
        await instances.terminate(bench.yard, job.id, grace=20)
    end, said = await bench.story(job)
    assert (end.reason, end.text) == ("aborted", SIGNALLED)
    assert Said("told") in said


async def test_a_program_that_generates_is_stopped_by_its_limits(bench: Bench) -> None:
    end, _ = await bench.story(await bench.launch(texts.GENERATE, "Go on.", ENDLESS, wall_seconds=1))
    assert (end.reason, end.limit) == ("out_of_resources", "wall_seconds")


@pytest.mark.kill
async def test_a_model_that_is_killed_is_a_refusal(bench: Bench) -> None:
    jobs = [await bench.launch(texts.STREAM, "Go on.", ENDLESS) for _ in range(2)]
    for job in jobs:
        async with aclosing(bench.says(job)) as says:
            await anext(says)
    mine = psutil.Process().children(recursive=True)
    next(one for one in mine if one.cmdline()[2:3] == [model.__file__]).kill()
    for job in jobs:
        end, said = await bench.story(job)
        assert end.text == "refused"
        assert "ask again" in joined(said)
    assert joined((await bench.story(await bench.launch(texts.GENERATE, "Say hi.", BRIEF)))[1])
