"""Who may decide, and who may say who decides: people, none of those who asked, and nobody by the back door."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest

from runyard.services.runs.engine.lost import expire_overdue
from runyard.services.runs.words import Role

from .works import Site, Works, ok, problem

A = {"actionId": "a", "input": {"value": 1}}
DECISION = {"decision": "Approved", "rationale": "Looks right."}


async def gated(site: Site, **more: object) -> tuple[str, str]:
    """A run that waits for approval, and the path of the approval."""
    run = await site.run(A, tier="HumanApprove", **more)
    return run, f"/approvals/{(await site.approval(run))['approvalId']}"


def user(site: Site, role: Role) -> str:
    return str(site.place.users[role].user_id)


async def program(site: Site, *roles: Role) -> tuple[str, httpx.AsyncClient]:
    """A service account and how it calls."""
    issued = await site.works.house.account(site.place.id, *roles)
    answer = await site.works.house.client().post(
        "/v1/auth/token", data={"grant_type": "client_credentials"},
        auth=(issued.account.client_id, issued.secret.reveal()),
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    client = site.works.house.client(token=answer.json()["access_token"], below=site.place.path)
    return str(issued.account.user_id), client


async def test_a_program_decides_nothing(site: Site) -> None:
    """Whoever has its secret would be two people, or approve what they have started."""
    _, path = await gated(site)
    account, client = await program(site, Role.APPROVER)
    await problem(client.post(f"{path}/decide", json=DECISION), 403, "forbidden", "Only people")
    await problem(
        site.place.operator.patch(path, json={"assigneeUserId": account}), 422, "validation-failed", "may not"
    )  # fmt: skip
    await ok(site.place.approver.post(f"{path}/decide", json=DECISION))


async def test_who_has_asked_is_never_asked(site: Site) -> None:
    _, both = await site.place.add(Role.OPERATOR, Role.APPROVER)
    workflow = await site.workflow(A, tier="HumanApprove")
    run = (await ok(both.post("/runs", json={"workflowId": workflow}), 201))["runId"]
    starter = (await site.get(run))["initiatedByUserId"]
    approval = await site.approval(run)
    path = f"/approvals/{approval['approvalId']}"
    patched = site.place.operator.patch(path, json={"assigneeUserId": starter})
    await problem(patched, 422, "validation-failed", "has asked for")
    body = {"runId": run, "planId": approval["planId"], "prompt": "You, please", "assigneeUserId": starter}
    await problem(site.place.operator.post("/approvals", json=body), 422, "validation-failed", "has asked for")


async def test_who_is_asked_has_the_role_that_the_gate_takes(site: Site) -> None:
    _, path = await gated(site, approval={"roles": ["admin"]})
    approver = {"assigneeUserId": user(site, Role.APPROVER)}
    await problem(site.place.operator.patch(path, json=approver), 422, "validation-failed", "role admin")
    await ok(site.place.operator.patch(path, json={"assigneeUserId": user(site, Role.ADMIN)}))
    rule = {"roles": ["admin"], "assigneeUserId": user(site, Role.APPROVER)}
    body = {"name": "Nobody could", "executionTier": "HumanApprove", "approval": rule, "actions": [
        {**A, "order": 1, "portFamily": "ComplianceGrc", "operation": "echo:say"}
    ]}  # fmt: skip
    await problem(site.place.admin.post("/workflows", json=body), 422, "validation-failed", "role admin")


async def test_who_was_named_is_not_replaced_by_those_who_ask(site: Site) -> None:
    """The workflow says who decides: the starter doesn't pick somebody else, and nobody picks themselves."""
    _, path = await gated(site, approval={"assigneeUserId": user(site, Role.ADMIN)})
    friend = {"assigneeUserId": user(site, Role.APPROVER)}
    await problem(site.place.operator.patch(path, json=friend), 403, "forbidden", "has asked for")
    mine, both = await site.place.add(Role.OPERATOR, Role.APPROVER)
    grab = {"assigneeUserId": str(mine.user_id)}
    await problem(both.patch(path, json=grab), 403, "forbidden", "themselves")
    await ok(site.place.admin.patch(path, json=grab))
    await ok(both.post(f"{path}/decide", json=DECISION))


