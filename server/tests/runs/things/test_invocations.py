"""Invocations: asked for, handed out once begun never again, reported, watched, lost."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import httpx
import pytest

from runs.house import House, Place
from runyard.database import Connection
from runyard.services.runs.words import Role

from .shapes import Far, far_machine, made, no_nulls, problem

ASKED = {"action": "report:print", "input": {"pages": 3}}


@pytest.fixture
async def machine(house: House, place: Place) -> Far:
    return await far_machine(house, place, "report:print", "report:fold")


async def ask(place: Place, machine: Far, **more: object) -> dict:
    return await made(await place.operator.post(f"/machines/{machine.id}/invocations", json={**ASKED, **more}), 202)


async def stand(place: Place, machine: Far, invocation: str) -> dict:
    return (await place.auditor.get(f"/machines/{machine.id}/invocations/{invocation}")).json()


async def test_an_invocation_goes_to_its_machine_and_comes_back_with_an_output(place: Place, machine: Far) -> None:
    asked = await ask(place, machine)
    assert asked["status"] == "accepted"
    assert asked["statusUrl"] == f"/v1/workspaces/{place.id}/machines/{machine.id}/invocations/{asked['invocationId']}"
    assert no_nulls(asked)
    claimed = await machine.claim()
    (handed,) = claimed["invocations"]
    assert (handed["action"], handed["input"], handed["delivery"]) == ("report:print", {"pages": 3}, 1)
    invocation = handed["invocationId"]
    assert (await made(await machine.report(invocation, status="running"), 200))["status"] == "running"
    assert (await place.auditor.get(f"/machines/{machine.id}")).json()["activeRunCount"] == 1
    done = await made(await machine.report(invocation, status="completed", output={"printed": True}), 200)
    assert (done["status"], done["output"]) == ("completed", {"printed": True})
    assert await stand(place, machine, invocation) == done
    assert (await place.auditor.get(f"/machines/{machine.id}")).json()["activeRunCount"] == 0


async def test_a_claim_that_waits_gets_the_work_when_it_comes(place: Place, machine: Far) -> None:
    waiting = asyncio.create_task(machine.claim(wait=20))
    asked = await ask(place, machine)
    assert [one["invocationId"] for one in (await waiting)["invocations"]] == [asked["invocationId"]]


async def test_a_claim_that_waits_gets_nothing_once_its_account_has_ended(place: Place, machine: Far) -> None:
    waiting = asyncio.create_task(machine.claim(wait=20))
    async with asyncio.timeout(20):
        while "lastHeartbeatAtIso" not in (await place.auditor.get(f"/machines/{machine.id}")).json():
            pass
    assert (await place.admin.delete(f"/service-accounts/{machine.client_id}")).status_code == 204
    await ask(place, machine)
    with pytest.raises(AssertionError, match="401"):
        await waiting


async def test_what_was_handed_out_and_did_not_arrive_is_handed_out_again(place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    (again,) = (await machine.claim())["invocations"]
    assert (again["invocationId"], again["delivery"]) == (invocation, 2)
    problem(await machine.report(invocation, delivery=1, status="running"), 409, "conflict")
    await made(await machine.report(invocation, delivery=2, status="running"), 200)


async def test_what_has_begun_is_never_handed_out_again(house: House, place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    await made(await machine.report(invocation, status="running"), 200)
    assert (await machine.claim())["invocations"] == []
    await house.yard.database.execute(
        "UPDATE runs_invocations SET held_until = held_until - interval '2 minutes' WHERE id = $1", invocation
    )
    lost = await stand(place, machine, invocation)
    assert (lost["status"], lost["error"]["code"]) == ("failed", "machine-lost")
    late = await machine.report(invocation, status="completed", output={})
    problem(late, 409, "conflict")
    assert await stand(place, machine, invocation) == lost


async def test_what_a_machine_holds_stays_its_own(house: House, place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    await made(await machine.report(invocation, status="running"), 200)
    almost = "UPDATE runs_invocations SET held_until = now() + interval '1 second' WHERE id = $1 RETURNING held_until"
    before = await house.yard.database.fetchval(almost, invocation)
    assert (await machine.claim(holding=[invocation]))["stop"] == []
    after = await house.yard.database.fetchval("SELECT held_until FROM runs_invocations WHERE id = $1", invocation)
    assert after > before + timedelta(seconds=30)


async def test_one_that_nobody_begins_in_time_fails(house: House, place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine, timeoutSeconds=60))["invocationId"]
    await house.yard.database.execute(
        "UPDATE runs_invocations SET due_at = now() - interval '1 second' WHERE id = $1", invocation
    )
    assert (await machine.claim())["invocations"] == []
    listed = (await place.auditor.get(f"/machines/{machine.id}/invocations")).json()["items"]
    assert [(one["status"], one["error"]["code"]) for one in listed] == [("failed", "timed-out")]


async def test_a_cancelled_one_is_to_be_stopped_at_once(place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    await made(await machine.report(invocation, status="running"), 200)
    waiting = asyncio.create_task(machine.claim(wait=20, holding=[invocation], free=0))
    path = f"/machines/{machine.id}/invocations/{invocation}/cancel"
    problem(await place.auditor.post(path), 403, "forbidden")
    ended = await made(await place.operator.post(path), 200)
    assert (ended["status"], ended["error"]["code"]) == ("failed", "cancelled")
    assert (await waiting)["stop"] == [invocation]
    assert await made(await place.operator.post(path), 200) == ended
    problem(await machine.report(invocation, status="completed", output={}), 409, "conflict")


async def test_the_same_end_may_be_said_twice_and_another_may_not(place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    error = {"code": "paper-jam", "message": "The paper is jammed."}
    first = await made(await machine.report(invocation, status="failed", error=error), 200)
    assert first["error"] == error
    assert await made(await machine.report(invocation, status="failed", error=error), 200) == first
    problem(await machine.report(invocation, status="completed", output={}), 409, "conflict")


async def test_one_id_is_one_invocation(place: Place, machine: Far) -> None:
    first = await ask(place, machine, invocationId="print-1")
    assert await ask(place, machine, invocationId="print-1") == first
    other = {**ASKED, "invocationId": "print-1", "input": {"pages": 4}}
    problem(await place.operator.post(f"/machines/{machine.id}/invocations", json=other), 409, "conflict")
    assert len((await machine.claim(free=10))["invocations"]) == 1


@pytest.mark.parametrize(
    ("asked", "status", "slug"),
    [
        ({"action": "disk:wipe"}, 409, "conflict"),
        ({"action": "machine:ping"}, 422, "validation-failed"),
        ({"action": "print"}, 422, "validation-failed"),
        ({"action": "report:print", "input": []}, 422, "validation-failed"),
        ({"action": "report:print", "timeoutSeconds": 0}, 422, "validation-failed"),
        ({"action": "report:print", "machineId": "machine-other"}, 422, "validation-failed"),
        ({"action": "report:print", "workspaceId": "ws-other"}, 403, "forbidden"),
        ({"action": "report:print", "callbackUrl": "http://169.254.169.254/"}, 422, "validation-failed"),
        ({}, 422, "validation-failed"),
    ],
)
async def test_what_a_machine_may_not_do_is_refused(
    shared: tuple[Place, Far], asked: dict, status: int, slug: str
) -> None:
    place, machine = shared
    problem(await place.operator.post(f"/machines/{machine.id}/invocations", json=asked), status, slug)
    assert (await machine.claim())["invocations"] == []


@pytest.mark.parametrize(
    "said",
    [
        {"status": "completed"},
        {"status": "failed"},
        {"status": "running", "output": {}},
        {"status": "failed", "output": {}, "error": {"code": "x", "message": "x"}},
        {"status": "lost"},
        {"status": "failed", "error": {"code": "No Code", "message": "x"}},
        {"progress": 101},
        {"log": ""},
    ],
)
async def test_what_is_no_report_is_refused(shared: tuple[Place, Far], said: dict) -> None:
    place, machine = shared
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    problem(await machine.report(invocation, **said), 422, "validation-failed")
    assert (await stand(place, machine, invocation))["status"] == "accepted"
    await made(await machine.report(invocation, status="completed", output={}), 200)


@pytest.fixture(scope="module")
async def shared(house: House) -> tuple[Place, Far]:
    """A machine for tests that leave it nothing to do."""
    place = await house.place()
    return place, await far_machine(house, place, "report:print")


async def test_only_the_machine_itself_claims_and_reports(house: House, place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine))["invocationId"]
    other = await far_machine(house, place, "report:print", hostname="forge-2")
    for client in (place.admin, place.operator, other.client):
        problem(await client.post(f"/machines/{machine.id}/invocations:claim", json={}), 403, "forbidden")
        path = f"/machines/{machine.id}/invocations/{invocation}/report"
        problem(await client.post(path, json={"delivery": 1, "status": "running"}), 403, "forbidden")
    path = f"/machines/{other.id}/invocations/{invocation}"
    problem(await other.client.post(f"{path}/report", json={"delivery": 1, "status": "running"}), 404, "not-found")
    problem(await place.operator.get(path), 404, "not-found")
    problem(await place.auditor.post(f"/machines/{machine.id}/invocations", json=ASKED), 403, "forbidden")


async def test_one_that_was_not_handed_out_cannot_be_reported(place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine))["invocationId"]
    problem(await machine.report(invocation, status="running"), 409, "conflict")


async def test_a_watcher_sees_it_from_beginning_to_end_and_may_come_back(place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine))["invocationId"]
    watching = asyncio.create_task(watch(place.auditor, machine.id, invocation))
    await machine.claim()
    await made(await machine.report(invocation, status="running"), 200)
    await made(await machine.report(invocation, log="page 1\n", progress=50), 200)
    await made(await machine.report(invocation, status="completed", output={}), 200)
    events = await watching
    assert [(number, kind) for number, kind, _ in events] == [
        ("1", "status"), ("2", "log"), ("3", "progress"), ("4", "status"),
    ]  # fmt: skip
    assert [events[1][2]["text"], events[2][2]["percent"]] == ["page 1\n", 50]
    assert [events[0][2]["status"], events[3][2]["status"]] == ["running", "completed"]
    assert await watch(place.auditor, machine.id, invocation, last="2") == events[2:]
    assert await watch(place.auditor, machine.id, invocation, last="4") == []
    path = f"/machines/{machine.id}/invocations/{invocation}/stream"
    problem(await place.auditor.get(path, headers={"Last-Event-ID": "x"}), 422, "validation-failed")


async def watch(client: httpx.AsyncClient, machine: str, invocation: str, *, last: str = "0") -> list[tuple]:
    path = f"/machines/{machine}/invocations/{invocation}/stream"
    async with client.stream("GET", path, headers={"Last-Event-ID": last}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        body = (await answer.aread()).decode()
    events = []
    for block in body.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "data" in fields:
            events.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return events


async def test_a_watcher_who_is_no_longer_let_in_is_told_nothing_more(place: Place, machine: Far) -> None:
    user, client = await place.add(Role.AUDITOR)
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    await machine.report(invocation, status="running")
    path = f"/machines/{machine.id}/invocations/{invocation}/stream"
    async with asyncio.timeout(30), client.stream("GET", path) as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == "id: 1"
        assert (await place.admin.delete(f"/users/{user.user_id}")).status_code == 204
        await machine.report(invocation, log="not for them")
        rest = [line async for line in lines]
    assert not any("not for them" in line for line in rest)
    assert ": going away" in rest


async def test_a_machine_is_given_only_so_much(house: House, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runyard.services.runs.machines.invocations.MOST_OPEN", 2)
    machine = await far_machine(house, place, "report:print")
    for _ in range(2):
        await ask(place, machine)
    problem(await place.operator.post(f"/machines/{machine.id}/invocations", json=ASKED), 429, "rate-limit-exceeded")


async def test_what_a_machine_says_on_the_way_needs_no_book_and_is_not_remembered(
    house: House, place: Place, machine: Far
) -> None:
    """Many machines say much: each in its own time, and nothing is left of it but its log."""
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    await machine.report(invocation, status="running")
    remembered = "SELECT count(*) FROM runs_idempotency WHERE workspace = $1"
    before = await house.yard.database.fetchval(remembered, place.id)

    async def with_the_book_open(connection: Connection) -> None:
        await house.room.ledger.open(connection, place.id)
        said = await made(await machine.report(invocation, log="page 1\n", progress=10), 200)
        assert said["status"] == "running"

    async with asyncio.timeout(20):
        await house.yard.database.transaction(with_the_book_open)
    problem(await machine.report(invocation, delivery=2, log="page 2\n"), 409, "conflict")
    assert await house.yard.database.fetchval(remembered, place.id) == before


async def test_what_a_machine_says_too_late_ends_it(house: House, place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    await machine.report(invocation, status="running")
    await house.yard.database.execute("UPDATE runs_invocations SET due_at = created_at WHERE workspace = $1", place.id)
    late = await made(await machine.report(invocation, log="page 1\n"), 200)
    assert (late["status"], late["error"]["code"]) == ("failed", "timed-out")


async def test_what_a_machine_may_do_no_more_it_is_not_handed(place: Place, machine: Far) -> None:
    begun, waiting = (await ask(place, machine))["invocationId"], (await ask(place, machine))["invocationId"]
    fold = (await ask(place, machine, action="report:fold"))["invocationId"]
    await machine.claim(free=1)
    await machine.report(begun, status="running")
    changed = await place.admin.patch(f"/machines/{machine.id}", json={"operations": ["report:fold"]})
    assert changed.status_code == 200, changed.text
    claimed = await machine.claim(free=5, holding=[begun])
    assert [one["invocationId"] for one in claimed["invocations"]] == [fold]
    assert (await stand(place, machine, waiting))["error"]["code"] == "cancelled"
    assert (await made(await machine.report(begun, status="completed", output={}), 200))["status"] == "completed"


async def test_long_output_is_dropped_and_the_end_is_kept(
    place: Place, machine: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runyard.services.runs.machines.invocations.MOST_EVENTS", 3)
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    await made(await machine.report(invocation, status="running"), 200)
    for number in range(5):
        await made(await machine.report(invocation, log=f"line {number}\n"), 200)
    await made(await machine.report(invocation, status="completed", output={}), 200)
    events = await watch(place.auditor, machine.id, invocation)
    assert [body.get("text", body.get("status")) for _, _, body in events] == [
        "running", "line 0\n", "[runyard] What it prints from here on is not kept.\n", "completed",
    ]  # fmt: skip


async def test_what_machines_do_is_evidence(house: House, place: Place, machine: Far) -> None:
    invocation = (await ask(place, machine))["invocationId"]
    await machine.claim()
    await made(await machine.report(invocation, status="completed", output={}), 200)
    entries = (await place.auditor.get("/evidence", params={"category": "Action"})).json()["items"]
    assert [(one["actor"]["kind"], one["summary"]) for one in entries] == [
        ("User", f"Machine {machine.id} is asked to do report:print."),
        ("Machine", f"Machine {machine.id} has done report:print."),
    ]
