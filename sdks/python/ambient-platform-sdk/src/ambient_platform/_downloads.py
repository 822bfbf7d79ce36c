"""Fetches an artifact: into a temporary file, on from where a connection broke, verified, then renamed."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

import httpx

from ._calls import artifacts, session_path
from ._checks import file_path
from ._core import Core, Refusal
from ._port import Body
from ._wire.httpx_shell import header
from .exceptions import AmbientAPIError, DownloadError, SessionNotFoundError
from .types import Artifact

Progress = Callable[[int, int], object]
"""Called with the bytes fetched and in all."""

_BLOCK: Final = 512 * 1024
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


@dataclass(slots=True)
class _Part:
    """The temporary file, and what has arrived in it."""

    file: BinaryIO
    have: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    def restart(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.have = 0
        self.digest = hashlib.sha256()

    def append(self, block: bytes) -> None:
        self.file.write(block)
        self.digest.update(block)
        self.have += len(block)


async def download(
    core: Core, session_id: str, artifact: Artifact | str, path: Path, on_progress: Progress | None
) -> Path:
    """Write the artifact to `path`, whole, or not at all; a folder gets a file of the artifact's name.

    Returns:
        The file.

    Raises:
        SessionNotFoundError: there is no such artifact.
        DownloadError: the bytes are not what the server announced.
        AmbientAPIError: the server said no, or the connection couldn't be taken up again.
    """
    wanted = artifact if isinstance(artifact, Artifact) else await _named(core, session_id, artifact)
    place = await core.port.work(partial(_place, wanted, path))
    temporary = place.with_name(f".{place.name}-{secrets.token_hex(4)}.part")
    try:
        with await core.port.work(partial(_created, temporary)) as file:
            await _fetch(core, session_id, wanted, _Part(file), on_progress)
        await core.port.work(partial(temporary.replace, place))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return place


def _created(path: Path) -> BinaryIO:
    return path.open("xb")


async def _named(core: Core, session_id: str, name: str) -> Artifact:
    file_path(name, "Artifact name")
    found = await artifacts(core, session_id)
    for artifact in found:
        if artifact.name == name:
            return artifact
    known = ", ".join(artifact.name for artifact in found[:10]) or "none"
    raise SessionNotFoundError(f"session {session_id} has no artifact {name!r} (it has: {known})")


def _place(artifact: Artifact, path: Path) -> Path:
    if not path.is_dir():
        return path
    name = PurePosixPath(artifact.name.replace("\\", "/")).name
    if not name or name == ".." or "\0" in name:
        raise DownloadError(f"The artifact's name {artifact.name!r} is no file's name; give the file to write")
    return path / name


async def _fetch(core: Core, session_id: str, artifact: Artifact, part: _Part, on_progress: Progress | None) -> None:
    """Append what is missing, over as many connections as it takes, and verify the whole."""
    path = session_path(session_id, "artifacts", file_path(artifact.name, "Artifact name"))
    attempts = core.attempts(replayable=True)
    while True:
        before = part.have
        headers = {"Accept-Encoding": "identity"}
        if part.have:
            headers["Range"] = f"bytes={part.have}-"
        try:
            async with core.port.open(core.request("GET", path, headers=headers)) as body:
                refusal = await _begin(core, body, part)
                if refusal is None:
                    await _append(core, body, part, artifact, on_progress)
        except httpx.RequestError as error:
            refusal = core.broken(error)
        if refusal is None:
            attempts.succeeded()
            return
        if part.have > before:
            attempts = core.attempts(replayable=True)  # it moved: the count starts again
        delay = attempts.after(refusal.failure)
        if delay is None:
            raise refusal.problem from refusal.cause
        await core.port.sleep(delay)


async def _begin(core: Core, body: Body, part: _Part) -> Refusal | None:
    """Make the file end where the answer begins; gives the refusal if it is one."""
    response = body.response
    if not response.is_success:
        await body.drain()
        return core.refused(response, superset=True)
    covered = _RANGE.match(header(response, "Content-Range") or "")
    if response.status_code != 206 or covered is None or int(covered[1]) != part.have:
        await core.port.work(part.restart)
    return None


async def _append(core: Core, body: Body, part: _Part, artifact: Artifact, on_progress: Progress | None) -> None:
    block = bytearray()

    async def keep() -> None:
        await core.port.work(partial(part.append, bytes(block)))
        block.clear()
        if on_progress is not None:
            on_progress(part.have, artifact.size)

    try:
        while (piece := await body.read()) is not None:
            block += piece
            if part.have + len(block) > artifact.size:
                raise _damaged(artifact, f"more than the {artifact.size} bytes")
            if len(block) >= _BLOCK:
                await keep()
    except httpx.RequestError:
        await keep()  # what has arrived is not fetched again
        raise
    await keep()
    if part.have < artifact.size:
        raise httpx.ReadError(f"the connection ended after {part.have} of {artifact.size} bytes")
    if part.digest.hexdigest() != artifact.sha256:
        raise _damaged(artifact, f"SHA-256 {part.digest.hexdigest()} instead of {artifact.sha256}")


def _damaged(artifact: Artifact, found: str) -> AmbientAPIError:
    return DownloadError(f"{artifact.name} arrived with {found}; nothing was written, please try again")
