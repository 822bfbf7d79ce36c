"""What belongs to one workspace is nothing to another: its ids are answered as ids that nothing has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from runyard.testing.running import RunningYard, wait_until

from .conftest import inhabited, token_of
from .test_answers import GUARDED
from .test_bad_input import APPROVE, ASK, made

THEIRS: Final = "ws-theirs"
OURS: Final = "ws-ours"
Record = dict[str, Any]

ADAPTER: Final = {
    "providerSlug": "ledger", "portFamily": "FinanceAccounting",
    "executionPolicy": {
        "tenantIsolationMode": "PerTenantWorker", "egressAllowlist": ["https://erp.example.com"],
        "credentialScope": "capabilityMatrix", "sandboxVerified": True, "sandboxAvailable": True,
    },
    "capabilityMatrix": [{"operation": "invoice:pay", "requiresAuth": False}],
}  # fmt: skip
AGENT: Final = {"endpoint": "https://agents.example.com/clerk", "allowedCapabilities": ["generate"]}
CAPABILITIES: Final = ["operations.dispatch"]

BODIES: Final[Mapping[str, Record]] = {
    "updateWorkspaceUser": {"active": False},
    "updateWorkItem": {"title": "Ours now"},
    "putWorkItemAssignment": {"workforceMemberId": None},
    "assignHumanTask": {"workforceMemberId": "somebody"},
    "completeHumanTask": {},
    "escalateHumanTask": {"workforceQueueId": "some-queue"},
    "updateWorkforceQueue": {"name": "Ours now"},
    "updateWorkforceMember": {"displayName": "Ours now"},
    "patchWorkforceMemberAvailability": {"availabilityStatus": "offline"},
    "updateMachine": {"slots": 2},
    "quarantineMachine": {"reason": "It isn't ours."},
    "heartbeatMachine": {},
    "createMachineInvocation": {"action": "invoice:pay"},
    "updateAgent": {"name": "Ours now"},
    "heartbeatAgent": {},
    "updateAdapterRegistration": {"enabled": False},
    "updateCredentialGrant": {"scope": "all"},
    "executeApprovedAgentAction": {"flowRef": "flow"},
    "updateWorkflow": {"name": "Ours now"},
    "submitRunIntervention": {"interventionType": "annotate", "rationale": "It isn't ours."},
    "retryRun": {},
    "planRunAnew": {},
    "updateApproval": {"assigneeUserId": str(uuid4())},
    "decideApproval": APPROVE,
}
"""A body for each operation that is about one thing and takes one."""

ONLY_FOR_MACHINES: Final = frozenset({"claimMachineInvocations", "reportMachineInvocation", "enrolMachine"})


class Place:
    """A workspace; a full one has one of everything."""

    def __init__(self, yard: RunningYard, workspace: str, *, full: bool) -> None:
        keys = inhabited(yard, workspace)
        self.client = httpx.Client(
            base_url=f"{yard.url}/v1/workspaces/{workspace}", timeout=60, trust_env=False,
            headers={"Authorization": f"Bearer {token_of(yard, keys)}"},
        )  # fmt: skip
        self.ids: dict[str, str] = {}
        if full:
            self._fill()

    def make(self, path: str, said: Record | None = None, *, id: str, status: int = 201) -> Record:  # noqa: A002
        thing = made(self.client.post(path, json=said), status)
        self.ids[id] = thing[id]
        return thing

    def _fill(self) -> None:
        users = made(self.client.get("/users"), 200)["items"]
        self.ids["userId"] = users[0]["userId"]
        self.make("/service-accounts", {"name": "nightly", "roles": ["auditor"]}, id="clientId")
        self.make("/evidence", {"category": "ToolExecution", "actor": "clerk", "summary": "Theirs."}, id="evidenceId")
        self.make("/work-items", {"title": "Theirs"}, id="workItemId")
        member = {"linkedUserId": self.ids["userId"], "capabilities": CAPABILITIES}
        self.make("/workforce", member, id="workforceMemberId")
        self.make("/workforce/queues", {"name": "Desk", "requiredCapabilities": CAPABILITIES}, id="workforceQueueId")
        layer = {"siteId": "s", "floorId": "f", "layerType": "Floorplan", "coordinateFrame": "c"}
        self.make("/map-layers", layer | {"validFromIso": "2026-01-01T00:00:00Z"}, id="mapLayerId")
        self.make("/machines", {"hostname": "forge", "allowedCapabilities": ["generate"]}, id="machineId")
        self._enrol()
        self.make(
            f"/machines/{self.ids['machineId']}/invocations", {"action": "invoice:pay"}, id="invocationId", status=202
        )
        self.make("/agents", {"name": "clerk", "machineId": self.ids["machineId"], **AGENT}, id="agentId")
        self.make("/adapter-registrations", ADAPTER, id="adapterId")
        grant = {"adapterId": self.ids["adapterId"], "credentialsRef": "vault:erp", "scope": "read"}
        self.make("/credential-grants", grant, id="credentialGrantId")
        rule = {"ruleId": "r", "condition": "true", "effect": "Allow"}
        self.make("/policies", {"name": "Theirs", "rules": [rule], "priority": 1, "active": False}, id="policyId")
        upload = self.client.post("/files", content=uuid4().bytes, headers={"Content-Type": "application/octet-stream"})
        self.ids["sha256"] = made(upload)["sha256"]
        flow = {"name": "Theirs", "executionTier": "HumanApprove", "actions": [ASK]}
        self.make("/workflows", flow, id="workflowId")
        self.make("/runs", {"workflowId": self.ids["workflowId"]}, id="runId")
        approval = self._first("/approvals", {"runId": self.ids["runId"]})
        self.ids |= {"approvalId": approval["approvalId"], "planId": approval["planId"]}
        plain = made(self.client.post("/workflows", json={"name": "Plain", "executionTier": "Auto", "actions": [ASK]}))
        run = made(self.client.post("/runs", json={"workflowId": plain["workflowId"]}))["runId"]
        self.ids["humanTaskId"] = self._first("/human-tasks", {"runId": run})["humanTaskId"]

    def _enrol(self) -> None:
        machine = self.ids["machineId"]
        ticket = made(self.client.post(f"/machines/{machine}/enrolment"))["token"]
        asked = {"token": ticket, "operations": ["invoice:pay"]}
        made(self.client.patch(f"/machines/{machine}", json={"operations": ["invoice:pay"]}), 200)
        made(self.client.post(f"/machines/{machine}/enrol", json=asked))

    def _first(self, path: str, query: Mapping[str, str]) -> Record:
        found: list[Record] = []

        def look() -> bool:
            found[:] = made(self.client.get(path, params=query), 200)["items"]
            return bool(found)

        wait_until(look, f"something at {path}")
        return found[0]


@pytest.fixture(scope="module")
def theirs(yard: RunningYard) -> Iterator[Place]:
    place = Place(yard, THEIRS, full=True)
    yield place
    place.client.close()


@pytest.fixture(scope="module")
def ours(yard: RunningYard) -> Iterator[Place]:
    place = Place(yard, OURS, full=False)
    yield place
    place.client.close()


ABOUT_ONE: Final = [
    each
    for each in GUARDED
    if each.values[1].startswith("/v1/workspaces/{workspaceId}/") and each.values[1].count("{") > 1
    if each.id not in ONLY_FOR_MACHINES
]
LISTS: Final = [each for each in GUARDED if str(each.id).startswith("list") and each.values[1].count("{") == 1]


def filled(path: str, ids: Mapping[str, str]) -> str:
    """A path below a workspace."""
    path = path.removeprefix("/v1/workspaces/{workspaceId}")
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, path
    return path


def state(place: Place) -> tuple[int, str]:
    """The workspace's evidence: whatever changes there is in it."""
    told = made(place.client.get("/evidence/checkpoint"), 200)
    return told["treeSize"], told["rootHash"]


