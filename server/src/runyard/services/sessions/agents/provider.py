"""An agent whose model is behind an API: asks it, does what it calls for in the workspace, and asks again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final, Literal

from pydantic_ai import (
    InstructionPart,
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.direct import model_request_stream
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.tools import ToolDefinition

from runyard.services.sessions.agents.agent import AgentFailed, ApprovalNeeded
from runyard.services.sessions.agents.connection import Connection
from runyard.services.sessions.agents.faults import Fault, judge
from runyard.services.sessions.agents.instructions import instructions
from runyard.services.sessions.agents.models import ProviderEntry
from runyard.services.sessions.agents.turn import Request, Turn
from runyard.services.sessions.hand.tools import descriptions
from runyard.services.sessions.words import Reason

INTERRUPTED: Final = "The user interrupted this call: it may have been done in part, or not at all."
BROKE_OFF: Final = "The provider broke off in the middle of its answer."
LEFT_OUT: Final = "[An old result: left out to save room. Call the tool again if you need it.]"
WORTH_LEAVING_OUT: Final = 500
RECENT: Final = 2
"""Requests whose results are never left out."""

TOOLS: Final = [
    ToolDefinition(name=tool.name, description=tool.text, parameters_json_schema=dict(tool.parameters))
    for tool in descriptions()
]


class ProviderAgent:
    """See :class:`~runyard.services.sessions.agents.agent.Agent`. Remembers the messages of its protocol."""

    def __init__(self, connection: Connection, entry: ProviderEntry) -> None:
        self._connection = connection
        self._entry = entry

    async def run(self, turn: Turn) -> str:
        """Ask until the model calls no more tools."""
        messages = _recall(turn.state)
        rules = instructions(turn.order, turn.workspace, self._entry.instructions)
        while True:
            changed = await self._do_calls(turn, messages)
            _add(messages, [UserPromptPart(content) for content in turn.news()])
            turn.remember(_remembered(messages))
            await turn.keep(changed=changed)
            turn.check_budget()
            response = await self._ask(turn, messages, rules)
            messages.append(response)
            turn.remember(_remembered(messages))
            text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
            if not response.tool_calls:
                return text
            if text:
                await turn.said(text)
            await turn.keep()

    def break_off(self, state: bytes, said: str) -> bytes:
        """Calls without a result get one, and what was seen of the message is the message."""
        messages = _recall(state)
        _add(messages, [_result(call, INTERRUPTED, "interrupted") for _, call in _open_calls(messages)])
        if said:
            messages.append(ModelResponse([TextPart(said)]))
        return _remembered(messages)

    # ---------------------------------------------------------------- tools

    async def _do_calls(self, turn: Turn, messages: list[ModelMessage]) -> bool:
        """Do what the model has called for, in its order; returns whether there was anything."""
        calls = [
            (call, Request(key=key, name=call.tool_name, arguments=_arguments(call)))
            for key, call in _open_calls(messages)
        ]
        await turn.announce([request for _, request in calls])
        for call, request in calls:
            try:
                result = await turn.use(request)
            except ApprovalNeeded:
                turn.remember(_remembered(messages))
                raise
            _add(messages, [_result(call, result.content, "success" if result.ok else "failed")])
        return bool(calls)

    # ---------------------------------------------------------------- asking

    async def _ask(self, turn: Turn, messages: Sequence[ModelMessage], rules: str) -> ModelResponse:
        """The model's answer, with patience."""
        attempt = 0
        while True:
            try:
                return await self._listen(turn, messages, rules)
            except _Broken as broken:
                fault = broken.fault
                await turn.start_over()
                if fault.too_long and _shorten(messages):
                    await turn.note(f"{fault.text} Results of old calls are left out.")
                    continue
                attempt += 1
                if attempt > fault.tries:
                    raise AgentFailed(Reason.PROVIDER_FAILED, fault.text) from broken
                pause = fault.pause_before(attempt)
                await turn.note(f"{fault.text} Asking again in {pause:.0f} s.")
                await asyncio.sleep(pause)

    async def _listen(self, turn: Turn, messages: Sequence[ModelMessage], rules: str) -> ModelResponse:
        async with aclosing(self._stream(messages, rules)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    await turn.say(piece)
                else:
                    await _count(turn, messages, piece)
                    return piece
        raise _Broken(Fault(BROKE_OFF, self._entry.retries))

    async def _stream(self, messages: Sequence[ModelMessage], rules: str) -> AsyncGenerator[str | ModelResponse, None]:
        """Pieces of the text, then the whole response.

        Raises:
            _Broken: whatever the provider does wrong.
        """
        try:
            async with model_request_stream(
                self._connection.model, messages, model_settings=self._connection.settings,
                model_request_parameters=ModelRequestParameters(
                    function_tools=TOOLS, instruction_parts=[InstructionPart(content=rules)]
                ),
            ) as stream:  # fmt: skip
                async for event in stream:
                    match event:
                        case PartStartEvent(part=TextPart(content=content)):
                            yield _text(content)
                        case PartDeltaEvent(delta=TextPartDelta(content_delta=content)):
                            yield _text(content)
                        case _:
                            pass
                response = stream.get()
        except Exception as error:  # libraries on top of each other, fed by a stranger: it may be anything
            entry = self._entry
            fault = judge(error, key=self._connection.key, seconds=entry.seconds, retries=entry.retries)
            raise _Broken(fault) from error
        if response.state == "incomplete" or not self._is_whole(response):
            raise _Broken(Fault(BROKE_OFF, self._entry.retries))
        if not any(isinstance(part, TextPart | ToolCallPart) for part in response.parts):
            raise _Broken(Fault("The provider gave an empty answer.", min(1, self._entry.retries)))
        yield _tidied(response)

    def _is_whole(self, response: ModelResponse) -> bool:
        """Whether the provider has said why it stopped. Of this protocol the library takes silence for an end."""
        if not isinstance(self._connection.model, OpenAIChatModel):
            return response.finish_reason is not None
        return "finish_reason" in (response.provider_details or {})


class _Broken(Exception):
    """There is no answer."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


def _recall(state: bytes) -> list[ModelMessage]:
    return ModelMessagesTypeAdapter.validate_json(state) if state else []


def _remembered(messages: Sequence[ModelMessage]) -> bytes:
    return ModelMessagesTypeAdapter.dump_json(list(messages))


def _add(messages: list[ModelMessage], parts: Sequence[ModelRequestPart]) -> None:
    """Say something to the model: some providers want all of it in one message."""
    if parts and messages and isinstance(last := messages[-1], ModelRequest):
        messages[-1] = replace(last, parts=[*last.parts, *parts])
    elif parts:
        messages.append(ModelRequest(list(parts)))


def _open_calls(messages: Sequence[ModelMessage]) -> list[tuple[str, ToolCallPart]]:
    """Calls of the last response that nobody has answered, each with a key that no other call of the session has."""
    at = max((at for at, one in enumerate(messages) if isinstance(one, ModelResponse)), default=None)
    if at is None:
        return []
    answered = {
        part.tool_call_id for one in messages[at + 1 :] for part in one.parts if isinstance(part, ToolReturnPart)
    }
    calls = [part for part in messages[at].parts if isinstance(part, ToolCallPart)]
    return [(f"{at}/{call.tool_call_id}", call) for call in calls if call.tool_call_id not in answered]


def _tidied(response: ModelResponse) -> ModelResponse:
    """The response as text that can be kept, with no two calls of one id, whatever the model thinks."""
    seen: set[str] = set()
    parts: list[ModelResponsePart] = []
    for at, part in enumerate(response.parts):
        if isinstance(part, ToolCallPart):
            call = _text(part.tool_call_id)
            call = f"{call}-{at}" if call in seen else call
            seen.add(call)
            args = _text(part.args_as_json_str() if isinstance(part.args, dict) else part.args or "")
            parts.append(
                ToolCallPart(
                    _text(part.tool_name), args, call,
                    id=part.id, provider_name=part.provider_name, provider_details=part.provider_details,
                )
            )  # fmt: skip
        elif isinstance(part, TextPart | ThinkingPart):
            parts.append(replace(part, content=_text(part.content)))
        else:
            parts.append(part)
    return replace(response, parts=parts)


def _text(text: str) -> str:
    """JSON can smuggle in halves of characters, which nobody can write down."""
    return text.encode(errors="replace").decode()


def _arguments(call: ToolCallPart) -> object:
    """As far as they can be read."""
    try:
        return call.args_as_dict(raise_if_invalid=True)
    except (ValueError, AssertionError):
        return call.args


def _result(call: ToolCallPart, content: str, outcome: Literal["success", "failed", "interrupted"]) -> ToolReturnPart:
    return ToolReturnPart(call.tool_name, content, call.tool_call_id, outcome=outcome)


async def _count(turn: Turn, messages: Sequence[ModelMessage], response: ModelResponse) -> None:
    """Tokens as the provider counts them; four characters are one for those that don't."""
    usage = response.usage
    if usage.total_tokens:
        await turn.count(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)
    else:
        await turn.count(input_tokens=len(_remembered(messages)) // 4, output_tokens=len(_remembered([response])) // 4)


def _shorten(messages: Sequence[ModelMessage]) -> bool:
    """Leave out what old calls gave; False when there is nothing more to leave out."""
    done = False
    for message in [one for one in messages if isinstance(one, ModelRequest)][:-RECENT]:
        for part in message.parts:
            if isinstance(part, ToolReturnPart) and len(str(part.content)) > WORTH_LEAVING_OUT:
                part.content = LEFT_OUT
                done = True
    return done
