"""What tests of machines and their kind ask for again and again."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from runs.house import House, Place

POLICY = {
    "tenantIsolationMode": "PerTenantWorker",
    "egressAllowlist": ["https://erp.example.com"],
    "credentialScope": "capabilityMatrix",
    "sandboxVerified": True,
    "sandboxAvailable": True,
}
ADAPTER = {
    "providerSlug": "ledger",
    "portFamily": "FinanceAccounting",
    "executionPolicy": POLICY,
    "capabilityMatrix": [{"operation": "invoice:create", "requiresAuth": False}],
}
PROBLEM = "https://portarium.dev/problems/"


@dataclass(frozen=True, slots=True)
class Far:
    """A machine that has enrolled, and how it calls."""

    id: str
    client: httpx.AsyncClient
    client_id: str
    secret: str

    async def claim(self, *, wait: float = 0, **asked: object) -> dict:
        answer = await self.client.post(f"/machines/{self.id}/invocations:claim", json={"waitSeconds": wait, **asked})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def report(self, invocation: str, delivery: int = 1, **asked: object) -> httpx.Response:
        path = f"/machines/{self.id}/invocations/{invocation}/report"
        return await self.client.post(path, json={"delivery": delivery, **asked})


async def made(answer: httpx.Response, status: int = 201) -> dict:
    """The thing that was made."""
    assert answer.status_code == status, answer.text
    return answer.json()


async def register(place: Place, hostname: str = "forge-1", **more: object) -> dict:
    return await made(await place.admin.post("/machines", json={"hostname": hostname, **more}))


async def enrol(place: Place, machine: str, *operations: str) -> dict:
    ticket = await made(await place.admin.post(f"/machines/{machine}/enrolment"))
    asked = {"token": ticket["token"], "operations": operations}
    anybody = place.house.client(below=f"/v1/workspaces/{place.id}")
    return await made(await anybody.post(f"/machines/{machine}/enrol", json=asked))


async def far_machine(house: House, place: Place, *operations: str, hostname: str = "forge-1", **more: object) -> Far:
    """A machine that may do these operations."""
    machine = await register(place, hostname, **more)
    account = await enrol(place, machine["machineId"], *operations)
    token = await token_of(house, account)
    client = house.client(token=token, below=f"/v1/workspaces/{place.id}")
    return Far(machine["machineId"], client, account["clientId"], account["clientSecret"])


async def token_of(house: House, account: dict) -> str:
    asked = {
        "grant_type": "client_credentials",
        "client_id": account["clientId"],
        "client_secret": account["clientSecret"],
        "workspaceId": account["workspaceId"],
    }
    answer = await house.client().post("/v1/auth/token", json=asked)
    return (await made(answer, 200))["access_token"]


def problem(answer: httpx.Response, status: int, slug: str) -> dict:
    """The problem that an answer is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == PROBLEM + slug
    assert (body["status"], bool(body["title"])) == (status, True)
    return body


def no_nulls(value: object) -> bool:
    """Whether nothing in there is null: the generated client can't take it."""
    if isinstance(value, dict):
        return all(map(no_nulls, value.values()))
    if isinstance(value, list):
        return all(map(no_nulls, value))
    return value is not None
