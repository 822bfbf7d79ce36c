"""What can be asked of a language model, and how text is chosen. Knows no model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Annotated, Final, Literal, Protocol, TypeAlias

import msgspec
from msgspec import Meta

from runyard.sizes import KIB

LONGEST_PROMPT: Final = 256 * KIB
"""Characters of a prompt, or of all messages together."""

LONGEST_OPTIONS: Final = 64 * KIB
MOST_MESSAGES: Final = 1000
MOST_PROBABILITIES: Final = 1000
"""Tokens of a next-token distribution that can be asked for, the likeliest first."""


class TextRefused(Exception):
    """No text can be had for this. The text is for whoever asked."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


Prompt: TypeAlias = str | Sequence[Message]
"""A conversation to answer; a text is one of a single message of the user."""


class Sampling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How text is chosen. What is None is left to the model."""

    max_tokens: Annotated[int, Meta(ge=1, le=8192)] = 256
    temperature: Annotated[float, Meta(ge=0, le=10)] | None = None
    """0 takes the likeliest token each time: the same answer to the same question."""

    top_k: Annotated[int, Meta(ge=0, le=1000)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**32 - 2)] | None = None
    stop: Annotated[list[str], Meta(max_length=16)] = []
    """Texts that end the answer, and aren't part of it."""

    system: str | None = None
    """A message of the system to go first."""

    raw: bool = False
    """Go on with the prompt as it stands, with no conversation around it."""

    json_schema: Mapping[str, object] | None = None
    """What the answer, JSON, must look like."""

    grammar: str | None = None
    """The same for any text, in GBNF."""

    def __post_init__(self) -> None:
        if self.json_schema is not None and self.grammar is not None:
            raise ValueError("json_schema and grammar exclude each other: give one")


class TextProvider(Protocol):
    """A language model. Many may ask at a time; whoever goes away while he waits is not worked for any longer."""

    @property
    def name(self) -> str | None:
        """What people call the model; None where there is none."""

    async def generate(self, prompt: Prompt, sampling: Sampling) -> str:
        """The answer to a prompt.

        Raises:
            TextRefused: it can't be given, or not so.
        """

    def stream(self, prompt: Prompt, sampling: Sampling) -> AsyncGenerator[str, None]:
        """The same, piece by piece. Close the generator (``contextlib.aclosing``) to end the work early.

        Raises:
            TextRefused: it can't be given, or not so.
        """

    async def tokenize(self, text: str) -> Sequence[int]:
        """The model's tokens of a text; special tokens are read where they are written.

        Raises:
            TextRefused: it can't.
        """

    async def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of tokens.

        Raises:
            TextRefused: it can't.
        """

    async def forward(self, tokens: Sequence[int], top: int) -> Sequence[tuple[int, float]]:
        """The ``top`` likeliest tokens to follow with their probabilities, the likeliest first.

        Raises:
            TextRefused: it can't.
        """


def read_sampling(options: str) -> Sampling:
    """The options somebody gives: a JSON object, or nothing.

    Raises:
        TextRefused: they can't be read.
    """
    if len(options) > LONGEST_OPTIONS:
        raise TextRefused(f"the options have {len(options)} characters; {LONGEST_OPTIONS} are allowed")
    try:
        return msgspec.json.decode(options, type=Sampling) if options.strip() else Sampling()
    except msgspec.DecodeError as error:
        raise TextRefused(f"the options can't be read: {error}") from error


def read_messages(text: str) -> list[Message]:
    """A conversation somebody gives: a JSON list of objects with ``role`` and ``content``.

    Raises:
        TextRefused: it can't be read.
    """
    try:
        return msgspec.json.decode(text, type=list[Message])
    except msgspec.DecodeError as error:
        raise TextRefused(f"the messages can't be read: {error}") from error


def conversation(prompt: Prompt, sampling: Sampling) -> str | list[Message]:
    """What a model is given: messages, or the bare text where that is asked for.

    Raises:
        TextRefused: it is too long, or makes no sense.
    """
    messages = [Message("user", prompt)] if isinstance(prompt, str) else list(prompt)
    if sampling.system is not None:
        messages.insert(0, Message("system", sampling.system))
    length = sum(len(message.content) for message in messages)
    if length > LONGEST_PROMPT:
        raise TextRefused(f"the prompt has {length} characters; {LONGEST_PROMPT} are allowed")
    if not 1 <= len(messages) <= MOST_MESSAGES:
        raise TextRefused(f"a conversation has 1 to {MOST_MESSAGES} messages, not {len(messages)}")
    if not sampling.raw:
        return messages
    if not isinstance(prompt, str) or sampling.system is not None:
        raise TextRefused("raw goes on with one text: it takes neither messages nor a system message")
    return prompt


def check_length(given: str | Sequence[int]) -> None:
    """Raise TextRefused for more text or tokens than anybody takes."""
    if len(given) > LONGEST_PROMPT:
        kind = "characters" if isinstance(given, str) else "tokens"
        raise TextRefused(f"{len(given)} {kind} are too many; {LONGEST_PROMPT} are allowed")


def check_distribution(tokens: Sequence[int], top: int) -> None:
    """Raise TextRefused for a next-token distribution that nobody can give."""
    if not tokens:
        raise TextRefused("nothing can follow no tokens: give at least one")
    if not 1 <= top <= MOST_PROBABILITIES:
        raise TextRefused(f"top is a number from 1 to {MOST_PROBABILITIES}, not {top}")
