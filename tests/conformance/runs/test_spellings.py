"""Programs spell some things in two ways: whichever they take, the same happens, and answers carry both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest

from runyard.testing.running import RunningYard, wait_until

from .conftest import inhabited

WORKSPACE: Final = "ws-spellings"
ACTION: Final = {"actionId": "pay", "order": 1, "portFamily": "FinanceAccounting", "operation": "invoice:pay"}
ADAPTER: Final = {
    "providerSlug": "ledger", "portFamily": "Payroll",
    "capabilityMatrix": [{"operation": "invoice:pay", "requiresAuth": False}],
    "executionPolicy": {
        "tenantIsolationMode": "PerTenantWorker", "egressAllowlist": ["https://erp.example.com"],
        "credentialScope": "capabilityMatrix", "sandboxVerified": True, "sandboxAvailable": True,
    },
}  # fmt: skip
GIVEN: Final = {"invoice": 7, "lines": [{"text": None}]}

Record = dict[str, Any]


class Person:
    """Somebody of the workspace, who writes what programs write."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, **query: object) -> Record:
        answer = self._client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found: Record = answer.json()
        return found

    def post(self, path: str, body: Record, status: int = 201) -> Record:
        answer = self._client.post(path, json=body)
        assert answer.status_code == status, answer.text
        found: Record = answer.json()
        return found


@pytest.fixture(scope="module")
def people(yard: RunningYard) -> Iterator[dict[str, Person]]:
    clients = {
        role: httpx.Client(base_url=yard.url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False)
        for role, key in inhabited(yard, WORKSPACE).people.items()
    }
    yield {role: Person(client) for role, client in clients.items()}
    for client in clients.values():
        client.close()


@pytest.fixture(params=["/v1", "/api/v1"])
def place(request: pytest.FixtureRequest) -> str:
    """The workspace's path, in both its spellings."""
    return f"{request.param}/workspaces/{WORKSPACE}"


@pytest.fixture(scope="module")
def workflow(people: dict[str, Person]) -> str:
    body = {"name": "Pay", "executionTier": "ManualOnly", "actions": [ACTION]}
    return str(people["operator"].post(f"/v1/workspaces/{WORKSPACE}/workflows", body)["workflowId"])


@pytest.mark.parametrize(
    "body",
    [
        {"parameters": GIVEN},
        {"input": GIVEN},
        {"inputPayload": GIVEN},
        {"input_payload": GIVEN},
        {"parameters": GIVEN, "input": GIVEN, "inputPayload": GIVEN},
        {"parameters": GIVEN, "executionTier": "ManualOnly"},
        {"input": GIVEN, "execution_tier": "ManualOnly"},
    ],
    ids="+".join,
)
@pytest.mark.parametrize("name", ["workflowId", "workflow_id"])
def test_a_run_is_started(people: dict[str, Person], place: str, workflow: str, name: str, body: Record):
    started = people["operator"].post(f"{place}/runs", {name: workflow, **body})
    shown = people["auditor"].get(f"{place}/runs/{started['runId']}")
    for run in (started, shown):
        assert (run["id"], run["workflowId"], run["executionTier"]) == (started["runId"], workflow, "ManualOnly")
        assert (run["parameters"], run["input"]) == (GIVEN, GIVEN)


@pytest.mark.parametrize("way", ["decide", "decision", "decisions"])
@pytest.mark.parametrize(
    "why", [{"rationale": "Fine."}, {"reason": "Fine."}, {"rationale": "Fine.", "reason": "Fine."}], ids="+".join
)
def test_an_approval_is_decided(people: dict[str, Person], place: str, workflow: str, way: str, why: Record):
    run = people["operator"].post(f"{place}/runs", {"workflowId": workflow})["runId"]
    found: list[Record] = []

    def look() -> bool:
        found[:] = people["approver"].get(f"{place}/approvals", runId=run)["items"]
        return bool(found)

    wait_until(look, f"the approval of {run}")
    path = f"{place}/approvals/{found[0]['approvalId']}"
    decided = people["approver"].post(f"{path}/{way}", {"decision": "Approved", **why}, 200)
    assert (decided["status"], decided["rationale"], decided["runId"]) == ("Approved", "Fine.", run)
    assert people["auditor"].get(path) == decided


@pytest.fixture(scope="module")
def listed(people: dict[str, Person]) -> None:
    """Something is in the lists."""
    place = f"/v1/workspaces/{WORKSPACE}"
    user = people["auditor"].get(f"{place}/users")["items"][0]["userId"]
    people["admin"].post(f"{place}/workforce", {"linkedUserId": user, "capabilities": ["operations.dispatch"]})
    people["admin"].post(f"{place}/adapter-registrations", ADAPTER)


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("one", "other"),
    [("workforce", "workforce/members"), ("adapter-registrations", "adapters")],
    ids=["people", "adapters"],
)
def test_a_list_is_at_both_its_places(people: dict[str, Person], place: str, one: str, other: str):
    found = people["auditor"].get(f"{place}/{other}")
    assert found["items"]
    assert found == people["auditor"].get(f"{place}/{one}")


@pytest.mark.parametrize("path", ["users", "users/invite"])
def test_somebody_is_added(people: dict[str, Person], place: str, path: str):
    address = f"{uuid4()}@example.com"
    added = people["admin"].post(f"{place}/{path}", {"email": address, "roles": ["auditor"]})
    assert people["auditor"].get(f"{place}/users/{added['userId']}") == added


def test_things_have_an_id_and_one_of_their_kind(people: dict[str, Person], place: str, workflow: str):
    people["operator"].post(f"{place}/runs", {"workflowId": workflow})
    people["admin"].post(f"{place}/machines", {"hostname": f"m-{uuid4()}"})
    people["admin"].post(f"{place}/agents", {"name": f"a-{uuid4()}", "endpoint": "https://agents.example.com/"})
    wait_until(lambda: people["auditor"].get(f"{place}/approvals")["items"], "an approval")
    for kind in ("run", "workflow", "approval", "machine", "agent"):
        [item, *_] = people["auditor"].get(f"{place}/{kind}s")["items"]
        assert item["id"] == item[f"{kind}Id"] == people["auditor"].get(f"{place}/{kind}s/{item['id']}")["id"]


@pytest.mark.parametrize("noun", ["runs", "evidence", "users", "machines"])
def test_a_page_names_the_next_one_twice(people: dict[str, Person], place: str, workflow: str, noun: str):
    for _ in range(2):
        people["operator"].post(f"{place}/runs", {"workflowId": workflow})
        people["admin"].post(f"{place}/machines", {"hostname": f"m-{uuid4()}"})
    both = people["auditor"].get(f"{place}/{noun}", limit=2)
    first = people["auditor"].get(f"{place}/{noun}", limit=1)
    assert first["cursor"] == first["nextCursor"]
    second = people["auditor"].get(f"{place}/{noun}", limit=1, cursor=first["cursor"])
    assert [*first["items"], *second["items"]] == both["items"]
