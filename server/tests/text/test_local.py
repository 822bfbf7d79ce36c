"""The packaged model: what it writes, for whom, and what becomes of requests when its process dies."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, suppress
from pathlib import Path

import psutil
import pytest

from runyard.sandbox import Sandbox
from runyard.settings import Settings
from runyard.text import Message, Sampling, TextProvider, TextRefused, model, open_text
from runyard.text.process import SPARE

from .conftest import QUEUE, SLOTS

BRIEF = Sampling(max_tokens=6, temperature=0)
ENDLESS = Sampling(max_tokens=4000, grammar="root ::= [a-z ] root")  # has no end
DEADLINE = 60.0


def model_processes() -> list[psutil.Process]:
    """Those of this test's process, in their sandboxes; not the launchers around them."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if one.cmdline()[2:3] == [model.__file__]:
                found.append(one)
    return found


def shared_process() -> psutil.Process:
    """The one behind the fixture; other tests of this process have theirs, with another queue."""
    (process,) = (one for one in model_processes() if one.cmdline()[-1] == str(QUEUE + SPARE))
    return process


async def test_the_same_question_has_the_same_answer(text: TextProvider) -> None:
    warm = Sampling(max_tokens=6, temperature=1, seed=7)
    assert await text.generate("Say hi.", BRIEF) == await text.generate("Say hi.", BRIEF) != ""
    assert await text.generate("Say hi.", warm) == await text.generate("Say hi.", warm)


async def test_pieces_make_the_whole(text: TextProvider) -> None:
    async with aclosing(text.stream("Say hi.", BRIEF)) as pieces:
        parts = [piece async for piece in pieces]
    assert len(parts) > 1
    assert "".join(parts) == await text.generate("Say hi.", BRIEF)


async def test_a_prompt_is_the_users_message(text: TextProvider) -> None:
    said = await text.generate([Message("system", "Be brief."), Message("user", "Say hi.")], BRIEF)
    assert said == await text.generate("Say hi.", Sampling(max_tokens=6, temperature=0, system="Be brief."))


async def test_raw_goes_on_with_the_text(text: TextProvider) -> None:
    sampling = Sampling(max_tokens=1, temperature=0, raw=True)
    assert await text.generate("The capital of France is", sampling) == " Paris"


async def test_a_stop_text_ends_the_answer(text: TextProvider) -> None:
    sampling = Sampling(max_tokens=20, temperature=0, grammar='root ::= "one two three"', stop=["two"])
    assert await text.generate("Count.", sampling) == "one "


async def test_a_schema_makes_json(text: TextProvider) -> None:
    schema = {
        "type": "object", "additionalProperties": False, "required": ["name", "age"],
        "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer", "maximum": 99, "minimum": 0}},
    }  # fmt: skip
    found = json.loads(await text.generate("A person.", Sampling(max_tokens=60, temperature=0, json_schema=schema)))
    assert set(found) == {"name", "age"}
    assert isinstance(found["age"], int)


async def test_a_grammar_leaves_only_its_own_words(text: TextProvider) -> None:
    sampling = Sampling(max_tokens=10, grammar='root ::= "yes" | "no"')
    assert await text.generate("Is it?", sampling) in {"yes", "no"}


@pytest.mark.parametrize(
    ("sampling", "says"),
    [
        (Sampling(grammar="root ::= foo"), "grammar"),
        (Sampling(grammar='root ::= root "x"'), "grammar"),
        (Sampling(json_schema={"type": "nonsense"}), "nonsense"),
    ],
    ids=["undefined", "left-recursive", "schema"],
)
async def test_a_bad_constraint_is_refused(text: TextProvider, sampling: Sampling, says: str) -> None:
    with pytest.raises(TextRefused, match=says):
        await text.generate("hi", sampling)


async def test_a_prompt_longer_than_the_context_is_refused(text: TextProvider) -> None:
    with pytest.raises(TextRefused, match="context"):
        await text.generate("word " * 8000, BRIEF)


@pytest.mark.parametrize("written", ["", "Hello, wörld! 🌍", "<|im_start|>user\n", " leading and trailing "])
async def test_tokens_go_both_ways(text: TextProvider, written: str) -> None:
    assert await text.detokenize(await text.tokenize(written)) == written


async def test_the_next_token_has_probabilities(text: TextProvider) -> None:
    likely = await text.forward(await text.tokenize("The capital of France is"), 20)
    probabilities = [probability for _, probability in likely]
    assert await text.detokenize([likely[0][0]]) == " Paris"
    assert len(likely) == 20
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0.5 < sum(probabilities) <= 1


