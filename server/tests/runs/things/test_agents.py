"""Agents: registered, tested, put into quarantine, and what they propose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from runs.house import House, Place, open_house

from .shapes import far_machine, made, no_nulls, problem, register

AGENT = {"name": "clerk", "endpoint": "https://agents.example.com/clerk", "allowedCapabilities": ["generate"]}
PROPOSAL = {"actionKind": "tool", "toolName": "invoice:read", "rationale": "To answer the customer."}


async def agent(place: Place, **more: object) -> dict:
    return await made(await place.admin.post("/agents", json={**AGENT, **more}))


async def test_an_agent_is_as_the_contract_says(place: Place) -> None:
    answer = await place.admin.post("/agents", json={**AGENT, "modelId": "small-1"})
    shown = await made(answer)
    assert answer.headers["location"].endswith(f"/agents/{shown['agentId']}")
    assert {name: shown[name] for name in AGENT} == AGENT
    assert (shown["schemaVersion"], shown["modelId"], shown["workspaceId"]) == (1, "small-1", place.id)
    assert no_nulls(shown)
    path = f"/agents/{shown['agentId']}"
    assert (await place.auditor.get(path)).json() == shown
    assert (await place.auditor.get("/agents")).json() == {"items": [shown]}
    seen = (await place.admin.get(path)).headers["etag"]
    changed = await place.admin.patch(path, json={"name": "scribe"}, headers={"If-Match": seen})
    assert (changed.status_code, changed.json()["name"]) == (200, "scribe")
    problem(await place.admin.patch(path, json={"name": "x"}, headers={"If-Match": seen}), 412, "precondition-failed")
    problem(await place.operator.patch(path, json={"name": "x"}), 403, "forbidden")
    problem(await place.operator.post("/agents", json=AGENT), 403, "forbidden")


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        ({"endpoint": "clerk"}, 422, "validation-failed"),
        ({"endpoint": "ftp://x.example"}, 422, "validation-failed"),
        ({"endpoint": "https://x.example/?token=1"}, 422, "validation-failed"),
        ({"name": ""}, 422, "validation-failed"),
        ({"allowedCapabilities": ["fly"]}, 422, "validation-failed"),
        ({"policyTier": "Auto", "allowedTools": ["invoice:pay"]}, 422, "validation-failed"),
        ({"allowedTools": ["shell"]}, 422, "validation-failed"),
        ({"machineId": "machine-none"}, 404, "not-found"),
        ({"workspaceId": "ws-other"}, 403, "forbidden"),
    ],
)
async def test_what_is_no_agent_is_refused(shared: Place, changes: dict, status: int, slug: str) -> None:
    problem(await shared.admin.post("/agents", json={**AGENT, **changes}), status, slug)
    assert (await shared.admin.get("/agents")).json() == {"items": []}


@pytest.fixture(scope="module")
async def shared(house: House) -> Place:
    """A workspace for tests in which nothing comes about."""
    return await house.place()


async def test_an_agent_may_do_no_more_than_its_machine(place: Place) -> None:
    machine = (await register(place, allowedCapabilities=["classify"]))["machineId"]
    refused = await place.admin.post("/agents", json={**AGENT, "machineId": machine})
    assert "generate" in problem(refused, 422, "validation-failed")["errors"]["allowedCapabilities"][0]
    await agent(place, machineId=machine, allowedCapabilities=["classify"])


async def test_an_agent_that_comes_again_with_more_goes_into_quarantine(place: Place) -> None:
    known = await agent(place)
    path = f"/agents/{known['agentId']}"
    problem(await place.admin.post("/agents", json=AGENT), 409, "conflict")
    assert "quarantineReason" not in (await place.admin.get(path)).json()
    more = {**AGENT, "allowedCapabilities": ["generate", "execute-code"]}
    assert problem(await place.admin.post("/agents", json=more), 409, "conflict")["agentId"] == known["agentId"]
    assert "execute-code" in (await place.admin.get(path)).json()["quarantineReason"]
    denied = await place.operator.post("/agent-actions:propose", json={**PROPOSAL, "agentId": known["agentId"]})
    assert "quarantine" in problem(denied, 403, "forbidden")["detail"]
    reviewed = await made(await place.admin.patch(path, json={"allowedCapabilities": ["generate"]}), 200)
    assert "quarantineReason" not in reviewed


async def test_an_agents_heartbeat_is_heard(house: House, place: Place) -> None:
    machine = await far_machine(house, place, "x:y", allowedCapabilities=["generate"])
    path = f"/agents/{(await agent(place, machineId=machine.id))['agentId']}"
    for client in (machine.client, place.operator):
        heard = await made(await client.post(f"{path}/heartbeat", json={"metrics": {"queue": 1}}), 200)
        assert (heard["status"], heard["metrics"]) == ("ok", {"queue": 1})
    assert (await place.auditor.get(path)).json()["status"] == "Online"
    other = await far_machine(house, place, hostname="forge-2")
    problem(await other.client.post(f"{path}/heartbeat", json={}), 403, "forbidden")
    problem(await place.auditor.post(f"{path}/heartbeat", json={}), 403, "forbidden")
    problem(await place.operator.post(f"{path}/heartbeat", json={"status": "offline"}), 400, "bad-request")
    problem(await place.operator.post("/agents/agent-none/heartbeat", json={}), 404, "not-found")


async def test_an_agents_business_is_what_its_machine_owns(house: House, place: Place) -> None:
    machine = await far_machine(house, place, "x:y", allowedCapabilities=["generate"])
    agent_id = (await agent(place, machineId=machine.id))["agentId"]
    alone = (await agent(place, name="loner"))["agentId"]
    user = (await house.yard.identity.service_accounts.get(place.id, machine.client_id)).user_id
    await made(await place.operator.post("/work-items", json={"title": "Somebody else's"}))
    await house.yard.database.execute(
        "INSERT INTO runs_work_items (id, workspace, title, status, owner, created_at, created_by)"
        " VALUES ('its-own', $1, 'Its own', 'Open', $2, now(), $3)",
        place.id, user, str(user),
    )  # fmt: skip
    for client in (place.auditor, machine.client):
        shown = (await client.get(f"/agents/{agent_id}/work-items")).json()
        assert (shown["agentId"], [one["title"] for one in shown["items"]]) == (agent_id, ["Its own"])
    assert (await place.auditor.get(f"/agents/{alone}/work-items")).json() == {"agentId": alone, "items": []}
    problem(await machine.client.get(f"/agents/{alone}/work-items"), 403, "forbidden")


# -------------------------------------------------------------------- tested


@pytest.fixture(scope="module")
async def near(yard_database: str) -> AsyncIterator[tuple[House, str]]:
    """A yard that may speak to an endpoint on this machine, and the endpoint."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with open_house(yard_database, runs_http_hosts=address) as house:
            yield house, f"http://{address}/agent"


