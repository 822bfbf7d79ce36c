"""What goes wrong between honest programs and what others try: each is a problem with a name, and changes nothing."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from runyard.services.runs.contract import contract
from runyard.testing.running import RunningYard, wait_until
from runyard.yard import Yard

from .conftest import Keys, inhabited, token_of

WORKSPACE: Final = "ws-bad-input"
PATH: Final = f"/v1/workspaces/{WORKSPACE}"
LISTS: Final = [
    path.replace("{workspaceId}", WORKSPACE)
    for path, item in contract()["paths"].items()
    if "nextPage" in item.get("get", {}).get("responses", {}).get("200", {}).get("links", {}) and path.count("{") == 1
]
KEPT: Final = ("workflows", "runs", "approvals", "work-items", "machines", "users")

ASK: Final = {
    "actionId": "ask", "order": 1, "portFamily": "ItsmItOps", "operation": "person:complete",
    "input": {"description": "Look at the invoice."},
}  # fmt: skip
APPROVE: Final = {"decision": "Approved", "rationale": "Looks right."}
SEND_BACK: Final = {"decision": "RequestChanges", "rationale": "Half of it."}
DENY: Final = {"decision": "Denied", "rationale": "Not today."}

Record = dict[str, Any]


class Site:
    """A workspace, its people, and what is in it."""

    def __init__(self, yard: RunningYard, keys: Keys, stack: list[httpx.Client]) -> None:
        self.yard, self.keys, self._clients = yard, keys, stack
        self.token = token_of(yard, keys)
        self.program = self.client(self.token)
        self.admin, self.operator, self.approver, self.auditor = (
            self.client(keys.people[role]) for role in ("admin", "operator", "approver", "auditor")
        )

    def client(self, token: str) -> httpx.Client:
        """Somebody who calls; paths are below the workspace."""
        headers = {"Authorization": f"Bearer {token}"}
        client = httpx.Client(base_url=self.yard.url + PATH, headers=headers, timeout=60, trust_env=False)
        self._clients.append(client)
        return client

    def state(self) -> Record:
        """All that was ever done here, by the evidence, and what there is of it."""
        return {
            "evidence": made(self.program.get("/evidence/checkpoint"), 200),
            **{name: made(self.program.get(f"/{name}?limit=200"), 200)["items"] for name in KEPT},
        }

    def gated(self, **rule: object) -> tuple[str, Record]:
        """A run that waits to be approved, and the approval."""
        flow = {"name": f"Flow {uuid4()}", "executionTier": "HumanApprove", "actions": [ASK], "approval": rule}
        workflow = made(self.operator.post("/workflows", json=flow))["workflowId"]
        run = made(self.operator.post("/runs", json={"workflowId": workflow}))["runId"]
        approval = self.approval(run)
        if "dueSeconds" not in rule:
            self.until(run, "WaitingForApproval")
        return run, approval

    def approval(self, run: str, *, but: str = "") -> Record:
        """The one that a run waits for, once it does."""
        found: list[Record] = []

        def look() -> bool:
            items = made(self.auditor.get("/approvals", params={"runId": run}), 200)["items"]
            found[:] = [each for each in items if each["approvalId"] != but]
            return bool(found)

        wait_until(look, f"an approval of run {run}")
        return found[0]

    def until(self, run: str, status: str) -> Record:
        """A run that has got so far."""
        found: Record = {}

        def look() -> bool:
            found.update(made(self.auditor.get(f"/runs/{run}"), 200))
            return found["status"] == status

        wait_until(look, f"run {run} to be {status}")
        return found


def made(answer: httpx.Response, status: int = 201) -> Record:
    assert answer.status_code == status, answer.text
    return answer.json()


def problem(answer: httpx.Response, status: int, slug: str) -> Record:
    """The problem, as programs tell it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told = answer.json()
    assert (told["type"], told["status"]) == (f"https://portarium.dev/problems/{slug}", status)
    return told


@pytest.fixture(scope="module")
def site(yard: RunningYard) -> Iterator[Site]:
    clients: list[httpx.Client] = []
    opened = Site(yard, inhabited(yard, WORKSPACE), clients)
    for number in range(2):
        made(opened.operator.post("/work-items", json={"title": f"Invoice {number}"}))
    yield opened
    for client in clients:
        client.close()


@pytest.fixture
def unharmed(site: Site) -> Iterator[None]:
    """Whatever the test tries, nothing has come of it."""
    before = site.state()
    yield
    assert site.state() == before


def segment(content: object) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def said(token: str, part: int) -> Record:
    """The header (0) or the claims (1) of a token."""
    return json.loads(base64.urlsafe_b64decode(token.split(".")[part] + "=="))


