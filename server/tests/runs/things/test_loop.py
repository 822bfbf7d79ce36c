"""A step of a workflow done by a machine: a real ``runyard machine run`` between a run and its next action."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from runs.engine.works import Record, Site, Works, ok, open_works

from .shapes import ADAPTER, Far, far_machine, made, problem
from .test_outpost import running


@pytest.fixture(scope="module")
async def works(yard_database: str) -> AsyncIterator[Works]:
    async with open_works(yard_database) as opened:
        yield opened


@pytest.fixture
async def site(works: Works) -> Site:
    return Site(works, await works.house.place())


def adding(**more: object) -> Record:
    """An action that a machine does for an adapter."""
    return {
        "actionId": "add", "portFamily": "FinanceAccounting", "operation": "numbers:add",
        "input": {"numbers": [1, {"$ref": "parameters.number"}]}, **more,
    }  # fmt: skip


SAYING = {"actionId": "say", "input": {"value": {"$ref": "actions.add.output.sum"}}}


async def adapt(site: Site, machine: str, *operations: str, **more: object) -> str:
    """An adapter whose work goes to this machine."""
    entry = {"machineId": machine, "endpointUrl": "https://forge.example.com", "active": True}
    matrix = [{"operation": each, "requiresAuth": False} for each in operations]
    asked = {**ADAPTER, "capabilityMatrix": matrix, "machineRegistrations": [entry], **more}
    return (await made(await site.place.admin.post("/adapter-registrations", json=asked)))["adapterId"]


async def test_a_real_machine_does_a_step_and_the_next_one_gets_its_output(site: Site, tmp_path: Path) -> None:
    async with running(site.place, tmp_path, hostname="forge-1") as machine:
        await adapt(site, machine.id, "numbers:add")
        workflow = await site.workflow(adding(), SAYING, tier="HumanApprove")
        run = await site.start(workflow, parameters={"number": 41})
        await site.decide((await site.approval(run))["approvalId"])
        found = await site.ended(run)
        assert (found["status"], found["output"]) == ("Succeeded", {"say": {"value": 42}})
        summaries = await site.evidence(run)
        asked, did = f"Machine {machine.id} is asked to do numbers:add.", f"Machine {machine.id} has done numbers:add."
        assert summaries.index(asked) < summaries.index(did)


async def test_an_action_may_name_the_machine_itself(works: Works, site: Site) -> None:
    machine = await far_machine(works.house, site.place, "door:open")
    given = {"machineId": machine.id, "action": "door:open", "input": {"door": {"$ref": "parameters.door"}}}
    action = {"actionId": "open", "portFamily": "RoboticsActuation", "operation": "machine:invoke", "input": given}
    run = await site.start(await site.workflow(action), parameters={"door": "north"})
    (handed,) = (await machine.claim(wait=20))["invocations"]
    assert (handed["action"], handed["input"], handed["runId"]) == ("door:open", {"door": "north"}, run)
    await made(await machine.report(handed["invocationId"], status="completed", output={"opened": True}), 200)
    assert (await site.ended(run))["output"] == {"open": {"opened": True}}


async def test_a_step_that_fails_on_its_machine_is_tried_again_as_often_as_it_says(works: Works, site: Site) -> None:
    machine = await ready(works, site)
    workflow = await site.workflow(adding(retry={"maxAttempts": 2, "backoffSeconds": 0}))
    run = await site.start(workflow, parameters={"number": 1})
    error = {"code": "paper-jam", "message": "The paper is jammed."}
    tried = []
    for _ in range(2):
        (handed,) = (await machine.claim(wait=20))["invocations"]
        tried.append(handed["invocationId"])
        await made(await machine.report(handed["invocationId"], status="failed", error=error), 200)
    found = await site.ended(run)
    assert (found["status"], found["error"]["code"]) == ("Failed", "paper-jam")
    assert len(set(tried)) == 2


async def test_a_step_whose_machine_falls_silent_fails_without_anybody_looking(
    works: Works, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runyard.services.runs.machines.invocations.LEASE", timedelta(seconds=0.5))
    machine = await ready(works, site)
    run = await site.start(await site.workflow(adding()), parameters={"number": 1})
    (handed,) = (await machine.claim(wait=20))["invocations"]
    await made(await machine.report(handed["invocationId"], status="running"), 200)
    found = await site.ended(run)
    assert (found["status"], found["error"]["code"]) == ("Failed", "machine-lost")
    late = await machine.report(handed["invocationId"], status="completed", output={})
    problem(late, 409, "conflict")


async def test_a_cancelled_run_stops_its_machine(works: Works, site: Site) -> None:
    machine = await ready(works, site)
    run = await site.start(await site.workflow(adding()), parameters={"number": 1})
    (handed,) = (await machine.claim(wait=20))["invocations"]
    await made(await machine.report(handed["invocationId"], status="running"), 200)
    waiting = asyncio.create_task(machine.claim(wait=20, holding=[handed["invocationId"]], free=0))
    await ok(site.place.operator.post(f"/runs/{run}/cancel"))
    assert (await waiting)["stop"] == [handed["invocationId"]]
    assert (await site.ended(run))["status"] == "Cancelled"


async def test_a_quarantined_machine_fails_the_runs_that_wait_for_it(works: Works, site: Site) -> None:
    machine = await ready(works, site)
    run = await site.start(await site.workflow(adding()), parameters={"number": 1})
    await machine.claim(wait=20)
    why = {"reason": "It was tampered with."}
    await made(await site.place.admin.post(f"/machines/{machine.id}/quarantine", json=why), 200)
    found = await site.ended(run)
    assert (found["status"], found["error"]["code"]) == ("Failed", "cancelled")
    run = await site.start(await _only(site), parameters={"number": 1})
    found = await site.ended(run)
    assert "quarantined" in found["error"]["message"]


async def test_a_family_without_exactly_one_adapter_starts_nothing(works: Works, site: Site) -> None:
    workflow = await site.workflow(adding())
    asked = {"workflowId": workflow, "parameters": {"number": 1}}
    problem(await site.place.operator.post("/runs", json=asked), 409, "conflict")
    machine = await ready(works, site)
    await adapt(site, machine.id, "numbers:add")
    problem(await site.place.operator.post("/runs", json=asked), 409, "conflict")
    assert (await ok(site.place.auditor.get("/runs")))["items"] == []


async def ready(works: Works, site: Site) -> Far:
    """A machine that adds numbers for the workspace's adapter; the test speaks for it."""
    machine = await far_machine(works.house, site.place, "numbers:add")
    await adapt(site, machine.id, "numbers:add")
    return machine


async def _only(site: Site) -> str:
    (workflow,) = (await ok(site.place.auditor.get("/workflows")))["items"]
    return str(workflow["workflowId"])
