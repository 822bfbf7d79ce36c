"""One environment on disk, with the locks that let many runs and many workers share it.

<name>.lock   shared by those who use the environment, exclusive for who makes or removes it
<name>/venv   the environment; all of the folder that code of others can ever write to
<name>/ready  written last: without it, the rest is what a crash left
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from runyard.sandbox.scratch import remove

_POLL = 0.1


@dataclass(frozen=True, slots=True)
class Folder:
    """The environment called `name` below `parent`."""

    parent: Path
    name: str

    @property
    def path(self) -> Path:
        """Where it is, and for good: a venv cannot be moved."""
        return self.parent / self.name

    @property
    def venv(self) -> Path:
        """The Python environment itself."""
        return self.path / "venv"

    @property
    def project(self) -> Path:
        """A copy of the project, for environments that hold packages from it."""
        return self.path / "project"

    @property
    def _ready(self) -> Path:
        return self.path / "ready"

    def is_ready(self) -> bool:
        """Whether it was made to its end."""
        return self._ready.is_file()

    def begin(self) -> None:
        """Removes what a crash left and makes room. Blocks."""
        remove(self.path)
        self.venv.mkdir(parents=True)

    def finish(self, size: int) -> None:
        """Says that it is whole, in a way that outlives a power cut. Blocks."""
        with self._ready.open("w") as file:
            json.dump({"size": size}, file)
            file.flush()
            os.fsync(file.fileno())
        for folder in (self.path, self.parent):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def touch(self) -> None:
        """Notes that it is used now."""
        with suppress(OSError):
            os.utime(self._ready)

    def last_use(self) -> tuple[float, int]:
        """When it was used (seconds since 1970), and its bytes; (0, 0) for one that is not ready. Blocks."""
        try:
            with self._ready.open() as file:
                return os.fstat(file.fileno()).st_mtime, int(json.load(file)["size"])
        except (OSError, ValueError, KeyError):
            return 0.0, 0

    def discard(self) -> bool:
        """Removes it unless somebody uses it. Blocks."""
        with (self.parent / f"{self.name}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._ready.unlink(missing_ok=True)
            remove(self.path)
            return True

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[Lock]:
        """A lock of one's own on it, not yet held; given back at the end, or by the kernel."""
        self.parent.mkdir(parents=True, exist_ok=True)
        with (self.parent / f"{self.name}.lock").open("a") as file:
            yield Lock(file.fileno())


@dataclass(frozen=True, slots=True)
class Lock:
    """A file lock that waits without holding up the event loop."""

    fd: int

    async def share(self) -> None:
        """Holds it together with others who share it."""
        await self._take(fcntl.LOCK_SH)

    async def own(self) -> None:
        """Holds it alone."""
        await self._take(fcntl.LOCK_EX)

    def try_own(self) -> bool:
        """Holds it alone if nobody else has it."""
        with suppress(BlockingIOError):
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    async def _take(self, kind: int) -> None:
        # Polled: a thread that waits for a lock cannot be called back when the job is cancelled.
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(self.fd, kind | fcntl.LOCK_NB)
                return
            await asyncio.sleep(_POLL)