@pytest.fixture(scope="module")
def forge(site: Site):
    """A token like that of the program, with other claims, signed by the yard's own key."""

    async def key(opened: Yard):
        return await opened.identity.tokens.key()

    signing = site.yard.inside(key)

    def make(**changed: object) -> str:
        return signing.sign(json.dumps({**said(site.token, 1), **changed}).encode(), typ="at+jwt")

    make.public = signing.public_pem.encode()
    return make


def test_a_token_is_good_as_it_is(site: Site, forge):
    """So that what follows is refused for what was changed."""
    made(site.client(forge()).get("/runs"), 200)


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another-service"},
        {"iss": "another-yard"},
        {"exp": 1_700_000_000},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000, "nbf": 4_000_000_000},
        {"workspaceId": "ws-another", "tenantId": "ws-another"},
    ],
    ids="+".join,
)
def test_a_token_for_others_or_another_time(site: Site, forge, unharmed: None, changed: dict):
    """Wrong audience, issuer or workspace, expired, or of a clock that is years ahead."""
    problem(site.client(forge(**changed)).post("/workflows", json={}), 401, "unauthorized")


def test_a_token_whose_algorithm_was_swapped(site: Site, forge, unharmed: None):
    for algorithm in ("none", "HS256"):
        signed = f"{segment({**said(site.token, 0), 'alg': algorithm})}.{site.token.split('.')[1]}"
        seal = b"" if algorithm == "none" else hmac.digest(forge.public, signed.encode(), "sha256")
        problem(site.client(f"{signed}.{segment(seal)}").post("/workflows", json={}), 401, "unauthorized")


def test_a_token_of_another_workspace(site: Site, token: str, unharmed: None):
    """Whose program is an administrator there, and nobody here."""
    there = said(token, 1)["workspaceId"]
    made(site.client(token).get(f"{site.yard.url}/v1/workspaces/{there}/runs"), 200)
    problem(site.client(token).post("/workflows", json={}), 401, "unauthorized")


def test_a_role_that_only_looks(site: Site, unharmed: None):
    for path in ("/workflows", "/runs", "/approvals", "/users", "/machines"):
        problem(site.auditor.post(path, json={}), 403, "forbidden")


def test_a_key_that_comes_again_with_another_body(site: Site):
    """The first is kept, and answered again to the same body."""
    key = {"Idempotency-Key": str(uuid4())}
    first = made(site.operator.post("/work-items", json={"title": "One"}, headers=key))
    before = site.state()
    problem(site.operator.post("/work-items", json={"title": "Two"}, headers=key), 409, "conflict")
    again = site.operator.post("/work-items", json={"title": "One"}, headers=key)
    assert (made(again), again.headers["idempotency-replayed"]) == (first, "true")
    assert site.state() == before


def test_two_deciders_at_once(site: Site):
    """One of them decides, the other is told what was decided."""
    run, approval = site.gated()
    path = f"/approvals/{approval['approvalId']}/decide"
    with ThreadPoolExecutor(2) as pool:
        asked = [(site.approver, SEND_BACK), (site.admin, DENY)]
        answers = list(pool.map(lambda one: one[0].post(path, json=one[1]), asked))
    won, lost = sorted(answers, key=lambda one: one.status_code)
    decided = made(won, 200)
    assert problem(lost, 409, "conflict")["decision"]["status"] == decided["status"]
    entries = made(site.auditor.get(f"/runs/{run}/evidence", params={"limit": 200}), 200)["items"]
    assert [each["summary"] for each in entries if " decided: " in each["summary"]] == [
        f"Approval {approval['approvalId']} decided: {decided['status']}."
    ]
    assert made(site.auditor.get(f"/approvals/{approval['approvalId']}"), 200)["status"] == decided["status"]
    site.until(run, "Failed" if decided["status"] == "Denied" else "Paused")


def test_whoever_started_a_run_does_not_approve_it(site: Site):
    flow = {"name": f"Flow {uuid4()}", "executionTier": "HumanApprove", "actions": [ASK]}
    workflow = made(site.admin.post("/workflows", json=flow))["workflowId"]
    run = made(site.admin.post("/runs", json={"workflowId": workflow}))["runId"]
    path = f"/approvals/{site.approval(run)['approvalId']}/decide"
    site.until(run, "WaitingForApproval")
    before = site.state()
    problem(site.admin.post(path, json=APPROVE), 403, "forbidden")
    assert site.state() == before


def test_a_decision_that_comes_too_late(site: Site):
    """What nobody decides in time is denied, and stays so."""
    run, approval = site.gated(dueSeconds=2)
    site.until(run, "Failed")
    before = site.state()
    late = site.approver.post(f"/approvals/{approval['approvalId']}/decide", json=APPROVE)
    assert problem(late, 409, "conflict")["decision"]["status"] == "Denied"
    assert site.state() == before


