"""Results as they come: a named pipe, and the pytest plugin that writes to it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from runyard.services.ci.report.case import OUTCOMES, TestCase, one_line

PLUGIN_NAME = "runyard_live_results"
PLUGIN = Path(__file__).with_name("plugin.py").read_text(encoding="utf-8")
"""Source of a module to be put on the tests' PYTHONPATH as `runyard_live_results.py` and loaded with `-p`."""
CHANNEL_VARIABLE = "RUNYARD_TEST_CHANNEL"
"""The environment variable that gives the plugin the pipe's path."""

_LONGEST_LINE = 64 * 1024


class LiveResults:
    """The reading end. What comes in was written by other people's code: anything odd in it is left out."""

    def __init__(self, reader: asyncio.StreamReader, held_open: int) -> None:
        self._reader = reader
        self._held_open: int | None = held_open

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncIterator[LiveResults]:
        """Makes the pipe at `path`, in a folder that the tests can write to."""
        os.mkfifo(path, 0o600)
        # Opened before any of the project's code runs: it cannot put something else in its place.
        reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        held_open = os.open(path, os.O_WRONLY)  # without a writer of ours, the pipe would end before it began
        reader = asyncio.StreamReader(limit=_LONGEST_LINE)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
        )
        live = cls(reader, held_open)
        try:
            yield live
        finally:
            live.finish()
            transport.close()

    def finish(self) -> None:
        """Says that the tests have ended: `cases()` ends after what is still in the pipe."""
        if self._held_open is not None:
            os.close(self._held_open)
            self._held_open = None

    async def cases(self) -> AsyncIterator[TestCase]:
        """Each test when it has ended, without its output."""
        while True:
            try:
                line = await self._reader.readline()
            except ValueError:  # longer than any line of the plugin's
                continue
            if not line:
                return
            case = _case(line)
            if case is not None:
                yield case


def _case(line: bytes) -> TestCase | None:
    try:
        facts = json.loads(line)
        outcome = next(known for known in OUTCOMES if known == facts["outcome"])
        duration = min(max(float(facts["duration"]), 0.0), 1e9)
        message = facts["message"]
        return TestCase(
            id=str(facts["id"]),
            outcome=outcome,
            duration=duration,
            message=None if message is None else one_line(str(message)),
        )
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
        return None