@pytest.mark.parametrize(
    ("tokens", "top", "says"), [([], 1, "no tokens"), ([1], 0, "top"), ([1], 1001, "top"), ([10**6], 1, "no token"), ([-1], 1, "no token")]
)  # fmt: skip
async def test_tokens_that_make_no_sense_are_refused(
    text: TextProvider, tokens: list[int], top: int, says: str
) -> None:
    with pytest.raises(TextRefused, match=says):
        await text.forward(tokens, top)


async def test_more_may_ask_than_are_answered_at_once(text: TextProvider) -> None:
    async with asyncio.timeout(DEADLINE):
        said = await asyncio.gather(*(text.generate(f"Count from {number}.", BRIEF) for number in range(QUEUE)))
    assert all(said)


async def test_a_full_queue_is_told_at_once(text: TextProvider) -> None:
    asking = [asyncio.ensure_future(text.generate("Go on.", ENDLESS)) for _ in range(QUEUE)]
    await asyncio.sleep(0)
    with pytest.raises(TextRefused, match=f"{QUEUE} requests already"):
        await text.tokenize("hi")
    for one in asking:
        one.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_who_goes_away_makes_room(text: TextProvider) -> None:
    """Both slots would otherwise be taken for minutes."""
    for _ in range(SLOTS):
        async with aclosing(text.stream("Go on.", ENDLESS)) as pieces:
            await anext(pieces)
    async with asyncio.timeout(DEADLINE):
        assert await text.generate("Say hi.", BRIEF)


@pytest.mark.kill
async def test_a_killed_model_is_replaced(text: TextProvider) -> None:
    async with aclosing(text.stream("Go on.", ENDLESS)) as pieces:
        await anext(pieces)
        other = asyncio.ensure_future(text.generate("Go on.", ENDLESS))
        await asyncio.sleep(0)
        process = shared_process()
        process.kill()
        with pytest.raises(TextRefused, match="ask again"):
            async for _ in pieces:
                pass
        with pytest.raises(TextRefused, match="ask again"):
            await other
    assert await text.generate("Say hi.", BRIEF)
    replacement = shared_process()
    assert replacement.pid != process.pid


async def test_it_reaches_no_network_and_nobody_reaches_it(text: TextProvider) -> None:
    await text.tokenize("hi")
    process = shared_process()
    lines = Path(f"/proc/{process.pid}/net/tcp").read_text().splitlines()[1:]
    assert lines == []
    assert {
        line.split(":")[0].strip() for line in Path(f"/proc/{process.pid}/net/dev").read_text().splitlines()[2:]
    } == {"lo"}


async def test_a_late_answer_is_refused_and_an_idle_model_ends(tmp_path: Path, sandbox: Sandbox) -> None:
    settings = Settings(data_dir=tmp_path, text_threads=1, text_seconds=2, text_idle_seconds=0.01, text_slots=1)
    tmp_path.chmod(0o711)
    others = model_processes()
    async with open_text(settings, sandbox) as brief, asyncio.timeout(DEADLINE):
        async with aclosing(brief.stream("Go on.", ENDLESS)) as pieces:
            await anext(pieces)
            (process,) = set(model_processes()) - set(others)
            with pytest.raises(TextRefused, match="longer than 2 seconds"):
                async for _ in pieces:
                    pass
        await asyncio.to_thread(process.wait, DEADLINE)
        assert await brief.tokenize("hi")
    assert set(model_processes()) <= set(others)
    assert list((tmp_path / "text").iterdir()) == []


async def test_a_model_that_hangs_is_replaced(tmp_path: Path, sandbox: Sandbox) -> None:
    settings = Settings(data_dir=tmp_path, text_threads=1, text_seconds=2, text_slots=1)
    tmp_path.chmod(0o711)
    others = set(model_processes())
    async with open_text(settings, sandbox) as text, asyncio.timeout(DEADLINE):
        await text.tokenize("hi")
        (process,) = set(model_processes()) - others
        process.suspend()
        with pytest.raises(TextRefused, match="longer than 2 seconds"):
            await text.tokenize("hi")
        assert await text.tokenize("hi")
        await asyncio.to_thread(process.wait, DEADLINE)


async def test_a_model_that_can_not_start_is_told(tmp_path: Path, sandbox: Sandbox) -> None:
    """It has too little memory here. The next request tries again."""
    settings = Settings(data_dir=tmp_path, text_threads=1, text_memory=16 << 20)
    tmp_path.chmod(0o711)
    async with open_text(settings, sandbox) as text, asyncio.timeout(DEADLINE):
        for _ in range(2):
            with pytest.raises(TextRefused, match="can't start"):
                await text.tokenize("hi")
