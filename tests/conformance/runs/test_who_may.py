"""Who may do what: every operation, tried by everybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from uuid import uuid4

import httpx
import pytest

from runyard.testing.running import RunningYard

from .conftest import inhabited, token_of
from .test_answers import GUARDED, address
from .test_bad_input import made
from .test_isolation import BODIES

WORKSPACE: Final = "ws-roles"
ROLES: Final = ("admin", "operator", "approver", "auditor")

ADMIN: Final = frozenset({"admin"})
OPERATE: Final = frozenset({"admin", "operator"})
EVERYBODY: Final = frozenset(ROLES)

LIMITED: Final[Mapping[frozenset[str], str]] = {
    ADMIN: """
        updateWorkspace deleteWorkspace addWorkspaceUser updateWorkspaceUser removeWorkspaceUser
        listServiceAccounts getServiceAccount createServiceAccount rotateServiceAccount revokeServiceAccount
        registerMachine updateMachine deregisterMachine drainMachine activateMachine quarantineMachine
        createMachineEnrolment registerAgent updateAgent createAdapterRegistration updateAdapterRegistration
        createCredentialGrant updateCredentialGrant rotateCredentialGrant revokeCredentialGrant savePolicy
        createWorkforceMember updateWorkforceMember patchWorkforceMemberAvailability createWorkforceQueue
        updateWorkforceQueue createMapLayer
    """,
    OPERATE: """
        createWorkflow updateWorkflow archiveWorkflow startRun cancelRun retryRun planRunAnew createApproval
        updateApproval reportEvidence evaluatePolicy createWorkItem updateWorkItem putWorkItemAssignment
        assignHumanTask completeHumanTask escalateHumanTask reportLocationEvents uploadFile
        heartbeatMachine testMachineConnection createMachineInvocation cancelMachineInvocation
        heartbeatAgent testAgentConnection
    """,
    frozenset({"admin", "approver"}): "decideApproval",
    frozenset({"admin", "operator", "approver"}): "streamLocationEvents",
    frozenset({"admin", "operator", "auditor"}): "listLocationEvents",
    frozenset(): "createWorkspace claimMachineInvocations reportMachineInvocation",
}
"""Which roles may. What isn't here everybody may who has one: to look, and to say something about a run."""

MACHINES: Final = frozenset(
    [
        "heartbeatMachine",
        "claimMachineInvocations",
        "reportMachineInvocation",
        "getMachine",
        "listMachineInvocations",
        "getMachineInvocation",
        "streamMachineInvocation",
        "getWorkspace",
        "listWorkspaces",
    ]
)
"""What a machine may: about itself, and no more."""

OF_AGENTS: Final = frozenset(
    ["heartbeatAgent", "listAgentWorkItems", "proposeAgentAction", "executeApprovedAgentAction"]
)
"""What the machine of an agent may for it. Which machine that is has to be looked up first."""

KNOWN: Final = {name: roles for roles, names in LIMITED.items() for name in names.split()}
AGENT_ACTIONS: Final = frozenset({"proposeAgentAction", "executeApprovedAgentAction"})
"""Whether somebody may is asked once it is known what about."""

HARMLESS: Final = {"If-Match": '"another version"'}
"""Whoever may change the workspace itself doesn't."""

TRIED: Final = [
    pytest.param(*each.values[:2], id=each.id)
    for each in GUARDED
    if each.id not in AGENT_ACTIONS | {"streamWorkspaceEvents"}
]


@pytest.fixture(scope="module")
def callers(yard: RunningYard) -> Iterator[dict[str, httpx.Client]]:
    keys = inhabited(yard, WORKSPACE)
    with httpx.Client(base_url=yard.url, timeout=60, trust_env=False) as anybody:
        headers = {"Authorization": f"Bearer {token_of(yard, keys)}"}
        below = f"/v1/workspaces/{WORKSPACE}"
        machine = made(anybody.post(f"{below}/machines", json={"hostname": "forge"}, headers=headers))["machineId"]
        ticket = made(anybody.post(f"{below}/machines/{machine}/enrolment", headers=headers))["token"]
        asked = {"token": ticket, "operations": ["invoice:pay"]}
        account = made(anybody.post(f"{below}/machines/{machine}/enrol", json=asked))
        form = {"grant_type": "client_credentials", "client_id": account["clientId"]}
        token = made(anybody.post("/v1/auth/token", data=form | {"client_secret": account["clientSecret"]}), 200)
    tokens = {**{role: keys.people[role] for role in ROLES}, machine: token["access_token"]}
    clients = {
        name: httpx.Client(
            base_url=yard.url, timeout=60, trust_env=False, headers={"Authorization": f"Bearer {token}", **HARMLESS}
        )
        for name, token in tokens.items()
    }
    yield clients
    for client in clients.values():
        client.close()


def ask(client: httpx.Client, method: str, path: str, body: object, **ids: str) -> httpx.Response:
    place = address(path, workspace=WORKSPACE, **ids)
    query = {"fromSize": "0"} if path.endswith("/consistency") else {}
    with client.stream(method, place, json=body, params=query, headers={"Accept": "application/json"}) as answer:
        if "event-stream" not in answer.headers.get("content-type", ""):
            answer.read()
        return answer


@pytest.mark.parametrize(("method", "path"), TRIED)
def test_only_who_may_gets_any_further(
    callers: dict[str, httpx.Client], request: pytest.FixtureRequest, method: str, path: str
) -> None:
    name = request.node.callspec.id
    body = BODIES.get(name, {}) if method != "get" else None
    stopped = {role: ask(callers[role], method, path, body).status_code == 403 for role in ROLES}
    assert {role for role, no in stopped.items() if not no} == KNOWN.get(name, EVERYBODY)


@pytest.mark.parametrize(("method", "path"), TRIED)
def test_a_machine_gets_no_further_than_itself(
    callers: dict[str, httpx.Client], request: pytest.FixtureRequest, method: str, path: str
) -> None:
    name = request.node.callspec.id
    machine = next(caller for caller in callers if caller not in ROLES)
    body = BODIES.get(name, {}) if method != "get" else None
    itself = ask(callers[machine], method, path, body, machineId=machine)
    assert (itself.status_code != 403) == (name in MACHINES | OF_AGENTS), itself.status_code
    if "{machineId}" in path:
        other = ask(callers[machine], method, path, body, machineId=f"machine-{uuid4()}")
        assert other.status_code == 403


def test_the_table_names_operations_that_there_are() -> None:
    assert KNOWN.keys() | MACHINES | OF_AGENTS <= {str(each.id) for each in GUARDED}
