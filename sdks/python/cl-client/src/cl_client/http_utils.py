"""What every request of this client goes through: its token, its repetitions, and the error it may end with."""

from __future__ import annotations

import mimetypes
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import cache
from typing import cast

import httpx

from ._wire.httpx_shell import Caller, header
from .auth import AuthProvider, bearer_of
from .exceptions import ComputeClientError, job_error, status_error

ONE_SHOT = "cl_client.one_shot"
"""The extension of a request whose body can be read only once."""


@cache
def tls() -> ssl.SSLContext:
    """The certificates that are trusted, read once for all clients of a program: it takes longer than a request."""
    return httpx.create_ssl_context()


_LIMITS = httpx.Limits(max_connections=1000, max_keepalive_connections=50)


class TokenAuth(httpx.Auth):
    """Asks the provider before each request, and once more when the server refuses its token."""

    def __init__(self, provider: AuthProvider) -> None:
        self._provider = provider

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send with the present token; after a 401, with another one, if there is."""
        await self._provider.refresh_token_if_needed()
        headers = self._provider.get_headers()
        request.headers.update(headers)
        response = yield request
        if response.status_code != 401 or ONE_SHOT in request.extensions:
            return
        if await self._provider.replace_token(bearer_of(headers)):
            request.headers.update(self._provider.get_headers())
            yield request


def connection_limits() -> httpx.Limits:
    """How many connections a client may hold: jobs waited for without a broker take one each."""
    return _LIMITS


async def answer_of(
    caller: Caller,
    attempt: Callable[[], Awaitable[httpx.Response]],
    *,
    replayable: bool = True,
    job_id: str | None = None,
) -> httpx.Response:
    """The answer of a call, or this client's error.

    Args:
        caller: repeats what deserves it.
        attempt: makes one attempt.
        replayable: whether the server may see the request twice.
        job_id: the job it is about, if it is about one.

    Raises:
        StatusError: the server refused it.
        JobNotFoundError: there is no such job.
        httpx.TransportError: no answer, after retries.
    """
    try:
        return await caller.call(attempt, replayable=replayable)
    except httpx.HTTPStatusError as error:
        raise (status_error(error) if job_id is None else job_error(error, job_id)) from error


def body_of(response: httpx.Response) -> object:
    """The answer as JSON.

    Raises:
        ComputeClientError: it is something else.
    """
    try:
        return cast("object", response.json())
    except ValueError:
        kind = header(response, "Content-Type") or "no content type"
        raise ComputeClientError(
            f"{response.url} answered with something that is not JSON ({kind}): is this the right server?"
        ) from None


def content_type_of(filename: str) -> str:
    """The content type that a file's name suggests."""
    return mimetypes.guess_type(filename)[0] or "application/octet-stream"
