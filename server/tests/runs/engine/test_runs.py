"""Runs over HTTP, from start to end, with a worker that does what they ask for."""

from __future__ import annotations

import pytest

from .works import Site, ok, problem

REQUIRED = {
    "schemaVersion", "runId", "workspaceId", "workflowId", "correlationId", "executionTier", "initiatedByUserId",
    "status", "createdAtIso",
}  # fmt: skip


async def test_a_run_goes_through_its_actions_and_leaves_evidence(site: Site) -> None:
    run = await _two(site)
    found = await site.ended(run)
    assert found["status"] == "Succeeded", found["error"]
    assert found["output"] == {"b": {"value": ["inv-1"]}}
    assert set(found) >= REQUIRED | {"id", "parameters", "input", "steps", "startedAtIso", "endedAtIso", "links"}
    assert found["parameters"] == found["input"] == {"invoice": "inv-1"}
    assert [(one["actionId"], one["status"], one["attempt"]) for one in found["steps"]] == [
        ("a", "Succeeded", 1),
        ("b", "Succeeded", 1),
    ]
    file = found["steps"][0]["files"]["out/said.txt"]
    assert found["steps"][1]["input"]["file"] == {"$file": file}
    content = await site.place.auditor.get(f"/files/{file['sha256']}")
    assert content.content == b"inv-1"
    evidence = await site.evidence(run)
    assert evidence[0] == "Run started for workflow wf-test-flow."
    assert evidence[-1] == "Run succeeded."
    assert [text for text in evidence if text.startswith("Action a ")] == [
        "Action a (echo:say) dispatched.",
        "Action a (echo:say) succeeded.",
    ]


async def _two(site: Site) -> str:
    workflow = await site.workflow(
        {"actionId": "a", "input": {"value": {"$ref": "parameters.invoice"}}},
        {
            "actionId": "b",
            "input": {"value": [{"$ref": "actions.a.output.value"}], "file": {"$ref": "actions.a.files.out/said.txt"}},
        },
    )
    return await site.start(workflow, input={"invoice": "inv-1"})


async def test_a_failed_action_fails_the_run(site: Site) -> None:
    found = await site.ended(await site.run({"actionId": "a", "input": {"fails": True}}, {"actionId": "b"}))
    assert (found["status"], found["error"]) == (
        "Failed",
        {"code": "broken", "message": "It broke.", "actionId": "a"},
    )
    assert [one["status"] for one in found["steps"]] == ["Failed", "Skipped"]


async def test_an_action_is_tried_again(site: Site) -> None:
    retry = {"maxAttempts": 2, "backoffSeconds": 0}
    found = await site.ended(await site.run({"actionId": "a", "input": {"fails": True}, "retry": retry}))
    assert found["steps"][0]["attempt"] == 2
    assert len([one for one in await site.evidence(found["runId"]) if "tried again" in one]) == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [({"value": "unservable"}, "unservable"), ({"file": {"$file": {"sha256": "0" * 64, "name": "x"}}}, "unservable")],
)
async def test_what_nobody_can_do_fails_the_action(site: Site, given: dict, code: str) -> None:
    found = await site.ended(await site.run({"actionId": "a", "input": given}))
    assert (found["status"], found["error"]["code"]) == ("Failed", code)


async def test_an_action_that_takes_too_long_is_cancelled(site: Site) -> None:
    """Invariant 7."""
    run = await site.run({"actionId": "a", "input": {"waits": "for ever"}, "timeoutSeconds": 0.05})
    found = await site.ended(run)
    assert found["error"]["code"] == "timeout"
    job = found["steps"][0]["workId"]
    await _job_ended(site, job)


async def test_cancelling_stops_what_runs(site: Site) -> None:
    run = await site.run({"actionId": "a", "input": {"waits": "cancel"}}, {"actionId": "b"})
    step = await site.step(run, "a", "Running")
    found = await ok(site.place.operator.post(f"/runs/{run}/cancel"))
    assert (found["status"], "endedAtIso" in found) == ("Cancelled", True)
    assert await _job_ended(site, step["workId"]) == "cancelled"
    again = await ok(site.place.operator.post(f"/runs/{run}/cancel"))
    assert again["endedAtIso"] == found["endedAtIso"]
    shown = await site.get(run)
    assert [one["status"] for one in shown["steps"]] == ["Cancelled", "Skipped"]


