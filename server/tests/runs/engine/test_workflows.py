"""Workflows over HTTP: saved, changed in versions, put away, and refused with the place of what is wrong."""

from __future__ import annotations

import pytest

from runyard.services.runs.words import Role

from .works import Site, ok, problem

REQUIRED = {
    "schemaVersion", "workflowId", "workspaceId", "name", "version", "active", "executionTier", "actions",
}  # fmt: skip
ACTION = {"actionId": "a", "order": 1, "portFamily": "PaymentsBilling", "operation": "echo:say"}
FLOW = {"name": "Invoice approval", "executionTier": "Auto", "actions": [ACTION]}


async def test_a_workflow_is_kept_as_it_was_written(site: Site) -> None:
    body = {
        **FLOW,
        "description": "Pays.",
        "actions": [
            {
                **ACTION, "executionTierOverride": "HumanApprove", "input": {"value": {"deep": None}},
                "retry": {"maxAttempts": 2}, "timeoutSeconds": 60,
                "approval": {"quorum": 2, "roles": ["admin", "approver"], "dueSeconds": 3600},
            },
            {**ACTION, "actionId": "b", "order": 2, "dependsOn": ["a"]},
        ],
    }  # fmt: skip
    answer = await site.place.operator.post("/workflows", json=body)
    made = answer.json()
    assert (answer.status_code, made["workflowId"], made["version"]) == (201, "wf-invoice-approval", 1)
    assert answer.headers["location"].endswith("/workflows/wf-invoice-approval")
    assert set(made) >= REQUIRED
    assert made["actions"][0]["input"] == {"value": {"deep": None}}
    assert (made["actions"][0]["retry"], made["actions"][1]["dependsOn"]) == (
        {"maxAttempts": 2, "backoffSeconds": 1.0},
        ["a"],
    )
    assert await ok(site.place.auditor.get("/workflows/wf-invoice-approval")) == made
    listed = await ok(site.place.auditor.get("/workflows"))
    assert listed["items"] == [made]


async def test_a_plain_workflow_has_only_the_fields_of_the_protocol_in_its_actions(site: Site) -> None:
    made = await ok(site.place.admin.post("/workflows", json=FLOW), 201)
    assert made["actions"] == [ACTION]


async def test_changes_make_versions_and_runs_keep_theirs(site: Site) -> None:
    workflow = await site.workflow({"actionId": "a", "input": {"waits": "version"}})
    run = await site.start(workflow)
    await site.step(run, "a", "Running")
    path = f"/workflows/{workflow}"
    renamed = await ok(site.place.operator.patch(path, json={"name": "Other"}))
    assert (renamed["version"], renamed["name"]) == (1, "Other")
    actions = [{**ACTION, "actionId": "z"}]
    changed = await ok(site.place.operator.patch(path, json={"actions": actions}))
    assert changed["version"] == 2
    site.works.saying.gate("version").set()
    ended = await site.ended(run)
    assert (ended["workflowVersion"], [one["actionId"] for one in ended["steps"]]) == (1, ["a"])


async def test_a_change_is_of_the_version_that_was_seen(site: Site) -> None:
    workflow = await site.workflow({"actionId": "a"})
    path = f"/workflows/{workflow}"
    etag = (await site.place.operator.get(path)).headers["etag"]
    await ok(site.place.operator.patch(path, json={"description": "One"}, headers={"If-Match": etag}))
    late = site.place.operator.patch(path, json={"description": "Two"}, headers={"If-Match": etag})
    await problem(late, 412, "precondition-failed")
    await problem(site.place.operator.delete(path, headers={"If-Match": etag}), 412, "precondition-failed")


async def test_an_archived_workflow_is_gone_and_its_name_is_free(site: Site) -> None:
    workflow = await site.workflow({"actionId": "a"})
    answer = await site.place.operator.delete(f"/workflows/{workflow}")
    assert (answer.status_code, answer.content) == (204, b"")
    for request in (
        site.place.admin.get(f"/workflows/{workflow}"),
        site.place.admin.delete(f"/workflows/{workflow}"),
        site.place.admin.post("/runs", json={"workflowId": workflow}),
    ):
        await problem(request, 404, "not-found")
    assert await site.workflow({"actionId": "a"}) == f"{workflow}-2"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"executionTier": "Odd"}, "executionTier"),
        ({"actions": []}, "actions"),
        ({"actions": [{**ACTION, "order": 2}]}, "actions.0.order"),
        ({"actions": [{**ACTION, "portFamily": "Odd"}]}, "actions.0.portFamily"),
        ({"actions": [{**ACTION, "operation": "pay"}]}, "actions.0.operation"),
        ({"actions": [{**ACTION, "executionTierOverride": "Auto"}], "executionTier": "Assisted"}, "actions.0.executionTierOverride"),
        ({"actions": [{**ACTION, "more": 1}]}, "actions.0.more"),
        ({"actions": [{**ACTION, "dependsOn": ["x"]}]}, "actions.0.dependsOn"),
        ({"actions": [{**ACTION, "dependsOn": ["b"]}, {**ACTION, "actionId": "b", "order": 2, "dependsOn": ["a"]}]}, "actions"),
        ({"actions": [{**ACTION, "input": {"nothing": 1}}]}, "actions.0.input.nothing"),
        ({"actions": [{**ACTION, "input": {"value": {"$ref": "actions.b.output"}}}]}, "actions.0.input"),
        ({"actions": [{**ACTION, "operation": "person:complete"}]}, "actions.0.input.description"),
        ({"policyIds": ["policy-x"]}, "policyIds"),
        ({"approval": {"roles": ["auditor"]}}, "approval.roles.0"),
        ({"approval": {"assigneeUserId": "x"}}, "approval.assigneeUserId"),
        ({"timeoutSeconds": -1}, "timeoutSeconds"),
        ({"unknown": 1}, "unknown"),
    ],
)  # fmt: skip
async def test_what_can_not_run_is_not_saved(site: Site, changes: dict, field: str) -> None:
    body = await problem(site.place.admin.post("/workflows", json={**FLOW, **changes}), 422, "validation-failed")
    assert list(body["errors"]) == [field]
    assert (await ok(site.place.admin.get("/workflows")))["items"] == []


