"""One instance while it runs: what it says goes into the job's log, what is sent to the job goes to it."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, cast
from uuid import uuid4

from blake3 import blake3
from msgspec.structs import replace

from runyard.jobs import AttemptLost, JobContext
from runyard.services.inferlets.calls import Calls, Services
from runyard.services.inferlets.frames import Blob, Call, Ended, Output, Stop, Text
from runyard.services.inferlets.hosts import Instance
from runyard.services.inferlets.limits import Limits
from runyard.services.inferlets.runtime.guest import LONGEST_BLOB
from runyard.services.inferlets.words import BLOB, BLOBS_OUT, SIGNALLED, STDERR

GRACE: Final = 5.0
"""Seconds a program has to end by itself when it is told to, unless somebody says otherwise."""

MOST_GRACE: Final = 20.0
KILL_AFTER: Final = 5.0
"""Seconds after which an instance that was stopped and goes on is ended with its whole process."""


class Session:
    """Between a job and its instance."""

    def __init__(self, ctx: JobContext, instance: Instance, limits: Limits, services: Services, folder: Path) -> None:
        self._ctx = ctx
        self._instance = instance
        self._limits = limits
        self._folder = folder
        self._calls = Calls(instance, ctx.job.tenant, services)
        self._answering: set[asyncio.Task[None]] = set()
        self._stderr = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._blobs = 0
        self._grace = GRACE
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._timers: list[asyncio.TimerHandle] = []
        self._forcing: asyncio.TimerHandle | None = None
        self._killing: set[asyncio.Task[None]] = set()

    async def run(self) -> Ended:
        """How it ended. When the job is cancelled, the program is told first, and forced after a while.

        Raises:
            HostDied: its process broke down.
            AttemptLost: another attempt has taken the job over.
        """
        if self._limits.wall_seconds is not None:
            text = f"It ran longer than {self._limits.wall_seconds:g} seconds."
            self._later(self._limits.wall_seconds, self._exhaust, "wall_seconds", text)
        if self._limits.idle_seconds is not None:
            self._later(self._limits.idle_seconds, self._look_whether_idle)
        following = asyncio.create_task(self._follow(), name=f"reports of {self._ctx.job.id}")
        bringing = asyncio.create_task(self._bring(), name=f"messages to {self._ctx.job.id}")
        try:
            await asyncio.wait({following, bringing}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                await bringing  # it ends by failing
            return await following
        except asyncio.CancelledError:
            if not self._ctx.cancelled.is_set():
                raise  # the worker is going: so is the program
            self._instance.stop(Stop(self._instance.number, polite=True))
            self._force_after(self._grace)
            await asyncio.wait({following})
            if following.cancelled() or following.exception() is not None:
                raise
            return replace(following.result(), kind="aborted", text=SIGNALLED)  # whatever it made of its last moments
        finally:
            for task in (following, bringing, *self._answering):
                task.cancel()
            for timer in (*self._timers, *([self._forcing] if self._forcing else [])):
                timer.cancel()
            self._calls.close()
            await asyncio.gather(following, bringing, *self._answering, *self._killing, return_exceptions=True)

    # ---------------------------------------------------------------- what it says

    async def _follow(self) -> Ended:
        while True:
            report = await self._instance.next_report()
            self._heard_at = self._loop.time()
            if isinstance(report, Ended):
                await self._complain(b"", final=True)
                return report
            if isinstance(report, Call):
                answering = asyncio.create_task(self._calls.answer(report), name=f"call of {self._ctx.job.id}")
                self._answering.add(answering)
                answering.add_done_callback(self._answering.discard)
            else:
                await self._write(report)
                self._instance.took(report)

    async def _write(self, report: Output | Text | Blob) -> None:
        match report:
            case Output(stream="stdout"):
                await self._ctx.log(report.content)
            case Output():
                await self._complain(report.content)
            case Blob():
                await self._keep(report.content)
            case Text():
                await self._ctx.send({"text": report.text})
                if self._instance.silent:  # somebody may wait for this very answer
                    await self._ctx.flush()

    async def _complain(self, content: bytes, *, final: bool = False) -> None:
        """Write down standard error, whole characters at a time."""
        if text := self._stderr.decode(content, final):
            await self._ctx.emit(STDERR, {"text": text})

    async def _keep(self, content: bytes) -> None:
        self._blobs += 1
        name = f"{BLOBS_OUT}{self._blobs}"
        kept = await self._ctx.artifact(name, content, content_type="application/octet-stream", limit=LONGEST_BLOB)
        digest = blake3(content).hexdigest()
        await self._ctx.emit(BLOB, {"name": name, "size": kept.size, "sha256": kept.digest, "blake3": digest})

    # ---------------------------------------------------------------- what is said to it

    async def _bring(self) -> None:
        async for _, body in self._ctx.receive():
            self._heard_at = self._loop.time()
            match body.get("type"):
                case "text":
                    await self._instance.deliver(Text(self._instance.number, str(body["text"])))
                case "blob":
                    await self._instance.deliver(Blob(self._instance.number, await self._fetch(body)))
                case "stop":
                    self._grace = min(max(float(cast("float", body["grace"])), 0.0), MOST_GRACE)
                    if self._forcing is not None:
                        self._force_after(self._grace)
        raise AttemptLost  # the job has ended without us: another attempt has taken over

    async def _fetch(self, body: Mapping[str, object]) -> bytes:
        path = self._folder / uuid4().hex
        try:
            await self._ctx.fetch(str(body["name"]), path, digest=str(body["sha256"]))
            return await asyncio.to_thread(path.read_bytes)
        finally:
            path.unlink(missing_ok=True)

    # ---------------------------------------------------------------- its end

    def _exhaust(self, limit: str, text: str) -> None:
        self._force(Stop(self._instance.number, polite=False, kind="limit", limit=limit, text=text))

    def _look_whether_idle(self) -> None:
        allowed = self._limits.idle_seconds
        assert allowed is not None
        left = self._heard_at + allowed - self._loop.time()
        if left > 0:
            self._later(left, self._look_whether_idle)
        else:
            self._exhaust("idle_seconds", f"It neither said nor heard anything for {allowed:g} seconds.")

    def _force_after(self, seconds: float) -> None:
        if self._forcing is not None:
            self._forcing.cancel()
        order = Stop(self._instance.number, polite=False, kind="aborted", text=SIGNALLED)
        self._forcing = self._loop.call_later(seconds, self._force, order)

    def _force(self, order: Stop) -> None:
        self._instance.stop(order)
        self._later(KILL_AFTER, self._kill)

    def _kill(self) -> None:
        killing = asyncio.ensure_future(self._instance.kill())
        self._killing.add(killing)

    def _later(self, seconds: float, what: Callable[..., None], *arguments: object) -> None:
        self._timers.append(self._loop.call_later(seconds, what, *arguments))
