"""What the jobs' store tells other processes, and what those that were away can ask it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

from runyard.jobs import State
from runyard.jobs.store import CHANNEL
from runyard.yard import Yard

from .conftest import DEADLINE, Jobs


async def test_every_change_names_the_job_its_event_and_its_kind(mqtt_yard: Yard, jobs: Jobs) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    await mqtt_yard.signals.listen(CHANNEL, heard.put_nowait)
    try:
        submitted = await jobs.submit()
        job = await jobs.start(submitted)
        await jobs.progress(job, 0, 10)
        await mqtt_yard.jobs.send(job.id, {"hello": "world"})
        await mqtt_yard.jobs.requeue(job)
        again = await jobs.start(submitted)
        await jobs.finish(again)
        async with asyncio.timeout(DEADLINE):
            told = []
            while len(told) < 7:
                if str(job.id) in (payload := await heard.get()):
                    told.append(payload)
        ready = {1, 5}  # submitted and given back: there is something for a worker to take
        assert told == [f"event {job.id} {seq} compute.hash{' queued' if seq in ready else ''}" for seq in range(1, 8)]
    finally:
        mqtt_yard.signals.unlisten(CHANNEL, heard.put_nowait)


async def test_many_jobs_are_read_at_once(mqtt_yard: Yard, jobs: Jobs) -> None:
    ids = {(await jobs.submit()).id for _ in range(3)}
    assert {job.id for job in await mqtt_yard.jobs.get_many([*ids, uuid4()])} == ids
    assert await mqtt_yard.jobs.get_many([]) == []


async def test_what_may_have_changed_since_a_time_is_found(mqtt_yard: Yard, jobs: Jobs) -> None:
    long_ago = mqtt_yard.clock() - timedelta(hours=1)
    kinds = Jobs(mqtt_yard, 0, jobs.channel, kind=f"compute.x{uuid4().hex[:8]}")
    queued, lost = await kinds.submit(), await kinds.submit()
    await mqtt_yard.jobs.requeue(await kinds.start(lost))
    running = await kinds.start(await kinds.submit())
    ended_then, ended_now = await kinds.all_of_it(), await kinds.start(await kinds.submit())
    await mqtt_yard.database.execute("UPDATE jobs SET created_at = $1 WHERE kind = $2", long_ago, kinds.kind)
    await mqtt_yard.database.execute("UPDATE jobs SET ended_at = $1 WHERE id = $2", long_ago, ended_then.id)
    await mqtt_yard.jobs.finish(ended_now, State.SUCCEEDED)
    since = long_ago + timedelta(minutes=1)
    found = await mqtt_yard.jobs.unsettled(kinds.kind, since=since)
    assert set(found) == {lost.id, running.id, ended_now.id}
    new = await kinds.submit()
    assert (await mqtt_yard.jobs.unsettled(kinds.kind, since=since))[-1] == new.id
    assert queued.id not in found
