"""The keeper: a small process that ends what a machine has started, should the machine itself be killed.

Else its commands would go on, while the yard counts them as lost and has them done anew.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

_PROGRAM = """
import os, signal, sys
groups = set()
for line in sys.stdin.buffer:
    number = int(line)
    groups.add(number) if number > 0 else groups.discard(-number)
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""
"""Reads which process groups there are, and which are no more. It ends with the machine that it reads from."""


class Keeper:
    """Knows what has to end with this process."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @contextmanager
    def keeping(self, group: int) -> Iterator[None]:
        """A context in which a process group ends with this process, however that ends."""
        self._say(group)
        try:
            yield
        finally:
            self._say(-group)

    def _say(self, number: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"%d\n" % number)


@asynccontextmanager
async def open_keeper() -> AsyncIterator[Keeper]:
    """A keeper for as long as the context is open. It has a session of its own: what ends ours doesn't end it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _PROGRAM, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True
    )
    assert process.stdin is not None
    try:
        yield Keeper(process)
    finally:
        process.stdin.close()
        await process.wait()
