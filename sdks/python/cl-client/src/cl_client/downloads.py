"""Fetches a file of a job: into a temporary file, on from where a connection broke, verified, then renamed."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import httpx

from ._wire.httpx_shell import Caller, failure_of, header
from .exceptions import DownloadError, job_error, status_error

Download = Callable[[int, int | None], object]
"""Called with bytes fetched and in all; the latter is None when the server doesn't say."""

_BLOCK: Final = 512 * 1024
_ETAG = re.compile(r'"([0-9a-f]{64})"')
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/=]+):")
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(slots=True)
class _Part:
    """The temporary file, and what is known of the whole."""

    file: BinaryIO
    sha256: str | None = None
    etag: str | None = None
    size: int | None = None
    have: int = 0
    running: hashlib._Hash = field(default_factory=hashlib.sha256)

    def restart(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.have = 0
        self.running = hashlib.sha256()

    def append(self, block: bytes | bytearray) -> None:
        self.file.write(block)
        self.running.update(block)
        self.have += len(block)


async def download(
    session: httpx.AsyncClient,
    caller: Caller,
    endpoint: str,
    dest: Path,
    *,
    job_id: str,
    headers: Mapping[str, str],
    on_download: Download | None = None,
) -> None:
    """Write the file to `dest`, whole, or not at all.

    Args:
        session: the server.
        caller: repeats what deserves it.
        endpoint: the file's path on the server.
        dest: the file to write; its folder has to exist.
        job_id: whose file it is.
        headers: sent with each request.
        on_download: called with bytes fetched and in all.

    Raises:
        JobNotFoundError, StatusError: the server has no such job, or no such file.
        DownloadError: the bytes are not what the server's digest says.
        httpx.TransportError: the connection broke, and couldn't be taken up again.
    """
    temporary = dest.with_name(f".{dest.name}-{secrets.token_hex(4)}.part")
    try:
        with await asyncio.to_thread(temporary.open, "xb") as file:
            part = _Part(file)
            await _fetch(session, caller, endpoint, part, job_id, headers, on_download)
            _verify(part, endpoint)
        await asyncio.to_thread(temporary.replace, dest)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


async def _fetch(
    session: httpx.AsyncClient,
    caller: Caller,
    endpoint: str,
    part: _Part,
    job_id: str,
    headers: Mapping[str, str],
    on_download: Download | None,
) -> None:
    """Append what is missing, over as many connections as it takes."""
    attempts = caller.attempts(replayable=True)
    while True:
        before = part.have
        try:
            await _append(session, endpoint, part, headers, on_download)
        except (httpx.TransportError, httpx.HTTPStatusError) as error:
            if part.have > before:
                attempts = caller.attempts(replayable=True)  # it moved: the count starts again
            delay = attempts.after(failure_of(error))
            if delay is None:
                if isinstance(error, httpx.HTTPStatusError):
                    raise _file_error(error, job_id) from error
                raise
            await caller.sleep(delay)
        else:
            attempts.succeeded()
            return


async def _append(
    session: httpx.AsyncClient,
    endpoint: str,
    part: _Part,
    headers: Mapping[str, str],
    on_download: Download | None,
) -> None:
    headers = {**headers, "Accept-Encoding": "identity"}
    if part.have and part.etag:
        headers = headers | {"Range": f"bytes={part.have}-", "If-Range": part.etag}
    async with _opened(session, endpoint, headers) as response:
        if not _continues(response, part):
            await asyncio.to_thread(part.restart)
            _describe(response, part)
        block = bytearray()
        try:
            async for piece in response.aiter_bytes():
                block += piece
                if len(block) >= _BLOCK:
                    await asyncio.to_thread(part.append, bytes(block))
                    block.clear()
                    if on_download is not None:
                        on_download(part.have, part.size)
        finally:
            part.append(block)  # when the connection breaks, too: what has arrived is not fetched again
        if block and on_download is not None:
            on_download(part.have, part.size)
    if part.size is not None and part.have < part.size:
        raise httpx.ReadError(f"the connection ended after {part.have} of {part.size} bytes")


@asynccontextmanager
async def _opened(
    session: httpx.AsyncClient, endpoint: str, headers: dict[str, str]
) -> AsyncGenerator[httpx.Response, None]:
    async with session.stream("GET", endpoint, headers=headers) as response:
        if response.is_error:
            await response.aread()
        response.raise_for_status()
        yield response


def _continues(response: httpx.Response, part: _Part) -> bool:
    """Whether the answer starts where the file ends; a plain 200 starts at the beginning."""
    covered = _RANGE.match(header(response, "Content-Range") or "")
    return response.status_code == 206 and covered is not None and int(covered[1]) == part.have


def _describe(response: httpx.Response, part: _Part) -> None:
    part.etag = header(response, "ETag")
    part.sha256 = _promised(header(response, "Repr-Digest") or "", part.etag or "")
    length = header(response, "Content-Length") or ""
    part.size = int(length) if length.isdecimal() else None


def _promised(digest: str, etag: str) -> str | None:
    """The SHA-256 in hex that the server promises; servers of the original kind promise none."""
    if found := _DIGEST.search(digest):
        try:
            return base64.b64decode(found[1], validate=True).hex()
        except binascii.Error:
            return None
    found = _ETAG.fullmatch(etag)
    return found[1] if found else None


def _verify(part: _Part, endpoint: str) -> None:
    found = part.running.hexdigest()
    if part.sha256 is not None and found != part.sha256:
        raise DownloadError(
            f"{endpoint} arrived with SHA-256 {found} instead of {part.sha256}; nothing was written, please try again"
        )


def _file_error(error: httpx.HTTPStatusError, job_id: str) -> Exception:
    """404 is about the job or about the file; the server's words tell which."""
    about_the_file = "File not found" in error.response.text
    return status_error(error) if about_the_file else job_error(error, job_id)
