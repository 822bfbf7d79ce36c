"""The agent with a model behind an API: what it makes of a provider that fails, dawdles or talks nonsense."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic_ai.exceptions import ModelHTTPError, ModelRateLimitError

from runyard.sandbox import Sandbox
from runyard.services.sessions.agents.connection import connect
from runyard.services.sessions.agents.faults import LONGEST_BACKOFF, judge
from runyard.services.sessions.agents.models import BadTable, ProviderEntry
from runyard.services.sessions.agents.provider import INTERRUPTED, LEFT_OUT, ProviderAgent
from runyard.services.sessions.words import Tells

from .bench import Bench, open_bench
from .fake_provider import (
    FakeProvider,
    Move,
    breaks_off,
    calls,
    hangs,
    open_provider,
    raw,
    says,
    speaks_anthropic,
    status,
)

SSE = "text/event-stream"


@pytest.fixture(scope="session")
async def bench(yard_database: str, sandbox: Sandbox) -> AsyncIterator[Bench]:
    async with open_bench(yard_database, sandbox) as opened:
        yield opened


# ---------------------------------------------------------------- patience


@pytest.mark.parametrize(
    "trouble",
    [
        status(429, "slow down", retry_after="0"),
        status(500, "boom", retry_after="0"),
        status(503, "busy", retry_after="0"),
        status(529, "overloaded", retry_after="0"),
    ],
    ids=["429", "500", "503", "529"],
)
async def test_a_request_that_is_turned_away_is_sent_again(bench: Bench, trouble: Move):
    bench.provider.will(trouble, trouble, says("Done."))
    story = await bench.tell()
    assert story.answer == "Done."
    assert len(story.notes) == 2
    assert "Asking again in 0 s." in story.notes[0]
    assert story.told(Tells.USAGE)[-1]["turns"] == 1


async def test_patience_has_an_end(bench: Bench):
    bench.provider.will(*[status(429, "slow down", retry_after="0")] * 5)
    story = await bench.tell()
    assert (story.reason, story.error) == ("provider_failed", "The provider's rate limit is reached: 429: slow down.")
    assert len(bench.provider.moves) == 2  # asked three times


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (status(401, "Incorrect API key provided: sk-proj-abcdef123456."), "doesn't accept the key .*: 401: Incorrect API key provided: \\[key\\]"),
        (status(403, "no"), "doesn't accept the key of this yard, or not for this model: 403: no."),
        (status(404, "no such model"), "has no such model, or its base_url is wrong: 404: no such model."),
        (status(400, "bad"), "refuses the request: 400: bad."),
        (status(402, "pay"), "quota or credit at the provider is used up: 402: pay."),
        (status(429, "later", retry_after="9999"), "rate limit is reached \\(it wants to be left alone for 9999 seconds\\)"),
        (raw(b"", code=302), "nonsense"),
    ],
    ids=["401", "403", "404", "400", "402", "much later", "302"],
)  # fmt: skip
async def test_what_will_not_get_better_ends_the_session(bench: Bench, trouble: Move, says: str):
    bench.provider.will(trouble, trouble)
    story = await bench.tell()
    assert story.reason == "provider_failed"
    assert re.search(says, story.error), story.error
    assert "sk-proj" not in story.error


@pytest.mark.parametrize(
    "nonsense",
    [
        raw(b"<html>hello</html>", content_type="text/html"),
        raw(b'{"hello": 1}', content_type="application/json"),
        raw(b"data: {nope\n\n"),
        raw(b"data: [1]\n\n"),
        raw(b'data: {"choices": 3}\n\n'),
        raw(b"data: [DONE]\n\n"),
        raw(bytes(range(256)) * 10),
        says(),
        breaks_off(),
    ],
    ids=["html", "json", "no json", "list", "types", "done", "bytes", "empty", "nothing"],
)
async def test_nonsense_ends_the_session_with_a_clear_word(bench: Bench, nonsense: Move):
    bench.provider.will(nonsense)
    story = await bench.tell(agent="hasty")
    assert story.reason == "provider_failed"
    assert story.error.startswith(
        ("The provider answers with nonsense: ", "The provider gave an empty answer", "The provider broke off")
    )


async def test_after_nonsense_it_is_asked_once_more(bench: Bench):
    bench.provider.will(says(), says("Better."))
    assert (await bench.tell()).answer == "Better."


@pytest.mark.parametrize("silence", [hangs(), hangs("And")], ids=["from the start", "in the middle"])
async def test_a_silent_provider_is_not_waited_for(bench: Bench, silence: Move):
    bench.provider.will(silence)
    story = await bench.tell(agent="hasty")
    assert (story.reason, story.error) == ("provider_failed", "The provider said nothing for 0.2 seconds.")


async def test_an_answer_that_was_broken_off_begins_anew(bench: Bench):
    bench.provider.will(breaks_off("Once upon a"), says("Twice."))
    story = await bench.tell()
    assert story.answer == "Twice."
    assert story.said == ["Twice."]
    assert story.notes[0] == "The message above was broken off, and begins anew."


def test_the_pauses_grow_and_end():
    fault = judge(ModelRateLimitError("m", "slow"), key=None, seconds=1, retries=9)
    pauses = [fault.pause_before(attempt) for attempt in range(1, 10)]
    assert 0.5 <= pauses[0] <= 1 < pauses[2]
    assert max(pauses) <= LONGEST_BACKOFF
    asked = judge(ModelRateLimitError("m", "slow", retry_after=7.0), key=None, seconds=1, retries=9)
    assert asked.pause_before(1) == 7.0


@pytest.mark.parametrize(
    "text", ["my key is s3cret!", "Bearer s3cret!", "sk-aaaaaaaaaa", "Authorization: Bearer abc.def"]
)
def test_no_key_is_ever_shown(text: str):
    fault = judge(ModelHTTPError(400, "m", {"message": text}), key="s3cret!", seconds=1, retries=0)
    assert not {"s3cret!", "sk-aaaaaaaaaa", "abc.def"} & set(fault.text.replace(".", " ").split())
    assert "[key]" in fault.text


# ---------------------------------------------------------------- tools


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("rm", {}, "no tool 'rm'"),
        ("read", {}, "path"),
        ("read", {"path": 3, "no": 1}, "read"),
        ("read", "{nope", "are no JSON object"),
        ("read", "[1]", "are no JSON object"),
        ("run", {"command": ""}, "command"),
        ("write", {"path": "a\0b", "content": ""}, ""),
    ],
)
async def test_a_wrong_call_is_told_to_the_model(bench: Bench, name: str, arguments: object, says: str):
    bench.provider.will(calls((name, arguments)), _then())
    story = await bench.tell()
    assert story.answer == "I see."
    assert [one["ok"] for one in story.told(Tells.TOOL_RESULT)] == [False]
    assert says in bench.provider.results()[0]


async def test_what_cannot_be_written_down_is_replaced(bench: Bench):
    bench.provider.will(
        says("a\ud800b", calls=[("write", '{"path": "a\\ud800", "content": "\\udfff\\u0000"}'), ("x\udc00", {})]),
        says("c\0d\ud800"),
    )
    story = await bench.tell()
    assert story.said == ["a?b", "c\0d?"]
    assert story.answer == "c\N{REPLACEMENT CHARACTER}d?"


async def test_calls_of_one_id_get_a_result_each(bench: Bench):
    chunks = [
        {
            "index": at,
            "id": "same",
            "type": "function",
            "function": {"name": "run", "arguments": json.dumps({"command": f"echo {at}"})},
        }
        for at in range(2)
    ]
    body = [
        {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": end}],
        }
        for delta, end in (({"tool_calls": chunks}, None), ({}, "tool_calls"))
    ]
    bench.provider.will(raw("".join(f"data: {json.dumps(one)}\n\n" for one in body).encode()), _then())
    story = await bench.tell()
    assert story.log == "0\n1\n"
    assert [result[0] for result in bench.provider.results()] == ["0", "1"]
    sent = [one["tool_call_id"] for one in bench.provider.messages() if one["role"] == "tool"]
    assert len(set(sent)) == 2


async def test_a_conversation_that_is_too_long_is_shortened(bench: Bench):
    long = [calls(("run", {"command": f"seq {2000 + at}"})) for at in range(4)]
    too_long = status(400, "This model's maximum context length is 8192 tokens (context_length_exceeded).")
    bench.provider.will(*long, too_long, _then())
    story = await bench.tell()
    assert story.answer == "I see."
    results = bench.provider.results()
    assert results[:2] == [LEFT_OUT] * 2
    assert "2003" in results[3]
    assert any("Results of old calls are left out." in note for note in story.notes)


async def test_a_task_that_is_too_long_ends_the_session(bench: Bench):
    bench.provider.will(status(400, "maximum context length exceeded (context_length_exceeded)"))
    story = await bench.tell()
    assert story.reason == "provider_failed"
    assert story.error.startswith("The conversation has become too long for the model: 400: ")


async def test_tokens_are_estimated_where_nobody_counts_them(bench: Bench):
    bench.provider.will(says("x" * 4000, tokens=None))
    usage = (await bench.tell("y" * 8000)).told(Tells.USAGE)[-1]
    assert 900 < int(str(usage["outputTokens"])) < 1400
    assert 1900 < int(str(usage["inputTokens"])) < 2400


async def test_many_small_pieces_are_few_events(bench: Bench):
    bench.provider.will(says(*["word "] * 2000))
    story = await bench.tell()
    assert story.shown == "word " * 2000
    assert len(story.told(Tells.DELTA)) < 1000


# ---------------------------------------------------------------- connections


async def test_another_protocol_is_spoken(provider: FakeProvider, tmp_path: Path):
    key = tmp_path / "key"
    key.write_text("sk-ant-api-test\n")
    entry = ProviderEntry(provider="anthropic", model="m", base_url=provider.url.removesuffix("/v1"), key_file=str(key))
    provider.will(speaks_anthropic("Hello."))
    async with connect("x", entry) as connection:
        agent = ProviderAgent(connection, entry)
        pieces = [piece async for piece in agent._stream([], "Rules.")]
    assert pieces[0] == "Hello."
    (exchange,) = provider.exchanges
    assert exchange.path == "/v1/messages"
    assert "sk-ant-api-test" in str(exchange.headers)
    assert {tool["name"] for tool in exchange.body["tools"]} >= {"list", "read", "search", "edit", "write", "run"}


async def test_a_key_for_one_provider_is_not_sent_to_another(provider: FakeProvider, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-operator")
    entry = ProviderEntry(base_url=provider.url, model="m")
    provider.will(says("Hello."))
    async with connect("x", entry) as connection:
        assert [piece async for piece in ProviderAgent(connection, entry)._stream([], "Rules.")][0] == "Hello."
    assert "secret" not in str(provider.exchanges[0].headers)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (ProviderEntry(provider="nobody"), "Unknown provider: nobody"),
        (ProviderEntry(provider="deepseek", base_url="http://127.0.0.1:1"), "takes no base_url"),
        (ProviderEntry(key_env="NO_SUCH_VARIABLE"), "the variable NO_SUCH_VARIABLE of the worker is not set"),
        (ProviderEntry(key_file="/nowhere"), "key of the model 'x' can't be read"),
        (ProviderEntry(), "OPENAI_API_KEY"),
    ],
)
async def test_an_entry_that_makes_no_sense_says_why(entry: ProviderEntry, says: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(BadTable, match=says):
        async with connect("x", entry):
            pass


async def test_what_was_interrupted_makes_a_conversation(provider: FakeProvider):
    """Every call has an answer, whatever happened: providers insist on it."""
    entry = ProviderEntry(base_url=provider.url, model="m")
    async with connect("x", entry) as connection:
        agent = ProviderAgent(connection, entry)
        assert agent.break_off(b"", "") == b"[]"
        called = b'[{"kind":"response","parts":[{"part_kind":"tool-call","tool_name":"run","args":"{}","tool_call_id":"a"}]}]'
        state = agent.break_off(called, "")
        assert INTERRUPTED.encode() in state
        assert agent.break_off(state, "") == state
        assert b"half a" in agent.break_off(state, "half a")


def _then() -> Move:
    return says("I see.")


@pytest.fixture
async def provider() -> AsyncIterator[FakeProvider]:
    async with open_provider() as opened:
        yield opened
