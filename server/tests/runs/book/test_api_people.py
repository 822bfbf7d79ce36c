"""Work items, the workforce, and tasks that runs wait for people to do."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from runyard.jobs.offers import Unservable
from runyard.services.runs.engine.helpers import Errand
from runyard.services.runs.engine.model import Run
from runyard.services.runs.engine.spec import PERSON, Action
from runyard.services.runs.engine.states import RunStatus
from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.models.people import HumanTaskStatus
from runyard.services.runs.people.errands import Persons
from runyard.services.runs.people.human_task import TRANSITIONS

from .house import Desk, Person

DISPATCH, APPROVAL = "operations.dispatch", "operations.approval"


async def member(admin: Person, person: Person, *capabilities: str) -> str:
    body = {"linkedUserId": str(person.id), "capabilities": list(capabilities or (DISPATCH,))}
    return (await admin.post("/workforce", body, 201))["workforceMemberId"]


async def queue(admin: Person, strategy: str, *members: str, capability: str = DISPATCH) -> str:
    body = {
        "name": f"q-{uuid4().hex[:6]}", "requiredCapabilities": [capability], "routingStrategy": strategy,
        "memberIds": list(members),
    }  # fmt: skip
    return (await admin.post("/workforce/queues", body, 201))["workforceQueueId"]


def run_of(desk: Desk, person: Person) -> Run:
    now = desk.yard.clock()
    return Run(
        workspace=person.workspace, id=f"run-{uuid4()}", workflow="wf-1", workflow_version=1, job=uuid4(),
        status=RunStatus.RUNNING, tier=Tier.AUTO, correlation_id="corr-1", started_by=person.id, parameters={},
        deadline=now + timedelta(hours=1), created_at=now,
    )  # fmt: skip


async def open_task(desk: Desk, run: Run, *, step: str = "review", attempt: int = 1, **asked: object) -> str:
    """What the engine does when a step is for a person."""
    action = Action(action_id=step, order=1, port_family="ItsmItOps", operation=PERSON, input={})

    async def work(connection) -> str:
        book = await desk.room.ledger.open(connection, run.workspace)
        errand = Errand(
            run=run, action=action, attempt=attempt, input={"description": "Look at it.", **asked}, plan="plan-1",
            served_by=None, due_at=book.now + timedelta(hours=1),
        )  # fmt: skip
        task = await Persons(desk.yard.database).open(connection, book, errand)
        await book.close()
        return task

    return await desk.yard.database.transaction(work)


# -------------------------------------------------------------------- work items


async def test_a_work_item_is_opened_changed_and_assigned(desk, ada):
    body = {"title": "Invoice 7", "sla": {"dueAtIso": "2026-03-01T12:00:00+01:00"}}
    item = await ada.post("/work-items", body, 201)
    assert item["sla"] == {"dueAtIso": "2026-03-01T11:00:00.000Z"}
    assert (item["status"], item["createdByUserId"]) == ("Open", str(ada.id))
    assert len(item["links"]["evidenceIds"]) == 1
    path = f"/work-items/{item['workItemId']}"
    assert await ada.get(path) == item
    refs = [{"sorName": "erp", "portFamily": "FinanceAccounting", "externalId": "7", "externalType": "Invoice"}]
    changed = await ada.patch(path, {"status": "InProgress", "externalRefs": refs, "ownerUserId": str(ada.id)})
    assert (changed["status"], changed["links"]["externalRefs"]) == ("InProgress", refs)
    assert changed["title"] == "Invoice 7"
    worker = await member(ada, ada)
    given = await ada.put(f"{path}/assignment", {"workforceMemberId": worker})
    assert given == {
        "workItemId": item["workItemId"], "ownerUserId": str(ada.id), "workforceMemberId": worker
    }  # fmt: skip
    assert await ada.get(f"{path}/assignment") == given
    taken = await ada.put(f"{path}/assignment", {"workforceMemberId": None})
    assert taken == {"workItemId": item["workItemId"]}
    assert [one["category"] for one in await ada.all("/evidence", workItemId=item["workItemId"])] == ["Action"] * 4


async def test_work_items_are_found_by_what_belongs_to_them(desk, ada):
    ids = [(await ada.post("/work-items", {"title": str(number)}, 201))["workItemId"] for number in range(3)]
    await ada.patch(f"/work-items/{ids[1]}", {"status": "Closed", "ownerUserId": str(ada.id)})
    (entry,) = await desk.write(ada.workspace, "About it.", work_item_id=ids[2], run_id="run-1", approval_id="ap-1")

    async def found(**where):
        return [item["workItemId"] for item in await ada.all("/work-items", **where)]

    assert await found() == ids
    assert await found(status="Closed") == [ids[1]]
    assert await found(ownerUserId=str(ada.id)) == [ids[1]]
    for name, value in (("runId", "run-1"), ("approvalId", "ap-1"), ("evidenceId", entry)):
        assert await found(**{name: value}) == [ids[2]]
    assert await found(workflowId="wf-9") == []
    pages = [page async for page in ada.pages("/work-items", limit=2)]
    assert [len(page) for page in pages] == [2, 1]


async def test_a_change_of_what_has_changed_is_refused(ada):
    created = await ada.client.post("/work-items", json={"title": "x"})
    path, seen = f"/work-items/{created.json()['workItemId']}", created.headers["etag"]
    assert created.headers["location"].endswith(path)
    assert (await ada.client.get(path)).headers["etag"] == seen
    await ada.patch(path, {"status": "Blocked"}, If_Match=seen)
    await ada.patch(path, {"status": "Closed"}, 412, If_Match=seen)
    assert (await ada.get(path))["status"] == "Blocked"
    seen = (await ada.client.get(f"{path}/assignment")).headers["etag"]
    worker = await member(ada, ada)
    await ada.put(f"{path}/assignment", {"workforceMemberId": worker}, If_Match=seen)
    await ada.put(f"{path}/assignment", {"workforceMemberId": None}, 412, If_Match=seen)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "title"),
        ({"title": " "}, "title"),
        ({"title": "x", "ownerUserId": str(uuid4())}, "ownerUserId"),
        ({"title": "x", "sla": {"dueAtIso": "tomorrow"}}, "sla.dueAtIso"),
        ({"title": "x", "sla": {"dueAtIso": "2026-03-01T12:00:00"}}, "sla.dueAtIso"),
        ({"title": "x", "status": "Closed"}, "status"),
        ({"title": "x", "externalRefs": [{"sorName": "erp"}]}, "externalRefs.0.portFamily"),
        ({"title": None}, "title"),
    ],
)
async def test_a_work_item_that_cannot_be_is_refused(ada, body, field):
    assert field in (await ada.post("/work-items", body, 422))["errors"]
    assert await ada.all("/work-items") == []


async def test_nothing_of_work_items_can_be_had_from_elsewhere(desk, ada):
    item = (await ada.post("/work-items", {"title": "x"}, 201))["workItemId"]
    eve = await desk.person("admin")
    await eve.get(f"/work-items/{item}", 404)
    await eve.patch(f"/work-items/{item}", {"title": "y"}, 404)
    await eve.put(f"/work-items/{item}/assignment", {"workforceMemberId": None}, 404)
    await ada.patch(f"/work-items/{item}", {}, 422)
    await ada.put(f"/work-items/{item}/assignment", {}, 422)
    await ada.put(f"/work-items/{item}/assignment", {"workforceMemberId": "nobody"}, 422)
    auditor = await desk.person("auditor", workspace=ada.workspace)
    await auditor.get(f"/work-items/{item}")
    await auditor.patch(f"/work-items/{item}", {"title": "y"}, 403)


# -------------------------------------------------------------------- workforce


async def test_people_and_queues_are_listed_by_what_they_can(desk, ada):
    bob = await desk.person("operator", workspace=ada.workspace)
    first, second = await member(ada, ada, DISPATCH, APPROVAL), await member(ada, bob)
    group = await queue(ada, "manual", second, first)

    async def found(**where):
        return [one["workforceMemberId"] for one in await ada.all("/workforce", **where)]

    assert await found() == [first, second]
    assert await found(capability=APPROVAL) == [first]
    assert await found(queueId=group) == [first, second]
    assert (await ada.get(f"/workforce/{first}"))["queueMemberships"] == [group]
    changed = await ada.patch(f"/workforce/{second}/availability", {"availabilityStatus": "offline"})
    assert (changed["availabilityStatus"], changed["tenantId"]) == ("offline", ada.workspace)
    assert "updatedAtIso" in changed
    assert await found(availability="offline") == [second]
    assert await ada.all("/workforce/members") == await ada.all("/workforce")
    (shown,) = await ada.all("/workforce/queues", capability=DISPATCH)
    assert (shown["workforceQueueId"], shown["memberIds"]) == (group, [second, first])
    assert await ada.all("/workforce/queues", capability=APPROVAL) == []


async def test_a_queue_keeps_to_what_it_needs(desk, ada):
    worker = await member(ada, ada)
    body = {"name": "q", "requiredCapabilities": [APPROVAL], "memberIds": [worker]}
    assert "memberIds" in (await ada.post("/workforce/queues", body, 422))["errors"]
    group = await queue(ada, "manual", worker)
    await ada.patch(f"/workforce/{worker}", {"capabilities": [APPROVAL]}, 409)
    path = f"/workforce/queues/{group}"
    assert (await ada.patch(path, {"memberIds": [], "name": "new"}))["memberIds"] == []
    assert (await ada.get(path))["name"] == "new"
    assert (await ada.patch(f"/workforce/{worker}", {"capabilities": [APPROVAL]}))["capabilities"] == [APPROVAL]
    await ada.post("/workforce/queues", {"name": "new", "requiredCapabilities": [DISPATCH]}, 409)
    await ada.patch(path, {"memberIds": ["nobody"]}, 422)
    await ada.patch(path, {"requiredCapabilities": []}, 422)
    await ada.get("/workforce/queues/none", 404)


async def test_the_workforce_is_the_admins_business(desk, ada):
    bob = await desk.person("operator", workspace=ada.workspace)
    worker = await member(ada, bob)
    await bob.patch(f"/workforce/{worker}/availability", {"availabilityStatus": "busy"}, 403)
    await bob.post("/workforce", {"linkedUserId": str(bob.id), "capabilities": [DISPATCH]}, 403)
    await ada.post("/workforce", {"linkedUserId": str(bob.id), "capabilities": [DISPATCH]}, 409)
    await ada.post("/workforce", {"linkedUserId": str(uuid4()), "capabilities": [DISPATCH]}, 422)
    await ada.post("/workforce", {"linkedUserId": str(ada.id), "capabilities": ["fly"]}, 422)
    await ada.patch("/workforce/nobody/availability", {"availabilityStatus": "busy"}, 404)
    await ada.patch(f"/workforce/{worker}/availability", {"availabilityStatus": "asleep"}, 422)


# -------------------------------------------------------------------- human tasks


async def test_a_task_is_done_by_whom_it_is_assigned_to(desk, ada):
    worker, run = await member(ada, ada), run_of(desk, ada)
    task = await open_task(desk, run, assigneeId=worker, requiredCapabilities=[DISPATCH])
    assert await open_task(desk, run, assigneeId=worker) == task  # asked again after a crash
    shown = await ada.get(f"/human-tasks/{task}")
    assert (shown["status"], shown["assigneeId"], shown["stepId"]) == ("assigned", worker, "review")
    assert shown["workItemId"] == (await ada.all("/work-items", runId=run.id))[0]["workItemId"]
    bob = await desk.person("operator", workspace=ada.workspace)
    await bob.post(f"/human-tasks/{task}/complete", {}, 403)
    done = await ada.post(f"/human-tasks/{task}/complete", {"completionNote": "Looks good."})
    assert (done["status"], done["completedById"]) == ("completed", str(ada.id))
    assert (await ada.get(f"/evidence/{done['evidenceAnchorId']}"))["category"] == "Action"
    assert done["evidenceAnchorId"] in [one["evidenceId"] for one in await ada.all("/evidence", category="Action")]
    outcomes = await Persons(desk.yard.database).outcomes(run, [task])
    assert outcomes[task].output == {"completedById": str(ada.id), "completionNote": "Looks good."}
    before = await ada.all("/evidence")
    assert await ada.post(f"/human-tasks/{task}/complete") == done
    assert await ada.all("/evidence") == before


async def test_two_who_complete_a_task_at_once_leave_one_trace(desk, ada):
    task = await open_task(desk, run_of(desk, ada), assigneeId=await member(ada, ada))
    answers = await asyncio.gather(*(ada.client.post(f"/human-tasks/{task}/complete", json={}) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len([one for one in await ada.all("/evidence") if "was completed" in one["summary"]]) == 1


async def test_a_task_is_assigned_escalated_and_assigned_again(desk, ada):
    worker = await member(ada, ada)
    group = await queue(ada, "manual", worker)
    task = await open_task(desk, run_of(desk, ada))
    path = f"/human-tasks/{task}"
    await ada.post(f"{path}/complete", {}, 409)
    waiting = await ada.post(f"{path}/assign", {"workforceQueueId": group})
    assert (waiting["status"], waiting["groupId"]) == ("pending", group)
    assert (await ada.post(f"{path}/assign", {"workforceMemberId": worker}))["status"] == "assigned"
    gone = await ada.post(f"{path}/escalate", {"workforceQueueId": group, "reason": "Nobody is in."})
    assert gone["status"] == "escalated"
    assert "assigneeId" not in gone
    await ada.post(f"{path}/escalate", {"workforceQueueId": group}, 409)
    await ada.post(f"{path}/assign", {"workforceMemberId": worker, "workforceQueueId": group})
    await ada.post(f"{path}/complete", {})
    for verb, body in (("assign", {"workforceMemberId": worker}), ("escalate", {"workforceQueueId": group})):
        await ada.post(f"{path}/{verb}", body, 409)


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("assign", {}),
        ("assign", {"workforceMemberId": "nobody"}),
        ("assign", {"workforceQueueId": "none"}),
        ("assign", {"workforceMemberId": None}),
        ("escalate", {}),
        ("escalate", {"workforceQueueId": "none"}),
        ("complete", {"completionNote": " "}),
        ("complete", {"reason": "x"}),
    ],
)
async def test_what_cannot_be_done_with_a_task_is_refused(desk, ada, verb, body):
    task = await open_task(desk, run_of(desk, ada))
    before = await ada.get(f"/human-tasks/{task}")
    await ada.post(f"/human-tasks/{task}/{verb}", body, 422)
    assert await ada.get(f"/human-tasks/{task}") == before


async def test_a_task_takes_somebody_who_can(desk, ada):
    worker = await member(ada, ada)
    task = await open_task(desk, run_of(desk, ada), requiredCapabilities=[APPROVAL])
    await ada.post(f"/human-tasks/{task}/assign", {"workforceMemberId": worker}, 422)
    for asked in ({"requiredCapabilities": ["fly"]}, {"assigneeId": "nobody"}, {"groupId": "none"}):
        with pytest.raises(Unservable):
            await open_task(desk, run_of(desk, ada), **asked)
    with pytest.raises(Unservable, match="lacks operations.approval"):
        await open_task(desk, run_of(desk, ada), assigneeId=worker, requiredCapabilities=[APPROVAL])


async def test_queues_find_somebody(desk, ada):
    others = [await desk.person("operator", workspace=ada.workspace) for _ in range(2)]
    one, two, three = [await member(ada, person) for person in (ada, *others)]
    await ada.patch(f"/workforce/{three}/availability", {"availabilityStatus": "busy"})
    turns, least = await queue(ada, "round-robin", one, two, three), await queue(ada, "least-busy", one, two)

    async def given(group):
        task = await open_task(desk, run_of(desk, ada), groupId=group)
        return (await ada.get(f"/human-tasks/{task}"))["assigneeId"]

    assert [await given(turns) for _ in range(3)] == [one, two, one]
    assert await given(least) == two  # the first has two tasks, the second one


async def test_a_task_nobody_waits_for_any_more_is_gone(desk, ada):
    worker, run = await member(ada, ada), run_of(desk, ada)
    kept, gone = [await open_task(desk, run, step=step, assigneeId=worker) for step in ("a", "b")]

    async def withdraw(connection) -> None:
        book = await desk.room.ledger.open(connection, run.workspace)
        await Persons(desk.yard.database).withdraw(connection, book, run, [gone])
        await book.close()

    await desk.yard.database.transaction(withdraw)
    found = await ada.all("/human-tasks", runId=run.id, assigneeId=worker, status="assigned")
    assert [task["humanTaskId"] for task in found] == [kept]
    await ada.post(f"/human-tasks/{gone}/complete", {}, 409)


async def test_tasks_are_nobodys_elses_business(desk, ada):
    task = await open_task(desk, run_of(desk, ada))
    eve, auditor = await desk.person("admin"), await desk.person("auditor", workspace=ada.workspace)
    await eve.get(f"/human-tasks/{task}", 404)
    await eve.post(f"/human-tasks/{task}/complete", {}, 404)
    await auditor.get(f"/human-tasks/{task}")
    await auditor.post(f"/human-tasks/{task}/complete", {}, 403)


def test_the_table_of_transitions_is_the_protocols():
    pending, assigned, busy, done, escalated = HumanTaskStatus
    assert {
        pending: {assigned, escalated}, assigned: {busy, done, escalated}, busy: {done, escalated},
        escalated: {assigned, busy, done}, done: set(),
    } == TRANSITIONS  # fmt: skip
