"""Decides when a command has reached one of its limits, from what it uses and how long it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runyard.sandbox import usage
from runyard.sandbox.command import LimitName, Limits

_INTERVAL = 0.2
_CLOSE_INTERVAL = 0.04
"""Between samples once half of a limit is used up: a hog fills gigabytes in a second."""
_DISK_INTERVAL = 0.5
_RESTING_INTERVAL = 3.0
"""Between samples of a command that was said to rest: it should use nothing, and is not quite trusted to."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that has been reached."""

    limit: LimitName
    message: str
    urgent: bool
    """Whether to kill at once: time for a graceful end is time to use up still more."""


class Watch:
    """Watches the tree below process `init`, and the folders it may write to."""

    def __init__(
        self,
        limits: Limits,
        *,
        init: int,
        folders: tuple[Path, ...],
        quiet: Callable[[], float],
        awake: asyncio.Event,
    ) -> None:
        self._limits = limits
        self._awake = awake
        self._init = init
        self._folders = folders
        self._quiet = quiet
        """Seconds for which somebody has waited for output in vain."""
        self._started = time.monotonic()

    async def breach(self) -> Breach:
        """Waits until a limit is reached; for ever if none is."""
        watches = [asyncio.create_task(self._time()), asyncio.create_task(self._tree())]
        if self._limits.disk is not None and self._folders:
            watches.append(asyncio.create_task(self._disk(self._limits.disk)))
        try:
            done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    async def _time(self) -> Breach:
        wall, silence = self._limits.wall, self._limits.silence
        while True:
            elapsed, quiet = time.monotonic() - self._started, self._quiet()
            if wall is not None and elapsed >= wall:
                return Breach("wall", f"The command ran for more than {_seconds(wall)}.", False)
            if silence is not None and quiet >= silence:
                return Breach("silence", f"The command printed nothing for {_seconds(silence)}.", False)
            left = [limit - used for limit, used in ((wall, elapsed), (silence, quiet)) if limit is not None]
            await asyncio.sleep(min([_INTERVAL, *left]) if left else 3600.0)

    async def _tree(self) -> Breach:
        while True:
            breach, close = await asyncio.to_thread(self._sample_tree)
            if breach is not None:
                return breach
            await self._pause(_CLOSE_INTERVAL if close else _INTERVAL)

    async def _disk(self, limit: int) -> Breach:
        while True:
            began = time.monotonic()
            used = await asyncio.to_thread(usage.disk, self._folders, enough=limit)
            if used > limit:
                message = f"The command used more than {_bytes(limit)} of disk, which is the limit."
                return Breach("disk", message, True)
            # A walk through many files takes long: spend at most a tenth of the time on it.
            await self._pause(max(_DISK_INTERVAL, 10 * (time.monotonic() - began)))

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not self._awake.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_RESTING_INTERVAL):
                    await self._awake.wait()

    def _sample_tree(self) -> tuple[Breach | None, bool]:
        """Whether a limit is reached, and whether one is close."""
        limits = self._limits
        tree = usage.tree(self._init, enough=limits.processes)
        if limits.processes is not None and tree.tasks > limits.processes:
            message = f"The command ran more than {limits.processes} processes and threads, the limit."
            return Breach("processes", message, True), False
        close = limits.processes is not None and tree.tasks > limits.processes // 2
        if limits.memory is None or tree.resident < limits.memory // 2:
            return None, close
        if tree.resident > limits.memory:
            used = usage.memory(tree.pids)
            if used > limits.memory:
                message = f"The command used {_bytes(used)} of memory; the limit is {_bytes(limits.memory)}."
                return Breach("memory", message, True), False
        return None, True


def file_too_large(limit: int, path: Path | None) -> str:
    """The sentence for a limit that the kernel enforces, not this watch."""
    named = "a file" if path is None else f"the file {path.name!r}"
    return f"The command tried to make {named} larger than {_bytes(limit)}, which is the limit."


def _seconds(value: float) -> str:
    return f"{value:g} s"


def _bytes(value: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.4g} {unit}"
        value /= 1024
    return f"{value:.4g} GiB"
