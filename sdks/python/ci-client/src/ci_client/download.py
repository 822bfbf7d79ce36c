"""Fetches an artifact: into a temporary file, on from where a connection broke, verified, then renamed."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import requests

from ._wire.errors import ConnectionFailed, ProtocolError, UsageError
from ._wire.requests_shell import Request, RequestsTransport, failure_of, iter_bytes
from ._wire.retry import Attempts, RetryPolicy, TokenBucket
from .archive import Progress
from .records import Artifact

_BLOCK = 1024 * 1024


def download(
    transport: RequestsTransport,
    artifacts_path: str,
    artifact: Artifact,
    target: Path,
    *,
    on_progress: Progress | None = None,
) -> Path:
    """Fetch one artifact.

    An interrupted fetch leaves `NAME.part` behind, and the next call goes on with it.

    Args:
        transport: the server.
        artifacts_path: the path above the artifact's name.
        artifact: what to fetch; its size and digest are what the file is checked against.
        target: the file to write, or a folder to put it in.
        on_progress: called with bytes fetched and in all.

    Raises:
        UsageError: the name would leave the folder.
        ProtocolError: the bytes are not what the digest says.
    """
    path = target / safe_name(artifact.name) if target.is_dir() else target
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    while part.exists() and part.stat().st_size > artifact.size:
        part.unlink()
    _fetch(transport, f"{artifacts_path}/{quote(artifact.name)}", artifact, part, on_progress)
    found = _sha256(part)
    if found != artifact.sha256:
        part.unlink()
        raise ProtocolError(
            f"Artifact {artifact.name!r} arrived with SHA-256 {found} instead of {artifact.sha256}; "
            "it was thrown away, please try again"
        )
    part.replace(path)
    return path


def safe_name(name: str) -> Path:
    """The artifact's name as a path that stays inside the folder it is put in.

    Raises:
        UsageError: there is no such path.
    """
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or ":" in name or "\0" in name:
        raise UsageError(f"The artifact's name {name!r} would leave the folder; give a file to write it to")
    return Path(*parts)


def _fetch(
    transport: RequestsTransport, path: str, artifact: Artifact, part: Path, on_progress: Progress | None
) -> None:
    """Append what is missing to `part`, over as many connections as it takes."""
    attempts = _attempts(transport)
    while (have := part.stat().st_size if part.exists() else 0) < artifact.size or not part.exists():
        try:
            _append(transport, path, artifact, part, have, on_progress)
        except ConnectionFailed as error:
            if part.exists() and part.stat().st_size > have:
                attempts = _attempts(transport)  # it moved: the count starts again
            delay = attempts.after(failure_of(error))
            if delay is None:
                raise
            transport.sleep(delay)


def _append(
    transport: RequestsTransport,
    path: str,
    artifact: Artifact,
    part: Path,
    have: int,
    on_progress: Progress | None,
) -> None:
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": f'"{artifact.sha256}"'}
    response = transport.send(Request(method="GET", path=path, headers=headers, stream=True))
    with response, part.open("ab") as file:
        if not _continues(response, have):
            file.truncate(0)
            have = 0
        for chunk in iter_bytes(response):
            file.write(chunk)
            have += len(chunk)
            if have > artifact.size:
                raise ProtocolError(f"Artifact {artifact.name!r} is longer than its {artifact.size} bytes")
            if on_progress is not None:
                on_progress(have, artifact.size)
    if have < artifact.size:
        raise ConnectionFailed(f"the connection ended after {have} of {artifact.size} bytes")


def _continues(response: requests.Response, have: int) -> bool:
    """Whether the answer starts where the file ends; a plain 200 starts at the beginning."""
    covered = response.headers.get("Content-Range", "")
    return response.status_code == 206 and covered.startswith(f"bytes {have}-")


def _attempts(transport: RequestsTransport) -> Attempts:
    return Attempts(RetryPolicy(), TokenBucket(), replayable=True, clock=transport.clock, random=transport.chance)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
