"""Tasks for people in the database, and what people do with them. The only module that writes their table."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs.caller import Caller
from runyard.services.runs.engine.wake import Wake
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.people import HumanTaskStatus
from runyard.services.runs.people import workforce
from runyard.services.runs.people.human_task import TRANSITIONS, HumanTask, tell
from runyard.services.runs.refused import Refused, conflict, forbidden, invalid, not_found

T = TypeVar("T")

_COLUMNS: Final = """
    id, workspace, work_item, run_id, step_id, description, capabilities, status, assignee, queue, due_at, created_at,
    completed_at, completed_by, note, evidence, withdrawn_at, correlation_id
"""


async def page(
    database: Database,
    workspace: str,
    *,
    after: tuple[datetime, str],
    rows: int,
    assignee: str | None = None,
    status: str | None = None,
    run: str | None = None,
) -> list[HumanTask]:
    """Up to ``rows`` tasks that weren't withdrawn, oldest first."""
    found = await database.fetch(
        f"""
        SELECT {_COLUMNS} FROM runs_human_tasks
        WHERE workspace = $1 AND (created_at, id) > ($2, $3) AND withdrawn_at IS NULL
            AND ($4::text IS NULL OR assignee = $4) AND ($5::text IS NULL OR status = $5)
            AND ($6::text IS NULL OR run_id = $6)
        ORDER BY created_at, id LIMIT $7
        """,
        workspace, *after, assignee and storable(assignee), status, run and storable(run), rows,
    )  # fmt: skip
    return [HumanTask(**row) for row in found]


async def find(where: Connection | Database, workspace: str, task: str) -> HumanTask:
    """One of them, withdrawn or not.

    Raises:
        Refused: there is no such task.
    """
    row = await where.fetchrow(
        f"SELECT {_COLUMNS} FROM runs_human_tasks WHERE workspace = $1 AND id = $2", workspace, storable(task)
    )
    if row is None:
        raise not_found("Human task", task)
    return HumanTask(**row)


async def of_attempt(connection: Connection, workspace: str, run: str, step: str, attempt: int) -> str | None:
    """The id of the task that was opened for a step's attempt, if one was."""
    found = await connection.fetchval(
        "SELECT id FROM runs_human_tasks WHERE workspace = $1 AND run_id = $2 AND step_id = $3 AND attempt = $4",
        workspace, run, step, attempt,
    )  # fmt: skip
    return None if found is None else str(found)


async def done(database: Database, workspace: str, tasks: Sequence[str]) -> list[HumanTask]:
    """Those of the tasks that are completed."""
    rows = await database.fetch(
        f"SELECT {_COLUMNS} FROM runs_human_tasks WHERE workspace = $1 AND id = ANY ($2) AND status = 'completed'",
        workspace, list(tasks),
    )  # fmt: skip
    return [HumanTask(**row) for row in rows]


async def add(connection: Connection, task: HumanTask, *, attempt: int) -> None:
    """Keep a new one."""
    await connection.execute(
        """
        INSERT INTO runs_human_tasks (workspace, id, work_item, run_id, step_id, attempt, description, capabilities,
            status, assignee, queue, due_at, created_at, correlation_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        """,
        task.workspace, task.id, task.work_item, task.run_id, task.step_id, attempt, task.description,
        list(task.capabilities), task.status, task.assignee, task.queue, task.due_at, task.created_at,
        task.correlation_id,
    )  # fmt: skip


async def withdraw(connection: Connection, workspace: str, tasks: Collection[str], *, now: datetime) -> list[HumanTask]:
    """Have nobody do them any more; returns those that weren't done."""
    rows = await connection.fetch(
        f"""
        UPDATE runs_human_tasks SET withdrawn_at = $3
        WHERE workspace = $1 AND id = ANY ($2) AND status <> 'completed' AND withdrawn_at IS NULL
        RETURNING {_COLUMNS}
        """,
        workspace, list(tasks), now,
    )  # fmt: skip
    return [HumanTask(**row) for row in rows]


