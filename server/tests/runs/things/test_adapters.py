"""Adapters and credential grants over HTTP, and the way of an operation to a machine."""

from __future__ import annotations

import pytest

from runs.house import House, Place
from runyard.services.runs import adapters
from runyard.services.runs.refused import Refused

from .shapes import ADAPTER, POLICY, far_machine, made, no_nulls, problem, register

SOON = "2030-01-01T00:00:00.000Z"


async def adapter(place: Place, **more: object) -> dict:
    return await made(await place.admin.post("/adapter-registrations", json={**ADAPTER, **more}))


async def grant(place: Place, adapter_id: str, **more: object) -> dict:
    asked = {"adapterId": adapter_id, "credentialsRef": "vault://erp/token", "scope": "invoices", **more}
    return await made(await place.admin.post("/credential-grants", json=asked))


async def test_an_adapter_is_as_the_contract_says(place: Place) -> None:
    machine = (await register(place))["machineId"]
    entry = {"machineId": machine, "endpointUrl": "https://forge.example.com/do", "active": True}
    answer = await place.admin.post("/adapter-registrations", json={**ADAPTER, "machineRegistrations": [entry]})
    shown = await made(answer)
    assert answer.headers["location"].endswith(f"/adapter-registrations/{shown['adapterId']}")
    assert {name: shown[name] for name in ADAPTER} == ADAPTER
    assert (shown["schemaVersion"], shown["enabled"], shown["machineRegistrations"]) == (1, True, [entry])
    assert no_nulls(shown)
    found = await place.auditor.get(f"/adapter-registrations/{shown['adapterId']}")
    assert found.json() == shown
    assert (await place.auditor.get("/adapter-registrations")).json() == {"items": [shown]}


async def test_an_adapter_is_changed_by_admins_only_and_in_the_version_they_saw(place: Place) -> None:
    path = f"/adapter-registrations/{(await adapter(place))['adapterId']}"
    seen = (await place.admin.get(path)).headers["etag"]
    problem(await place.operator.patch(path, json={"enabled": False}), 403, "forbidden")
    problem(await place.operator.post("/adapter-registrations", json=ADAPTER), 403, "forbidden")
    changed = await place.admin.patch(path, json={"enabled": False}, headers={"If-Match": seen})
    assert (changed.status_code, changed.json()["enabled"]) == (200, False)
    late = await place.admin.patch(path, json={"providerSlug": "x"}, headers={"If-Match": seen})
    problem(late, 412, "precondition-failed")
    problem(await place.admin.patch(path, json={}), 422, "validation-failed")
    problem(await place.admin.get("/adapter-registrations/adapter-none"), 404, "not-found")


@pytest.mark.parametrize(
    ("changes", "status", "slug"),
    [
        ({"portFamily": "Magic"}, 422, "validation-failed"),
        ({"executionPolicy": {**POLICY, "egressAllowlist": []}}, 422, "validation-failed"),
        ({"executionPolicy": {**POLICY, "egressAllowlist": ["http://erp.example.com"]}}, 422, "validation-failed"),
        ({"executionPolicy": {**POLICY, "sandboxVerified": False}}, 422, "validation-failed"),
        ({"executionPolicy": {**POLICY, "tenantIsolationMode": "Shared"}}, 422, "validation-failed"),
        ({"executionPolicy": {**POLICY, "sandboxAvailable": "yes"}}, 422, "validation-failed"),
        ({"capabilityMatrix": []}, 422, "validation-failed"),
        ({"capabilityMatrix": [{"operation": "x:y"}]}, 422, "validation-failed"),
        ({"capabilityMatrix": [{"operation": "x", "requiresAuth": True, "capability": "X"}]}, 422, "validation-failed"),
        ({"adapterId": "mine"}, 422, "validation-failed"),
        (
            {"machineRegistrations": [{"machineId": "m", "endpointUrl": "https://x.example", "active": True}]},
            404,
            "not-found",
        ),
    ],
)
async def test_what_is_no_adapter_is_refused(shared: Place, changes: dict, status: int, slug: str) -> None:
    problem(await shared.admin.post("/adapter-registrations", json={**ADAPTER, **changes}), status, slug)
    assert (await shared.admin.get("/adapter-registrations")).json() == {"items": []}


@pytest.fixture(scope="module")
async def shared(house: House) -> Place:
    """A workspace for tests in which nothing comes about."""
    return await house.place()


