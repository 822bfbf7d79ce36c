"""Text for programs: what an OpenAI-compatible endpoint is asked, and what becomes of its answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from runyard.services.inferlets.text import OpenAIText, Sampling, TextRefused, read_sampling
from runyard.settings import Settings

app = FastAPI()
asked: list[dict[str, Any]] = []


@app.post("/v1/chat/completions")
async def complete(request: Request) -> JSONResponse:
    body = await request.json()
    asked.append({**body, "key": request.headers.get("authorization")})
    prompt = body["messages"][-1]["content"]
    if prompt == "fail":
        return JSONResponse({"error": "no"}, 500)
    if prompt == "nonsense":
        return JSONResponse(["what?"])
    return JSONResponse({"choices": [{"message": {"role": "assistant", "content": prompt.upper()}}]})


@app.post("/tokenize")
async def tokenize(request: Request) -> dict[str, list[int]]:
    return {"tokens": [ord(letter) for letter in (await request.json())["content"]]}


@app.post("/detokenize")
async def detokenize(request: Request) -> dict[str, str]:
    return {"content": "".join(map(chr, (await request.json())["tokens"]))}


@pytest.fixture(scope="session")
async def model() -> AsyncIterator[OpenAIText]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:
            await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    settings = Settings(
        inferlet_text_url=f"http://127.0.0.1:{port}/v1/", inferlet_text_model="small", inferlet_text_key=SecretStr("k")
    )
    async with OpenAIText(settings) as text:
        yield text
    server.should_exit = True
    await serving


async def test_text_is_generated(model: OpenAIText) -> None:
    sampling = read_sampling('{"max_tokens": 5, "temperature": 0, "stop": ["."], "system": "be brief"}')
    assert await model.generate("hi", sampling) == "HI"
    assert asked[-1] == {
        "model": "small", "max_tokens": 5, "temperature": 0, "stop": ["."], "key": "Bearer k",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
    }  # fmt: skip


async def test_a_schema_constrains_the_answer(model: OpenAIText) -> None:
    await model.generate("hi", Sampling(json_schema={"type": "string"}))
    schema = {"name": "answer", "strict": True, "schema": {"type": "string"}}
    assert asked[-1]["response_format"] == {"type": "json_schema", "json_schema": schema}


async def test_tokens_go_both_ways(model: OpenAIText) -> None:
    assert await model.detokenize(await model.tokenize("hé")) == "hé"


@pytest.mark.parametrize(("prompt", "says"), [("fail", "status 500"), ("nonsense", "something else")])
async def test_what_the_endpoint_does_wrong_is_told(model: OpenAIText, prompt: str, says: str) -> None:
    with pytest.raises(TextRefused, match=says):
        await model.generate(prompt, Sampling())


@pytest.mark.parametrize("options", ["[]", "{", '{"max_tokens": 0}', '{"heat": 1}', '{"stop": "x"}'])
def test_options_that_make_no_sense_are_refused(options: str) -> None:
    with pytest.raises(TextRefused):
        read_sampling(options)


async def test_an_endpoint_that_is_away_is_told() -> None:
    async with OpenAIText(Settings(inferlet_text_url="http://127.0.0.1:1/v1")) as away:
        with pytest.raises(TextRefused, match="reached"):
            await away.generate("hi", Sampling())
