"""Tasks for people over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from runyard.database import Connection
from runyard.services.runs.api.commands import command, look
from runyard.services.runs.api.edge import Entered, Paged, Visit, asks, router
from runyard.services.runs.api.paging import Place
from runyard.services.runs.engine.wake import Waker
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.base import Ask, Id
from runyard.services.runs.models.people import (
    AssignHumanTaskRequest,
    CompleteHumanTaskRequest,
    EscalateHumanTaskRequest,
    HumanTaskListResponse,
    HumanTaskStatus,
    HumanTaskV1,
)
from runyard.services.runs.people import human_tasks
from runyard.services.runs.people.human_task import HumanTask
from runyard.services.runs.words import Act

routes: APIRouter = router("HumanTasks")
TaskId = Annotated[str, Path(alias="humanTaskId", min_length=1)]


@routes.get("/human-tasks", operation_id="listHumanTasks", response_model=HumanTaskListResponse)
async def list_tasks(
    visit: Entered,
    page: Paged,
    *,
    assignee: Annotated[Id | None, Query(alias="assigneeId")] = None,
    status: HumanTaskStatus | None = None,
    run: Annotated[Id | None, Query(alias="runId")] = None,
) -> Response:
    """What people are asked to do, or have done."""
    visit.caller.require(Act.READ)
    found = await human_tasks.page(
        visit.room.yard.database, visit.caller.workspace, after=page.after, rows=page.rows, assignee=assignee,
        status=status, run=run,
    )  # fmt: skip
    kept, cursor = page.cut(found, lambda one: Place(one.created_at, one.id))
    items = [one.shown() for one in kept]
    return await look(visit, HumanTaskListResponse(items=items, next_cursor=cursor, cursor=cursor), etag=False)


@routes.get("/human-tasks/{humanTaskId}", operation_id="getHumanTask", response_model=HumanTaskV1)
async def get(visit: Entered, task_id: TaskId) -> Response:
    """A task."""
    visit.caller.require(Act.READ)
    return await look(
        visit, (await human_tasks.find(visit.room.yard.database, visit.caller.workspace, task_id)).shown()
    )


@routes.post(
    "/human-tasks/{humanTaskId}/assign",
    operation_id="assignHumanTask",
    response_model=HumanTaskV1,
    openapi_extra=asks(AssignHumanTaskRequest),
)
async def assign(visit: Entered, task_id: TaskId) -> Response:
    """Have a member of the workforce do it, or a queue find one."""
    visit.caller.require(Act.TASK_WRITE)
    asked = await visit.body(AssignHumanTaskRequest)

    async def work(connection: Connection, book: Book, task: HumanTask) -> HumanTask:
        return await human_tasks.assign(
            connection, book, visit.caller, task, member=asked.workforce_member_id, queue=asked.workforce_queue_id
        )

    return await _change(visit, "AssignHumanTask", asked, task_id, work)


@routes.post(
    "/human-tasks/{humanTaskId}/complete",
    operation_id="completeHumanTask",
    response_model=HumanTaskV1,
    openapi_extra=asks(CompleteHumanTaskRequest, required=False),
)
async def complete(visit: Entered, task_id: TaskId) -> Response:
    """It is done: its run goes on. Only whoever it is assigned to can say so."""
    visit.caller.require(Act.TASK_WRITE)
    asked = await visit.body(CompleteHumanTaskRequest) if _has_body(visit.request) else CompleteHumanTaskRequest()

    async def work(connection: Connection, book: Book, task: HumanTask) -> HumanTask:
        return await human_tasks.complete(
            connection, book, visit.caller, task, note=asked.completion_note, wake=Waker(visit.room.yard.jobs)
        )

    return await _change(visit, "CompleteHumanTask", asked, task_id, work)


@routes.post(
    "/human-tasks/{humanTaskId}/escalate",
    operation_id="escalateHumanTask",
    response_model=HumanTaskV1,
    openapi_extra=asks(EscalateHumanTaskRequest),
)
async def escalate(visit: Entered, task_id: TaskId) -> Response:
    """Have another queue look after it. Nobody is assigned to it then."""
    visit.caller.require(Act.TASK_WRITE)
    asked = await visit.body(EscalateHumanTaskRequest)

    async def work(connection: Connection, book: Book, task: HumanTask) -> HumanTask:
        return await human_tasks.escalate(
            connection, book, visit.caller, task, queue=asked.workforce_queue_id, reason=asked.reason
        )

    return await _change(visit, "EscalateHumanTask", asked, task_id, work)


async def _change(
    visit: Visit,
    name: str,
    asked: Ask,
    task_id: str,
    change: Callable[[Connection, Book, HumanTask], Awaitable[HumanTask]],
) -> Response:
    async def work(connection: Connection, book: Book) -> HumanTaskV1:
        task = await human_tasks.find(connection, visit.caller.workspace, task_id)
        visit.match(task.shown())
        return (await change(connection, book, task)).shown()

    return await command(visit, name, asked, work)


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"
