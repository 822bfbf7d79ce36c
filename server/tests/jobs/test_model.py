"""Any sequence of things that can happen to a few jobs and several workers, zombies included, against a small model.

``RUNYARD_MODEL_EXAMPLES`` asks for more sequences than the default.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from runyard.jobs import AttemptLost, Job, JobEnded, NewJob, State
from runyard.testing.running import fresh_yard
from runyard.yard import Yard

EXAMPLES = int(os.environ.get("RUNYARD_MODEL_EXAMPLES", "25"))
DEADLINE = 30.0
KIND = "test.model"


@dataclass
class Expected:
    """What must be true of one job."""

    id: UUID
    parent: UUID | None
    state: State = State.QUEUED
    attempt: int = 0
    losses: int = 0
    batch: int = 0
    cancelling: bool = False
    awaits: str | None = None
    entry: int | None = None
    entries: list[int] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=lambda: [("state", "queued")])

    def become(self, state: State) -> None:
        self.state, self.awaits = state, None
        self.events.append(("state", str(state)))


@dataclass(frozen=True)
class Held:
    """A claim as a worker holds it: perhaps a zombie's by now."""

    job: Job
    batch: int = 0


class InThread:
    """An event loop of its own, so that the machine's rules may be plain functions."""

    def __init__(self, database_url: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever)
        self._thread.start()
        self._opened: Any = fresh_yard(database_url)
        self.yard: Yard = self(self._opened.__aenter__())

    def __call__(self, work: Coroutine[Any, Any, Any]) -> Any:
        asked: Future[Any] = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, DEADLINE), self.loop)
        return asked.result(DEADLINE + 1)

    def close(self) -> None:
        self(self._opened.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(DEADLINE)
        self.loop.close()


class Jobs(RuleBasedStateMachine):
    """Drives the store and the model side by side."""

    inside: InThread
    jobs = Bundle("jobs")
    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.store = self.inside.yard.jobs
        self.owner = uuid4()
        self.model: dict[UUID, Expected] = {}
        self.most = self.inside.yard.settings.max_attempts

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.inside(work)

    def entry(self, expected: Expected) -> None:
        """Take note of a new queue entry, which makes the ones before it leftovers."""
        found = self.do(self.store.database.fetchval("SELECT entry FROM jobs WHERE id = $1", expected.id))
        if found is not None and found not in expected.entries:
            expected.entries.append(found)
        expected.entry = found

    def wake_parent(self, child: Expected) -> None:
        parent = self.model.get(child.parent) if child.parent else None
        if parent and parent.state is State.WAITING and parent.awaits == "children" and not self.open_children(parent):
            parent.become(State.QUEUED)
            self.entry(parent)

    def open_children(self, parent: Expected) -> list[Expected]:
        return [job for job in self.model.values() if job.parent == parent.id and not job.state.ended]

    def end(self, expected: Expected, state: State) -> None:
        expected.become(state)
        self.wake_parent(expected)

    def is_live(self, held: Held) -> bool:
        expected = self.model[held.job.id]
        return expected.state is State.RUNNING and expected.attempt == held.job.attempt

    # ------------------------------------------------------------------ rules

    @rule(target=jobs, key=st.sampled_from([None, "k1", "k2"]))
    def submit(self, key: str | None) -> Any:
        job = self.do(
            self.store.submit(NewJob(kind=KIND, owner=self.owner, tenant="t", idempotency_key=key, fingerprint=b"f"))
        )
        if job.id in self.model:
            assert key is not None
            return multiple()
        self.model[job.id] = expected = Expected(job.id, None)
        self.entry(expected)
        return job.id

    @rule(target=jobs, held=held)
    def submit_child(self, held: Held) -> Any:
        parent = self.model[held.job.id]
        new = NewJob(kind=KIND, owner=self.owner, tenant="t", parent=parent.id)
        if parent.cancelling or parent.state.ended:
            with pytest.raises(JobEnded):
                self.do(self.store.submit(new))
            return multiple()
        job = self.do(self.store.submit(new))
        self.model[job.id] = expected = Expected(job.id, parent.id)
        self.entry(expected)
        return job.id

    @rule(target=held, job=jobs, which=st.integers(0, 5))
    def claim(self, job: UUID, which: int) -> Any:
        """Draw any entry the job has ever had, the present one most of the time."""
        expected = self.model[job]
        entry = expected.entries[which % len(expected.entries)] if which < 2 else expected.entry
        claimed = self.do(self.store.claim(job, entry if entry is not None else -1))
        if entry is None or entry != expected.entry or expected.state.ended:
            assert claimed is None
            return multiple()
        if expected.cancelling:
            assert claimed is None
            self.end(expected, State.CANCELLED)
            return multiple()
        lost = expected.state is State.RUNNING
        if lost and expected.losses + 1 >= self.most:
            assert claimed is None
            self.end(expected, State.FAILED)
            return multiple()
        expected.losses += lost
        if expected.state is not State.QUEUED:
            expected.become(State.QUEUED)
        expected.become(State.RUNNING)
        expected.attempt += 1
        expected.batch = 0
        assert (claimed.attempt, claimed.losses) == (expected.attempt, expected.losses)
        return Held(claimed)

    @rule(
        target=held,
        held=consumes(held),
        lines=st.lists(st.binary(min_size=1, max_size=5), min_size=1, max_size=3),
        again=st.booleans(),
    )
    def append(self, held: Held, lines: list[bytes], again: bool) -> Held:
        def write() -> int:
            now = self.inside.yard.clock()
            events = [(now, "log", line) for line in lines]
            return self.do(self.store.append(held.job.id, held.job.attempt, held.batch, events))

        if not self.is_live(held):
            with pytest.raises(AttemptLost):
                write()
            return held
        last = write()
        expected = self.model[held.job.id]
        expected.events.extend(("log", line.hex()) for line in lines)
        assert last == len(expected.events)
        if again:
            assert write() == last
        return replace(held, batch=held.batch + 1)

    @rule(
        held=held,
        state=st.sampled_from([State.SUCCEEDED, State.FAILED, State.CANCELLED]),
        again=st.booleans(),
    )
    def finish(self, held: Held, state: State, again: bool) -> None:
        expected = self.model[held.job.id]
        if not self.is_live(held):
            if (expected.attempt, expected.state) != (held.job.attempt, state):
                with pytest.raises(AttemptLost):
                    self.do(self.store.finish(held.job, state))
            return
        for _ in range(1 + again):
            self.do(self.store.finish(held.job, state))
        self.end(expected, state)

    @rule(held=held, lost=st.booleans())
    def requeue(self, held: Held, lost: bool) -> None:
        expected = self.model[held.job.id]
        if not self.is_live(held):
            if (expected.attempt, expected.state) != (held.job.attempt, State.QUEUED):
                with pytest.raises(AttemptLost):
                    self.do(self.store.requeue(held.job, lost=lost))
            return
        self.do(self.store.requeue(held.job, lost=lost))
        expected.losses += lost
        expected.become(State.QUEUED)
        self.entry(expected)

    @rule(held=held, awaits=st.sampled_from(["children", "message", "time"]), limited=st.booleans())
    def suspend(self, held: Held, awaits: Any, limited: bool) -> None:
        expected = self.model[held.job.id]
        delay = timedelta(hours=1) if limited or awaits == "time" else None
        after = len(expected.events)
        if not self.is_live(held):
            if expected.attempt != held.job.attempt or expected.state not in {State.QUEUED, State.WAITING}:
                with pytest.raises(AttemptLost):
                    self.do(self.store.suspend(held.job, awaits, checkpoint=1, delay=delay, after=after))
            return
        self.do(self.store.suspend(held.job, awaits, checkpoint=1, delay=delay, after=after))
        if awaits == "children" and not self.open_children(expected):
            expected.become(State.QUEUED)
        else:
            expected.become(State.WAITING)
            expected.awaits = awaits
        self.entry(expected)

    @rule(job=jobs)
    def send(self, job: UUID) -> None:
        expected = self.model[job]
        if expected.state.ended:
            with pytest.raises(JobEnded):
                self.do(self.store.send(job, {"text": "x"}))
            return
        assert self.do(self.store.send(job, {"text": "x"})) == len(expected.events) + 1
        expected.events.append(("message", ""))
        if expected.state is State.WAITING and expected.awaits == "message":
            expected.become(State.QUEUED)
            self.entry(expected)

    @rule(job=jobs)
    def cancel(self, job: UUID) -> None:
        expected = self.model[job]
        if expected.state.ended and not (expected.state is State.CANCELLED and expected.cancelling):
            with pytest.raises(JobEnded):
                self.do(self.store.cancel(job))
            return
        self.do(self.store.cancel(job))
        self.expect_cancelled(expected)

    def expect_cancelled(self, expected: Expected) -> None:
        expected.cancelling = True
        if expected.state in {State.QUEUED, State.WAITING}:
            self.end(expected, State.CANCELLED)
        for child in self.open_children(expected):
            self.expect_cancelled(child)

    @rule(job=jobs)
    def lose_entries(self, job: UUID) -> None:
        """The queue forgets a job; the sweep brings it back."""
        expected = self.model[job]
        self.do(self.store.database.execute("DELETE FROM pgqueuer WHERE id = ANY($1)", expected.entries))
        self.do(self.store.recover())
        self.entry(expected)
        open_ = expected.state in {State.QUEUED, State.RUNNING} or expected.entry is not None
        queued = self.do(
            self.store.database.fetchval("SELECT EXISTS (SELECT FROM pgqueuer WHERE id = $1)", expected.entry)
        )
        assert queued == (open_ and not expected.state.ended)

    # ------------------------------------------------------------------ what always holds

    @invariant()
    def the_store_is_as_expected(self) -> None:
        """Invariants 1 and 2."""
        self.do(self._compare())

    async def _compare(self) -> None:
        for expected in self.model.values():
            job = await self.store.get(expected.id)
            assert (job.state, job.attempt, job.losses, job.awaits, job.cancelling) == (
                expected.state, expected.attempt, expected.losses, expected.awaits, expected.cancelling,
            )  # fmt: skip
            events = await self.store.events(expected.id, 0)
            assert [event.seq for event in events] == list(range(1, job.last_seq + 1))
            said = [(event.type, _gist(event)) for event in events]
            assert said == expected.events
            assert [event.ends_job for event in events] == [False] * (len(events) - 1) + [job.state.ended]


def _gist(event: Any) -> str:
    if event.type == "state":
        return str(event.data["state"])
    return event.body.hex() if event.type == "log" else ""


def test_whatever_happens_jobs_are_as_the_model_says(yard_database: str) -> None:
    """Invariants 1, 2 and 3."""
    inside = InThread(yard_database)
    try:
        machine = type("Machine", (Jobs,), {"inside": inside})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=30,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        inside.close()
