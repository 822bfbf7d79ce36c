"""One logical call: as many attempts as its failures deserve, and the error it may end with. It does no I/O itself."""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import httpx

from ._bearer import Bearer
from ._port import Port, Request
from ._refusals import failure_of_answer, refusal, unreachable, without_frames
from ._wire.httpx_shell import failure_of
from ._wire.retry import Attempts, Failure, RetryPolicy, TokenBucket, is_retryable
from ._wire.stream import StreamPolicy
from .exceptions import AmbientAPIError, NotSupportedError

log = logging.getLogger("ambient_platform")

_SHORTEST: Final = 0.05  # seconds that a request gets, however late it is


@dataclass(slots=True, kw_only=True)
class Core:
    """What all calls of a client share.

    Args:
        port: does the I/O.
        bearer: knows the token.
        timeout: seconds that the server may take for an answer.
        silence: seconds without a byte, after which a stream counts as dead.
        policy: how often and how long to try.
        stream_policy: how long a stream is taken up again.
        clock, chance: monotonic seconds, and a number in [0, 1).
    """

    port: Port
    bearer: Bearer
    timeout: float
    silence: float
    policy: RetryPolicy
    stream_policy: StreamPolicy = field(default_factory=StreamPolicy)
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random
    bucket: TokenBucket = field(default_factory=TokenBucket)
    ours: bool | None = None
    """Whether it is a Runyard server; None while nobody knows."""

    def request(
        self,
        method: str,
        path: str,
        *,
        query: tuple[tuple[str, str], ...] = (),
        document: object = None,
        headers: dict[str, str] | None = None,
        silence: float | None = None,
        until: float | None = None,
    ) -> Request:
        """A request that doesn't take longer than it may."""
        left = self.left(until)
        return Request(
            method=method,
            path=path,
            query=query,
            document=document,
            headers=headers or {},
            timeout=self.timeout if left is None else max(_SHORTEST, min(self.timeout, left)),
            silence=silence,
        )

    def left(self, until: float | None) -> float | None:
        """Seconds until then, at least 0; None without a deadline."""
        return None if until is None else max(0.0, until - self.clock())

    def attempts(self, *, replayable: bool) -> Attempts:
        """The attempts of one call."""
        return Attempts(self.policy, self.bucket, replayable=replayable, clock=self.clock, random=self.chance)

    async def answer(
        self, request: Request, *, replayable: bool, superset: bool = False, until: float | None = None
    ) -> httpx.Response:
        """The server's answer, a success.

        Args:
            request: what to ask.
            replayable: whether the server may see it twice.
            superset: whether servers of the original kind lack the call.
            until: when to stop trying, on the clock.

        Raises:
            AmbientAPIError: it said no, or nothing, after retries.
        """
        attempts = self.attempts(replayable=replayable)
        while True:
            outcome = await self._attempt(request, superset=superset)
            if isinstance(outcome, httpx.Response):
                attempts.succeeded()
                return outcome
            await self._pause(request, attempts, outcome, until)

    async def once(self, request: Request, *, superset: bool = False) -> httpx.Response:
        """The same for a request with an idempotency key, which may be sent twice to servers that keep such keys."""
        attempts = self.attempts(replayable=True)
        while True:
            outcome = await self._attempt(request, superset=superset)
            if isinstance(outcome, httpx.Response):
                attempts.succeeded()
                return outcome
            if outcome.ambiguous and not await self._keeps_keys():
                raise outcome.problem from outcome.cause
            await self._pause(request, attempts, outcome, None)

    async def end(
        self, request: Request, *, ended: type[AmbientAPIError], superset: bool = False
    ) -> httpx.Response | None:
        """The same for a request that ends something.

        Args:
            request: what to ask.
            ended: what the server says when there is nothing to end.
            superset: whether servers of the original kind lack the call.

        Returns:
            None when an earlier attempt, whose answer got lost, has done it.
        """
        attempts = self.attempts(replayable=True)
        lost = False
        while True:
            outcome = await self._attempt(request, superset=superset)
            if isinstance(outcome, httpx.Response):
                attempts.succeeded()
                return outcome
            if lost and isinstance(outcome.problem, ended):
                return None
            lost = lost or outcome.ambiguous
            await self._pause(request, attempts, outcome, None)

    def broken(self, error: httpx.RequestError) -> Refusal:
        """What to make of a connection that broke."""
        failure = failure_of(error) if isinstance(error, httpx.TransportError) else Failure("other")
        return Refusal(failure, unreachable(error), without_frames(error))

    def refused(self, response: httpx.Response, *, superset: bool) -> Refusal:
        """What to make of an answer that is no success."""
        problem = refusal(response, superset=superset)
        problem.args = (self.bearer.masked(str(problem)),)
        if isinstance(problem, NotSupportedError):
            self.ours = False
        return Refusal(failure_of_answer(response), problem)

    async def _attempt(self, request: Request, *, superset: bool) -> httpx.Response | Refusal:
        try:
            response = await self.port.send(request)
        except httpx.RequestError as error:
            return self.broken(error)
        return response if response.is_success else self.refused(response, superset=superset)

    async def _pause(self, request: Request, attempts: Attempts, outcome: Refusal, until: float | None) -> None:
        """Wait for the next attempt, or raise what the last one ended with."""
        delay = attempts.after(outcome.failure)
        left = self.left(until)
        if delay is None or (left is not None and delay > left):
            raise outcome.problem from outcome.cause
        log.debug("%s %s: %s; trying again in %.1f s", request.method, request.path, outcome.problem, delay)
        await self.port.sleep(delay)

    async def _keeps_keys(self) -> bool:
        """Whether what may have arrived may be sent again: only Runyard servers know a key when they see it again."""
        if self.ours is None:
            try:
                await self.answer(self.request("GET", "/v1/models"), replayable=True, superset=True)
            except AmbientAPIError as error:
                log.debug("whether the server keeps idempotency keys is not known: %s", error)
            else:
                self.ours = True
        return self.ours is True


@dataclass(frozen=True, slots=True)
class Refusal:
    """An attempt that failed: what the retry rules need to know, the error, and the error's cause."""

    failure: Failure
    problem: AmbientAPIError
    cause: httpx.RequestError | None = None

    @property
    def reason(self) -> str:
        """What failed, in words."""
        return str(self.cause or self.problem)

    @property
    def ambiguous(self) -> bool:
        """Whether the server may have acted all the same."""
        return is_retryable(self.failure, replayable=True) and not is_retryable(self.failure, replayable=False)


def new_key() -> str:
    """An idempotency key."""
    return uuid.uuid4().hex
