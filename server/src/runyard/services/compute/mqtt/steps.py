"""What subscribers are told of a job: ``queued``, ``processing`` for each progress, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from runyard.jobs import Job, State
from runyard.services.compute.words import Status, record, status
from runyard.sizes import KIB

RECORD_LIMIT: Final = 128 * KIB
"""Bytes of a record that is published whole."""


@dataclass(frozen=True, slots=True)
class Told:
    """The last that subscribers have heard of a job."""

    status: Status
    progress: int
    attempt: int
    seq: int
    ended: bool

    @classmethod
    def of(cls, job: Job) -> Told:
        """What is known once this snapshot has been published."""
        return cls(status(job), job.progress, job.attempt, job.last_seq, job.state.ended)

    def covers(self, job: Job) -> bool:
        """Whether there is nothing new in this snapshot."""
        return (self.status, self.progress, self.attempt) == (status(job), job.progress, job.attempt)


def untold(job: Job, told: Told | None) -> list[Job]:
    """The snapshots to publish, up to the present one, in order.

    A job may have gone on by more than one step since it was last looked at; its way through the states is the same for
    every subscriber all the same.
    """
    steps: list[Job] = []
    if told is None:
        steps.append(_as_queued(job))
        told = Told.of(steps[0])
    if told.status == "queued" and status(job) != "queued" and job.started_at is not None:
        steps.append(_as_started(job, after=told.seq))
        told = Told.of(steps[-1])
    if not told.covers(job):
        steps.append(job)
    return steps


def payload(job: Job, *, waiting_for: str | None) -> bytes:
    """The record as published: without its output when that makes it too long for a message."""
    found = record(job, waiting_for=waiting_for)
    encoded = msgspec.json.encode(found)
    if len(encoded) <= RECORD_LIMIT:
        return encoded
    del found["task_output"]
    return msgspec.json.encode({**found, "partial": True})


def _as_queued(job: Job) -> Job:
    """The job as it was when it was submitted: its first event."""
    if job.state is State.QUEUED and not job.attempt:
        return job
    return replace(
        job, state=State.QUEUED, progress=0, attempt=0, result=None, error=None, started_at=None, ended_at=None,
        last_seq=1,
    )  # fmt: skip


def _as_started(job: Job, *, after: int) -> Job:
    """The job as its present attempt began: with the event after the one that queued it."""
    if job.state is State.RUNNING and (not job.progress or job.last_seq == after + 1):
        return job
    return replace(job, state=State.RUNNING, progress=0, result=None, error=None, ended_at=None, last_seq=after + 1)
