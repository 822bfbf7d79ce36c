"""A model behind HTTP: OpenAI's protocol for text, and what llama.cpp's server has beside it for tokens."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Final, TypeVar

import httpx
import msgspec

from runyard.sizes import MIB
from runyard.text.provider import Message, Prompt, Sampling, TextRefused, check_distribution, check_length, conversation

LONGEST_ANSWER: Final = 16 * MIB
"""Bytes of one answer."""

_CHOICES: Final = ("temperature", "top_k", "top_p", "min_p", "seed")

Answer = TypeVar("Answer")


class TextLost(TextRefused):
    """The model went away in the middle, or isn't there."""


class TextLate(TextRefused):
    """The answer took too long."""


class Endpoint:
    """A model at a URL.

    Args:
        base: URL above ``/chat/completions``.
        model: name to ask for.
        deadline: seconds a request may take.
        grammars: whether the server is known to heed grammars; others would ignore one without a word.
    """

    def __init__(self, http: httpx.AsyncClient, *, base: str, model: str, deadline: float, grammars: bool) -> None:
        self.name = model
        self._http = http
        self._base = base.rstrip("/")
        self._deadline = deadline
        self._grammars = grammars

    async def generate(self, prompt: Prompt, sampling: Sampling) -> str:
        """See :class:`runyard.text.TextProvider`."""
        url, body = self._question(prompt, sampling)
        found = await self._ask(url, body, _Completion)
        if not found.choices:
            raise TextRefused("the model gave no answer")
        return found.choices[0].said

    async def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str, None]:
        """See :class:`runyard.text.TextProvider`."""
        url, body = self._question(prompt, sampling)
        async with aclosing(self._post(url, {**body, "stream": True})) as pieces:
            async for event in _events(pieces):
                if event == b"[DONE]":
                    return
                part = _read(event, _Completion)
                if part.error is not None:
                    raise _refusal(part.error.message)
                if part.choices and (said := part.choices[0].said):
                    yield said
        raise TextLost("the model broke off in the middle of its answer; ask again")

    async def tokenize(self, text: str) -> Sequence[int]:
        """See :class:`runyard.text.TextProvider`. The text is sent under both names that servers know for it."""
        check_length(text)
        body = {"content": text, "prompt": text, "add_special": False, "add_special_tokens": False}
        return (await self._ask(self._beside("tokenize"), body, _Tokens)).tokens

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """See :class:`runyard.text.TextProvider`."""
        check_length(tokens)
        found = await self._ask(self._beside("detokenize"), {"tokens": list(tokens)}, _Content)
        return found.content or found.prompt

    async def forward(self, tokens: Sequence[int], top: int) -> Sequence[tuple[int, float]]:
        """See :class:`runyard.text.TextProvider`."""
        check_length(tokens)
        check_distribution(tokens, top)
        body = {"prompt": list(tokens), "n_predict": 1, "n_probs": top, "temperature": 0}
        found = await self._ask(self._beside("completion"), body, _Forwarded)
        if not found.completion_probabilities:
            raise TextRefused("the model's server gives no probabilities")
        return [(one.id, math.exp(one.logprob)) for one in found.completion_probabilities[0].top_logprobs]

    def _question(self, prompt: Prompt, sampling: Sampling) -> tuple[str, dict[str, object]]:
        """Where to ask, and what."""
        given = conversation(prompt, sampling)
        body: dict[str, object] = {"model": self.name, "max_tokens": sampling.max_tokens}
        for name in _CHOICES:
            if (value := getattr(sampling, name)) is not None:
                body[name] = value
        if sampling.stop:
            body["stop"] = sampling.stop
        if sampling.json_schema is not None:
            schema = {"name": "answer", "strict": True, "schema": sampling.json_schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if sampling.grammar is not None:
            if not self._grammars:
                raise TextRefused("this model takes no grammar; give a json_schema")
            body["grammar"] = sampling.grammar
        if isinstance(given, str):
            return f"{self._base}/completions", {**body, "prompt": given}
        return f"{self._base}/chat/completions", {**body, "messages": [_plain(message) for message in given]}

    def _beside(self, name: str) -> str:
        return f"{self._base.removesuffix('/v1')}/{name}"

    async def _ask(self, url: str, body: Mapping[str, object], kind: type[Answer]) -> Answer:
        async with aclosing(self._post(url, body)) as pieces:
            return _read(b"".join([piece async for piece in pieces]), kind)

    async def _post(self, url: str, body: Mapping[str, object]) -> AsyncGenerator[bytes, None]:
        """The answer's bytes, up to the longest answer and the deadline.

        It is looked at where something is awaited here: a reader who dawdles is never interrupted in what he does.
        """
        late = asyncio.get_running_loop().time() + self._deadline
        length = 0
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout_at(late):
                    response = await stack.enter_async_context(self._http.stream("POST", url, json=body))
                pieces = response.aiter_bytes()
                refused = bytearray()
                while True:
                    async with asyncio.timeout_at(late):
                        piece = await anext(pieces, None)
                    if piece is None:
                        break
                    length += len(piece)
                    if length > LONGEST_ANSWER:
                        raise TextRefused(f"the model's answer is longer than {LONGEST_ANSWER} bytes")
                    if response.is_success:
                        yield piece
                    else:
                        refused += piece
            except (TimeoutError, httpx.TimeoutException) as error:
                raise TextLate(f"the model took longer than {self._deadline:g} seconds") from error
            except httpx.HTTPError as error:
                why = type(error).__name__
                raise TextLost(f"the model can't be reached, or broke down ({why}); ask again") from error
            if not response.is_success:
                raise _refusal(_reason(refused) or f"its server answers with status {response.status_code}")


async def _events(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What the ``data`` lines of an event stream hold."""
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()


def _read(content: bytes | bytearray, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise TextRefused(f"the model's server answers with something else: {error}") from error


def _reason(content: bytes | bytearray) -> str:
    try:
        found = msgspec.json.decode(content, type=_Refused)
    except msgspec.DecodeError:
        return ""
    return "" if found.error is None else found.error.message


def _refusal(reason: str) -> TextRefused:
    return TextRefused(f"the model refuses: {reason[:1000]}")


def _plain(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


class _Said(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    """Of every form: a conversation's message, a piece of it, or bare text."""

    message: _Said | None = None
    delta: _Said | None = None
    text: str | None = None

    @property
    def said(self) -> str:
        found = self.message or self.delta
        return (self.text if found is None else found.content) or ""


class _Problem(msgspec.Struct):
    message: str = ""


class _Refused(msgspec.Struct):
    error: _Problem | None = None


class _Completion(_Refused):
    choices: list[_Choice] = []


class _Tokens(msgspec.Struct):
    tokens: list[int]


class _Content(msgspec.Struct):
    content: str = ""
    prompt: str = ""


class _Likely(msgspec.Struct):
    id: int
    logprob: float


class _Next(msgspec.Struct):
    top_logprobs: list[_Likely]


class _Forwarded(msgspec.Struct):
    completion_probabilities: list[_Next] = []
