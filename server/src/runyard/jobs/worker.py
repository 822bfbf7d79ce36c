"""A process that runs jobs: draws entries from the queue, starts executors, ends jobs, gives them back at its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

import asyncpg
import structlog
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.models import Job as Entry
from pgqueuer.queries import Queries

from runyard.artifacts import ArtifactStore
from runyard.database import DatabaseUnavailable, Signals
from runyard.jobs.context import Executor, JobContext
from runyard.jobs.errors import AttemptLost, JobFailed, Postponed
from runyard.jobs.maintenance import Maintenance
from runyard.jobs.model import Job
from runyard.jobs.queue import LaneDriver
from runyard.jobs.schedules import Schedules
from runyard.jobs.states import State
from runyard.jobs.store import CHANNEL, JobStore
from runyard.jobs.tails import Tails
from runyard.sandbox import Sandbox
from runyard.settings import Settings

RETRY_AFTER: Final = timedelta(seconds=1)
"""Pause before an executor that failed unexpectedly starts again; doubled with each loss."""

RECOVER_EVERY: Final = 5.0
LOOK_AT_SCHEDULES: Final = 30.0
"""Longest time between two looks, in case the word of a new schedule was lost."""

STOP_GRACE: Final = 30.0
"""Seconds an executor has to end once it is told to.

Then the job goes on without it; being fenced off, it can write no more.
"""

BATCHED: Final = 64
"""Jobs of executors that work on many at once: the batch at hand and the next ones."""

Lane = Literal["heavy", "light", "media", "batches", "instances", "sessions"]
"""Jobs of one lane share slots: those that take a core, those that mostly wait, those that convert media, those whose
executor works on many at once, programs that may stay for days, and agents, which wait for models and keep a workspace.
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Registration:
    """An executor, the kind of job it runs, and the lane in which such jobs run."""

    kind: str
    executor: Executor
    lane: Lane = "heavy"


