"""A run that waits holds nothing: it survives its workers, and one that nobody can advance any more fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from runyard.jobs import State
from runyard.services.runs.engine.lost import fail_lost
from runyard.services.runs.engine.states import TRANSITIONS, RunStatus, way

from ..house import open_house
from .works import DEADLINE, SAY, Saying, Site, Works


@pytest.fixture(scope="module")
async def works(yard_database: str) -> AsyncIterator[Works]:
    """A yard whose workers are the tests' own."""
    async with open_house(yard_database, [SAY]) as house:
        yield Works(house, Saying())


async def test_a_run_that_waits_for_approval_survives_its_worker(site: Site, works: Works) -> None:
    """Invariant 1."""
    async with works.working() as worker:
        run = await site.run({"actionId": "a"}, {"actionId": "b"}, tier="HumanApprove")
        await site.until(run, "WaitingForApproval")
        job = await works.house.yard.database.fetchval("SELECT job FROM runs WHERE id = $1", run)
        async with asyncio.timeout(DEADLINE):
            while worker.running or (await works.house.yard.jobs.get(job)).state is not State.WAITING:
                await asyncio.sleep(0)
    approval = await site.approval(run)
    await site.decide(approval["approvalId"])
    assert (await site.get(run))["status"] == "WaitingForApproval"
    async with works.working():
        assert (await site.ended(run))["status"] == "Succeeded"


async def test_a_worker_that_is_cut_off_in_the_middle_changes_nothing(site: Site, works: Works) -> None:
    worker, ready = works.worker(), asyncio.Event()
    running = asyncio.create_task(worker.run(ready=ready.set))
    await asyncio.wait_for(ready.wait(), DEADLINE)
    run = await site.run({"actionId": "a", "input": {"waits": "cut"}}, {"actionId": "b"})
    await site.step(run, "a", "Running")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    works.saying.gate("cut").set()
    async with works.working():
        found = await site.ended(run)
    assert found["status"] == "Succeeded"
    assert [one["attempt"] for one in found["steps"]] == [1, 1]


async def test_a_run_whose_job_has_ended_without_it_fails(site: Site, works: Works) -> None:
    """Fail closed: nobody waits for ever for a run that no worker could advance."""
    yard = works.house.yard
    run = await site.run({"actionId": "a"})
    job = await yard.database.fetchval("SELECT job FROM runs WHERE id = $1", run)
    assert await fail_lost(works.engine) == 0
    for _ in range(yard.settings.max_attempts + 1):
        await yard.jobs.claim(job, await yard.database.fetchval("SELECT entry FROM jobs WHERE id = $1", job))
    assert (await yard.jobs.get(job)).error_code == "worker_lost"
    assert await fail_lost(works.engine) == 1
    found = await site.get(run)
    assert (found["status"], found["error"]["code"], found["steps"][0]["status"]) == ("Failed", "internal", "Skipped")
    assert await fail_lost(works.engine) == 0


async def test_the_database_refuses_what_the_table_of_states_refuses(works: Works) -> None:
    """Every way the rules can take, with the states that are passed through, and no other."""
    for was in RunStatus:
        for becomes in RunStatus:
            try:
                way(was, becomes)
            except ValueError:
                possible = False
            else:
                possible = was is not becomes
            known = await works.house.yard.database.fetchval("SELECT run_may_become($1, $2)", was, becomes)
            assert known is possible or was is becomes, (was, becomes)
    assert all(RunStatus.PENDING not in following for following in TRANSITIONS.values())


async def lose(works: Works, run: str) -> None:
    """Have its job end without it."""
    yard = works.house.yard
    job = await yard.database.fetchval("SELECT job FROM runs WHERE id = $1", run)
    for _ in range(yard.settings.max_attempts + 1):
        await yard.jobs.claim(job, await yard.database.fetchval("SELECT entry FROM jobs WHERE id = $1", job))
    assert (await yard.jobs.get(job)).state is State.FAILED


async def test_one_lost_run_that_can_not_be_read_does_not_keep_others_waiting(site: Site, works: Works) -> None:
    broken, other = await site.run({"actionId": "a"}, name="Broken"), await site.run({"actionId": "a"}, name="Other")
    database = works.house.yard.database
    version = "FROM runs WHERE runs.id = $1 AND v.workspace = runs.workspace AND v.workflow = runs.workflow"
    spec = await database.fetchval(f"SELECT spec {version.replace('FROM', 'FROM workflow_versions v,', 1)}", broken)
    await database.execute(f"UPDATE workflow_versions v SET spec = '[]' {version}", broken)
    for run in (broken, other):
        await lose(works, run)
    assert await fail_lost(works.engine) == 1
    assert (await site.get(other))["status"] == "Failed"
    await database.execute(f"UPDATE workflow_versions v SET spec = $2 {version}", broken, spec)
    assert await fail_lost(works.engine) == 1


async def test_a_lost_run_leaves_nothing_at_work(site: Site, works: Works) -> None:
    yard, engine = works.house.yard, works.engine
    run = await site.run({"actionId": "a"})
    standing = await engine.go_on(await engine.look(run))
    (child,) = standing.children
    await lose(works, run)
    assert await fail_lost(engine) == 1
    assert (await yard.jobs.get(child)).state is State.CANCELLED
    assert (await site.get(run))["steps"][0]["status"] == "Cancelled"


async def test_a_worker_whose_clock_is_behind_does_not_run_in_circles(site: Site, works: Works) -> None:
    """By the book's time the next try is due, by the worker's it isn't: what the book says counts."""
    yard, engine = works.house.yard, works.engine
    retry = {"maxAttempts": 2, "backoffSeconds": 600}
    run = await site.run({"actionId": "a", "retry": retry})
    (child,) = (await engine.go_on(await engine.look(run))).children
    claimed = await yard.jobs.claim(child, await yard.database.fetchval("SELECT entry FROM jobs WHERE id = $1", child))
    await yard.jobs.finish(claimed, State.FAILED, error={"code": "broken", "message": "It broke."})
    assert not (await engine.go_on(await engine.look(run))).children
    await yard.database.execute(
        "UPDATE runs_heads SET at = at + interval '1 hour' WHERE workspace = $1", site.place.id
    )  # fmt: skip
    standing = await engine.go_on(await engine.look(run))
    assert (len(standing.children), standing.again) == (1, False)


async def test_an_old_look_at_a_run_does_not_end_a_later_try(site: Site, works: Works) -> None:
    """Two workers believe that they have the run: what came of the first try is not what came of the second."""
    yard, engine = works.house.yard, works.engine
    run = await site.run({"actionId": "a", "retry": {"maxAttempts": 2, "backoffSeconds": 0}})
    (child,) = (await engine.go_on(await engine.look(run))).children
    claimed = await yard.jobs.claim(child, await yard.database.fetchval("SELECT entry FROM jobs WHERE id = $1", child))
    await yard.jobs.finish(claimed, State.FAILED, error={"code": "broken", "message": "It broke."})
    old = await engine.look(run)
    standing = await engine.go_on(old)
    while not standing.children:
        standing = await engine.go_on(await engine.look(run))
    assert (await engine.go_on(old)).children == standing.children
    found = await site.get(run)
    assert (found["status"], found["steps"][0]["status"], found["steps"][0]["attempt"]) == ("Running", "Running", 2)