def told(answer: httpx.Response, ids: Mapping[str, str]) -> str:
    """What a program can tell by an answer, whatever ids it asked with."""
    text = json.dumps([answer.status_code, answer.json()], sort_keys=True)
    for name, value in ids.items():
        text = text.replace(value, f"<{name}>")
    return text


@pytest.mark.parametrize(("method", "path", "operation"), ABOUT_ONE)
def test_an_id_of_another_workspace_is_one_that_nothing_has(
    theirs: Place, ours: Place, method: str, path: str, operation: dict
) -> None:
    """Invariant 4."""
    body = BODIES.get(operation["operationId"])
    assert (body is None) == ("requestBody" not in operation)
    unknown = {name: f"{value[:-12]}{uuid4().hex[:12]}" for name, value in theirs.ids.items()}
    answers = [told(ours.client.request(method, filled(path, ids), json=body), ids) for ids in (theirs.ids, unknown)]
    assert answers[0] == answers[1]
    assert answers[0].startswith("[404")


@pytest.mark.parametrize(("method", "path"), [pytest.param(*each.values[:2], id=each.id) for each in LISTS])
def test_no_list_has_anything_of_another_workspace(theirs: Place, ours: Place, method: str, path: str) -> None:
    answer = ours.client.request(method, filled(path, {}), params={"limit": "200"})
    assert answer.status_code == 200
    assert not [value for value in theirs.ids.values() if value in answer.text]


