"""A plan that is made anew is held to all that the first one was held to: policies, people, and what is prepared."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from runyard.services.runs.words import Role

from ..house import open_house
from .works import SAY, Saying, Site, Works, ok, problem

AMOUNT = {"actionId": "a", "input": {"value": {"$ref": "parameters.amount"}}}
DECISION = {"decision": "Approved", "rationale": "Looks right."}


@pytest.fixture(scope="module")
async def still(yard_database: str) -> AsyncIterator[Works]:
    """A yard without a worker: a run goes on when the test says so."""
    async with open_house(yard_database, [SAY]) as house:
        yield Works(house, Saying())


async def saved(site: Site, **policy: object) -> str:
    body = {"name": "Rules", "active": True, "priority": 1, **policy}
    return (await ok(site.place.admin.post("/policies", json=body), 201))["policyId"]


async def anew(site: Site, run: str, amount: object) -> dict:
    return await ok(site.place.operator.post(f"/runs/{run}/plans", json={"input": {"amount": amount}}), 201)


async def test_who_made_the_plan_anew_does_not_approve_it(site: Site) -> None:
    _, other = await site.place.add(Role.OPERATOR, Role.APPROVER)
    workflow = await site.workflow(AMOUNT, tier="HumanApprove")
    run = await site.start(workflow, input={"amount": 5})
    await site.approval(run)
    plan = await ok(other.post(f"/runs/{run}/plans", json={"input": {"amount": 5000}}), 201)
    approval = await site.approval(run)
    assert approval["planId"] == plan["planId"]
    assert approval["requestedByUserId"] == plan["createdByUserId"] != (await site.get(run))["initiatedByUserId"]
    path = f"/approvals/{approval['approvalId']}/decide"
    await problem(other.post(path, json=DECISION), 403, "forbidden", "can't approve it")
    await ok(site.place.approver.post(path, json=DECISION))
    assert (await site.ended(run))["output"] == {"a": {"value": 5000}}


async def test_a_gate_that_opens_later_bars_who_made_the_plan_anew(site: Site) -> None:
    _, other = await site.place.add(Role.OPERATOR, Role.APPROVER)
    gated = {
        "actionId": "b", "executionTierOverride": "HumanApprove", "input": {"value": {"$ref": "actions.a.output.value"}}
    }  # fmt: skip
    workflow = await site.workflow({**AMOUNT, "executionTierOverride": "HumanApprove"}, gated)
    run = await site.start(workflow, input={"amount": 5})
    await site.approval(run)
    await ok(other.post(f"/runs/{run}/plans", json={"input": {"amount": 5000}}), 201)
    await site.decide((await site.approval(run))["approvalId"])
    second = await site.works.until(lambda: site.approvals(run), bool)
    path = f"/approvals/{second[0]['approvalId']}/decide"
    await problem(other.post(path, json=DECISION), 403, "forbidden", "can't approve it")
    await ok(site.place.approver.post(path, json=DECISION))


async def test_policies_are_asked_about_the_new_parameters(site: Site) -> None:
    policy = await saved(
        site, rules=[{"ruleId": "huge", "condition": "parameters.amount > 10000", "effect": "Deny"}]
    )  # fmt: skip
    workflow = await site.workflow(AMOUNT, tier="HumanApprove", policyIds=[policy])
    run = await site.start(workflow, input={"amount": 5})
    first = await site.approval(run)
    body = {"input": {"amount": 10_001}}
    await problem(site.place.operator.post(f"/runs/{run}/plans", json=body), 403, "forbidden", "'huge'")
    assert (await site.approval(run))["approvalId"] == first["approvalId"]


async def test_a_policy_can_ask_for_approval_of_the_new_parameters(still: Works) -> None:
    site = Site(still, await still.house.place())
    policy = await saved(
        site, rules=[{"ruleId": "small", "condition": "parameters.amount <= 100", "effect": "Allow"}]
    )  # fmt: skip
    run = await site.start(await site.workflow(AMOUNT, policyIds=[policy]), input={"amount": 5})
    await anew(site, run, 101)
    assert (await site.get(run))["executionTier"] == "HumanApprove"
    assert len(await site.approvals(run)) == 1


async def test_a_policy_asks_for_as_many_people_as_before(site: Site) -> None:
    policy = await saved(site, sodConstraints=[{"kind": "DistinctApprovers", "minimumApprovers": 2}])
    workflow = await site.workflow(AMOUNT, tier="HumanApprove", policyIds=[policy])
    run = await site.start(workflow, input={"amount": 5})
    assert (await site.approval(run))["quorum"] == 2
    await anew(site, run, 6)
    assert (await site.approval(run))["quorum"] == 2


async def test_what_was_prepared_for_the_old_plan_is_not_done(still: Works) -> None:
    """The plan changes between the look at a run and its moves."""
    site = Site(still, await still.house.place())
    engine = still.engine
    run = await site.start(await site.workflow(AMOUNT), input={"amount": 5})
    look = await engine.look(run)
    await anew(site, run, 6)
    standing = await engine.go_on(look)
    while standing.again:
        standing = await engine.go_on(await engine.look(run))
    (child,) = standing.children
    assert (await still.house.yard.jobs.get(child)).params["value"] == 6
    assert (await site.get(run))["steps"][0]["input"] == {"value": 6}


async def test_a_run_that_was_done_again_is_not_approved_by_who_started_the_first(site: Site) -> None:
    _, first = await site.place.add(Role.OPERATOR, Role.APPROVER)
    workflow = await site.workflow({"actionId": "a"}, tier="HumanApprove")
    run = (await ok(first.post("/runs", json={"workflowId": workflow}), 201))["runId"]
    await site.approval(run)
    await ok(site.place.operator.post(f"/runs/{run}/cancel"))
    again = (await ok(site.place.operator.post(f"/runs/{run}/retry", json={}), 201))["runId"]
    path = f"/approvals/{(await site.approval(again))['approvalId']}/decide"
    await problem(first.post(path, json=DECISION), 403, "forbidden", "can't approve it")
    await ok(site.place.approver.post(path, json=DECISION))


async def test_what_was_disabled_is_not_done_again_either(site: Site) -> None:
    run = await site.run({"actionId": "a", "input": {"waits": "disabled"}}, name="Disabled")
    await site.step(run, "a", "Running")
    deed = {"interventionType": "emergency-disable", "rationale": "It burns down there."}
    await ok(site.place.admin.post(f"/runs/{run}/interventions", json=deed))
    await ok(site.place.operator.post(f"/runs/{run}/cancel"))
    await problem(site.place.operator.post(f"/runs/{run}/retry", json={}), 409, "conflict", "not active")
