"""A model at a URL: what an OpenAI-compatible endpoint is asked, and what becomes of its answers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import SecretStr

from runyard.sandbox import Sandbox
from runyard.settings import Settings
from runyard.text import Message, Sampling, TextProvider, TextRefused, model_name, open_text
from runyard.text.provider import LONGEST_PROMPT, read_messages, read_sampling

app = FastAPI()
asked: list[dict[str, Any]] = []


@app.post("/v1/chat/completions")
async def complete(request: Request) -> Response:
    body = await request.json()
    asked.append({**body, "key": request.headers.get("authorization")})
    prompt = body["messages"][-1]["content"]
    if prompt == "fail":
        return JSONResponse({"error": "no"}, 500)
    if prompt == "explain":
        return JSONResponse({"error": {"message": "I am tired"}}, 400)
    if prompt == "nonsense":
        return JSONResponse(["what?"])
    if prompt == "nothing":
        return JSONResponse({"choices": []})
    if body.get("stream"):
        return StreamingResponse(stream(prompt), media_type="text/event-stream")
    return JSONResponse({"choices": [{"message": {"role": "assistant", "content": prompt.upper()}}]})


async def stream(prompt: str) -> AsyncIterator[str]:
    """Letter by letter, cut where it may be cut."""
    yield ": comment\n\n"
    yield 'data: {"choices": [{"delta": {"role": "assistant", "content": null}}]}\n\n'
    for letter in prompt.upper():
        if letter == "!":
            yield 'data: {"error": {"message": "no more"}}\n\n'
        if letter == "?":
            return
        yield 'data: {"choices": [{"del'
        yield f'ta": {{"content": "{letter}"}}}}]}}\n\n'
    yield "data: [DONE]\n\n"


@app.post("/v1/completions")
async def go_on(request: Request) -> JSONResponse:
    asked.append(await request.json())
    return JSONResponse({"choices": [{"text": " and on"}]})


@app.post("/tokenize")
async def tokenize(request: Request) -> dict[str, list[int]]:
    return {"tokens": [ord(letter) for letter in (await request.json())["content"]]}


@app.post("/detokenize")
async def detokenize(request: Request) -> dict[str, str]:
    return {"content": "".join(map(chr, (await request.json())["tokens"]))}


@pytest.fixture(scope="session")
async def url() -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:
            await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1/"
    server.should_exit = True
    await serving


@pytest.fixture(scope="session")
async def model(url: str, sandbox: Sandbox) -> AsyncIterator[TextProvider]:
    settings = Settings(text_url=url, text_model="small", text_key=SecretStr("k"))
    async with open_text(settings, sandbox) as text:
        assert text.name == model_name(settings) == "small"
        yield text


async def test_text_is_generated(model: TextProvider) -> None:
    sampling = read_sampling('{"max_tokens": 5, "temperature": 0, "stop": ["."], "system": "be brief"}')
    assert await model.generate("hi", sampling) == "HI"
    assert asked[-1] == {
        "model": "small", "max_tokens": 5, "temperature": 0, "stop": ["."], "key": "Bearer k",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
    }  # fmt: skip


async def test_a_conversation_is_passed_on(model: TextProvider) -> None:
    turns = [Message("user", "a"), Message("assistant", "b"), Message("user", "c")]
    assert await model.generate(turns, Sampling()) == "C"
    assert [turn["content"] for turn in asked[-1]["messages"]] == ["a", "b", "c"]


async def test_raw_text_has_no_conversation_around_it(model: TextProvider) -> None:
    assert await model.generate("on", Sampling(raw=True)) == " and on"
    assert asked[-1] == {"model": "small", "max_tokens": 256, "prompt": "on"}


async def test_pieces_come_one_by_one(model: TextProvider) -> None:
    assert [piece async for piece in model.stream("hey", Sampling())] == ["H", "E", "Y"]


@pytest.mark.parametrize(("prompt", "says"), [("a!", "no more"), ("a?", "broke off"), ("fail", "status 500")])
async def test_a_stream_that_fails_says_so(model: TextProvider, prompt: str, says: str) -> None:
    with pytest.raises(TextRefused, match=says):
        [piece async for piece in model.stream(prompt, Sampling())]


async def test_a_schema_constrains_the_answer(model: TextProvider) -> None:
    await model.generate("hi", Sampling(json_schema={"type": "string"}))
    schema = {"name": "answer", "strict": True, "schema": {"type": "string"}}
    assert asked[-1]["response_format"] == {"type": "json_schema", "json_schema": schema}


async def test_tokens_go_both_ways(model: TextProvider) -> None:
    assert await model.detokenize(await model.tokenize("hé")) == "hé"


@pytest.mark.parametrize(("prompt", "says"), [("fail", "status 500"), ("explain", "I am tired"), ("nonsense", "something else"), ("nothing", "no answer")]
)  # fmt: skip
async def test_what_the_endpoint_does_wrong_is_told(model: TextProvider, prompt: str, says: str) -> None:
    with pytest.raises(TextRefused, match=says):
        await model.generate(prompt, Sampling())


@pytest.mark.parametrize(
    "options",
    ["[]", "{", '{"max_tokens": 0}', '{"heat": 1}', '{"stop": "x"}', '{"temperature": -1}', '{"seed": -1}',
     '{"json_schema": {}, "grammar": "root ::= [a]"}', " " * 70_000],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(options: str) -> None:
    with pytest.raises(TextRefused, match="options"):
        read_sampling(options)


@pytest.mark.parametrize("messages", ["", "{}", '[{"role": "user"}]', '[{"role": "boss", "content": "x"}]'])
def test_messages_that_make_no_sense_are_refused(messages: str) -> None:
    with pytest.raises(TextRefused, match="messages"):
        read_messages(messages)


@pytest.mark.parametrize(
    ("prompt", "sampling", "says"),
    [
        ("x" * (LONGEST_PROMPT + 1), Sampling(), "characters"),
        ([], Sampling(), "messages"),
        ([Message("user", "x")], Sampling(raw=True), "raw"),
        ("x", Sampling(raw=True, system="y"), "raw"),
        ("x", Sampling(grammar="root ::= [a]"), "json_schema"),
    ],
    ids=["long", "empty", "raw messages", "raw system", "grammar"],
)  # fmt: skip
async def test_questions_that_make_no_sense_are_refused(
    model: TextProvider, prompt: Any, sampling: Sampling, says: str
) -> None:
    with pytest.raises(TextRefused, match=says):
        await model.generate(prompt, sampling)


async def test_too_much_is_refused_unasked(model: TextProvider) -> None:
    count = len(asked)
    for asking in (model.tokenize("x" * (LONGEST_PROMPT + 1)), model.detokenize([1] * (LONGEST_PROMPT + 1))):
        with pytest.raises(TextRefused, match="too many"):
            await asking
    assert len(asked) == count


async def test_probabilities_are_asked_beside_the_endpoint(model: TextProvider) -> None:
    """This one has none to give."""
    with pytest.raises(TextRefused, match="status 404"):
        await model.forward([1], 1)


async def test_an_endpoint_that_is_away_is_told(sandbox: Sandbox) -> None:
    async with open_text(Settings(text_url="http://127.0.0.1:1/v1"), sandbox) as away:
        with pytest.raises(TextRefused, match="reached"):
            await away.generate("hi", Sampling())


async def test_without_a_model_the_way_out_is_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # type: ignore[arg-type]
    assert model_name(Settings()) is None
    async with open_text(Settings(), sandbox) as none:
        assert none.name is None
        for asking in (
            none.generate("x", Sampling()), anext(none.stream("x", Sampling())), none.tokenize("x"),
            none.detokenize([1]), none.forward([1], 1),
        ):  # fmt: skip
            with pytest.raises(TextRefused, match=r"pip install 'runyard\[local-llm\]', or set RUNYARD_TEXT_URL"):
                await asking