async def test_one_who_is_asked_first_does_not_shut_a_quorum_out(site: Site) -> None:
    run, path = await gated(site, approval={"quorum": 2})
    await ok(site.place.operator.patch(path, json={"assigneeUserId": user(site, Role.APPROVER)}))
    await ok(site.place.approver.post(f"{path}/decide", json=DECISION))
    await ok(site.place.admin.post(f"{path}/decide", json=DECISION))
    assert (await site.ended(run))["status"] == "Succeeded"


async def test_a_policy_that_asks_for_more_people_opens_a_gate_of_one(site: Site) -> None:
    rule = {"kind": "DistinctApprovers", "minimumApprovers": 2}
    policy = {"name": "Two", "active": True, "priority": 1, "sodConstraints": [rule]}
    policy_id = (await ok(site.place.admin.post("/policies", json=policy), 201))["policyId"]
    run, path = await gated(site, approval={"assigneeUserId": user(site, Role.APPROVER)}, policyIds=[policy_id])
    await ok(site.place.approver.post(f"{path}/decide", json=DECISION))
    await ok(site.place.admin.post(f"{path}/decide", json=DECISION))
    assert (await site.ended(run))["status"] == "Succeeded"


async def test_what_was_due_is_not_handed_on(site: Site, works: Works) -> None:
    _, path = await gated(site)
    await overdue(works, path)
    body = {"assigneeUserId": user(site, Role.APPROVER)}
    await problem(site.place.operator.patch(path, json=body), 409, "conflict", "counts as denied")


async def test_what_no_run_waits_for_is_denied_when_its_time_is_over(site: Site, works: Works) -> None:
    """An agent's proposal: fail closed, and on record."""
    agent = {"name": "Bot", "endpoint": "https://bot.example.com"}
    agent_id = (await ok(site.place.admin.post("/agents", json=agent), 201))["agentId"]
    body = {
        "agentId": agent_id, "actionKind": "mail", "toolName": "mail:send", "executionTier": "Auto", "policyIds": [],
        "rationale": "They asked.",
    }  # fmt: skip
    told = await ok(site.place.operator.post("/agent-actions:propose", json=body), 202)
    path = f"/approvals/{told['approvalId']}"
    await expire_overdue(works.engine)
    assert (await ok(site.place.auditor.get(path)))["status"] == "Pending"
    await overdue(works, path)
    assert await expire_overdue(works.engine) == 1
    found = await ok(site.place.auditor.get(path))
    assert (found["status"], "decidedByUserId" in found) == ("Denied", False)
    evidence = (await ok(site.place.auditor.get("/evidence", params={"category": "Approval"})))["items"]
    assert "ended undecided" in evidence[-1]["summary"]
    assert await expire_overdue(works.engine) == 0


async def overdue(works: Works, path: str) -> None:
    await works.house.yard.database.execute(
        "UPDATE runs_approvals SET requested_at = requested_at - $2::interval, due_at = requested_at - $3::interval"
        " WHERE id = $1", path.rpartition("/")[2], timedelta(hours=2), timedelta(hours=1),
    )  # fmt: skip


async def test_many_at_once_do_not_wait_for_each_others_connections(site: Site, works: Works) -> None:
    """A change that holds the workspace needs no further connection: all others may be those that wait for it."""
    approver, _ = await site.place.add(Role.APPROVER)
    run, path = await gated(site)
    pool = works.house.yard.settings.database_pool
    works.house.yard.identity.members.forget(approver.user_id)
    body = {"assigneeUserId": str(approver.user_id)}
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(site.place.admin.patch(path, json=body) for _ in range(2 * pool)))
    assert {one.status_code for one in answers} == {200}
    await ok(site.place.operator.post(f"/runs/{run}/cancel"))


@pytest.mark.parametrize("kind", ["Approved", "Denied"])
async def test_a_decision_is_evidence_with_its_plan(site: Site, kind: str) -> None:
    run, path = await gated(site)
    await ok(site.place.approver.post(f"{path}/decide", json={**DECISION, "decision": kind}))
    items = (await ok(site.place.auditor.get("/evidence", params={"runId": run, "limit": 200})))["items"]
    (entry,) = [one for one in items if one["summary"].endswith(f"decided: {kind}.")]
    plan = (await ok(site.place.auditor.get(path)))["planId"]
    assert entry["links"]["planId"] == plan
    assert entry["actor"] == {"kind": "User", "userId": user(site, Role.APPROVER)}