async def test_an_endpoint_that_answers_is_reached(near: tuple[House, str]) -> None:
    house, endpoint = near
    place = await house.place()
    path = f"/agents/{(await agent(place, endpoint=endpoint))['agentId']}/test"
    tested = await made(await place.operator.post(path), 200)
    assert tested["status"] in {"ok", "slow"}
    assert no_nulls(tested)
    problem(await place.auditor.post(path), 403, "forbidden")


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9/", "http://169.254.169.254/latest", "http://[::1]:1/"])
async def test_no_endpoint_of_the_internal_network_is_asked(shared: Place, endpoint: str) -> None:
    known = await agent(shared, endpoint=endpoint, name=endpoint)
    tested = await made(await shared.operator.post(f"/agents/{known['agentId']}/test"), 200)
    assert tested["status"] == "unreachable"
    assert "RUNYARD_RUNS_HTTP_HOSTS" in tested["errorMessage"]


# -------------------------------------------------------------------- proposals


async def propose(place: Place, agent_id: str, **more: object):
    return await place.operator.post("/agent-actions:propose", json={**PROPOSAL, "agentId": agent_id, **more})


async def test_what_only_reads_is_allowed_at_once(place: Place) -> None:
    agent_id = (await agent(place))["agentId"]
    allowed = await made(await propose(place, agent_id), 200)
    assert (allowed["decision"], "approvalId" in allowed) == ("Allow", False)
    entries = (await place.auditor.get("/evidence", params={"category": "Policy"})).json()["items"]
    assert entries[-1]["summary"] == f"Agent {agent_id} proposed invoice:read: Allow."


@pytest.mark.parametrize(
    "more", [{"toolName": "invoice:pay"}, {"toolName": "invoice:frobnicate"}, {"executionTier": "HumanApprove"}]
)
async def test_what_changes_something_takes_approval(place: Place, more: dict) -> None:
    agent_id = (await agent(place))["agentId"]
    proposed = await made(await propose(place, agent_id, **more), 202)
    approval = (await place.auditor.get(f"/approvals/{proposed['approvalId']}")).json()
    assert (approval["status"], approval["planId"]) == ("Pending", proposed["planId"])
    assert "To answer the customer." in approval["prompt"]
    assert (await place.auditor.get(f"/plans/{proposed['planId']}")).status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {"toolName": "shell"},
        {"toolName": "package.install"},
        {"executionTier": "ManualOnly"},
        {"toolName": "mail:read"},
    ],
)
async def test_what_an_agent_may_not_do_is_denied_and_that_is_on_record(place: Place, more: dict) -> None:
    agent_id = (await agent(place, allowedTools=["invoice:read"]))["agentId"]
    denied = problem(await propose(place, agent_id, **more), 403, "forbidden")
    assert denied["decision"] == "Denied"
    entries = (await place.auditor.get("/evidence", params={"category": "Policy"})).json()["items"]
    assert entries[-1]["summary"].endswith(": Deny.")


async def test_proposing_again_with_the_same_key_asks_nobody_again(place: Place) -> None:
    agent_id = (await agent(place))["agentId"]
    first = await made(await propose(place, agent_id, toolName="invoice:pay", idempotencyKey="pay-1"), 202)
    assert await made(await propose(place, agent_id, toolName="invoice:pay", idempotencyKey="pay-1"), 202) == first
    problem(await propose(place, agent_id, toolName="invoice:send", idempotencyKey="pay-1"), 409, "conflict")
    assert len((await place.auditor.get("/approvals")).json()["items"]) == 1


