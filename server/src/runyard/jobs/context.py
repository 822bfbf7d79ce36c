"""What an executor sees: its job, its event log, its files, and the word that it should stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NoReturn, Protocol
from uuid import UUID

import msgspec

from runyard.artifacts import ArtifactStore, Blob
from runyard.clock import Clock
from runyard.database import DatabaseUnavailable
from runyard.jobs.errors import AttemptLost, Postponed
from runyard.jobs.events import CHUNK
from runyard.jobs.model import ARTIFACT, LOG, MESSAGE, PROGRESS, REPLY, Job, NewJob
from runyard.jobs.store import Awaits, JobStore
from runyard.jobs.tails import Tails
from runyard.sandbox import Command, Process, Sandbox

FLUSH_AFTER: Final = 0.02
"""Seconds between two writes, in which events wait for company. The first one after a pause doesn't wait."""

FLUSH_BYTES: Final = 16 * 1024
HOLD_BYTES: Final = 1024 * 1024
"""Unwritten output at which a writer is made to wait for the database."""

_json = msgspec.json.encode


class Executor(Protocol):
    """Runs jobs of one kind."""

    async def run(self, ctx: JobContext) -> Mapping[str, object]:
        """Do the work and return its result, plain JSON data.

        Raise :class:`runyard.jobs.JobFailed` when the job has failed for good. Anything else that is raised counts as
        a fault of ours and the job starts again, up to ``max_attempts`` times. Cancellation arrives as
        ``asyncio.CancelledError``.
        """
        ...


class JobContext:
    """One attempt at one job. Everything written here is fenced: a superseded attempt writes nothing.

    Attributes:
        job: the job as it was when this attempt started.
        cancelled: set when somebody wants the job cancelled, just before the executor's task is.
    """

    def __init__(
        self,
        job: Job,
        *,
        store: JobStore,
        tails: Tails,
        artifacts: ArtifactStore,
        sandbox: Sandbox,
        log_limit: int,
        on_lost: Callable[[], None],
    ) -> None:
        self.job = job
        self.cancelled = asyncio.Event()
        self._store = store
        self._tails = tails
        self._artifacts = artifacts
        self._sandbox = sandbox
        self._writer = _Writer(store, job, log_limit, on_lost)

    @property
    def clock(self) -> Clock:
        """The present, in UTC."""
        return self._store.clock

    async def log(self, output: bytes | str) -> None:
        """Add output exactly as it was printed; waits when the database can't keep up."""
        await self._writer.log(output.encode() if isinstance(output, str) else output)

    async def progress(self, percent: int, note: str = "") -> None:
        """Say how far the job is, 0 to 100."""
        if not 0 <= percent <= 100:
            raise ValueError(f"Progress is a number from 0 to 100, not {percent!r}.")
        await self._writer.emit(PROGRESS, {"percent": percent, "note": note}, progress=percent)

    async def emit(self, kind: str, body: Mapping[str, object]) -> None:
        """Add an event of the service's own type."""
        await self._writer.emit(kind, body)

    async def send(self, body: Mapping[str, object]) -> None:
        """Add a message from the job to whoever watches it."""
        await self._writer.emit(REPLY, body)

    async def receive(self, after: int = 0) -> AsyncIterator[tuple[int, Mapping[str, object]]]:
        """Yield messages sent to the job after event ``after``, as (event number, body), for as long as it runs."""
        await self.flush()
        async for event in self._tails.follow(self.job.id, after, idle=60.0):
            if event is not None and event.type == MESSAGE:
                yield event.seq, event.data

    async def flush(self) -> None:
        """Wait until everything said so far is in the log."""
        await self._writer.flush()

    async def artifact(
        self, name: str, content: AsyncIterable[bytes] | Path | bytes, *, content_type: str, limit: int
    ) -> Blob:
        """Keep a file of the job under ``name``."""
        if isinstance(content, Path):
            blob = await self._artifacts.put_file(content, limit=limit)
        else:
            blob = await self._artifacts.put(_pieces(content), limit=limit)
        await self._artifacts.attach(self.job.id, name, blob.digest, content_type=content_type)
        await self._writer.emit(ARTIFACT, {"name": name, "size": blob.size, "sha256": blob.digest})
        return blob

    async def fetch(self, name: str, path: Path, *, digest: str | None = None) -> None:
        """Write one of the job's files to ``path``; with its ``digest``, where it is known, there is less to ask."""
        if digest is None:
            digest = (await self._artifacts.find(self.job.id, name)).digest
        await self._artifacts.fetch_to(digest, path)

    def spawn(self, command: Command) -> AbstractAsyncContextManager[Process]:
        """Run a program in the sandbox; leaving the context ends its whole process tree."""
        return self._sandbox.start(command)

    async def checkpoint(self, value: object) -> None:
        """Keep what a later attempt needs to go on (``ctx.job.checkpoint``)."""
        await self._store.checkpoint(self.job, value)

    async def start_child(self, kind: str, params: Mapping[str, object], *, key: str) -> Job:
        """Submit a job on behalf of this one.

        The same ``key`` gives the same child, however often the executor starts.
        """
        return await self._store.submit(
            NewJob(
                kind=kind, owner=self.job.owner, tenant=self.job.tenant, params=params, priority=self.job.priority,
                parent=self.job.id, idempotency_key=f"{self.job.id}/{key}", fingerprint=_json([kind, params]),
            )
        )  # fmt: skip

    async def child(self, job: Job) -> Job:
        """A child as it stands now."""
        return await self._store.get(job.id)

    async def suspend(
        self, awaits: Awaits, *, checkpoint: object, delay: timedelta | None = None, after: int = 0,
        children: Collection[UUID] = (),
    ) -> NoReturn:  # fmt: skip
        """End this attempt and wait without a process; never returns.

        Args:
            awaits: ``"children"`` (all have ended), ``"message"`` (one after event ``after``), ``"news"`` (a message,
                or the end of one of ``children``) or ``"time"``.
            checkpoint: what the executor finds in ``ctx.job.checkpoint`` when it goes on.
            delay: longest to wait; required for ``"time"``.
            children: for ``"news"``, those that the executor believes to be open.
        """
        await self._writer.close()
        await self._store.suspend(self.job, awaits, checkpoint=checkpoint, delay=delay, after=after, children=children)
        raise Postponed(awaits)

    async def close(self) -> None:
        """Write what is left. The worker calls this before it ends the job."""
        await self._writer.close()


