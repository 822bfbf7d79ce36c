"""Downloading a large file whose digest is known: from where the last try ended, and never a wrong one."""

from __future__ import annotations

import hashlib
import http.client
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from runyard.services.compute.models.errors import FetchFailed
from runyard.sizes import GIB, MIB

Progress = Callable[[int, int | None], None]
"""Told how many bytes are here, of how many if that is known."""

SILENCE: Final = 30.0
"""Seconds without a byte after which a connection is given up."""
LONGEST: Final = 4 * 3600.0
LARGEST: Final = 4 * GIB


def fetch(url: str, target: Path, *, sha256: str, progress: Progress = lambda _here, _of: None) -> None:
    """Download to ``target``, which is whole and right when this returns.

    What came of a download that was cut off stays in ``<target>.part`` for the next try.

    Raises:
        FetchFailed: it can't be had, or is another file than wanted.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise FetchFailed(f"{url!r} is no address to download from: it has to begin with https:// or http://.")
    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    resumed = part.exists() and part.stat().st_size > 0
    try:
        with part.open("ab") as file:
            _receive(url, file, progress)
    except HTTPError as error:
        _discard_if_empty(part)
        raise FetchFailed(f"{url} answers {error.code} {error.reason}.") from error
    except (URLError, OSError, http.client.HTTPException) as error:
        _discard_if_empty(part)
        why = error.reason if isinstance(error, URLError) else str(error) or type(error).__name__
        raise FetchFailed(
            f"{url} can't be downloaded: {why}. Try again, and it goes on from where it was. Without internet, "
            "download it on another machine, and add the file instead."
        ) from error
    found = _digest(part)
    if found == sha256:
        part.replace(target)
        return
    part.unlink()
    if not resumed:
        raise FetchFailed(
            f"{url} is another file than wanted: its SHA-256 is {found}, not {sha256}. If that is the one you "
            f"mean: --sha256 {found}"
        )
    fetch(url, target, sha256=sha256, progress=progress)  # the beginning was of another file


def _receive(url: str, file: IO[bytes], progress: Progress) -> None:
    """Append what is still to come."""
    until = time.monotonic() + LONGEST
    here = file.tell()
    headers = {"User-Agent": "runyard", "Accept-Encoding": "identity"} | ({"Range": f"bytes={here}-"} if here else {})
    try:
        answer = urlopen(Request(url, headers=headers), timeout=SILENCE)  # noqa: S310  (the scheme was checked)
    except HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is to come: the digest tells whether all is here
        raise
    with answer:
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            file.truncate(here := 0)
        length = answer.headers.get("Content-Length")
        total = here + int(length) if length and length.isdigit() else None
        while chunk := answer.read(MIB):
            file.write(chunk)
            here += len(chunk)
            progress(here, total)
            if here > LARGEST:
                raise FetchFailed(f"{url} has more than {LARGEST // GIB} GiB, which no model here needs.")
            if time.monotonic() > until:
                raise TimeoutError(f"it took more than {LONGEST / 3600:.0f} hours")
        if total is not None and here < total:
            raise ConnectionError(f"the connection was cut after {here} of {total} bytes")


def _discard_if_empty(part: Path) -> None:
    if part.exists() and part.stat().st_size == 0:
        part.unlink()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