NAMED: Final[list[tuple[str, Record, str]]] = [
    ("/runs", {}, "workflowId"),
    ("/approvals", {"planId": "p", "prompt": "?"}, "runId"),
    ("/credential-grants", {"credentialsRef": "vault:x", "scope": "read"}, "adapterId"),
    ("/agents", {"name": "clerk", **AGENT}, "machineId"),
    ("/work-items", {"title": "Ours"}, "ownerUserId"),
    ("/workforce", {"capabilities": CAPABILITIES}, "linkedUserId"),
    ("/agent-actions:propose", {"actionKind": "tool", "toolName": "invoice:read", "rationale": "Because."}, "agentId"),
]
"""Where a body names a thing."""


@pytest.mark.parametrize(("path", "said", "name"), NAMED, ids=[f"{path[1:]} {name}" for path, _, name in NAMED])
def test_a_body_that_names_a_thing_of_another_workspace_names_nothing(
    theirs: Place, ours: Place, path: str, said: Record, name: str
) -> None:
    known = theirs.ids["userId" if "User" in name else name]
    unknown = str(uuid4()) if "User" in name else f"{known[:-12]}{uuid4().hex[:12]}"
    answers = [told(ours.client.post(path, json={**said, name: value}), {"id": value}) for value in (known, unknown)]
    assert answers[0] == answers[1]
    assert answers[0].startswith(("[404", "[422"))


def test_an_adapters_machine_of_another_workspace_is_none(theirs: Place, ours: Place) -> None:
    entry = {"endpointUrl": "https://forge.example.com", "active": True}
    answers = [
        told(
            ours.client.post(
                "/adapter-registrations", json=ADAPTER | {"machineRegistrations": [{**entry, "machineId": value}]}
            ),
            {"id": value},
        )
        for value in (theirs.ids["machineId"], f"machine-{uuid4()}")
    ]
    assert answers[0] == answers[1]
    assert answers[0].startswith("[404")


def test_keys_and_cursors_of_another_workspace_mean_nothing(theirs: Place, ours: Place) -> None:
    key = {"Idempotency-Key": f"key {datetime.now(UTC).isoformat()}"}
    first = theirs.client.post("/work-items", json={"title": "Same"}, headers=key)
    second = ours.client.post("/work-items", json={"title": "Same"}, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert made(first)["workItemId"] != made(second)["workItemId"]
    assert "idempotency-replayed" not in second.headers
    cursor = made(theirs.client.get("/users", params={"limit": "1"}), 200)["nextCursor"]
    assert ours.client.get("/users", params={"limit": "1", "cursor": cursor}).status_code == 422


def test_nothing_of_all_this_has_changed_the_other_workspace(theirs: Place, ours: Place) -> None:
    before = state(theirs)
    for each in ABOUT_ONE:
        method, path, operation = each.values
        if method != "get":
            ours.client.request(method, filled(path, theirs.ids), json=BODIES.get(operation["operationId"]))
    assert state(theirs) == before