async def test_what_has_ended_can_not_be_cancelled(site: Site) -> None:
    run = await site.run({"actionId": "a"})
    await site.ended(run)
    told = await problem(site.place.operator.post(f"/runs/{run}/cancel"), 409, "conflict", "has ended: Succeeded")
    assert told["runStatus"] == "Succeeded"


async def test_a_run_can_be_done_again_from_an_action_on(site: Site) -> None:
    site.works.saying.begun.clear()
    workflow = await site.workflow(
        {"actionId": "a", "input": {"value": 1}}, {"actionId": "b", "input": {"fails": True}}, {"actionId": "c"}
    )
    first = await site.start(workflow)
    await site.ended(first)
    second = await ok(site.place.operator.post(f"/runs/{first}/retry", json={}), 201)
    assert second["retryOfRunId"] == first
    found = await site.ended(second["runId"])
    assert [(one["actionId"], one["status"]) for one in found["steps"]][:2] == [("a", "Succeeded"), ("b", "Failed")]
    assert [one["value"] for one in site.works.saying.begun] == [1, None, None]
    third = await ok(site.place.operator.post(f"/runs/{first}/retry", json={"fromActionId": "a"}), 201)
    await site.ended(third["runId"])
    assert [one["value"] for one in site.works.saying.begun] == [1, None, None, 1, None]
    body = {"fromActionId": "z"}
    await problem(site.place.operator.post(f"/runs/{first}/retry", json=body), 422, "validation-failed", "'z'")


@pytest.mark.parametrize("spelling", ["parameters", "input", "inputPayload"])
async def test_parameters_have_three_names(site: Site, spelling: str) -> None:
    workflow = await site.workflow({"actionId": "a"})
    run = await ok(site.place.operator.post("/runs", json={"workflow_id": workflow, spelling: {"x": None}}), 201)
    assert run["parameters"] == run["input"] == {"x": None}
    assert run["status"] == "Pending"


async def test_what_can_not_be_started(site: Site) -> None:
    place = site.place
    workflow = await site.workflow({"actionId": "a", "input": {"value": {"$ref": "parameters.x"}}}, tier="Assisted")
    start = place.operator
    await problem(start.post("/runs", json={}), 422, "validation-failed", "workflowId")
    await problem(start.post("/runs", content=b"{"), 400, "bad-request")
    await problem(start.post("/runs", json={"workflowId": "wf-none"}), 404, "not-found")
    body = await problem(start.post("/runs", json={"workflowId": workflow}), 422, "validation-failed")
    assert body["errors"] == {"parameters.x": ["is missing; action 'a' needs it"]}
    both = {"workflowId": workflow, "input": {"x": 1}, "parameters": {"x": 2}}
    await problem(start.post("/runs", json=both), 422, "validation-failed", "differ")
    more = {"workflowId": workflow, "input": {"x": 1}, "unknown": 1}
    await problem(start.post("/runs", json=more), 422, "validation-failed", "unknown")
    loose = {"workflowId": workflow, "input": {"x": 1}, "executionTier": "Auto"}
    await problem(start.post("/runs", json=loose), 422, "validation-failed", "less strict")
    large = {"workflowId": workflow, "input": {"x": 2**60}}
    await problem(start.post("/runs", json=large), 422, "validation-failed", "parameters")
    stranger = {"workflowId": workflow, "input": {"x": {"$file": {"sha256": "1" * 64, "name": "a"}}}}
    await problem(start.post("/runs", json=stranger), 422, "validation-failed", "no file")
    for client in (place.approver, place.auditor):
        await problem(client.post("/runs", json={"workflowId": workflow, "input": {"x": 1}}), 403, "forbidden")
    await ok(place.admin.patch(f"/workflows/{workflow}", json={"active": False}))
    await problem(start.post("/runs", json={"workflowId": workflow, "input": {"x": 1}}), 409, "conflict", "not active")
    outside = await site.workflow({"actionId": "a", "operation": "invoice:create"}, name="Outside")
    await problem(start.post("/runs", json={"workflowId": outside}), 409, "conflict", "ComplianceGrc")


