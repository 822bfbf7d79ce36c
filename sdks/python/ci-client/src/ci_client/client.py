"""The original five functions, for programs written for them: plain requests, no retries, event dicts.

They read neither environment nor configuration. `ci_client.CI` does the same with pooled connections, retries
and streams that resume.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from ._wire.errors import ConnectionFailed, ProtocolError, StatusError, TimedOut, status_error_type
from .archive import write_archive
from .errors import CIError, PackageError
from .selection import select_files
from .settings import DEFAULT_SERVER_URL

_STREAM_TIMEOUT = 300
_SUBMIT_TIMEOUT = 30
_LIST_TIMEOUT = 10


def create_project_zip(project_dir: Path | str) -> bytes:
    """Pack a project: every file but hidden ones and `__pycache__`, at the path it has in the project.

    The same files give the same bytes. Links that leave the project are left out with a warning.

    Raises:
        PackageError: the folder is missing, or a file cannot be read.
    """
    selection = select_files(Path(project_dir), ignore_files=False)
    for name, why in selection.left_out:
        if "leaves the project" in why:
            warnings.warn(f"{name!r} is left out: {why}", stacklevel=2)
    buffer = io.BytesIO()
    write_archive(buffer, selection)
    return buffer.getvalue()


def get_auth_headers(api_key: str | None) -> dict[str, str]:
    """The header that carries the key; none without a key."""
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


def submit_tests_streaming(
    project_dir: Path | str, server_url: str = DEFAULT_SERVER_URL, api_key: str | None = None
) -> Generator[dict[str, Any], None, None]:
    """Submit a project and yield its events: `job_id`, then `log`s, then `complete`.

    A connection that fails becomes a `log` event that says so and `complete` with `success` false.

    Raises:
        RuntimeError: authentication or submission was refused.
        PackageError: there is nothing to send.
    """
    prefix = "Error submitting to CI server: "
    content = _packed(project_dir)
    try:
        with _explained(prefix):
            response = requests.post(
                f"{server_url.rstrip('/')}/submit-stream",
                files={"file": ("project.zip", content, "application/zip")},
                headers=get_auth_headers(api_key),
                stream=True,
                timeout=_STREAM_TIMEOUT,
                **_auth(api_key),
            )
            yield from _events(response)
    except ConnectionFailed as error:
        yield from _broken(error)


def submit_tests_async(
    project_dir: Path | str, server_url: str = DEFAULT_SERVER_URL, api_key: str | None = None
) -> str:
    """Submit a project and return the job's id at once.

    Raises:
        RuntimeError: authentication or submission failed.
        PackageError: there is nothing to send.
    """
    content = _packed(project_dir)
    with _explained("Error submitting to CI server: "):
        response = requests.post(
            f"{server_url.rstrip('/')}/submit-async",
            files={"file": ("project.zip", content, "application/zip")},
            headers=get_auth_headers(api_key),
            timeout=_SUBMIT_TIMEOUT,
            **_auth(api_key),
        )
        response.raise_for_status()
        body = response.json()
        try:
            return str(body["job_id"])
        except (KeyError, TypeError):
            raise ProtocolError(f"Error submitting to CI server: no job_id in {body!r}") from None


def wait_for_job(
    job_id: str,
    server_url: str = DEFAULT_SERVER_URL,
    api_key: str | None = None,
    from_beginning: bool = False,  # noqa: FBT001, FBT002 - the original signature
) -> Generator[dict[str, Any], None, None]:
    """Yield a job's events: `log`s, then `complete`.

    A connection that fails becomes a `log` event that says so and `complete` with `success` false.

    Args:
        job_id: the job.
        server_url: base address.
        api_key: the key.
        from_beginning: every line from the first, rather than new lines only.

    Raises:
        RuntimeError: authentication was refused, or there is no such job.
    """
    prefix = "Error waiting for job: "
    try:
        with _explained(prefix):
            response = requests.get(
                f"{server_url.rstrip('/')}/jobs/{job_id}/stream",
                params={"from_beginning": True} if from_beginning else {},
                headers=get_auth_headers(api_key),
                stream=True,
                timeout=_STREAM_TIMEOUT,
                **_auth(api_key),
            )
            yield from _events(response)
    except ConnectionFailed as error:
        yield from _broken(error)


def list_jobs(server_url: str = DEFAULT_SERVER_URL, api_key: str | None = None) -> list[dict[str, Any]]:
    """All your jobs, newest first, as the server sends them.

    Raises:
        RuntimeError: authentication or the request failed.
    """
    with _explained("Error fetching jobs from CI server: "):
        response = requests.get(
            f"{server_url.rstrip('/')}/jobs",
            headers=get_auth_headers(api_key),
            timeout=_LIST_TIMEOUT,
            **_auth(api_key),
        )
        response.raise_for_status()
        jobs: list[dict[str, Any]] = response.json()
        return jobs


def _packed(project_dir: Path | str) -> bytes:
    if not select_files(Path(project_dir), ignore_files=False).files:
        raise PackageError(f"There is nothing to send: {str(project_dir)!r} has no files, or all are hidden")
    return create_project_zip(project_dir)


def _events(response: requests.Response) -> Generator[dict[str, Any], None, None]:
    try:
        response.raise_for_status()
        for line in _lines(response.iter_lines()):
            if line.startswith("data: "):
                yield json.loads(line[6:])
    finally:
        response.close()


def _lines(lines: Iterable[bytes | str]) -> Generator[str, None, None]:
    # Bytes are split at CR and LF only; decoding first would split at U+2028 and its kin, inside the JSON.
    for line in lines:
        yield line.decode("utf-8", "replace") if isinstance(line, bytes) else line


def _broken(error: CIError) -> Generator[dict[str, Any], None, None]:
    yield {"type": "log", "data": f"{error}\n"}
    yield {"type": "complete", "success": False}


@contextmanager
def _explained(prefix: str) -> Generator[None, None, None]:
    """Turn what `requests` raises into the original texts, as typed errors."""
    try:
        yield
    except requests.HTTPError as error:
        raise _refused(prefix, error) from error
    except requests.Timeout as error:
        raise TimedOut(f"{prefix}{error}") from error
    except (requests.JSONDecodeError, json.JSONDecodeError) as error:
        raise ProtocolError(f"{prefix}{error}") from error
    except requests.RequestException as error:
        raise ConnectionFailed(f"{prefix}{error}") from error


def _refused(prefix: str, error: requests.HTTPError) -> CIError:
    response = error.response
    if response is None:
        return ProtocolError(f"{prefix}{error}")
    refused = status_error_type(response.status_code)(response.status_code, response.reason, response.url)
    if response.status_code in {401, 403}:
        return _reworded(refused, f"Authentication failed: {response.status_code} {response.reason}")
    return _reworded(refused, f"{prefix}{error}")


def _reworded(error: StatusError, text: str) -> StatusError:
    error.args = (text,)
    return error


class _KeepHeader(requests.auth.AuthBase):
    """Leaves the request as it is; with an auth object, `requests` puts no ~/.netrc entry over our header."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def _auth(api_key: str | None) -> dict[str, Any]:
    return {"auth": _KeepHeader()} if api_key else {}