class Worker:
    """Runs jobs of the registered kinds until it is told to drain."""

    def __init__(
        self,
        registrations: Sequence[Registration],
        *,
        settings: Settings,
        store: JobStore,
        tails: Tails,
        artifacts: ArtifactStore,
        signals: Signals,
        sandbox: Sandbox,
    ) -> None:
        self._registrations = registrations
        self._settings = settings
        self._store = store
        self._tails = tails
        self._artifacts = artifacts
        self._signals = signals
        self._sandbox = sandbox
        self._running: dict[UUID, _Attempt] = {}
        self._draining = False
        self._lanes: list[QueueManager] = []
        self._maintenance = Maintenance(store, artifacts, settings)
        self._schedules = Schedules(store)
        self._rescheduled = asyncio.Event()

    @property
    def running(self) -> int:
        """How many jobs this worker is running."""
        return len(self._running)

    async def run(self, *, ready: Callable[[], None] = lambda: None) -> None:
        """Run jobs until :meth:`drain` is called and the running ones have ended or been given back.

        When it is cancelled, or a part of it fails, the running jobs are given back at once.
        """
        await self._signals.listen(CHANNEL, self._heard)
        try:
            async with asyncio.TaskGroup() as tasks:
                chores = [
                    tasks.create_task(self._recover(), name="recover"),
                    tasks.create_task(self._maintenance.run(), name="maintenance"),
                    tasks.create_task(self._submit_scheduled(), name="schedules"),
                ]
                lanes = [
                    tasks.create_task(self._run_lane(registrations, slots))
                    for registrations, slots in self._split_into_lanes()
                ]
                ready()
                try:
                    await asyncio.wait(lanes)
                finally:
                    self._give_back()
                    for chore in chores:
                        chore.cancel()
        finally:
            self._signals.unlisten(CHANNEL, self._heard)

    async def drain(self) -> None:
        """Take no more jobs; give running ones a moment to end, then put them back into the queue."""
        if self._draining:
            return
        self._draining = True
        for lane in self._lanes:
            lane.shutdown.set()
        log.info("draining", running=self.running)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_seconds):
                while self._running:
                    await asyncio.wait([attempt.done for attempt in self._running.values()])
        self._give_back()

    def _give_back(self) -> None:
        self._draining = True
        for attempt in self._running.values():
            attempt.stop("drained")

    def _split_into_lanes(self) -> list[tuple[list[Registration], int]]:
        settings = self._settings
        slots = {
            "heavy": settings.worker_slots,
            "light": settings.worker_light_slots,
            "media": max(2, 2 * settings.compute_slots),  # one is fetched or stored while another is computed
            "batches": BATCHED,
            "instances": settings.inferlet_slots,
            "sessions": settings.session_slots,
        }
        lanes = [([one for one in self._registrations if one.lane == lane], count) for lane, count in slots.items()]
        return [(registrations, count) for registrations, count in lanes if registrations]

    async def _run_lane(self, registrations: Sequence[Registration], slots: int) -> None:
        driver = LaneDriver(
            self._store.database, self._signals, channel=CHANNEL,
            kinds=[one.kind for one in registrations], busy=lambda: bool(lane.job_context),
        )  # fmt: skip
        lane = QueueManager(Queries(driver))
        self._lanes.append(lane)
        if self._draining:
            return
        for registration in registrations:
            lane.entrypoint(registration.kind)(self._handler(registration.executor))
        await lane.run(
            batch_size=max(1, min(slots // 2, 50)),
            max_concurrent_tasks=slots,
            dequeue_timeout=timedelta(seconds=2),
            heartbeat_timeout=timedelta(seconds=self._settings.heartbeat_seconds),
            log_aggregation_interval=timedelta(0),
        )

    def _handler(self, executor: Executor) -> Callable[[Entry], Awaitable[None]]:
        async def handle(entry: Entry) -> None:
            assert entry.payload is not None
            job = await self._store.claim(UUID(bytes=entry.payload), entry.id)
            if job is not None:
                await self._attempt(job, executor)

        return handle

    async def _attempt(self, job: Job, executor: Executor) -> None:
        attempt = _Attempt(job, self._context)
        self._running[job.id] = attempt
        if self._draining:
            attempt.stop("drained")  # drawn in the moment before the lane closed
        try:
            with structlog.contextvars.bound_contextvars(job=str(job.id), kind=job.kind, attempt=job.attempt):
                outcome = await attempt.run(executor)
                try:
                    await self._conclude(attempt, outcome)
                except asyncpg.DataError as error:  # a result that is no JSON, or that Postgres can't keep
                    await self._retry_or_fail(job, error)
        except AttemptLost:
            log.warning("attempt_superseded", job=str(job.id), attempt=job.attempt)
        finally:
            if self._running.get(job.id) is attempt:
                del self._running[job.id]
            attempt.done.set_result(None)

    async def _conclude(self, attempt: _Attempt, outcome: _Outcome) -> None:
        """Turn what became of an attempt into the job's next state."""
        job = attempt.job
        match outcome:
            case "postponed":
                return
            case "cancelled":
                await self._store.finish(job, State.CANCELLED, error={"code": "cancelled", "message": "Cancelled."})
            case "drained":
                await self._store.requeue(job)
            case JobFailed():
                await self._store.finish(
                    job, State.FAILED, result=outcome.result, error={"code": outcome.code, "message": outcome.message}
                )
            case Exception():
                await self._retry_or_fail(job, outcome)
            case _:
                await self._store.finish(job, State.SUCCEEDED, result=outcome)

    async def _retry_or_fail(self, job: Job, error: Exception) -> None:
        log.error("executor_failed", losses=job.losses + 1, exc_info=error)
        if job.losses + 1 >= job.max_attempts:
            message = f"The yard failed at this job {job.losses + 1} times; see its log for attempt {job.attempt}."
            await self._store.finish(job, State.FAILED, error={"code": "internal", "message": message})
        else:
            await self._store.requeue(job, delay=RETRY_AFTER * 2**job.losses, lost=True)

    def _context(self, job: Job, on_lost: Callable[[], None]) -> JobContext:
        return JobContext(
            job, store=self._store, tails=self._tails, artifacts=self._artifacts, sandbox=self._sandbox,
            log_limit=self._settings.job_log_limit, on_lost=on_lost,
        )  # fmt: skip

    def _heard(self, payload: str) -> None:
        word, subject, *_ = payload.split(" ")
        if word == "schedule":
            self._rescheduled.set()
        elif word == "cancel" and (attempt := self._running.get(UUID(subject))) is not None:
            attempt.stop("cancelled")

    async def _submit_scheduled(self) -> None:
        while True:
            self._rescheduled.clear()
            wait = LOOK_AT_SCHEDULES
            with contextlib.suppress(DatabaseUnavailable):
                await self._schedules.submit_due()
                if (due := await self._schedules.next_due()) is not None:
                    wait = min(wait, max(0.0, (due - self._store.clock()).total_seconds()))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._rescheduled.wait()

    async def _recover(self) -> None:
        while True:
            with contextlib.suppress(DatabaseUnavailable):
                if found := await self._store.recover():
                    log.warning("recovered_jobs", count=found)
                for job in await self._cancelling():
                    self._heard(f"cancel {job}")
            await asyncio.sleep(RECOVER_EVERY)

    async def _cancelling(self) -> list[UUID]:
        """Running jobs whose cancellation may not have been heard."""
        if not self._running:
            return []
        rows = await self._store.database.fetch(
            "SELECT id FROM jobs WHERE id = ANY($1) AND cancelling", list(self._running)
        )
        return [row["id"] for row in rows]


Stop = Literal["cancelled", "drained", "lost"]
_Outcome = Mapping[str, object] | JobFailed | Exception | Literal["cancelled", "drained", "postponed"]


class _Attempt:
    """One run of one executor, in a task of its own so that it can be stopped for a reason."""

    def __init__(self, job: Job, context: Callable[[Job, Callable[[], None]], JobContext]) -> None:
        self.job = job
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._context = context(job, lambda: self.stop("lost"))
        self._task: asyncio.Task[Mapping[str, object]] | None = None
        self._stopped: Stop | None = None
        self._over = asyncio.Event()
        self._deadline: asyncio.TimerHandle | None = None

    def stop(self, why: Stop) -> None:
        """Interrupt the executor; the first reason counts, but a lost attempt is lost."""
        if self._stopped is None or why == "lost":
            self._stopped = why
            if why == "cancelled":
                self._context.cancelled.set()
            self._interrupt()

    def _interrupt(self) -> None:
        if self._task is not None:
            self._task.cancel()
            if self._deadline is None:
                self._deadline = self._task.get_loop().call_later(STOP_GRACE, self._over.set)

    async def run(self, executor: Executor) -> _Outcome:
        """Run the executor to its end and say what became of it.

        Raises:
            AttemptLost: another attempt has taken over.
        """
        self._task = asyncio.create_task(executor.run(self._context), name=f"job {self.job.id}")
        self._task.add_done_callback(lambda _: self._over.set())
        if self._stopped is not None:
            self._interrupt()
        try:
            await self._over.wait()
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        finally:
            if self._deadline is not None:
                self._deadline.cancel()
        outcome = self._outcome(self._task)
        if isinstance(outcome, AttemptLost):
            raise outcome
        if outcome != "postponed":
            await self._context.close()
        return outcome

    def _outcome(self, task: asyncio.Task[Mapping[str, object]]) -> _Outcome:
        stopped: _Outcome | None = AttemptLost() if self._stopped == "lost" else self._stopped
        if not task.done():
            log.error("executor_does_not_stop", why=self._stopped, seconds=STOP_GRACE)
            assert stopped is not None
            return stopped
        if task.cancelled():
            return stopped or RuntimeError("the executor cancelled itself")
        match task.exception():
            case None:
                return task.result()
            case Postponed():
                return "postponed"
            case JobFailed() as failure:
                return failure
            case Exception() as error:
                return stopped or error  # what breaks while an executor is being stopped is not a fault
            case error:
                raise error