async def test_the_same_key_gives_the_same_run(site: Site) -> None:
    """Invariant 3."""
    workflow = await site.workflow({"actionId": "a"})
    body, headers = {"workflowId": workflow, "input": {"x": 1}}, {"Idempotency-Key": "k-1"}
    first = await site.place.operator.post("/runs", json=body, headers=headers)
    again = await site.place.operator.post("/runs", json=body, headers=headers)
    assert first.headers["location"].endswith(f"/runs/{first.json()['runId']}")
    assert (again.status_code, again.json()) == (201, first.json())
    await site.ended(first.json()["runId"])
    assert len((await ok(site.place.auditor.get("/runs")))["items"]) == 1
    other = {"workflowId": workflow, "input": {"x": 2}}
    await problem(site.place.operator.post("/runs", json=other, headers=headers), 409, "conflict", "Idempotency-Key")


async def test_nobody_sees_runs_of_other_workspaces(site: Site) -> None:
    """Invariant 4."""
    run = await site.run({"actionId": "a"})
    other = await site.works.house.place()
    await problem(other.admin.get(f"/runs/{run}"), 404, "not-found")
    await problem(other.admin.post(f"/runs/{run}/cancel"), 404, "not-found")
    await problem(other.admin.post(f"/runs/{run}/retry", json={}), 404, "not-found")
    assert (await ok(other.admin.get("/runs")))["items"] == []
    file = (await site.ended(run))["steps"][0]["files"]["out/said.txt"]["sha256"]
    await problem(other.admin.get(f"/files/{file}"), 404, "not-found")


async def test_lists_have_filters_and_pages(site: Site) -> None:
    workflow = await site.workflow({"actionId": "a"})
    runs = [await site.start(workflow) for _ in range(5)]
    failed = await site.run({"actionId": "a", "input": {"fails": True}}, name="Fails")
    for run in (*runs, failed):
        await site.ended(run)
    get = site.place.auditor.get
    seen, cursor = [], None
    while True:
        page = await ok(get("/runs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}))
        assert page.get("cursor") == page.get("nextCursor")
        seen += [one["runId"] for one in page["items"]]
        cursor = page.get("cursor")
        if cursor is None:
            break
    assert seen == [*runs, failed]
    for params in ({"status": "Failed"}, {"workflowId": "wf-fails"}):
        assert [one["runId"] for one in (await ok(get("/runs", params=params)))["items"]] == [failed]
    starter = (await site.get(failed))["initiatedByUserId"]
    assert len((await ok(get("/runs", params={"initiatedByUserId": starter})))["items"]) == 6
    for bad in ({"status": "Done"}, {"status": ""}, {"limit": 0}, {"limit": 201}, {"initiatedByUserId": "x"}):
        await problem(get("/runs", params=bad), 422, "validation-failed")


async def test_a_get_says_which_version_it_shows(site: Site) -> None:
    run = await site.run({"actionId": "a"})
    await site.ended(run)
    answer = await site.place.auditor.get(f"/runs/{run}")
    etag = answer.headers["etag"]
    same = await site.place.auditor.get(f"/runs/{run}", headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")


async def _job_ended(site: Site, job: str) -> str:
    from uuid import UUID

    yard = site.works.house.yard
    async for event in yard.tails.follow(UUID(job), 0, idle=30.0):
        if event is not None and event.ends_job:
            return str(event.data["state"])
    raise AssertionError("the job goes on")


async def test_a_list_leaves_out_what_is_large(site: Site) -> None:
    """Invariant 5: two hundred outputs of megabytes would be one page."""
    workflow = await site.workflow({"actionId": "a", "input": {"value": "x"}})
    small, large = [await site.start(workflow) for _ in range(2)]
    for run in (small, large):
        await site.ended(run)
    await site.works.house.yard.database.execute(
        "UPDATE runs SET output = $2 WHERE id = $1", large, {"a": {"value": "x" * 100_000}}
    )
    listed = {one["runId"]: one for one in (await ok(site.place.auditor.get("/runs")))["items"]}
    assert ("output" in listed[small], "output" in listed[large]) == (True, False)
    assert len((await site.get(large))["output"]["a"]["value"]) == 100_000
