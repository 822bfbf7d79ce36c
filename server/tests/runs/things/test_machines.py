"""Machines over HTTP: registered, listed, enrolled, heard of, drained, quarantined, tested."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from runs.house import House, Place
from runyard.database import Connection
from runyard.identity import InvalidCredential
from runyard.services.runs.machines.machine import HEARTBEAT, MISSED
from runyard.services.runs.words import Role

from .shapes import enrol, far_machine, made, no_nulls, problem, register, token_of


@pytest.fixture(scope="module")
async def shared(house: House) -> Place:
    """A workspace for tests in which nothing comes about."""
    return await house.place()


async def test_a_registered_machine_is_as_the_contract_says(place: Place) -> None:
    asked = {"hostname": "forge-1", "osImage": "debian-13", "allowedCapabilities": ["notify", "execute-code"]}
    answer = await place.admin.post("/machines", json=asked)
    machine = await made(answer)
    assert answer.headers["location"] == f"/v1/workspaces/{place.id}/machines/{machine['machineId']}"
    assert machine["schemaVersion"] == 1
    assert machine["workspaceId"] == place.id
    assert {name: machine[name] for name in asked} == asked
    assert (machine["status"], machine["activeRunCount"]) == ("Offline", 0)
    assert machine["id"] == machine["machineId"]
    assert no_nulls(machine)
    assert (await place.auditor.get(f"/machines/{machine['machineId']}")).json() == machine


async def test_machines_are_listed_page_by_page_in_the_order_they_came(place: Place) -> None:
    names = [f"forge-{number}" for number in range(5)]
    for name in names:
        await register(place, name)
    seen, cursor = [], {}
    while True:
        page = (await place.auditor.get("/machines", params={"limit": 2, **cursor})).json()
        seen += [one["hostname"] for one in page["items"]]
        assert page.get("cursor") == page.get("nextCursor")
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen == names


async def test_a_deregistered_machine_is_gone_and_its_name_free(house: House, place: Place) -> None:
    machine = await far_machine(house, place, "report:print")
    asked = {"action": "report:print"}
    invocation = await made(await place.operator.post(f"/machines/{machine.id}/invocations", json=asked), 202)
    answer = await place.admin.delete(f"/machines/{machine.id}")
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await place.admin.get(f"/machines/{machine.id}"), 404, "not-found")
    problem(await place.admin.delete(f"/machines/{machine.id}"), 404, "not-found")
    assert (await place.admin.get("/machines")).json()["items"] == []
    problem(await machine.client.get(f"/machines/{machine.id}"), 401, "unauthorized")
    assert invocation["status"] == "accepted"
    await register(place)


@pytest.mark.parametrize(
    ("asked", "status", "slug"),
    [
        ({}, 422, "validation-failed"),
        ({"hostname": ""}, 422, "validation-failed"),
        ({"hostname": " "}, 422, "validation-failed"),
        ({"hostname": None}, 422, "validation-failed"),
        ({"hostname": "x", "osImage": None}, 422, "validation-failed"),
        ({"hostname": "x", "secret": 1}, 422, "validation-failed"),
        ({"hostname": "x", "allowedCapabilities": ["fly"]}, 422, "validation-failed"),
        ({"hostname": "x", "operations": ["Fly"]}, 422, "validation-failed"),
        ({"hostname": "x", "slots": 0}, 422, "validation-failed"),
        ({"hostname": "x", "workspaceId": "ws-other"}, 403, "forbidden"),
    ],
)
async def test_what_is_no_machine_is_refused(shared: Place, asked: dict, status: int, slug: str) -> None:
    body = problem(await shared.admin.post("/machines", json=asked), status, slug)
    assert status != 422 or body["errors"]
    assert (await shared.admin.get("/machines")).json()["items"] == []


async def test_only_admins_register_and_only_members_look(house: House, place: Place) -> None:
    for client in (place.operator, place.approver, place.auditor):
        problem(await client.post("/machines", json={"hostname": "x"}), 403, "forbidden")
    machine, elsewhere = await register(place), await house.place()
    for path in ("/machines", f"/machines/{machine['machineId']}"):
        assert (await place.auditor.get(path)).status_code == 200
    problem(await elsewhere.admin.get(f"/machines/{machine['machineId']}"), 404, "not-found")
    problem(await house.client().get(f"/v1/workspaces/{place.id}/machines"), 401, "unauthorized")


async def test_two_machines_of_one_name_are_a_conflict_and_one_key_is_one_machine(place: Place) -> None:
    once = {"Idempotency-Key": "key-1"}
    first = await place.admin.post("/machines", json={"hostname": "forge-1"}, headers=once)
    again = await place.admin.post("/machines", json={"hostname": "forge-1"}, headers=once)
    assert again.json() == first.json()
    problem(await place.admin.post("/machines", json={"hostname": "forge-2"}, headers=once), 409, "conflict")
    problem(await place.admin.post("/machines", json={"hostname": "forge-1"}), 409, "conflict")
    second = await register(place, "forge-2")
    path = f"/machines/{second['machineId']}"
    problem(await place.admin.patch(path, json={"hostname": "forge-1"}), 409, "conflict")


async def test_a_change_of_a_version_that_is_no_more_is_refused(place: Place) -> None:
    path = f"/machines/{(await register(place))['machineId']}"
    seen = (await place.admin.get(path)).headers["etag"]
    assert (await place.admin.get(path, headers={"If-None-Match": seen})).status_code == 304
    changed = await place.admin.patch(path, json={"slots": 4}, headers={"If-Match": seen})
    assert (changed.status_code, changed.json()["slots"]) == (200, 4)
    late = await place.admin.patch(path, json={"slots": 5}, headers={"If-Match": seen})
    problem(late, 412, "precondition-failed")
    assert (await place.admin.get(path)).json()["slots"] == 4
    problem(await place.admin.patch(path, json={}), 422, "validation-failed")


# -------------------------------------------------------------------- enrolment


async def test_a_machine_enrols_once_with_its_token(house: House, place: Place) -> None:
    machine = (await register(place))["machineId"]
    ticket = await made(await place.admin.post(f"/machines/{machine}/enrolment"))
    anybody = house.client(below=f"/v1/workspaces/{place.id}")
    asked = {"token": ticket["token"], "operations": ["report:print"], "osImage": "debian-13"}
    answer = await anybody.post(f"/machines/{machine}/enrol", json=asked)
    account = await made(answer)
    assert answer.headers["cache-control"] == "no-store"
    problem(await anybody.post(f"/machines/{machine}/enrol", json=asked), 401, "unauthorized")
    shown = (await place.auditor.get(f"/machines/{machine}")).json()
    assert (shown["operations"], shown["osImage"]) == (["report:print"], "debian-13")
    itself = house.client(token=await token_of(house, account), below=f"/v1/workspaces/{place.id}")
    assert (await itself.get(f"/machines/{machine}")).status_code == 200
    for path in ("/machines", "/agents", "/runs"):
        assert (await itself.get(path)).status_code in {403, 404}, path


async def test_a_newer_token_voids_the_older_and_a_replay_does_not_show_it(house: House, place: Place) -> None:
    machine = (await register(place))["machineId"]
    once = {"Idempotency-Key": "key-1"}
    old = await made(await place.admin.post(f"/machines/{machine}/enrolment", headers=once))
    assert "token" not in (await place.admin.post(f"/machines/{machine}/enrolment", headers=once)).json()
    await made(await place.admin.post(f"/machines/{machine}/enrolment"))
    anybody = house.client(below=f"/v1/workspaces/{place.id}")
    asked = {"token": old["token"], "operations": []}
    problem(await anybody.post(f"/machines/{machine}/enrol", json=asked), 401, "unauthorized")
    other = (await register(place, "forge-2"))["machineId"]
    problem(await anybody.post(f"/machines/{other}/enrol", json=asked), 403, "forbidden")
    problem(await anybody.post(f"/machines/{machine}/enrol", json={**asked, "token": "x"}), 422, "validation-failed")


async def test_enrolling_again_ends_the_credential_of_before(house: House, place: Place) -> None:
    first = await far_machine(house, place, "report:print")
    await enrol(place, first.id, "report:print")
    problem(await first.client.get(f"/machines/{first.id}"), 401, "unauthorized")
    assert (await place.admin.get(f"/machines/{first.id}")).json()["standing"] == "active"


async def test_a_machine_that_can_do_more_than_it_said_goes_into_quarantine(house: House, place: Place) -> None:
    machine = await far_machine(house, place, "report:print")
    answer = await machine.claim(operations=["report:print", "disk:wipe"])
    assert answer["standing"] == "quarantined"
    shown = (await place.admin.get(f"/machines/{machine.id}")).json()
    assert "disk:wipe" in shown["quarantineReason"]
    asked = {"action": "report:print"}
    problem(await place.operator.post(f"/machines/{machine.id}/invocations", json=asked), 409, "conflict")
    await made(await place.admin.post(f"/machines/{machine.id}/activate"), 200)
    assert (await machine.claim(operations=["report:print", "disk:wipe"]))["standing"] == "active"
    asked = {"action": "disk:wipe"}  # it can, which doesn't mean that it may
    problem(await place.operator.post(f"/machines/{machine.id}/invocations", json=asked), 409, "conflict")


# -------------------------------------------------------------------- signs of life


async def test_a_heartbeat_is_heard_and_repeated(house: House, place: Place) -> None:
    machine = await far_machine(house, place)
    said = {"status": "degraded", "metrics": {"cpu": 0.5, "jobs": 2}, "location": {"lat": 52.5, "lon": 13.4}}
    heard = await made(await machine.client.post(f"/machines/{machine.id}/heartbeat", json=said), 200)
    assert {name: heard[name] for name in said} == said
    assert heard["machineId"] == machine.id
    shown = (await place.auditor.get(f"/machines/{machine.id}")).json()
    assert (shown["status"], shown["lastHeartbeatAtIso"]) == ("Degraded", heard["lastHeartbeatAtIso"])
    only = {"statusMessage": "all is well"}
    assert (await place.operator.post(f"/machines/{machine.id}/heartbeat", json=only)).json()["status"] == "ok"
    shown = (await place.auditor.get(f"/machines/{machine.id}")).json()
    assert (shown["status"], shown["statusMessage"]) == ("Online", "all is well")


@pytest.mark.parametrize(
    "said",
    [
        {"status": "offline"},
        {"metrics": {"cpu": "high"}},
        {"metrics": {"cpu": None}},
        {"location": {"lat": 91, "lon": 0}},
        {"location": {"lat": 1}},
        {"mood": "fine"},
        [],
    ],
)
async def test_a_heartbeat_that_says_nonsense_is_a_bad_request(shared: Place, said: object) -> None:
    machine = (await register(shared, f"forge-{uuid4()}"))["machineId"]
    problem(await shared.operator.post(f"/machines/{machine}/heartbeat", json=said), 400, "bad-request")
    assert "lastHeartbeatAtIso" not in (await shared.admin.get(f"/machines/{machine}")).json()
    await shared.admin.delete(f"/machines/{machine}")


async def test_nobody_speaks_for_a_machine_without_the_right_to(house: House, place: Place) -> None:
    first = await far_machine(house, place)
    second = await far_machine(house, place, hostname="forge-2")
    for client in (second.client, place.auditor, place.approver):
        problem(await client.post(f"/machines/{first.id}/heartbeat", json={}), 403, "forbidden")
    problem(await place.operator.post("/machines/machine-none/heartbeat", json={}), 404, "not-found")
    elsewhere = await house.place()
    problem(await elsewhere.operator.post(f"/machines/{first.id}/heartbeat", json={}), 404, "not-found")


async def test_a_machine_is_offline_after_three_missed_heartbeats(house: House, place: Place) -> None:
    machine = await far_machine(house, place)
    await machine.client.post(f"/machines/{machine.id}/heartbeat", json={})
    shown = (await place.admin.get(f"/machines/{machine.id}")).json()
    assert shown["status"] == "Online"
    silence = MISSED * HEARTBEAT + timedelta(seconds=1)
    await house.yard.database.execute("UPDATE runs_machines SET heard_at = heard_at - $1::interval", silence)
    assert (await place.admin.get(f"/machines/{machine.id}")).json()["status"] == "Offline"
    tested = (await place.operator.post(f"/machines/{machine.id}/test")).json()
    assert (tested["status"], tested["latencyMs"]) == ("unreachable", 0)
    assert tested["errorMessage"]


async def test_a_connection_test_asks_the_machine_and_measures(house: House, place: Place) -> None:
    machine = await far_machine(house, place)
    problem(await place.auditor.post(f"/machines/{machine.id}/test"), 403, "forbidden")
    never = await place.operator.post(f"/machines/{(await register(place, 'forge-2'))['machineId']}/test")
    assert never.json()["status"] == "unreachable"
    await machine.claim()

    async def answer() -> None:
        claimed = await machine.claim(wait=10)
        (ping,) = claimed["invocations"]
        assert ping["action"] == "machine:ping"
        await made(await machine.report(ping["invocationId"], status="completed", output={}), 200)

    answering = asyncio.create_task(answer())
    tested = (await place.operator.post(f"/machines/{machine.id}/test")).json()
    await answering
    assert tested["status"] in {"ok", "slow"}
    assert "errorMessage" not in tested
    assert (await place.operator.get(f"/machines/{machine.id}/invocations")).json()["items"] == []


# -------------------------------------------------------------------- trust


async def test_a_draining_machine_takes_nothing_new(house: House, place: Place) -> None:
    machine = await far_machine(house, place, "report:print")
    asked = {"action": "report:print"}
    invocation = await made(await place.operator.post(f"/machines/{machine.id}/invocations", json=asked), 202)
    problem(await place.operator.post(f"/machines/{machine.id}/drain"), 403, "forbidden")
    await made(await place.admin.post(f"/machines/{machine.id}/drain"), 200)
    problem(await place.operator.post(f"/machines/{machine.id}/invocations", json=asked), 409, "conflict")
    claimed = await machine.claim()
    assert [one["invocationId"] for one in claimed["invocations"]] == [invocation["invocationId"]]
    assert claimed["standing"] == "draining"


async def test_a_quarantined_machine_loses_what_it_has(house: House, place: Place) -> None:
    machine = await far_machine(house, place, "report:print")
    asked = {"action": "report:print"}
    invocation = await made(await place.operator.post(f"/machines/{machine.id}/invocations", json=asked), 202)
    waiting = asyncio.create_task(machine.claim(wait=10, holding=[invocation["invocationId"]], free=0))
    why = {"reason": "It prints to the wrong printer."}
    shown = await made(await place.admin.post(f"/machines/{machine.id}/quarantine", json=why), 200)
    assert (shown["standing"], shown["quarantineReason"]) == ("quarantined", why["reason"])
    heard = await waiting
    assert heard["stop"] == [invocation["invocationId"]]
    found = (await place.auditor.get(f"/machines/{machine.id}/invocations/{invocation['invocationId']}")).json()
    assert (found["status"], found["error"]["code"]) == ("failed", "cancelled")
    problem(
        await place.admin.post(f"/machines/{machine.id}/quarantine", json={"reason": " "}), 422, "validation-failed"
    )


async def test_what_is_done_to_machines_is_in_the_evidence_and_the_stream(house: House, place: Place) -> None:
    machine = await far_machine(house, place, "report:print")
    rows = await house.yard.database.fetch("SELECT body FROM runs_evidence WHERE workspace = $1 ORDER BY seq", place.id)
    told = b"".join(row["body"] for row in rows).decode()
    for summary in ("registered", "may enrol", "enrolled"):
        assert f"Machine {machine.id} {summary}." in told
    assert f'"kind":"Machine","machineId":"{machine.id}"' in told
    rows = await house.yard.database.fetch("SELECT body FROM runs_events WHERE workspace = $1 ORDER BY seq", place.id)
    types = "".join(row["body"].decode() for row in rows)
    for name in ("MachineRegistered", "MachineEnrolled"):
        assert f"com.portarium.machine.{name}" in types


async def test_a_member_of_another_workspace_cannot_use_this_ones_machine_token(house: House, place: Place) -> None:
    machine, elsewhere = await far_machine(house, place), await house.place()
    token = machine.client.headers["authorization"].removeprefix("Bearer ")
    stranger = house.client(token=token, below=f"/v1/workspaces/{elsewhere.id}")
    problem(await stranger.get(f"/machines/{machine.id}"), 401, "unauthorized")
    _, both = await elsewhere.add(Role.ADMIN)
    problem(await both.get(f"/machines/{machine.id}"), 404, "not-found")


async def test_a_machine_is_nobody_in_the_yards_other_services(house: House, place: Place) -> None:
    """It only does what it is sent. Its project's other work is none of its business."""
    machine = await far_machine(house, place, "report:print")
    assert (await machine.claim())["standing"] == "active"
    token = machine.client.headers["authorization"].removeprefix("Bearer ")
    assert (await house.client(token=token).get("/jobs")).status_code == 401
    with pytest.raises(InvalidCredential):
        await house.yard.identity.authenticate(token)
    project = await house.yard.identity.projects.get(place.id)
    assert len(project.members) == len(place.users)


async def test_strangers_do_not_open_a_workspaces_book(house: House, place: Place) -> None:
    machine = (await register(place))["machineId"]
    anybody = house.client(below=f"/v1/workspaces/{place.id}")
    asked = {"token": f"{place.id}.{machine}.ry_client_x", "operations": ["a:b"]}

    async def with_the_book_open(connection: Connection) -> None:
        await house.room.ledger.open(connection, place.id)
        problem(await anybody.post(f"/machines/{machine}/enrol", json=asked), 401, "unauthorized")

    async with asyncio.timeout(20):
        await house.yard.database.transaction(with_the_book_open)


async def test_strangers_are_counted_where_they_enrol(house_with) -> None:
    async with house_with(runs_rate=0.01, runs_burst=2) as house:
        anybody = house.client()
        for _ in range(2):
            problem(await anybody.post("/v1/workspaces/w/machines/m/enrol", json={}), 422, "validation-failed")
        problem(await anybody.post("/v1/workspaces/w/machines/m/enrol", json={}), 429, "rate-limit-exceeded")
        problem(await anybody.post("/v1/auth/token", json={}), 429, "rate-limit-exceeded")