class _Writer:
    """Collects events for a moment and appends them in one go, in order, exactly once."""

    def __init__(self, store: JobStore, job: Job, log_limit: int, on_lost: Callable[[], None]) -> None:
        self._store = store
        self._job = job
        self._on_lost = on_lost
        self._limit = log_limit
        self._logged = job.log_bytes
        self._ready: list[tuple[datetime, str, bytes]] = []
        self._sending: list[tuple[datetime, str, bytes]] = []
        self._output = bytearray()
        self._held = 0
        self._progress: int | None = None
        self._batch = 0
        self._appending = asyncio.Lock()
        self._timer: asyncio.Task[None] | None = None
        self._lost = False
        self._now = asyncio.get_running_loop().time
        self._flushed = -FLUSH_AFTER
        self._whole = asyncio.Event()
        self._whole.set()

    async def log(self, output: bytes) -> None:
        room = self._limit - self._logged
        self._logged += len(output)
        if len(output) > room:
            if room < 0:
                return
            notice = f"\n[runyard] The log limit of {self._limit} bytes is reached; further output is not kept.\n"
            output = output[: room - _unfinished(output[:room])] + notice.encode()
        self._output += output
        self._held += len(output)
        if output.endswith(b"\n"):
            self._whole.set()
        else:
            self._whole.clear()
        await self._written()

    async def emit(self, kind: str, body: Mapping[str, object], *, progress: int | None = None) -> None:
        self._cut_output(everything=False)
        encoded = _json(body)
        self._ready.append((self._store.clock(), kind, encoded))
        self._held += len(encoded)
        self._progress = progress if progress is not None else self._progress
        await self._written()

    async def flush(self) -> None:
        async with self._appending:
            self._cut_output(everything=False)
            await self._append()

    async def close(self) -> None:
        async with self._appending:
            self._cut_output(everything=True)
            await self._append()
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.gather(self._timer, return_exceptions=True)

    async def _written(self) -> None:
        if self._lost:
            raise AttemptLost
        if self._held >= HOLD_BYTES:
            await self.flush()
        elif self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._flush_soon(), name=f"log of {self._job.id}")

    async def _flush_soon(self) -> None:
        with suppress(AttemptLost, DatabaseUnavailable):  # the next write tries again, or says so
            while self._held:
                if self._held < FLUSH_BYTES:
                    await asyncio.sleep(self._flushed + FLUSH_AFTER - self._now())  # after a pause: at once
                    await self._rest_of_line()
                before = self._held
                await self.flush()
                self._flushed = self._now()
                if self._held == before:
                    return  # the unfinished part of a character; its rest will bring us back

    async def _rest_of_line(self) -> None:
        """Wait a moment for the rest of a line: programs without a buffer print it in several pieces."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_AFTER):
                await self._whole.wait()

    def _cut_output(self, *, everything: bool) -> None:
        """Turn output into chunks: at line ends if there are any, never inside a character."""
        output, now = self._output, self._store.clock()
        end = len(output) if everything else len(output) - _unfinished(output)
        start = 0
        while start < end:
            stop = min(start + CHUNK, end)
            if stop < end:
                line_end = output.rfind(b"\n", start, stop) + 1
                stop = line_end if line_end > start else stop - _unfinished(output[start:stop])
            self._ready.append((now, LOG, bytes(output[start:stop])))
            start = stop
        del output[:end]

    async def _append(self) -> None:
        while self._sending or self._ready:
            if not self._sending:
                self._sending = self._take()
            try:
                await self._store.append(
                    self._job.id, self._job.attempt, self._batch, self._sending, progress=self._progress
                )
            except AttemptLost:
                self._lost = True
                self._on_lost()
                raise
            self._batch += 1
            self._held -= sum(len(body) for _, _, body in self._sending)
            self._sending = []

    def _take(self) -> list[tuple[datetime, str, bytes]]:
        """The next batch. It is kept as it is until the database has confirmed it: a repeat must be the same batch."""
        size, count = 0, 0
        for _, _, body in self._ready:
            size, count = size + len(body), count + 1
            if size >= HOLD_BYTES:
                break
        taken = self._ready[:count]
        del self._ready[:count]
        return taken


def _unfinished(output: bytes | bytearray) -> int:
    """Bytes at the end that begin a UTF-8 character without finishing it (0 to 3)."""
    for back in range(1, min(4, len(output)) + 1):
        byte = output[-back]
        if byte < 0x80:
            return 0
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < length else 0
    return 0


async def _pieces(content: AsyncIterable[bytes] | bytes) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        yield content
    else:
        async for piece in content:
            yield piece