async def test_a_grant_lives_from_its_issue_to_its_revocation(place: Place) -> None:
    adapter_id = (await adapter(place))["adapterId"]
    shown = await grant(place, adapter_id, expiresAtIso=SOON)
    assert no_nulls(shown)
    assert (shown["adapterId"], shown["expiresAtIso"], shown["schemaVersion"]) == (adapter_id, SOON, 1)
    path = f"/credential-grants/{shown['credentialGrantId']}"
    assert (await place.auditor.get(path)).json() == shown
    changed = await made(await place.admin.patch(path, json={"scope": "all"}), 200)
    assert changed["scope"] == "all"
    rotated = await made(await place.admin.post(f"{path}/rotate"), 200)
    assert rotated["lastRotatedAtIso"] >= shown["issuedAtIso"]
    revoked = await made(await place.admin.post(f"{path}/revoke"), 200)
    assert await made(await place.admin.post(f"{path}/revoke"), 200) == revoked
    problem(await place.admin.post(f"{path}/rotate"), 409, "conflict")
    problem(await place.admin.patch(path, json={"scope": "x"}), 409, "conflict")
    assert (await place.auditor.get("/credential-grants")).json() == {"items": [revoked]}


async def test_what_is_no_grant_is_refused(house: House, place: Place) -> None:
    adapter_id = (await adapter(place))["adapterId"]
    asked = {"adapterId": adapter_id, "credentialsRef": "vault://erp/token", "scope": "invoices"}
    problem(await place.operator.post("/credential-grants", json=asked), 403, "forbidden")
    past = {**asked, "expiresAtIso": "2020-01-01T00:00:00.000Z"}
    problem(await place.admin.post("/credential-grants", json=past), 422, "validation-failed")
    problem(await place.admin.post("/credential-grants", json={**asked, "scope": ""}), 422, "validation-failed")
    local = {**asked, "expiresAtIso": "2030-01-01T00:00:00"}
    problem(await place.admin.post("/credential-grants", json=local), 422, "validation-failed")
    elsewhere = await house.place()
    problem(await elsewhere.admin.post("/credential-grants", json=asked), 404, "not-found")
    mine = await grant(place, adapter_id)
    for verb in ("rotate", "revoke"):
        path = f"/credential-grants/{mine['credentialGrantId']}/{verb}"
        problem(await place.operator.post(path), 403, "forbidden")
        problem(await elsewhere.admin.post(path), 404, "not-found")
    path = f"/credential-grants/{mine['credentialGrantId']}"
    problem(await place.admin.patch(path, json={"expiresAtIso": "2020-01-01T00:00:00Z"}), 422, "validation-failed")


async def route(house: House, place: Place, adapter_id: str, operation: str = "invoice:create") -> adapters.Route:
    async def work(connection):
        found = await adapters.find(connection, place.id, adapter_id)
        return await adapters.route(connection, found, operation, now=house.yard.clock())

    return await house.yard.database.transaction(work)


async def test_an_operation_goes_to_the_machine_that_is_there_and_may(house: House, place: Place) -> None:
    away = await far_machine(house, place, "invoice:create", hostname="away")
    near = await far_machine(house, place, "invoice:create", hostname="near")
    other = await far_machine(house, place, "report:print", hostname="other")
    await near.claim()
    await other.claim()
    entries = [{"machineId": one.id, "endpointUrl": "https://x.example", "active": True} for one in (away, near, other)]
    made_ = await adapter(place, machineRegistrations=entries)
    assert (await route(house, place, made_["adapterId"])).machine.id == near.id
    await made(await place.admin.post(f"/machines/{near.id}/drain"), 200)
    assert (await route(house, place, made_["adapterId"])).machine.id == away.id
    with pytest.raises(Refused, match="does not serve"):
        await route(house, place, made_["adapterId"], "invoice:pay")


async def test_an_operation_that_needs_a_credential_gets_valid_ones_only(house: House, place: Place) -> None:
    near = await far_machine(house, place, "invoice:create")
    entry = {"machineId": near.id, "endpointUrl": "https://x.example", "active": True}
    claim = {"operation": "invoice:create", "requiresAuth": True}
    adapter_id = (await adapter(place, machineRegistrations=[entry], capabilityMatrix=[claim]))["adapterId"]
    with pytest.raises(Refused, match="no valid grant"):
        await route(house, place, adapter_id)
    kept, revoked = await grant(place, adapter_id, credentialsRef="vault://a"), await grant(place, adapter_id)
    await made(await place.admin.post(f"/credential-grants/{revoked['credentialGrantId']}/revoke"), 200)
    credentials = (await route(house, place, adapter_id)).credentials
    assert [one.credentials_ref for one in credentials] == [kept["credentialsRef"]]