def test_a_plan_that_changed_after_it_was_approved(site: Site):
    """Who approved the old one has not approved the new one, and the old one can't be approved any more."""
    run, old = site.gated(quorum=2)
    made(site.approver.post(f"/approvals/{old['approvalId']}/decide", json=APPROVE), 200)
    made(site.operator.post(f"/runs/{run}/plans", json={"parameters": {"invoice": 2}}))
    new = site.approval(run, but=old["approvalId"])
    site.until(run, "WaitingForApproval")
    before = site.state()
    problem(site.admin.post(f"/approvals/{old['approvalId']}/decide", json=APPROVE), 409, "conflict")
    other = {**APPROVE, "planHash": old["planHash"]}
    problem(site.admin.post(f"/approvals/{new['approvalId']}/decide", json=other), 409, "conflict")
    assert site.state() == before
    assert "approvedByUserIds" not in new


@pytest.mark.parametrize(
    ("actions", "field"),
    [
        ([{**ASK, "dependsOn": ["b"]}, {**ASK, "actionId": "b", "order": 2, "dependsOn": ["ask"]}], "actions"),
        ([{**ASK, "dependsOn": ["ask"]}], "actions"),
        ([{**ASK, "dependsOn": ["nobody"]}], "actions.0.dependsOn"),
        ([{**ASK, "input": {"description": {"$ref": "actions.nobody.output.text"}}}], "actions.0.input"),
        ([{**ASK, "operation": "no verb"}], "actions.0.operation"),
    ],
    ids=["cycle", "itself", "unknown action", "reference", "operation"],
)
def test_a_workflow_that_could_never_end(site: Site, unharmed: None, actions: list, field: str):
    flow = {"name": "Never", "executionTier": "Auto", "actions": actions}
    told = problem(site.operator.post("/workflows", json=flow), 422, "validation-failed")
    assert any(each.startswith(field) for each in told["errors"])


def test_an_action_that_nobody_can_do(site: Site):
    """Somebody may yet register an adapter for it, so it is kept; it isn't started before."""
    flow = {"name": f"Flow {uuid4()}", "executionTier": "Auto", "actions": [{**ASK, "operation": "moon:land"}]}
    workflow = made(site.operator.post("/workflows", json=flow))["workflowId"]
    before = site.state()
    problem(site.operator.post("/runs", json={"workflowId": workflow}), 409, "conflict")
    assert site.state() == before


def test_a_machine_that_is_lost(site: Site):
    """What it was to do fails in its time, and what it says of it later counts no more."""
    machine = made(site.admin.post("/machines", json={"hostname": "lost", "operations": ["door:open"]}))["machineId"]
    token = made(site.admin.post(f"/machines/{machine}/enrolment"))["token"]
    enrolled = made(site.auditor.post(f"/machines/{machine}/enrol", json={"token": token, "operations": ["door:open"]}))
    far = site.client(token_of(site.yard, Keys({}, enrolled["clientId"], enrolled["clientSecret"])))
    asked = {"action": "door:open", "timeoutSeconds": 4}
    place = f"/machines/{machine}/invocations"
    made(site.operator.post(place, json=asked), 202)
    (handed,) = made(far.post(f"{place}:claim", json={"waitSeconds": 20}), 200)["invocations"]
    path = f"{place}/{handed['invocationId']}"
    wait_until(lambda: made(site.auditor.get(path), 200)["status"] == "failed", "the invocation to fail")
    before = site.state()
    late = {"delivery": handed["delivery"], "status": "completed", "output": {"opened": True}}
    problem(far.post(f"{path}/report", json=late), 409, "conflict")
    assert made(site.auditor.get(path), 200)["status"] == "failed"
    assert site.state()["evidence"] == before["evidence"]


def test_times_of_a_clock_that_is_wrong(site: Site):
    """What would be over before it began is refused; the yard's own times are by its own clock."""
    run, approval = site.gated()
    before = site.state()
    asked = {"runId": run, "planId": approval["planId"], "prompt": "And this?", "dueAtIso": "2020-01-01T00:00:00Z"}
    for time in ("2020-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "2020-01-01", "0", "now"):
        told = problem(site.operator.post("/approvals", json={**asked, "dueAtIso": time}), 422, "validation-failed")
        assert list(told["errors"]) == ["dueAtIso"]
    assert site.state() == before


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_of_another_query(site: Site, unharmed: None, path: str):
    """One of another list, or of the same list with a filter."""
    cursor = made(site.program.get("/work-items", params={"limit": 1}), 200)["nextCursor"]
    asked = {"cursor": cursor, **({"status": "Open"} if path.endswith("/work-items") else {})}
    told = problem(site.program.get(site.yard.url + path, params=asked), 422, "validation-failed")
    assert list(told["errors"]) == ["cursor"]
