"""A client that a stock generator makes of the first generation's contract works against this server.

It takes an answer by its exact status and the schema of that day; what it can't read breaks it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib import import_module
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from runyard.testing.running import RunningYard, wait_until

from .conftest import Keys, inhabited, token_of
from .golden import OPERATIONS
from .plain import ROOT, Program, generate
from .upstream import TAGS, document, tag_of

WORKSPACE: Final = "ws-first-generation"
ACTIONS: Final = [{"actionId": "pay", "order": 1, "portFamily": "FinanceAccounting", "operation": "invoice:pay"}]
ADAPTER: Final = {
    "providerSlug": "ledger",
    "portFamily": "FinanceAccounting",
    "executionPolicy": {
        "tenantIsolationMode": "PerTenantWorker", "egressAllowlist": ["https://erp.example.com"],
        "credentialScope": "capabilityMatrix", "sandboxVerified": True, "sandboxAvailable": True,
    },
    "capabilityMatrix": [
        {"operation": "invoice:pay", "requiresAuth": False, "capability": "invoice:pay", "inputKind": "Invoice"}
    ],
}  # fmt: skip
REFERENCE: Final = {
    "sorName": "erp", "portFamily": "FinanceAccounting", "externalId": "7", "externalType": "Invoice",
    "displayLabel": "Invoice 7", "deepLinkUrl": "https://erp.example.com/invoices/7",
}  # fmt: skip
SOON: Final = "2031-02-03T04:05:06+07:00"

Story = Callable[["Site"], None]
STORIES: Final[dict[str, Story]] = {}
"""What programs do with each noun of the contract."""


class Site:
    """A workspace, and programs of people in it. What they couldn't make in those days is made over the wire."""

    def __init__(self, yard: RunningYard, keys: Keys, package: str, stack: ExitStack) -> None:
        self.asked: set[str] = set()
        self._yard, self._package, self._stack = yard, package, stack
        self.token = token_of(yard, keys)
        self.admin = self.program(self.token)
        self.operator, self.approver, self.auditor = (
            self.program(keys.people[role]) for role in ("operator", "approver", "auditor")
        )
        headers = {"Authorization": f"Bearer {self.token}"}
        url = f"{yard.url}/v1/workspaces/{WORKSPACE}"
        self.wire = stack.enter_context(httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False))

    def client(self, token: str) -> Any:
        """A connection as the generated client makes it."""
        kind = import_module(self._package).AuthenticatedClient
        return kind(self._yard.url, token, headers={"X-Workspace-Id": WORKSPACE}, httpx_args={"trust_env": False})

    def program(self, token: str) -> Program:
        """Somebody's."""
        return Program(self._package, self._stack.enter_context(self.client(token)), WORKSPACE, self.asked)

    def token_of(self, account: dict[str, Any]) -> str:
        """A token for a machine that has enrolled."""
        return token_of(self._yard, Keys({}, account["clientId"], account["clientSecret"]))

    def made(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """Something that this contract has no operation for."""
        answer = self.wire.post(path, json=content)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def workflow(self, tier: str = "ManualOnly") -> str:
        """One that pays an invoice."""
        body = {"name": f"Pay {uuid4()}", "executionTier": tier, "actions": ACTIONS}
        return str(self.operator.ask("createWorkflow", body=body).workflow_id)

    def gated(self, tier: str = "ManualOnly") -> tuple[str, Any]:
        """A run that waits for an approval, and that."""
        run = self.operator.ask("startRun", body={"workflowId": self.workflow(tier)}).run_id

        def mine() -> list[Any]:
            return [each for each in walk(self.approver, "listApprovals") if each.run_id == run]

        wait_until(mine, f"the approval of {run}")
        wait_until(lambda: self.status(run) == "WaitingForApproval", f"{run} to wait")
        return str(run), mine()[0]

    def status(self, run: str) -> str:
        """Where a run is."""
        return str(self.auditor.ask("getRun", run).status)

    def decided(self, approval: Any, decision: str = "Approved") -> Any:
        """An approval, after the approver has decided it."""
        body = {"decision": decision, "rationale": "I have looked at it."}
        return self.approver.ask("decideApproval", approval.approval_id, body=body)

    def task(self) -> Any:
        """What a run asks a person to do."""
        run, approval = self.gated()
        self.decided(approval)
        found: list[Any] = []

        def look() -> bool:
            found[:] = self.auditor.ask("listHumanTasks", run_id=run).items
            return bool(found)

        wait_until(look, f"the task of {run}")
        return found[0]

    def user(self, role: str) -> str:
        """Somebody of the workspace."""
        [found] = [each for each in walk(self.admin, "listWorkspaceUsers") if each.email.startswith(f"{role}@")]
        return str(found.user_id)

    @cached_property
    def member(self) -> str:
        """The operator, as one of the workforce."""
        wanted = {"linkedUserId": self.user("operator"), "capabilities": ["operations.dispatch"]}
        return str(self.made("/workforce", wanted)["workforceMemberId"])

    def queue(self) -> str:
        """A new queue with that member in it."""
        skills = ["operations.dispatch"]
        wanted = {"name": f"Queue {uuid4()}", "requiredCapabilities": skills, "memberIds": [self.member]}
        return str(self.made("/workforce/queues", wanted)["workforceQueueId"])


def walk(program: Program, name: str, *ids: str, limit: int = 2, **query: Any) -> Iterator[Any]:
    """All of a list, page by page, as programs of those days turned them."""
    cursors: list[str] = []
    while True:
        page = program.ask(name, *ids, limit=limit, **query, **({"cursor": cursors[-1]} if cursors else {}))
        yield from page.items
        if not page.next_cursor:
            return
        assert page.next_cursor not in cursors
        cursors.append(page.next_cursor)


def story(tag: str) -> Callable[[Story], Story]:
    """Have a story told of a noun. It has to use all of the noun's operations."""
    return lambda told: STORIES.setdefault(tag, told)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The client of the first generation's contract."""
    folder = tmp_path_factory.mktemp("first")
    contract = folder / "contract.json"
    contract.write_text(json.dumps(document()))
    return generate(contract, folder, "first_generation_client").__name__


@pytest.fixture(scope="module")
def site(yard: RunningYard, first: str) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(yard, inhabited(yard, WORKSPACE), first, stack)


@pytest.mark.parametrize("tag", TAGS)
def test_every_operation_works(site: Site, tag: str):
    site.asked.clear()
    STORIES[tag](site)
    assert {name for name, operation in OPERATIONS.items() if tag_of(operation.path) == tag} <= site.asked


# -------------------------------------------------------------------- noun by noun


@story("Workspaces")
def workspaces(site: Site) -> None:
    assert [each.workspace_id for each in walk(site.admin, "listWorkspaces")] == [WORKSPACE]
    assert site.auditor.ask("getWorkspace").created_at_iso.tzinfo


@story("Runs")
def runs(site: Site) -> None:
    workflow = site.workflow()
    asked = {"workflowId": workflow, "parameters": {"invoice": 7, "lines": [{"text": "é"}]}}
    started = [site.operator.ask("startRun", body=asked) for _ in range(3)]
    assert {each.status for each in started} == {"Pending"}
    assert {(each.workflow_id, each.execution_tier) for each in started} == {(workflow, "ManualOnly")}
    for run in started:
        wait_until(lambda run=run: site.status(run.run_id) == "WaitingForApproval", "the run to wait")
    cancelled = site.operator.ask("cancelRun", started[0].run_id)
    assert (cancelled.status, cancelled.ended_at_iso > cancelled.created_at_iso) == ("Cancelled", True)
    assert site.operator.ask("cancelRun", started[0].run_id) == cancelled
    found = [each.run_id for each in walk(site.auditor, "listRuns")]
    assert [each for each in found if each in {run.run_id for run in started}] == [run.run_id for run in started]
    entries = list(walk(site.auditor, "listRunEvidence", started[0].run_id))
    assert len(entries) > 2
    assert {each.links.run_id for each in entries} == {started[0].run_id}


@story("Approvals")
def approvals(site: Site) -> None:
    run, approval = site.gated()
    approver = site.user("approver")
    item = site.operator.ask("createWorkItem", body={"title": "Invoice 7"}).work_item_id
    wanted = {
        "runId": run, "planId": approval.plan_id, "prompt": "Is it ours?", "workItemId": item,
        "assigneeUserId": approver, "dueAtIso": SOON,
    }  # fmt: skip
    second = site.operator.ask("createApproval", body=wanted)
    assert site.auditor.ask("getApproval", second.approval_id) == second
    decided = site.decided(second)
    assert (decided.status, decided.decided_by_user_id) == ("Approved", approver)
    assert site.decided(approval).status == "Approved"
    assert site.decided(site.gated()[1], "Denied").status == "Denied"
    assert site.decided(site.gated()[1], "RequestChanges").status == "RequestChanges"
    assert {each.status for each in walk(site.auditor, "listApprovals")} >= {"Approved", "Denied", "RequestChanges"}


@story("Evidence")
def evidence(site: Site) -> None:
    task = site.task()
    entries = list(walk(site.auditor, "listEvidenceEntries", limit=7))
    assert len({each.evidence_id for each in entries}) == len(entries)
    assert [each.previous_hash for each in entries[1:]] == [each.hash_sha_256 for each in entries[:-1]]
    assert {each.category for each in entries} >= {"Plan", "Action", "Approval", "System"}
    for category in {each.category for each in entries}:
        for each in walk(site.auditor, "listEvidenceEntries", limit=50, category=category, run_id=task.run_id):
            assert (each.category, each.links.run_id) == (category, task.run_id)
    about = site.auditor.ask("listEvidenceEntries", work_item_id=task.work_item_id).items
    assert {each.links.work_item_id for each in about} == {task.work_item_id}
    plan = next(each.links.plan_id for each in entries if each.category == "Plan")
    assert site.auditor.ask("listEvidenceEntries", plan_id=plan).items


@story("Machines")
def machines(site: Site) -> None:
    wanted = {"osImage": "debian-13", "allowedCapabilities": ["execute-code", "notify"]}
    names = [f"press-{number}.example.com" for number in range(3)]
    made = [site.admin.ask("registerMachine", body={"hostname": name, **wanted}) for name in names]
    shown = site.auditor.ask("getMachine", made[0].machine_id)
    assert (shown.hostname, shown.status, shown.active_run_count) == (names[0], "Offline", 0)
    assert {each.machine_id for each in made} <= {each.machine_id for each in walk(site.auditor, "listMachines")}
    assert site.operator.ask("testMachineConnection", made[0].machine_id).status == "unreachable"
    site.admin.ask("deregisterMachine", made[0].machine_id)
    assert site.admin.refused("getMachine", made[0].machine_id).status == 404


@story("Agents")
def agents(site: Site) -> None:
    wanted = {"endpoint": "http://127.0.0.1:9/clerk", "modelId": "small-1", "allowedCapabilities": ["read:external"]}
    made = [site.admin.ask("registerAgent", body={"name": f"clerk-{number}", **wanted}) for number in range(3)]
    assert site.auditor.ask("getAgent", made[0].agent_id) == made[0]
    assert {each.agent_id for each in made} <= {each.agent_id for each in walk(site.auditor, "listAgents")}
    changed = site.admin.ask(
        "updateAgent", made[0].agent_id, body={"name": "Clerk", "allowedCapabilities": ["analyze"]}
    )
    assert (changed.name, changed.allowed_capabilities, changed.model_id) == ("Clerk", ["analyze"], "small-1")
    assert site.operator.ask("testAgentConnection", made[0].agent_id).status == "unreachable"


@story("Workflows")
def workflows(site: Site) -> None:
    override = [{**ACTIONS[0], "executionTierOverride": "HumanApprove"}]
    wanted = {"name": "Pay", "description": "Pays.", "executionTier": "Assisted", "actions": override}
    made = site.operator.ask("createWorkflow", body=wanted)
    assert site.auditor.ask("getWorkflow", made.workflow_id) == made
    changes = {"executionTier": "HumanApprove", "active": False, "actions": ACTIONS, "description": "Pays later."}
    changed = site.operator.ask("updateWorkflow", made.workflow_id, body=changes)
    assert (changed.version, changed.active, changed.name) == (2, False, "Pay")
    assert made.workflow_id in {each.workflow_id for each in walk(site.auditor, "listWorkflows", limit=5)}
    assert site.operator.ask("updateWorkflow", made.workflow_id, body={"description": ""}).description == ""
    site.operator.ask("archiveWorkflow", made.workflow_id)


@story("Plans")
def plans(site: Site) -> None:
    run, approval = site.gated()
    plan = site.auditor.ask("getPlan", approval.plan_id)
    [effect] = plan.planned_effects
    assert (effect.effect_id, effect.operation, effect.target.port_family) == ("pay", "Upsert", "FinanceAccounting")
    assert run in effect.target.external_id


@story("Users")
def users(site: Site) -> None:
    address = f"{uuid4()}@example.com"
    wanted = {"email": address, "roles": ["operator", "auditor"], "displayName": "Bob", "active": True}
    made = site.admin.ask("addWorkspaceUser", body=wanted)
    assert site.auditor.ask("getWorkspaceUser", made.user_id) == made
    changed = site.admin.ask("updateWorkspaceUser", made.user_id, body={"roles": ["approver"], "active": False})
    assert (changed.roles, changed.active, changed.display_name) == (["approver"], False, "Bob")
    assert address in {each.email for each in walk(site.auditor, "listWorkspaceUsers")}
    site.admin.ask("removeWorkspaceUser", made.user_id)
    assert site.admin.refused("getWorkspaceUser", made.user_id).status == 404


@story("WorkItems")
def work_items(site: Site) -> None:
    wanted = {"title": "Invoice 7", "sla": {"dueAtIso": SOON}, "externalRefs": [REFERENCE]}
    made = site.operator.ask("createWorkItem", body=wanted)
    assert made.sla.due_at_iso == datetime.fromisoformat(SOON)
    path, owner = made.work_item_id, made.created_by_user_id
    changed = site.operator.ask("updateWorkItem", path, body={"status": "Blocked", "ownerUserId": owner, "title": "7"})
    assert (changed.title, changed.status, changed.owner_user_id) == ("7", "Blocked", owner)
    assert changed.links.external_refs[0].to_dict() == REFERENCE
    assert site.auditor.ask("getWorkItem", path) == changed
    found = walk(site.auditor, "listWorkItems", status=changed.status, owner_user_id=owner)
    assert path in {each.work_item_id for each in found}
    given = site.operator.ask("putWorkItemAssignment", path, body={"workforceMemberId": site.member})
    assert site.auditor.ask("getWorkItemAssignment", path) == given
    assert given.workforce_member_id == site.member
    taken = site.operator.ask("putWorkItemAssignment", path, body={"workforceMemberId": None})
    assert not taken.workforce_member_id
    task = site.task()
    [item] = walk(site.auditor, "listWorkItems", run_id=task.run_id)
    assert item.work_item_id == task.work_item_id


@story("HumanTasks")
def human_tasks(site: Site) -> None:
    member, queue = site.member, site.queue()
    task = site.task()
    assert site.auditor.ask("getHumanTask", task.human_task_id).status == "pending"
    sent = {"workforceQueueId": queue, "reason": "Nobody is in."}
    assert site.operator.ask("escalateHumanTask", task.human_task_id, body=sent).status == "escalated"
    whom = {"workforceMemberId": member, "workforceQueueId": queue}
    given = site.operator.ask("assignHumanTask", task.human_task_id, body=whom)
    assert (given.status, given.assignee_id) == ("assigned", member)
    found = list(walk(site.auditor, "listHumanTasks", assignee_id=member, status=given.status))
    assert task.human_task_id in {each.human_task_id for each in found}
    done = site.operator.ask("completeHumanTask", task.human_task_id, body={"completionNote": "Paid."})
    assert (done.status, bool(done.evidence_anchor_id)) == ("completed", True)
    wait_until(lambda: site.status(task.run_id) == "Succeeded", "the run to be done")


@story("Workforce")
def workforce(site: Site) -> None:
    member, queue = site.member, site.queue()
    known = site.auditor.ask("getWorkforceMember", member)
    assert queue in known.queue_memberships
    away = site.admin.ask("patchWorkforceMemberAvailability", member, body={"availabilityStatus": "busy"})
    assert (away.availability_status, away.updated_at_iso > away.created_at_iso) == ("busy", True)
    [skill] = known.capabilities
    asked = {"capability": skill, "queue_id": queue, "availability": away.availability_status}
    assert [each.workforce_member_id for each in walk(site.auditor, "listWorkforceMembers", **asked)] == [member]
    site.admin.ask("patchWorkforceMemberAvailability", member, body={"availabilityStatus": "available"})
    queues = list(walk(site.auditor, "listWorkforceQueues", capability=skill))
    assert [each.member_ids for each in queues if each.workforce_queue_id == queue] == [[member]]


@story("CredentialGrants")
def credential_grants(site: Site) -> None:
    adapter = site.admin.ask("createAdapterRegistration", body={**ADAPTER, "enabled": False}).adapter_id
    wanted = {"adapterId": adapter, "credentialsRef": "vault://erp/token", "scope": "invoices", "expiresAtIso": SOON}
    made = site.admin.ask("createCredentialGrant", body=wanted)
    grant = made.credential_grant_id
    assert site.auditor.ask("getCredentialGrant", grant) == made
    assert site.admin.ask("updateCredentialGrant", grant, body={"scope": "all"}).scope == "all"
    assert site.admin.ask("rotateCredentialGrant", grant).last_rotated_at_iso >= made.issued_at_iso
    assert site.admin.ask("revokeCredentialGrant", grant).revoked_at_iso >= made.issued_at_iso
    assert grant in {each.credential_grant_id for each in walk(site.auditor, "listCredentialGrants")}


@story("AdapterRegistrations")
def adapter_registrations(site: Site) -> None:
    machine = site.admin.ask("registerMachine", body={"hostname": "press"}).machine_id
    entry = {
        "machineId": machine,
        "endpointUrl": "https://press.example.com/do",
        "active": True,
        "displayName": "Press",
    }
    wanted = {**ADAPTER, "portFamily": "Payroll", "enabled": True, "machineRegistrations": [entry]}
    made = site.admin.ask("createAdapterRegistration", body=wanted)
    assert site.auditor.ask("getAdapterRegistration", made.adapter_id) == made
    changes = {"providerSlug": "other", "enabled": False, "capabilityMatrix": ADAPTER["capabilityMatrix"]}
    changed = site.admin.ask("updateAdapterRegistration", made.adapter_id, body=changes)
    assert (changed.provider_slug, changed.enabled) == ("other", False)
    found = walk(site.auditor, "listAdapterRegistrations")
    assert made.adapter_id in {each.adapter_id for each in found}


@story("Location")
def location(site: Site) -> None:
    now = datetime.now(UTC)
    event = {
        "assetId": "cart", "robotId": "robot", "sourceStreamId": "s", "sourceType": "GPS", "coordinateFrame": "map",
        "pose": {"x": 1, "y": 2.5, "z": -3, "yawRadians": 0}, "siteId": "north", "floorId": "1",
    }  # fmt: skip
    known = {"status": "Known", "horizontalStdDevMeters": 0.5}
    for back, quality in enumerate([{"status": "Unknown", "reason": "It is foggy."}, known, known]):
        observed = (now - timedelta(seconds=3 - back)).isoformat()
        site.made("/location-events", {"events": [{**event, "observedAtIso": observed, "quality": quality}]})
    window = {"from_iso": now - timedelta(hours=1), "to_iso": now + timedelta(minutes=1)}
    found = list(walk(site.auditor, "listLocationEvents", asset_id="cart", site_id="north", floor_id="1", **window))
    assert [type(each.quality).__name__ for each in found] == ["UnknownQuality", "KnownQuality", "KnownQuality"]
    assert [each.pose.y for each in walk(site.auditor, "listLocationEvents", source_type=found[0].source_type)] == [
        2.5
    ] * 3
    text = site.operator.ask("streamLocationEvents", asset_id="cart")
    assert [line for line in text.splitlines() if line.startswith("event:")] == [
        "event: stream-metadata",
        "event: location",
    ]


@story("MapLayers")
def map_layers(site: Site) -> None:
    layer = {
        "siteId": "north", "floorId": "1", "layerType": "Geofence", "coordinateFrame": "map",
        "validFromIso": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    for version in (1, 2, 3):
        site.made("/map-layers", {**layer, "version": version})
    asked = {"site_id": "north", "floor_id": "1"}
    found = list(walk(site.auditor, "listMapLayers", **asked))
    assert [each.version for each in found] == [1, 2, 3]
    assert list(walk(site.auditor, "listMapLayers", layer_type=found[0].layer_type, version=2, **asked)) == [found[1]]


# -------------------------------------------------------------------- however it is asked


def test_a_run_goes_its_whole_way(site: Site):
    """Refused as long as nothing serves it, then approved, done by the adapter's machine, and over."""
    workflow = site.workflow("HumanApprove")
    assert site.operator.refused("startRun", body={"workflowId": workflow}).status == 409
    machine = site.admin.ask("registerMachine", body={"hostname": "payer"}).machine_id
    entry = {"machineId": machine, "endpointUrl": "https://payer.example.com/", "active": True}
    adapter = site.admin.ask("createAdapterRegistration", body={**ADAPTER, "machineRegistrations": [entry]})
    token = site.made(f"/machines/{machine}/enrolment", {})["token"]
    account = site.made(f"/machines/{machine}/enrol", {"token": token, "operations": ["invoice:pay"]})
    run, approval = site.gated("HumanApprove")
    site.decided(approval)
    headers = {"Authorization": f"Bearer {site.token_of(account)}"}
    path = f"/machines/{machine}/invocations"
    claimed = site.wire.post(f"{path}:claim", json={"waitSeconds": 20}, headers=headers).json()
    [order] = claimed["invocations"]
    assert site.status(run) == "Running"
    told = {"delivery": order["delivery"], "status": "completed", "output": {"paid": True}}
    assert site.wire.post(f"{path}/{order['invocationId']}/report", json=told, headers=headers).is_success
    wait_until(lambda: site.status(run) == "Succeeded", "the run to be done")
    assert site.auditor.ask("getRun", run).ended_at_iso
    actors = {type(each.actor).__name__ for each in walk(site.auditor, "listRunEvidence", run)}
    assert actors == {"EvidenceUser", "EvidenceSystem", "EvidenceMachine"}
    site.admin.ask("updateAdapterRegistration", adapter.adapter_id, body={"enabled": False})


def test_all_functions_of_an_operation_answer_the_same(site: Site):
    get = site.admin.operation("getWorkspace")
    asked = {"client": site.admin.client, "workspace_id": WORKSPACE}
    assert get.sync(**asked) == get.sync_detailed(**asked).parsed


async def test_they_do_so_in_async_programs(site: Site):
    get, start = site.admin.operation("getWorkspace"), site.operator.operation("startRun")
    body = site.operator.body("startRun", {"workflowId": site.workflow()})
    async with site.client(site.token) as client:
        shown = await get.asyncio(WORKSPACE, client=client)
        assert (await get.asyncio_detailed(WORKSPACE, client=client)).parsed == shown
        started = await start.asyncio(WORKSPACE, client=client, body=body)
        assert (started.status, started.workflow_id) == ("Pending", body.workflow_id)


def test_a_failure_is_a_problem_that_the_client_can_read(site: Site):
    run, approval = site.gated()
    site.decided(approval)
    other = site.program("no token at all")
    workflow = {"workflowId": "wf-none", "parameters": {}}
    decision = {"decision": "Approved", "rationale": " "}
    again = {"decision": "Denied", "rationale": "No."}
    problems = {
        401: other.refused("listRuns"),
        403: site.auditor.refused("startRun", body=workflow),
        404: site.operator.refused("startRun", body=workflow),
        409: site.approver.refused("decideApproval", approval.approval_id, body=again),
        422: site.approver.refused("decideApproval", approval.approval_id, body=decision),
    }
    for status, problem in problems.items():
        assert (problem.status, problem.type_.rpartition("/")[0]) == (status, "https://portarium.dev/problems")
    assert problems[422].errors.additional_properties.keys() == {"rationale"}
    assert site.auditor.refused("getRun", f"{run}/../{run}").status == 404


def test_what_is_new_here_does_not_disturb_it(site: Site):
    """Holds, overdue approvals, agents' proposals, machines at work: all of it is told in the old words."""
    run, _ = site.gated()
    hold = {"interventionType": "freeze", "rationale": "Something is odd."}
    assert site.wire.post(f"/runs/{run}/interventions", json=hold).json()["controlState"] == "frozen"
    assert site.status(run) == "Paused"
    look = {**ACTIONS[0], "operation": "person:complete", "input": {"description": "Look at it."}}
    late = {"name": f"Late {uuid4()}", "executionTier": "HumanApprove", "approval": {"dueSeconds": 0.1, "quorum": 2}}
    late["actions"] = [look]
    overdue = site.made("/runs", {"workflowId": site.made("/workflows", late)["workflowId"]})["runId"]
    wait_until(lambda: site.status(overdue) == "Failed", "the approval to be overdue")
    task = site.task()
    site.operator.ask("cancelRun", task.run_id)
    agent = site.made("/agents", {"name": "payer", "endpoint": "https://agents.example.com/"})["agentId"]
    deed = {"actionKind": "tool", "toolName": "invoice:pay", "rationale": "It is due.", "agentId": agent}
    proposed = site.wire.post("/agent-actions:propose", json=deed).json()["approvalId"]
    site.made("/evidence", {"category": "ToolExecution", "actor": "clerk", "run_id": run, "payload": {"x": 1}})
    machine = site.made("/machines", {"hostname": f"m-{uuid4()}", "operations": ["door:open"]})["machineId"]
    token = site.made(f"/machines/{machine}/enrolment", {})["token"]
    site.made(f"/machines/{machine}/enrol", {"token": token, "operations": ["door:open", "door:break"]})

    for name, operation in OPERATIONS.items():
        if name.startswith("list") and operation.path.count("{") < 2:
            list(walk(site.admin, name, limit=50))
    entries = list(walk(site.admin, "listEvidenceEntries", limit=50))
    assert {type(each.actor).__name__ for each in entries} >= {"EvidenceUser", "EvidenceSystem", "EvidenceMachine"}
    assert "Policy" in {each.category for each in entries}
    statuses = {each.run_id: each.status for each in walk(site.admin, "listApprovals", limit=50)}
    assert statuses[overdue] == "Denied"
    assert site.auditor.ask("getApproval", proposed).status == "Pending"
    assert site.auditor.ask("getHumanTask", task.human_task_id).status == "pending"


# -------------------------------------------------------------------- our own contract


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The stock generator's client of the contract as it is now; it understands all of it."""
    contract = ROOT / "docs/spec/openapi/portarium-control-plane.v1.yaml"
    return generate(contract, tmp_path_factory.mktemp("today"), "stock_client").__name__


def test_the_stock_client_of_our_own_contract_works_as_well(yard: RunningYard, site: Site, today: str):
    kind = import_module(today).AuthenticatedClient
    with kind(yard.url, site.token, httpx_args={"trust_env": False}) as client:
        program = Program(today, client, WORKSPACE, set())
        workflow = program.ask(
            "createWorkflow", body={"name": "Own", "executionTier": "ManualOnly", "actions": ACTIONS}
        )
        run = program.ask("startRun", body={"workflowId": workflow.workflow_id, "input": {"invoice": 7}})
        shown = program.ask("getRun", run.run_id)
        assert (shown.id, shown.input_.to_dict(), shown.links.self_) == (run.run_id, {"invoice": 7}, run.links.self_)
        assert program.ask("cancelRun", run.run_id).status == "Cancelled"
        assert [each.run_id for each in walk(program, "listRuns", workflow_id=workflow.workflow_id)] == [run.run_id]
        assert len(list(walk(program, "listRunEvidence", run.run_id))) > 1
        export = import_module(f"{today}.api.evidence.export_evidence").sync(WORKSPACE, client=client)
        assert zipfile.is_zipfile(export.payload)
        assert program.refused("getRun", "run-none").status == 404
