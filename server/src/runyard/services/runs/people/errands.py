"""Persons, as the engine knows those who do the work of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

from runyard.database import Connection, Database
from runyard.jobs.offers import Unservable
from runyard.services.runs.engine.helpers import Errand
from runyard.services.runs.engine.model import Outcome, Run
from runyard.services.runs.engine.spec import PERSON
from runyard.services.runs.evidence.entry import SYSTEM
from runyard.services.runs.ledger import Book
from runyard.services.runs.models.people import HumanTaskStatus, WorkforceCapability
from runyard.services.runs.people import human_tasks, work_items, workforce
from runyard.services.runs.people.human_task import HumanTask, tell
from runyard.services.runs.refused import Refused

_KNOWN: Final = frozenset(WorkforceCapability)


class Persons:
    """Opens tasks for people, and says what became of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, connection: Connection, book: Book, errand: Errand) -> str:
        """Ask a person to do the work of a step. Twice is the same as once.

        Raises:
            Unservable: it names people or capabilities that don't exist.
        """
        run, step, now = errand.run, errand.action.action_id, book.now
        known = await human_tasks.of_attempt(connection, run.workspace, run.id, step, errand.attempt)
        if known is not None:
            return known
        asked = (
            errand.input if errand.action.operation == PERSON else {}
        )  # another operation's fields mean other things
        needed = _needed(asked)
        assignee, queue = await _somebody(connection, run.workspace, asked, needed, now=now)
        title = str(asked.get("title") or f"Run {run.id} of workflow {run.workflow}")
        item = await work_items.of_run(
            connection, run.workspace, run.id, title=title, workflow=run.workflow, by=str(run.started_by), now=now
        )
        task = HumanTask(
            id=f"task-{uuid4()}",
            workspace=run.workspace,
            work_item=item,
            run_id=run.id,
            step_id=step,
            description=str(asked.get("description") or f"Do {errand.action.operation} of step {step} by hand."),
            capabilities=needed,
            status=HumanTaskStatus.PENDING if assignee is None else HumanTaskStatus.ASSIGNED,
            assignee=assignee,
            queue=queue,
            due_at=errand.due_at,
            created_at=now,
            correlation_id=run.correlation_id,
        )
        await human_tasks.add(connection, task, attempt=errand.attempt)
        tell(book, task, "HumanTaskCreated", f"Human task {task.id} was opened for step {step}.", actor=SYSTEM)
        return task.id

    async def outcomes(self, run: Run, ids: Sequence[str]) -> Mapping[str, Outcome]:
        """What became of those that are done."""
        return {
            task.id: Outcome(output={"completedById": str(task.completed_by), "completionNote": task.note or ""})
            for task in await human_tasks.done(self._database, run.workspace, ids)
        }

    async def withdraw(self, connection: Connection, book: Book, run: Run, ids: Collection[str]) -> None:
        """Nobody needs to do them any more. Those that are done stay done."""
        for task in await human_tasks.withdraw(connection, run.workspace, ids, now=book.now):
            tell(book, task, "HumanTaskWithdrawn", f"Human task {task.id} is no longer needed.", actor=SYSTEM)


def _needed(asked: Mapping[str, object]) -> list[str]:
    said = asked.get("requiredCapabilities") or []
    needed = [str(one) for one in said] if isinstance(said, list) else [str(said)]
    if unknown := sorted(set(needed) - _KNOWN):
        raise Unservable(f"There is no capability {unknown[0]!r}. Use one of {', '.join(sorted(_KNOWN))}.")
    return needed


async def _somebody(
    connection: Connection, workspace: str, asked: Mapping[str, object], needed: Sequence[str], *, now: datetime
) -> tuple[str | None, str | None]:
    """The member and the queue that are named, or that the queue finds."""
    member, group = asked.get("assigneeId"), asked.get("groupId")
    try:
        if member is not None:
            person = await workforce.member(connection, workspace, str(member))
            if missing := sorted(set(needed) - set(person.capabilities)):
                raise Unservable(f"The workforce member {member!r} lacks {', '.join(missing)}.")
        if group is None:
            return (None if member is None else str(member)), None
        queue = await workforce.queue(connection, workspace, str(group))
    except Refused as error:
        raise Unservable(error.detail) from None
    if member is not None:
        return str(member), queue.id
    return await workforce.route(connection, queue, needed, now=now), queue.id
