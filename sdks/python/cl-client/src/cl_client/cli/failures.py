"""What a command says when it fails, and its exit code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cl_client._wire.program import AUTHENTICATION, FAILED, UNREACHABLE, USAGE
from cl_client._wire.terminal import note

if TYPE_CHECKING:
    import httpx

    from cl_client.exceptions import StatusError

EXIT_CODES = """\
Exit codes: 0 completed, 1 a job failed, 2 wrong usage, 3 the server, the network or a wait's end,
4 authentication, 130 interrupted.
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as people and scripts are told it. The hint says how to go on."""

    code: int
    message: str
    hint: str = ""


class JobTimeout(Exception):
    """A job has not ended in the time it was given. It goes on."""

    def __init__(self, job_id: str, seconds: float) -> None:
        super().__init__(f"Job timeout after {seconds:g} seconds; it goes on: cl_client watch {job_id}")


def tell(error: Exception) -> int | None:
    """Say what went wrong and give the exit code for it; None for an error nobody expects."""
    failure = failure_of(error)
    if failure is None:
        return None
    note(f"Error: {failure.message}")
    if failure.hint:
        note(failure.hint)
    return failure.code


def failure_of(error: BaseException) -> Failure | None:
    """The failure that an error means; None for an error nobody expects."""
    from cl_client._wire.errors import UsageError, WireError

    if isinstance(error, WireError):
        return Failure(USAGE if isinstance(error, UsageError) else FAILED, str(error))
    if isinstance(error, (JobTimeout, TimeoutError)):
        return Failure(UNREACHABLE, str(error))
    if isinstance(error, OSError):
        return Failure(FAILED, str(error))
    return _failure_of_call(error)


def _failure_of_call(error: BaseException) -> Failure | None:
    """The failure of talking to a server."""
    import httpx
    from pydantic import ValidationError

    from cl_client import exceptions

    from .connection import SignInEnded

    if isinstance(error, SignInEnded):
        return Failure(AUTHENTICATION, str(error))
    if isinstance(error, exceptions.StatusError):
        return _refused(error)
    if isinstance(error, exceptions.JobNotFoundError):
        return Failure(FAILED, f"There is no job {error.job_id!r} that you may see.")
    if isinstance(error, (exceptions.WorkerUnavailableError, exceptions.DownloadError)):
        return Failure(UNREACHABLE, str(error))
    if isinstance(error, httpx.TimeoutException):
        return Failure(UNREACHABLE, f"No answer in time from {_address(error)}.")
    if isinstance(error, httpx.TransportError):
        return Failure(UNREACHABLE, f"Cannot connect to {_address(error)}: {error}", "See: cl_client doctor")
    if isinstance(error, ValidationError):
        return Failure(UNREACHABLE, f"The server's answer is not what it should be: {error}")
    return Failure(FAILED, str(error)) if isinstance(error, exceptions.ComputeClientError) else None


def _refused(error: StatusError) -> Failure:
    status = error.response.status_code
    words = error.detail or f"{status} {error.response.reason_phrase}"
    if error.request_id:
        words = f"{words} (request id {error.request_id})"
    if status == 401:
        return Failure(AUTHENTICATION, f"Authentication failed: {words}", "Sign in with: cl_client login")
    if status == 403:
        return Failure(AUTHENTICATION, f"Not allowed: {words}")
    if status == 405:
        return Failure(USAGE, "The server has no such plugin", "See: cl_client plugins")
    if status == 422:
        return Failure(USAGE, f"The server can't use that: {words}")
    if status == 429 or status >= 500:
        return Failure(UNREACHABLE, f"The server at {_address(error)} answered {status}: {words}")
    return Failure(FAILED, words)


def _address(error: httpx.TransportError | StatusError) -> str:
    from cl_client._wire.errors import without_userinfo

    try:
        url = error.request.url
    except RuntimeError:  # the error was not about one request
        return "the server"
    return without_userinfo(f"{url.scheme}://{url.netloc.decode()}")
