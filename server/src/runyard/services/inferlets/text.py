"""Text for programs: who generates it is a provider; here is the one for endpoints that speak OpenAI's protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Literal, Protocol, TypeVar

import httpx
import msgspec

from runyard.settings import KIB, MIB, Settings

LONGEST_PROMPT: Final = 256 * KIB
LONGEST_ANSWER: Final = 4 * MIB
DEADLINE: Final = 120.0


Answer = TypeVar("Answer")


class TextRefused(Exception):
    """No text can be had for this. The text is for the program."""


class Sampling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How text is chosen. ``json_schema`` or ``grammar`` constrain it, where the provider can."""

    max_tokens: int = msgspec.field(default=256)
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: list[str] = []
    system: str | None = None
    json_schema: Mapping[str, object] | None = None
    grammar: str | None = None


class TextProvider(Protocol):
    """A language model. Several programs may ask at a time."""

    @property
    def name(self) -> str:
        """What people call the model."""

    async def generate(self, prompt: str, sampling: Sampling) -> str:
        """Text that follows a prompt.

        Raises:
            TextRefused: it can't, or not so.
        """

    async def tokenize(self, text: str) -> Sequence[int]:
        """The model's tokens of a text.

        Raises:
            TextRefused: it can't.
        """

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of tokens.

        Raises:
            TextRefused: it can't.
        """


def read_sampling(options: str) -> Sampling:
    """The options a program gives, a JSON object or nothing.

    Raises:
        TextRefused: they can't be read.
    """
    try:
        sampling = msgspec.json.decode(options, type=Sampling) if options.strip() else Sampling()
    except msgspec.DecodeError as error:
        raise TextRefused(f"the options can't be read: {error}") from error
    if not 1 <= sampling.max_tokens <= 8192:
        raise TextRefused(f"max_tokens is a number from 1 to 8192, not {sampling.max_tokens}")
    return sampling


class OpenAIText(AbstractAsyncContextManager["OpenAIText"]):
    """An endpoint with ``/chat/completions``. Tokens are asked of ``/tokenize`` beside it, which some have."""

    def __init__(self, settings: Settings) -> None:
        assert settings.inferlet_text_url is not None
        key = settings.inferlet_text_key
        self.name = settings.inferlet_text_model or "default"
        self._base = settings.inferlet_text_url.rstrip("/")
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(DEADLINE, connect=10.0),
            headers={} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"},
            limits=httpx.Limits(max_connections=16),
        )

    async def __aexit__(self, *_error: object) -> None:
        await self._http.aclose()

    async def generate(self, prompt: str, sampling: Sampling) -> str:
        """See :class:`TextProvider`."""
        if len(prompt) > LONGEST_PROMPT:
            raise TextRefused(f"the prompt has {len(prompt)} characters; {LONGEST_PROMPT} are allowed")
        if sampling.grammar is not None:
            raise TextRefused("this model takes no grammar; give a json_schema")
        messages = [{"role": "user", "content": prompt}]
        if sampling.system is not None:
            messages.insert(0, {"role": "system", "content": sampling.system})
        body: dict[str, object] = {"model": self.name, "messages": messages, "max_tokens": sampling.max_tokens}
        for name in ("temperature", "top_p", "seed"):
            if (value := getattr(sampling, name)) is not None:
                body[name] = value
        if sampling.stop:
            body["stop"] = sampling.stop
        if sampling.json_schema is not None:
            schema = {"name": "answer", "strict": True, "schema": sampling.json_schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        answer = await self._ask(f"{self._base}/chat/completions", body, _Completion)
        if not answer.choices:
            raise TextRefused("the model gave no answer")
        return answer.choices[0].message.content or ""

    async def tokenize(self, text: str) -> Sequence[int]:
        """See :class:`TextProvider`."""
        return (await self._ask(self._beside("tokenize"), {"content": text, "prompt": text}, _Tokens)).tokens

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """See :class:`TextProvider`."""
        found = await self._ask(self._beside("detokenize"), {"tokens": list(tokens)}, _Content)
        return found.content or found.prompt

    def _beside(self, name: Literal["tokenize", "detokenize"]) -> str:
        return f"{self._base.removesuffix('/v1')}/{name}"

    async def _ask(self, url: str, body: Mapping[str, object], kind: type[Answer]) -> Answer:
        try:
            async with self._http.stream("POST", url, json=body) as response:
                content = bytearray()
                async for piece in response.aiter_bytes():
                    content += piece
                    if len(content) > LONGEST_ANSWER:
                        raise TextRefused(f"the model's answer is longer than {LONGEST_ANSWER} bytes")
            if response.status_code != 200:
                raise TextRefused(f"the model's server answers with status {response.status_code}")
            return msgspec.json.decode(content, type=kind)
        except httpx.HTTPError as error:
            raise TextRefused(f"the model can't be reached: {type(error).__name__}") from error
        except msgspec.DecodeError as error:
            raise TextRefused(f"the model's server answers with something else: {error}") from error


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Completion(msgspec.Struct):
    choices: list[_Choice]


class _Tokens(msgspec.Struct):
    tokens: list[int]


class _Content(msgspec.Struct):
    content: str = ""
    prompt: str = ""
