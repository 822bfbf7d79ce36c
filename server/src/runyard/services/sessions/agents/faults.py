"""What went wrong between us and a provider: whether to try again, after how long, and how to say it to the user."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
)

LONGEST_PAUSE: Final = 300.0
"""Seconds. A provider that wants a longer pause than this can't be worked with."""

LONGEST_BACKOFF: Final = 30.0
Again: TypeAlias = Literal["never", "once", "often"]

_LONGEST_TEXT: Final = 500
_KEYS: Final = re.compile(r"\b(sk|key|pk|tok)-[\w*.-]{6,}|(?<=Bearer )\S+")


@dataclass(frozen=True, slots=True)
class Fault:
    """What to make of an error.

    Attributes:
        text: a sentence for the user, without secrets.
        tries: how often the same request may be sent again at most.
        pause: seconds the provider wants to be left alone; None when it doesn't say.
        too_long: the conversation doesn't fit the model.
    """

    text: str
    tries: int = 0
    pause: float | None = None
    too_long: bool = False

    def pause_before(self, attempt: int) -> float:
        """Seconds to wait before trying again for the ``attempt``-th time, from 1."""
        if self.pause is not None:
            return self.pause
        return min(LONGEST_BACKOFF, 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 -- no secret


_SENTENCES: Final[tuple[tuple[type[Exception], str, Again], ...]] = (
    (ModelRequestTimeout, "The provider said nothing for {seconds:g} seconds", "once"),
    (ModelTimeoutError, "The provider said nothing for {seconds:g} seconds", "once"),
    (ModelAuthenticationError, "The provider doesn't accept the key of this yard, or not for this model", "never"),
    (ModelQuotaExceededError, "The quota or credit at the provider is used up", "never"),
    (ModelNotFoundError, "The provider has no such model, or its base_url is wrong", "never"),
    (ModelContextWindowExceededError, "The conversation has become too long for the model", "never"),
    (ModelRateLimitError, "The provider's rate limit is reached", "often"),
    (ModelUnavailableError, "The provider is in trouble", "often"),
    (ModelServerError, "The provider is in trouble", "often"),
    (ModelConnectionError, "The provider can't be reached, or broke off", "often"),
    (ContentFilterError, "The provider's content filter stopped the answer", "never"),
    (ModelHTTPError, "The provider refuses the request", "never"),
    (ModelRequestRejectedError, "The provider refuses the request", "never"),
    (Exception, "The provider answers with nonsense", "once"),
)
"""What is said of an error, and whether to try again; the first row that fits counts."""


def judge(error: Exception, *, key: str | None, seconds: float, retries: int) -> Fault:
    """Say what an error means.

    Args:
        key: what opens the provider; it must not be seen.
        seconds: how long a provider may be silent.
        retries: times that a request may be sent again when it was turned away for a while.
    """
    sentence, again = next((text, again) for kind, text, again in _SENTENCES if isinstance(error, kind))
    tries = {"never": 0, "once": min(1, retries), "often": retries}[again]
    pause = error.retry_after if isinstance(error, ModelAPIError) else None
    if pause is not None and pause > LONGEST_PAUSE:
        sentence, tries = f"{sentence} (it wants to be left alone for {pause:g} seconds)", 0
    return Fault(
        sentence.format(seconds=seconds) + _clean(error, key), tries, pause,
        too_long=isinstance(error, ModelContextWindowExceededError),
    )  # fmt: skip


def _clean(error: Exception, key: str | None) -> str:
    """Its words, for the end of a sentence."""
    if isinstance(error, ModelTimeoutError | ModelRequestTimeout):
        return "."
    text = str(error) if isinstance(error, AgentRunError) else f"{type(error).__name__}: {error}"
    if isinstance(error, ModelHTTPError):
        text = f"{error.status_code}: {_reason(error.body) or text}"
    if key:
        text = text.replace(key, "[key]")
    text = " ".join(_KEYS.sub("[key]", text).split())[:_LONGEST_TEXT]
    return f": {text.rstrip('.')}." if text else "."


def _reason(body: object) -> str:
    """What an error's body says for people, where it has the usual shape."""
    match body:
        case {"error": {"message": str() as message}} | {"message": str() as message} | {"error": str() as message}:
            return message
        case str():
            return body
        case _:
            return ""