async def test_an_approved_action_is_done_once_by_its_machine(house: House, place: Place) -> None:
    machine = await far_machine(house, place, "invoice:pay", allowedCapabilities=["generate"])
    await place.admin.patch(f"/machines/{machine.id}", json={"operations": ["invoice:pay"]})
    agent_id = (await agent(place, machineId=machine.id))["agentId"]
    asked = {"agentId": agent_id, **PROPOSAL, "toolName": "invoice:pay", "parameters": {"amount": 5}}
    proposed = await made(await machine.client.post("/agent-actions:propose", json=asked), 202)
    path = f"/agent-actions/{proposed['approvalId']}/execute"
    problem(await machine.client.post(path, json={"flowRef": "flow-1"}), 409, "conflict")
    decision = {"decision": "Approved", "rationale": "It is owed."}
    await made(await place.approver.post(f"/approvals/{proposed['approvalId']}/decide", json=decision), 200)
    other = {"flowRef": "flow-1", "payload": {"amount": 5000}}
    problem(await machine.client.post(path, json=other), 409, "conflict")
    begun = await made(await machine.client.post(path, json={"flowRef": "flow-1"}), 200)
    assert begun["status"] == "Executing"
    (handed,) = (await machine.claim())["invocations"]
    assert (handed["action"], handed["input"]) == ("invoice:pay", {"amount": 5})
    await made(await machine.report(handed["invocationId"], status="completed", output={"paid": True}), 200)
    done = await made(await machine.client.post(path, json={"flowRef": "flow-1"}), 200)
    assert (done["executionId"], done["status"], done["output"]) == (begun["executionId"], "Executed", {"paid": True})
    assert (await machine.claim())["invocations"] == []


async def test_what_was_approved_is_not_done_by_an_agent_in_quarantine(house: House, place: Place) -> None:
    machine = await far_machine(house, place, "invoice:pay", allowedCapabilities=["generate", "execute-code"])
    known = await agent(place, machineId=machine.id)
    asked = {"agentId": known["agentId"], **PROPOSAL, "toolName": "invoice:pay"}
    proposed = await made(await machine.client.post("/agent-actions:propose", json=asked), 202)
    decision = {"decision": "Approved", "rationale": "It is owed."}
    await made(await place.approver.post(f"/approvals/{proposed['approvalId']}/decide", json=decision), 200)
    more = {**AGENT, "machineId": machine.id, "allowedCapabilities": ["generate", "execute-code"]}
    problem(await place.admin.post("/agents", json=more), 409, "conflict")
    path = f"/agent-actions/{proposed['approvalId']}/execute"
    told = problem(await machine.client.post(path, json={"flowRef": "flow-1"}), 409, "conflict")
    assert "quarantine" in told["detail"]
    assert (await machine.claim())["invocations"] == []


async def test_nobody_approves_what_their_agent_proposed(place: Place) -> None:
    agent_id = (await agent(place))["agentId"]
    asked = {"agentId": agent_id, **PROPOSAL, "toolName": "invoice:pay"}
    proposed = await made(await place.admin.post("/agent-actions:propose", json=asked), 202)
    decision = {"decision": "Approved", "rationale": "I want it."}
    path = f"/approvals/{proposed['approvalId']}/decide"
    problem(await place.admin.post(path, json=decision), 403, "forbidden")
    problem(await place.auditor.post("/agent-actions:propose", json=asked), 403, "forbidden")
    problem(await place.operator.post("/agent-actions/approval-none/execute", json={"flowRef": "x"}), 404, "not-found")


async def test_one_agent_does_not_do_two_duties_that_exclude_each_other(place: Place) -> None:
    apart = {"kind": "IncompatibleDuties", "dutyKeys": ["order", "check"]}
    await made(await place.admin.post("/policies", json={"name": "Four eyes", "sodConstraints": [apart]}))
    first, second = [(await agent(place, name=name))["agentId"] for name in ("clerk", "scribe")]
    tied = {"correlationId": "order-7"}
    await made(await propose(place, first, actionKind="order", **tied), 200)
    denied = problem(await propose(place, first, actionKind="check", **tied), 403, "forbidden")
    assert "may not be done by one" in denied["detail"]
    await made(await propose(place, second, actionKind="check", **tied), 200)
    await made(await propose(place, first, actionKind="check", correlationId="order-8"), 200)


async def test_an_agent_outlives_its_machine(house: House, place: Place) -> None:
    machine = await far_machine(house, place, "text:write", allowedCapabilities=["generate"])
    known = (await agent(place, machineId=machine.id))["agentId"]
    assert (await place.admin.delete(f"/machines/{machine.id}")).status_code == 204
    assert (await place.auditor.get(f"/agents/{known}/work-items")).json() == {"agentId": known, "items": []}
    assert (await place.operator.post("/agent-actions:propose", json={**PROPOSAL, "agentId": known})).is_success