async def assign(
    connection: Connection, book: Book, caller: Caller, task: HumanTask, *, member: str | None, queue: str | None
) -> HumanTask:
    """Have a member do it, or a queue find one. An assigned task may go to somebody else until it is begun.

    Raises:
        Refused: it is done or begun, or who is named can't do it.
    """
    if task.status != HumanTaskStatus.ASSIGNED:
        _require(task, HumanTaskStatus.ASSIGNED)
    _require_wanted(task)
    if queue is not None:
        group = await _known(workforce.queue(connection, task.workspace, queue), "workforceQueueId")
        if member is None:
            member = await workforce.route(connection, group, task.capabilities, now=book.now)
        elif member not in group.members:
            raise invalid("workforceMemberId", f"{member!r} is not in the queue {queue!r}")
    if member is not None:
        person = await _known(workforce.member(connection, task.workspace, member), "workforceMemberId")
        if missing := sorted(set(task.capabilities) - set(person.capabilities)):
            raise invalid("workforceMemberId", f"{member!r} lacks {', '.join(missing)}")
        task = replace(task, assignee=member, status=HumanTaskStatus.ASSIGNED)
    task = replace(task, queue=queue or task.queue)
    whom = f"assigned to {task.assignee}" if member is not None else f"given to queue {task.queue}"
    tell(book, task, "HumanTaskAssigned", f"Human task {task.id} was {whom}.", actor=caller.actor)
    return await _keep(connection, task)


async def complete(
    connection: Connection, book: Book, caller: Caller, task: HumanTask, *, note: str | None, wake: Wake
) -> HumanTask:
    """It is done, says who was to do it. Saying so again changes nothing. The run goes on.

    Raises:
        Refused: somebody else was to do it, or nobody yet.
    """
    if task.status == HumanTaskStatus.COMPLETED:
        return task
    if task.assignee is None:
        raise conflict(f"Human task {task.id!r} is not assigned to anybody. Assign it first.")
    person = await workforce.member(connection, task.workspace, task.assignee)
    if person.user_id != caller.user:
        raise forbidden(f"Human task {task.id!r} is assigned to {task.assignee!r}; only they can complete it.")
    _require(task, HumanTaskStatus.COMPLETED)
    _require_wanted(task)
    task = replace(task, status=HumanTaskStatus.COMPLETED, completed_at=book.now, completed_by=caller.user, note=note)
    entry = tell(book, task, "HumanTaskCompleted", f"Human task {task.id} was completed.", actor=caller.actor)
    await wake(connection, task.run_id)
    return await _keep(connection, replace(task, evidence=entry))


async def escalate(
    connection: Connection, book: Book, caller: Caller, task: HumanTask, *, queue: str, reason: str | None
) -> HumanTask:
    """Have others look after it. Nobody is assigned to it then.

    Raises:
        Refused: it is done, or escalated already, or there is no such queue.
    """
    _require(task, HumanTaskStatus.ESCALATED)
    _require_wanted(task)
    await _known(workforce.queue(connection, task.workspace, queue), "workforceQueueId")
    task = replace(task, status=HumanTaskStatus.ESCALATED, assignee=None, queue=queue)
    summary = f"Human task {task.id} was escalated to queue {queue}" + ("." if reason is None else f": {reason}")
    tell(book, task, "HumanTaskEscalated", summary, actor=caller.actor)
    return await _keep(connection, task)


async def _keep(connection: Connection, task: HumanTask) -> HumanTask:
    await connection.execute(
        """
        UPDATE runs_human_tasks SET status = $3, assignee = $4, queue = $5, completed_at = $6, completed_by = $7,
            note = $8, evidence = $9
        WHERE workspace = $1 AND id = $2
        """,
        task.workspace, task.id, task.status, task.assignee, task.queue, task.completed_at, task.completed_by,
        task.note, task.evidence,
    )  # fmt: skip
    return task


async def _known(looked: Awaitable[T], field: str) -> T:
    """What a body's field names. A body that names what isn't there is invalid, not missing."""
    try:
        return await looked
    except Refused as error:
        raise invalid(field, error.detail) from None


def _require(task: HumanTask, status: HumanTaskStatus) -> None:
    if status not in TRANSITIONS[HumanTaskStatus(task.status)]:
        raise conflict(f"Human task {task.id!r} is {task.status}; it can't become {status}.")


def _require_wanted(task: HumanTask) -> None:
    if task.withdrawn_at is not None:
        raise conflict(f"The run {task.run_id!r} no longer waits for the human task {task.id!r}.")
