"""A run that waits for a person, and the evidence it leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runyard.services.runs.evidence.chain import check

from ..engine.works import Site, Works, ok, open_works, problem


@pytest.fixture(scope="module")
async def works(yard_database: str) -> AsyncIterator[Works]:
    async with open_works(yard_database) as opened:
        yield opened


@pytest.fixture
async def site(works: Works) -> Site:
    return Site(works, await works.house.place())


async def worker_of(site: Site) -> str:
    """The operator, as somebody who can be given work."""
    user = site.place.users["operator"].user_id
    body = {"linkedUserId": str(user), "capabilities": ["operations.dispatch"]}
    return (await ok(site.place.admin.post("/workforce", json=body), 201))["workforceMemberId"]


async def task_of(site: Site, run: str) -> dict:
    await site.step(run, "look", "Running")
    (task,) = (await ok(site.place.operator.get("/human-tasks", params={"runId": run})))["items"]
    return task


async def test_a_run_goes_on_when_the_person_is_done(site):
    worker = await worker_of(site)
    run = await site.run(
        {"actionId": "look", "operation": "person:complete", "input": {"description": "Look.", "assigneeId": worker}},
        {"actionId": "say", "input": {"value": {"$ref": "actions.look.output.completionNote"}}},
    )
    task = await task_of(site, run)
    assert (task["status"], task["runId"], task["stepId"]) == ("assigned", run, "look")
    path = f"/human-tasks/{task['humanTaskId']}/complete"
    done = await ok(site.place.operator.post(path, json={"completionNote": "Fine."}))
    found = await site.ended(run)
    assert (found["status"], found["output"]) == ("Succeeded", {"say": {"value": "Fine."}})
    params = {"category": "Action", "runId": run}
    entries = (await ok(site.place.auditor.get("/evidence", params=params)))["items"]
    assert done["evidenceAnchorId"] in {entry["evidenceId"] for entry in entries}


async def test_a_run_that_is_cancelled_wants_nothing_of_people(site):
    worker = await worker_of(site)
    run = await site.run(
        {"actionId": "look", "operation": "person:complete", "input": {"description": "Look.", "assigneeId": worker}}
    )
    task = await task_of(site, run)
    await ok(site.place.operator.post(f"/runs/{run}/cancel"))
    await problem(site.place.operator.post(f"/human-tasks/{task['humanTaskId']}/complete"), 409, "conflict")
    assert (await ok(site.place.operator.get("/human-tasks", params={"runId": run})))["items"] == []


async def test_the_evidence_of_a_run_is_listed_by_itself(site):
    workflow = await site.workflow({"actionId": "say", "input": {"value": "x"}})
    runs = [await site.start(workflow) for _ in range(2)]
    for run in runs:
        await site.ended(run)
    first, found, cursor = runs[0], [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = await ok(site.place.auditor.get(f"/runs/{first}/evidence", params=params))
        found += page["items"]
        cursor = page.get("nextCursor")
        if cursor is None:
            break
    assert {entry["links"]["runId"] for entry in found} == {first}
    assert [entry["summary"] for entry in found] == await site.evidence(first)
    everything = (await ok(site.place.auditor.get("/evidence", params={"limit": 200})))["items"]
    assert check(everything) is None
    for unknown in ("run-9", "%00", "é"):
        await problem(site.place.auditor.get(f"/runs/{unknown}/evidence"), 404, "not-found")


async def test_what_people_do_by_hand_may_have_fields_of_any_name(site):
    """They are the operation's own: no queue of people is meant by a group of invoices."""
    given = {"groupId": "invoices-7", "assigneeId": 7, "requiredCapabilities": ["seven"], "title": 7}
    run = await site.run(
        {"actionId": "look", "operation": "invoice:pay", "executionTierOverride": "ManualOnly", "input": given}
    )
    await site.decide((await site.approval(run))["approvalId"])
    task = await task_of(site, run)
    assert (task["status"], "groupId" in task) == ("pending", False)
    assert task["description"] == "Do invoice:pay of step look by hand."
