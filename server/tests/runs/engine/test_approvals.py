"""Approvals over HTTP: who decides, once, about what, by when, and what comes of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from runyard.services.runs.words import Role

from .works import Site, Works, ok, problem

REQUIRED = {
    "schemaVersion", "approvalId", "workspaceId", "runId", "planId", "prompt", "status", "requestedAtIso",
    "requestedByUserId",
}  # fmt: skip
A = {"actionId": "a", "input": {"value": 1}}
DECISION = {"decision": "Approved", "rationale": "Looks right."}


async def gated(site: Site, **more: object) -> tuple[str, dict]:
    """A run that waits for approval, and the approval."""
    run = await site.run(A, tier="HumanApprove", **more)
    await site.until(run, "WaitingForApproval")
    return run, await site.approval(run)


async def test_an_approved_run_goes_on(site: Site) -> None:
    run, approval = await gated(site)
    assert set(approval) >= REQUIRED
    assert not {"decidedAtIso", "decidedByUserId", "rationale"} & set(approval)
    plan = await ok(site.place.auditor.get(f"/plans/{approval['planId']}"))
    assert plan["hashSha256"] == approval["planHash"]
    assert [(one["effectId"], one["operation"], one["input"]) for one in plan["plannedEffects"]] == [
        ("a", "Upsert", {"value": 1})
    ]
    assert plan["plannedEffects"][0]["target"]["portFamily"] == "ComplianceGrc"
    decided = await site.decide(approval["approvalId"])
    assert set(decided) >= REQUIRED | {"decidedAtIso", "decidedByUserId", "rationale"}
    assert decided["status"] == "Approved"
    assert (await site.ended(run))["status"] == "Succeeded"
    summaries = await site.evidence(run)
    assert f"Approval {approval['approvalId']} decided: Approved." in summaries


async def test_a_denied_run_fails_and_nothing_was_done(site: Site) -> None:
    site.works.saying.begun.clear()
    run, approval = await gated(site)
    await site.decide(approval["approvalId"], "Denied")
    found = await site.ended(run)
    assert (found["status"], found["error"]["code"]) == ("Failed", "denied")
    assert site.works.saying.begun == []


@pytest.mark.parametrize("way", ["decide", "decision", "decisions"])
async def test_nobody_approves_what_they_have_asked_for(site: Site, way: str) -> None:
    """No self-approval on any path: the same function decides them all."""
    _, both = await site.place.add(Role.OPERATOR, Role.APPROVER)
    workflow = await site.workflow(A, tier="HumanApprove")
    run = (await ok(both.post("/runs", json={"workflowId": workflow}), 201))["runId"]
    approval = await site.approval(run)
    path = f"/approvals/{approval['approvalId']}/{way}"
    await problem(both.post(path, json=DECISION), 403, "forbidden", "can't approve it")
    body = {"runId": run, "planId": approval["planId"], "prompt": "Please"}
    mine = await ok(site.place.admin.post("/approvals", json=body), 201)
    path = f"/approvals/{mine['approvalId']}/{way}"
    await problem(site.place.admin.post(path, json=DECISION), 403, "forbidden", "can't approve it")
    await problem(both.post(path, json=DECISION), 403, "forbidden", "can't approve it")
    await ok(site.place.approver.post(path, json={"decision": "Approved", "reason": "Fine"}))


async def test_only_those_with_the_role_decide(site: Site) -> None:
    _, approval = await gated(site)
    path = f"/approvals/{approval['approvalId']}/decide"
    await problem(site.place.auditor.post(path, json=DECISION), 403, "forbidden")
    other = await site.works.house.place()
    await problem(other.approver.post(path, json=DECISION), 404, "not-found")


async def test_a_gate_may_ask_for_a_role(site: Site) -> None:
    _, approval = await gated(site, approval={"roles": ["admin"]})
    path = f"/approvals/{approval['approvalId']}/decide"
    await problem(site.place.approver.post(path, json=DECISION), 403, "forbidden", "takes the role admin")
    await ok(site.place.admin.post(path, json=DECISION))


async def test_a_quorum_is_of_different_people(site: Site) -> None:
    run, approval = await gated(site, approval={"quorum": 2})
    first = await site.decide(approval["approvalId"])
    assert (first["status"], first["approvedByUserIds"]) == (
        "Pending",
        [str(site.place.users[Role.APPROVER].user_id)],
    )
    path = f"/approvals/{approval['approvalId']}/decide"
    await problem(site.place.approver.post(path, json=DECISION), 409, "conflict", "approved")
    second = await site.decide(approval["approvalId"], by=site.place.admin)
    assert (second["status"], len(second["approvedByUserIds"])) == ("Approved", 2)
    assert (await site.ended(run))["status"] == "Succeeded"


async def test_of_a_quorum_one_denial_is_enough(site: Site) -> None:
    run, approval = await gated(site, approval={"quorum": 2})
    await site.decide(approval["approvalId"])
    await site.decide(approval["approvalId"], "Denied", by=site.place.admin)
    assert (await site.ended(run))["status"] == "Failed"


async def test_the_second_decision_is_told_the_first(site: Site) -> None:
    """Two deciders at once: one counts, the other learns which."""
    _, approval = await gated(site)
    path = f"/approvals/{approval['approvalId']}/decide"
    deny = {"decision": "Denied", "rationale": "Not today."}
    answers = await asyncio.gather(
        site.place.approver.post(path, json=DECISION), site.place.admin.post(path, json=deny)
    )
    assert sorted(one.status_code for one in answers) == [200, 409]
    won, lost = sorted(answers, key=lambda one: one.status_code)
    said = lost.json()["decision"]
    assert said["status"] == won.json()["status"]
    assert said["decidedByUserId"] == won.json()["decidedByUserId"]
    assert said["rationale"] == won.json()["rationale"]


async def test_the_same_key_decides_once(site: Site) -> None:
    """Invariant 3."""
    run, approval = await gated(site)
    path, headers = f"/approvals/{approval['approvalId']}/decide", {"Idempotency-Key": "k"}
    first = await ok(site.place.approver.post(path, json=DECISION, headers=headers))
    assert await ok(site.place.approver.post(path, json=DECISION, headers=headers)) == first
    other = {**DECISION, "decision": "Denied"}
    await problem(site.place.approver.post(path, json=other, headers=headers), 409, "conflict", "Idempotency-Key")
    await site.ended(run)
    decided = [text for text in await site.evidence(run) if "decided" in text]
    assert len(decided) == 1


async def test_a_decision_about_another_plan_does_not_count(site: Site) -> None:
    _, approval = await gated(site)
    path = f"/approvals/{approval['approvalId']}/decide"
    body = await problem(
        site.place.approver.post(path, json={**DECISION, "planHash": "0" * 64}), 409, "conflict", "another plan"
    )
    assert body["planHash"] == approval["planHash"]
    await ok(site.place.approver.post(path, json={**DECISION, "planHash": approval["planHash"]}))


async def test_a_plan_that_was_sent_back_is_made_anew(site: Site) -> None:
    workflow = await site.workflow(
        {"actionId": "a", "input": {"value": {"$ref": "parameters.amount"}}}, tier="HumanApprove"
    )
    run = await site.start(workflow, input={"amount": 5000})
    approval = await site.approval(run)
    await site.decide(approval["approvalId"], "RequestChanges")
    paused = await site.until(run, "Paused")
    assert paused["controlState"] == "blocked"
    resume = {"interventionType": "resume", "rationale": "Let it go on."}
    await problem(site.place.operator.post(f"/runs/{run}/interventions", json=resume), 409, "conflict", "was sent back")
    plan = await ok(site.place.operator.post(f"/runs/{run}/plans", json={"input": {"amount": 50}}), 201)
    assert plan["plannedEffects"][0]["input"] == {"value": 50}
    await site.until(run, "WaitingForApproval")
    again = await site.approval(run)
    assert (again["planId"], again["approvalId"] != approval["approvalId"]) == (plan["planId"], True)
    old = await ok(site.place.auditor.get(f"/approvals/{approval['approvalId']}"))
    assert (old["status"], old["void"]) == ("RequestChanges", True)
    body = {"runId": run, "planId": approval["planId"], "prompt": "The old one?"}
    await problem(site.place.operator.post("/approvals", json=body), 409, "conflict", "made anew")
    await site.decide(again["approvalId"])
    found = await site.ended(run)
    assert (found["status"], found["output"]) == ("Succeeded", {"a": {"value": 50}})


async def test_a_new_plan_voids_the_approval_of_the_one_before(site: Site) -> None:
    """Plan changed after approval was asked: an old approval never lets a new plan through."""
    run, approval = await gated(site)
    await ok(site.place.operator.post(f"/runs/{run}/plans", json={}), 201)
    path = f"/approvals/{approval['approvalId']}/decide"
    body = await problem(site.place.approver.post(path, json=DECISION), 409, "conflict", "counts no more")
    assert body["decision"]["status"] == "Denied"
    await site.decide((await site.approval(run))["approvalId"])
    assert (await site.ended(run))["status"] == "Succeeded"
    await problem(site.place.operator.post(f"/runs/{run}/plans", json={}), 409, "conflict", "has begun")


async def test_an_early_decision_is_kept(site: Site) -> None:
    run = await site.run(
        {"actionId": "a", "input": {"waits": "early"}},
        {"actionId": "b", "executionTierOverride": "HumanApprove"},
    )
    await site.step(run, "a", "Running")
    approval = await site.approval(run)
    assert (approval["actionId"], (await site.get(run))["status"]) == ("b", "Running")
    await site.decide(approval["approvalId"])
    site.works.saying.gate("early").set()
    assert (await site.ended(run))["status"] == "Succeeded"


async def test_what_is_not_decided_in_time_is_denied(site: Site) -> None:
    """Fail closed; decide after expiry."""
    run, approval = await gated(site, approval={"dueSeconds": 0.3})
    found = await site.ended(run)
    assert (found["status"], found["error"]["code"]) == ("Failed", "denied")
    path = f"/approvals/{approval['approvalId']}/decide"
    body = await problem(site.place.approver.post(path, json=DECISION), 409, "conflict")
    assert body["decision"]["status"] == "Denied"
    assert "decidedByUserId" not in body["decision"]


async def test_a_late_decision_does_not_count_even_before_anybody_noticed(site: Site, works: Works) -> None:
    _, approval = await gated(site)
    await works.house.yard.database.execute(
        "UPDATE runs_approvals SET requested_at = requested_at - $2::interval, due_at = requested_at - $3::interval WHERE id = $1",
        approval["approvalId"], timedelta(hours=2), timedelta(hours=1),
    )  # fmt: skip
    path = f"/approvals/{approval['approvalId']}/decide"
    await problem(site.place.approver.post(path, json=DECISION), 409, "conflict", "counts as denied")


async def test_an_approval_can_be_given_to_somebody_else(site: Site) -> None:
    run, approval = await gated(site)
    user, client = await site.place.add(Role.APPROVER)
    path = f"/approvals/{approval['approvalId']}"
    changed = await ok(site.place.operator.patch(path, json={"assigneeUserId": str(user.user_id)}))
    assert changed["assigneeUserId"] == str(user.user_id)
    await problem(site.place.approver.post(f"{path}/decide", json=DECISION), 403, "forbidden", "Somebody else")
    auditor = str(site.place.users[Role.AUDITOR].user_id)
    await problem(
        site.place.operator.patch(path, json={"assigneeUserId": auditor}), 422, "validation-failed", "may not"
    )
    await problem(site.place.operator.patch(path, json={"assigneeUserId": "x"}), 422, "validation-failed", "no user")
    await ok(client.post(f"{path}/decide", json=DECISION))
    assert (await site.ended(run))["status"] == "Succeeded"
    await problem(site.place.operator.patch(path, json={"assigneeUserId": str(user.user_id)}), 409, "conflict")


async def test_further_people_are_asked_when_nobody_answers(site: Site) -> None:
    first, _ = await site.place.add(Role.APPROVER)
    second, client = await site.place.add(Role.APPROVER)
    rule = {
        "assigneeUserId": str(first.user_id),
        "escalateTo": [str(second.user_id)],
        "escalateAfterSeconds": 0.2,
    }
    _, approval = await gated(site, approval=rule)
    path = f"/approvals/{approval['approvalId']}"

    async def read() -> dict:
        return await ok(site.place.auditor.get(path))

    await site.works.until(read, lambda found: found["assigneeUserId"] == str(second.user_id))
    await problem(site.place.approver.post(f"{path}/decide", json=DECISION), 403, "forbidden")
    await ok(client.post(f"{path}/decide", json=DECISION))


async def test_one_more_approval_holds_a_run(site: Site) -> None:
    run, approval = await gated(site)
    body = {
        "runId": run,
        "planId": approval["planId"],
        "prompt": "The controller, too",
        "dueAtIso": "2999-01-01T00:00:00Z",
    }
    second = await ok(site.place.operator.post("/approvals", json=body), 201)
    assert set(second) >= REQUIRED | {"dueAtIso"}
    await site.decide(approval["approvalId"])
    assert (await site.get(run))["status"] == "WaitingForApproval"
    await site.decide(second["approvalId"])
    assert (await site.ended(run))["status"] == "Succeeded"
    await problem(site.place.operator.post("/approvals", json=body), 409, "conflict", "has ended")


async def test_approvals_that_can_not_be_asked_for(site: Site) -> None:
    run, approval = await gated(site)
    post = site.place.operator.post
    good = {"runId": run, "planId": approval["planId"], "prompt": "Please"}
    for field in good:
        lacking = {name: value for name, value in good.items() if name != field}
        await problem(post("/approvals", json=lacking), 422, "validation-failed", field)
    await problem(post("/approvals", json={**good, "runId": "x"}), 404, "not-found")
    await problem(post("/approvals", json={**good, "planId": "x"}), 404, "not-found")
    await problem(post("/approvals", json={**good, "more": 1}), 422, "validation-failed", "more")
    await problem(post("/approvals", json={**good, "prompt": " "}), 422, "validation-failed", "prompt")
    past = {**good, "dueAtIso": "2001-01-01T00:00:00Z"}
    await problem(post("/approvals", json=past), 422, "validation-failed", "past")
    mine = {**good, "assigneeUserId": str(site.place.users[Role.OPERATOR].user_id)}
    await problem(post("/approvals", json=mine), 422, "validation-failed")
    await problem(site.place.auditor.post("/approvals", json=good), 403, "forbidden")


@pytest.mark.parametrize(
    "body",
    [
        {"decision": "Approved"},
        {"decision": "Maybe", "rationale": "x"},
        {"decision": "Approved", "rationale": "  "},
        {"rationale": "x"},
        {"decision": "Approved", "rationale": "x", "reason": "y"},
        {"decision": "Approved", "rationale": "x", "previousApproverIds": []},
    ],
)
async def test_decisions_that_are_none(site: Site, body: dict) -> None:
    post = site.place.approver.post
    await problem(post("/approvals/x/decide", json=body), 422, "validation-failed")
    await problem(post("/approvals/x/decide", json=DECISION), 404, "not-found")
    await problem(post("/approvals/x/decide", content=b"nothing"), 400, "bad-request")


async def test_approvals_are_listed_with_filters(site: Site) -> None:
    run, approval = await gated(site)
    other, _ = await gated(site, name="Another")
    get = site.place.auditor.get
    for params in ({"runId": run}, {"planId": approval["planId"]}, {"runId": run, "status": "Pending"}):
        found = (await ok(get("/approvals", params=params)))["items"]
        assert [one["approvalId"] for one in found] == [approval["approvalId"]]
    assert len((await ok(get("/approvals", params={"requestedByUserId": approval["requestedByUserId"]})))["items"]) == 2
    assert (await ok(get("/approvals", params={"status": "Denied"})))["items"] == []
    await problem(get("/approvals", params={"status": "Odd"}), 422, "validation-failed")
    assert (await site.get(other))["status"] == "WaitingForApproval"


async def test_a_cancelled_run_asks_nobody_any_more(site: Site) -> None:
    run, approval = await gated(site)
    await ok(site.place.operator.post(f"/runs/{run}/cancel"))
    assert await site.approvals(run) == []
    path = f"/approvals/{approval['approvalId']}/decide"
    await problem(site.place.approver.post(path, json=DECISION), 409, "conflict", "counts no more")
