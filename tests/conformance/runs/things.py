"""One of each thing that a workspace can have, made by those who may when somebody asks for its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid4

import httpx

from runyard.testing.running import wait_until

ACTION: Final = {"actionId": "a", "order": 1, "portFamily": "ItsmItOps", "operation": "http:request"}
WORKFLOW: Final = {
    "name": "Ask somebody", "executionTier": "HumanApprove",
    "actions": [{**ACTION, "input": {"method": "GET", "url": "https://things.example/"}}],
}  # fmt: skip
BY_HAND: Final = {
    "name": "Done by hand", "executionTier": "Auto",
    "actions": [{**ACTION, "operation": "person:complete", "input": {"description": "Look at it."}}],
}  # fmt: skip
DOOR: Final = "door:open"
LOOK: Final = "list-invoices"
"""A tool that any agent is trusted with."""

SKILLS: Final = ["operations.dispatch"]
ADAPTER: Final = {
    "providerSlug": "acme", "portFamily": "ItsmItOps", "capabilityMatrix": [{"operation": "a:b", "requiresAuth": True}],
    "executionPolicy": {
        "tenantIsolationMode": "PerTenantWorker", "egressAllowlist": ["https://acme.example"], "sandboxVerified": True,
        "credentialScope": "capabilityMatrix", "sandboxAvailable": True,
    },
}  # fmt: skip


class Things:
    """Ids by the name that paths and bodies have for them; of each one, as often as it is asked for.

    Args:
        admin: somebody who may make them; paths are below the workspace.
        operator: somebody else, who starts the runs, so that the admin can approve them.
        workspace: where they are.
    """

    def __init__(self, admin: httpx.Client, operator: httpx.Client, *, workspace: str) -> None:
        self._admin, self._operator = admin, operator
        self._known = {"workspaceId": workspace, "action": DOOR, "toolName": LOOK}

    def among(self, names: set[str]) -> dict[str, str]:
        """The ids of those that there can be."""
        return {name: self[name] for name in sorted(names & {*MADE, *self._known})}

    def __getitem__(self, name: str) -> str:
        if name not in self._known:
            self._known[name] = MADE[name](self)
        return self._known[name]

    def make(self, path: str, content: Mapping[str, object], status: int = 201) -> Any:
        """What an admin makes there; if it has a name, one that nothing else has."""
        named = {name: f"{content[name]} {uuid4()}" for name in ("name", "hostname") if name in content}
        return _made(self._admin.post(path, json={**content, **named}), status)

    def started(self, workflow: str) -> str:
        """A run that somebody else has started."""
        return str(_made(self._operator.post("/runs", json={"workflowId": workflow}), 201)["runId"])

    def first(self, path: str, **query: str) -> Any:
        """The first of a list, once there is one."""
        found: list[Any] = []

        def look() -> bool:
            found[:] = _made(self._admin.get(path, params=query), 200)["items"]
            return bool(found)

        wait_until(look, f"something in {path} of {query}")
        return found[0]

    def machine(self, operation: str) -> str:
        """A machine that has enrolled."""
        machine = self.make("/machines", {"hostname": "forge", "operations": [operation]})["machineId"]
        token = self.make(f"/machines/{machine}/enrolment", {})["token"]
        self.make(f"/machines/{machine}/enrol", {"token": token, "operations": [operation]})
        return str(machine)

    def task(self) -> str:
        """A task of somebody else."""
        run = self.started(self.make("/workflows", BY_HAND)["workflowId"])
        task = str(self.first("/human-tasks", runId=run)["humanTaskId"])
        self.make(f"/human-tasks/{task}/assign", {"workforceMemberId": self["workforceMemberId"]}, 200)
        return task

    def file(self) -> str:
        """The SHA-256 of a file."""
        return str(_made(self._admin.post("/files", content=b"a file"), 201)["sha256"])


def _made(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


MADE: Final[Mapping[str, Callable[[Things], str]]] = {
    "userId": lambda it: it.make("/users", {"email": f"{uuid4()}@things.example", "roles": ["approver"]})["userId"],
    "assigneeUserId": lambda it: it["userId"],
    "linkedUserId": lambda it: it["userId"],
    "clientId": lambda it: it.make("/service-accounts", {"name": "Program", "roles": ["auditor"]})["clientId"],
    "evidenceId": lambda it: it.first("/evidence")["evidenceId"],
    "workItemId": lambda it: it.make("/work-items", {"title": "Invoice"})["workItemId"],
    "workforceQueueId": lambda it: it.make("/workforce/queues", {"name": "Desk", "requiredCapabilities": SKILLS})[
        "workforceQueueId"
    ],
    "workforceMemberId": lambda it: it.make("/workforce", {"linkedUserId": it["linkedUserId"], "capabilities": SKILLS})[
        "workforceMemberId"
    ],
    "machineId": lambda it: it.machine(DOOR),
    "invocationId": lambda it: it.make(f"/machines/{it['machineId']}/invocations", {"action": DOOR}, 202)[
        "invocationId"
    ],
    "agentId": lambda it: it.make("/agents", {"name": "Agent", "endpoint": "https://agent.example"})["agentId"],
    "adapterId": lambda it: it.make("/adapter-registrations", ADAPTER)["adapterId"],
    "credentialGrantId": lambda it: it.make(
        "/credential-grants", {"adapterId": it["adapterId"], "credentialsRef": "vault:a", "scope": "a"}
    )["credentialGrantId"],
    "policyId": lambda it: it.make("/policies", {"name": "Policy"})["policyId"],
    "workflowId": lambda it: it.make("/workflows", WORKFLOW)["workflowId"],
    "runId": lambda it: it.started(it["workflowId"]),
    "approvalId": lambda it: it.first("/approvals", runId=it["runId"])["approvalId"],
    "planId": lambda it: it.first("/approvals", runId=it["runId"])["planId"],
    "humanTaskId": lambda it: it.task(),
    "sha256": lambda it: it.file(),
}