async def test_workflows_of_others(site: Site) -> None:
    workflow = await site.workflow({"actionId": "a"})
    other = await site.works.house.place()
    await problem(other.admin.get(f"/workflows/{workflow}"), 404, "not-found")
    await problem(other.admin.post("/runs", json={"workflowId": workflow}), 404, "not-found")
    for client in (site.place.auditor, site.place.approver):
        await problem(client.post("/workflows", json=FLOW), 403, "forbidden")
        await problem(client.patch(f"/workflows/{workflow}", json={"name": "x"}), 403, "forbidden")
        await problem(client.delete(f"/workflows/{workflow}"), 403, "forbidden")
    await problem(site.place.admin.patch(f"/workflows/{workflow}", json={}), 422, "validation-failed")
    await problem(site.place.admin.post("/workflows", json={**FLOW, "name": "Test flow"}), 409, "conflict", "exists")
    assert Role.ADMIN in site.place.users


async def test_policies_can_ask_for_more_people(site: Site) -> None:
    policy = {
        "name": "Two heads", "active": True, "priority": 1,
        "sodConstraints": [{"kind": "DistinctApprovers", "minimumApprovers": 2}],
    }  # fmt: skip
    saved = await site.place.admin.post("/policies", json=policy)
    assert saved.status_code in {200, 201}, saved.text
    run = await site.run({"actionId": "a"}, tier="HumanApprove", policyIds=[saved.json()["policyId"]])
    assert (await site.approval(run))["quorum"] == 2


async def test_policies_can_ask_for_approval_or_deny(site: Site) -> None:
    policy = {
        "name": "Amounts", "active": True, "priority": 1,
        "rules": [
            {"ruleId": "small", "condition": "parameters.amount <= 100", "effect": "Allow"},
            {"ruleId": "huge", "condition": "parameters.amount > 10000", "effect": "Deny"},
        ],
    }  # fmt: skip
    saved = await ok(site.place.admin.post("/policies", json=policy), 201)
    workflow = await site.workflow({"actionId": "a"}, policyIds=[saved["policyId"]])
    assert (await site.ended(await site.start(workflow, input={"amount": 100})))["status"] == "Succeeded"
    larger = await site.start(workflow, input={"amount": 101})
    assert (await site.until(larger, "WaitingForApproval"))["executionTier"] == "HumanApprove"
    body = {"workflowId": workflow, "input": {"amount": 10001}}
    await problem(site.place.operator.post("/runs", json=body), 403, "forbidden", "'huge'")
    unknown = {"workflowId": workflow, "input": {}}
    await problem(site.place.operator.post("/runs", json=unknown), 403, "forbidden", "'huge'")


async def test_files_go_in_and_come_out(site: Site) -> None:
    upload = await site.place.operator.post("/files", params={"name": "p.txt"}, content=b"hello")
    file = upload.json()
    assert (upload.status_code, file["size"], file["name"]) == (201, 5, "p.txt")
    assert upload.headers["location"].endswith(f"/files/{file['sha256']}")
    got = await site.place.auditor.get(f"/files/{file['sha256']}")
    assert (got.content, got.headers["content-disposition"]) == (b"hello", 'attachment; filename="p.txt"')
    part = await site.place.auditor.get(f"/files/{file['sha256']}", headers={"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"el")
    mark = {"$file": {"sha256": file["sha256"], "name": "p.txt"}}
    run = await site.run({"actionId": "a", "input": {"file": mark, "value": "x"}})
    assert (await site.ended(run))["status"] == "Succeeded"
    await problem(site.place.auditor.post("/files", content=b"x"), 403, "forbidden")
    await problem(site.place.operator.get(f"/files/{'0' * 64}"), 404, "not-found")
    await problem(site.place.operator.get("/files/x"), 422, "validation-failed")
    odd = site.place.operator.post("/files", params={"name": "a/b"}, content=b"x")
    await problem(odd, 422, "validation-failed", "name")
