"""The thin part that does I/O, over `httpx`: one logical call, as many attempts as its failures deserve.

Errors stay `httpx`'s own: clients whose interface promises them share this. It knows nothing of any service.
"""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone

import httpx

from .errors import sentence
from .retry import Attempts, Failure, FailureKind, RetryPolicy, TokenBucket, parse_retry_after

_KINDS: tuple[tuple[type[httpx.TransportError], FailureKind], ...] = (
    (httpx.ConnectTimeout, "connect_timeout"),
    (httpx.PoolTimeout, "connect_timeout"),
    (httpx.TimeoutException, "read_timeout"),
    (httpx.NetworkError, "reset"),
    (httpx.RemoteProtocolError, "reset"),
)


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """What an error answer says: a stable name and a sentence, where it gave them."""

    code: str | None = None
    detail: str | None = None


@dataclass(slots=True, kw_only=True)
class Caller:
    """Makes calls and repeats them, within one budget for all calls of a client.

    Args:
        policy: how often and how long.
        clock, chance, sleep: replaceable for tests.
    """

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    bucket: TokenBucket = field(default_factory=TokenBucket)

    def attempts(self, *, replayable: bool) -> Attempts:
        """The attempts of one logical call, for a caller that loops by itself."""
        return Attempts(self.policy, self.bucket, replayable=replayable, clock=self.clock, random=self.chance)

    async def call(self, attempt: Callable[[], Awaitable[httpx.Response]], *, replayable: bool) -> httpx.Response:
        """The answer, whose status is a success.

        Args:
            attempt: makes one attempt.
            replayable: whether the server may see the request twice.

        Raises:
            httpx.TransportError: no answer, after retries.
            httpx.HTTPStatusError: the last answer was an error.
        """
        attempts = self.attempts(replayable=replayable)
        while True:
            try:
                answer = await attempt()
                answer.raise_for_status()
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                delay = attempts.after(failure_of(error))
                if delay is None:
                    raise
                await self.sleep(delay)
            else:
                attempts.succeeded()
                return answer


def failure_of(error: httpx.TransportError | httpx.HTTPStatusError) -> Failure:
    """What the retry rules need to know of an error."""
    if isinstance(error, httpx.HTTPStatusError):
        response = error.response
        retry_after = parse_retry_after(header(response, "Retry-After"), now=datetime.now(timezone.utc))
        return Failure("status", response.status_code, error_body(response).code, retry_after)
    if isinstance(error, httpx.ConnectError):
        return Failure(_connect_kind(error))
    return Failure(next((kind for type_, kind in _KINDS if isinstance(error, type_)), "other"))


def header(response: httpx.Response, name: str) -> str | None:
    """A header of an answer, or None."""
    value: object = response.headers.get(name)
    return value if isinstance(value, str) else None


def error_body(response: httpx.Response) -> ErrorBody:
    """The server's words about an error; empty for an answer that has none, or was not read."""
    try:
        body: object = response.json()
    except (ValueError, httpx.StreamError):
        return ErrorBody()
    if not isinstance(body, dict):
        return ErrorBody()
    code = body.get("code")
    return ErrorBody(code if isinstance(code, str) else None, sentence(body.get("detail")))


def _connect_kind(error: BaseException) -> FailureKind:
    """Refused and unresolved look the same to `httpx`; the cause at the bottom tells them apart."""
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "unresolved"
        if isinstance(cause, ConnectionRefusedError):
            return "refused"
    # asyncio reports several refused addresses of one name as a plain OSError without a cause.
    return "refused" if "All connection attempts failed" in str(error) else "other"


def _causes(error: BaseException) -> Iterator[BaseException]:
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__]
