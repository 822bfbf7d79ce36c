"""Everything this client raises on purpose. Where no answer came at all, `httpx`'s own errors are raised.

ComputeClientError
├── StatusError              an answer with an error status; also an httpx.HTTPStatusError
│   ├── AuthenticationError  401: the token is missing, unknown or expired
│   └── PermissionError      403: you are known, and may not do this
├── JobNotFoundError         404 for a job: gone, or never yours. No httpx.HTTPStatusError; that is its cause
├── JobFailedError           the job ended badly; `job` is its record
├── WorkerUnavailableError   no worker offered the task in time
└── DownloadError            the file did not arrive as the server described it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from ._wire.httpx_shell import error_body, header

if TYPE_CHECKING:
    from .models import JobResponse


class ComputeClientError(Exception):
    """The root: catch this to catch everything this client raises on purpose.

    Attributes:
        request_id: what to quote to the server's operator, or None.
    """

    request_id: str | None = None


class StatusError(ComputeClientError, httpx.HTTPStatusError):
    """The server answered with an error status.

    Attributes:
        response: the answer; `response.status_code` is the status.
        code: the server's stable name for the error, or None.
        detail: the server's sentence about it, or None.
    """

    usual_status = 500

    def __init__(self, message: str, *, response: httpx.Response | None = None) -> None:
        if response is None:
            response = httpx.Response(self.usual_status, request=httpx.Request("GET", ""))
        httpx.HTTPStatusError.__init__(self, message, request=response.request, response=response)
        body = error_body(response)
        self.code = body.code
        self.detail = body.detail
        self.request_id = header(response, "X-Request-Id")


class AuthenticationError(StatusError):
    """401: the token is missing, unknown or expired."""

    usual_status = 401


class PermissionError(StatusError):
    """403: you are known, and may not do this."""

    usual_status = 403


class JobNotFoundError(ComputeClientError):
    """There is no such job, or it is somebody else's."""

    def __init__(self, job_id: str, *, request_id: str | None = None) -> None:
        super().__init__(f"Job {job_id} not found")
        self.job_id = job_id
        self.request_id = request_id


class JobFailedError(ComputeClientError):
    """The job ended badly."""

    def __init__(self, job: JobResponse) -> None:
        reason = f" ({job.reason})" if job.reason else ""
        super().__init__(f"Job {job.job_id} failed{reason}: {job.error_message}")
        self.job = job


class WorkerUnavailableError(ComputeClientError):
    """No worker offered the task in time."""

    def __init__(self, task_type: str, available_capabilities: dict[str, int]) -> None:
        super().__init__(
            f"No worker is available for {task_type!r}. Available capabilities: {available_capabilities or 'none'}"
        )
        self.task_type = task_type
        self.available_capabilities = available_capabilities


class DownloadError(ComputeClientError):
    """The file did not arrive as the server described it. Nothing was written."""


_BY_STATUS: dict[int, type[StatusError]] = {401: AuthenticationError, 403: PermissionError}


def status_error(error: httpx.HTTPStatusError) -> StatusError:
    """Our error for `httpx`'s, with the server's own words in its text."""
    response = error.response
    body = error_body(response)
    request_id = header(response, "X-Request-Id")
    extras = [text for text in (body.detail, f"request id {request_id}" if request_id else None) if text]
    words = str(error).partition("\n")[0]
    message = f"{words} ({'; '.join(extras)})" if extras else words
    return _BY_STATUS.get(response.status_code, StatusError)(message, response=response)


def job_error(error: httpx.HTTPStatusError, job_id: str) -> StatusError | JobNotFoundError:
    """The same for a request about a job, where 404 means that there is none."""
    if error.response.status_code == 404:
        return JobNotFoundError(job_id, request_id=header(error.response, "X-Request-Id"))
    return status_error(error)
