"""Machines and adapters as the engine knows them, see ``runyard.services.runs.engine.helpers``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import NAMESPACE_OID, uuid5

from runyard.database import Connection, Database
from runyard.jobs import Unservable
from runyard.services.runs import adapters
from runyard.services.runs.engine.helpers import Errand
from runyard.services.runs.engine.model import Outcome, Run
from runyard.services.runs.engine.spec import MACHINE, Action
from runyard.services.runs.evidence.entry import SYSTEM
from runyard.services.runs.ledger import Book, Ledger
from runyard.services.runs.machines import invocations, store
from runyard.services.runs.machines.invocation import Invocation
from runyard.services.runs.models.machines import CredentialReference, InvocationStatus
from runyard.services.runs.refused import Refused


class MachineErrands:
    """Work of runs for machines: for the one that the action's input names, or for one of an adapter's."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    async def open(self, connection: Connection, book: Book, errand: Errand) -> str:
        """Ask a machine; the id of the invocation.

        Raises:
            Unservable: no machine may do it now.
        """
        try:
            return (await _open(connection, book, errand)).id
        except Refused as refused:
            raise Unservable(refused.detail) from None

    async def outcomes(self, run: Run, ids: Sequence[str]) -> Mapping[str, Outcome]:
        """What became of those that have ended; those whose time is over end now."""
        found = [await invocations.find(self._database, run.workspace, each) for each in ids]
        if any(each.lapsed(self._ledger.clock()) for each in found):
            found = await self._database.transaction(lambda connection: self._settle(connection, run.workspace, ids))
        return {each.id: _outcome(each) for each in found if each.status.ended}

    async def ends_by(self, run: Run, ids: Sequence[str]) -> datetime | None:
        """When the first of them ends if nothing more is heard of it."""
        found = [await invocations.find(self._database, run.workspace, each) for each in ids]
        return min((each.ends_by for each in found if each.ends_by is not None), default=None)

    async def withdraw(self, connection: Connection, book: Book, run: Run, ids: Collection[str]) -> None:
        """Nobody waits for them any more."""
        for each in sorted(ids):
            invocation = await invocations.lock(connection, run.workspace, each)
            await invocations.cancel(connection, book, invocation, actor=SYSTEM, reason="The run needs it no more.")

    async def _settle(self, connection: Connection, workspace: str, ids: Sequence[str]) -> list[Invocation]:
        book = await self._ledger.open(connection, workspace)
        locked = {each: await invocations.lock(connection, workspace, each) for each in sorted(ids)}
        settled = [await invocations.settle(connection, book, locked[each]) for each in ids]
        await book.close()
        return settled


class AdapterTable:
    """Which adapter serves what."""

    async def serving(
        self, where: Database | Connection, workspace: str, actions: Sequence[Action]
    ) -> Mapping[str, str]:
        """The adapter of each action that exactly one enabled adapter serves, as ``<provider>/<id>``."""
        found = await adapters.serving(where, workspace, {action.port_family for action in actions})
        named = {family: f"{one.provider}/{one.id}" for family, one in found.items()}
        return {action.action_id: named[action.port_family] for action in actions if action.port_family in named}


async def _open(connection: Connection, book: Book, errand: Errand) -> Invocation:
    run, action = errand.run, errand.action
    if errand.served_by is None:
        if action.operation != MACHINE:
            raise Unservable(f"No adapter serves {action.operation!r}.")
        machine = await store.find(connection, run.workspace, str(errand.input["machineId"]))
        operation, given = str(errand.input["action"]), errand.input.get("input") or {}
        credentials: tuple[CredentialReference, ...] = ()
    else:
        adapter = await adapters.find(connection, run.workspace, errand.served_by.rpartition("/")[2])
        route = await adapters.route(connection, adapter, action.operation, now=book.now)
        machine, operation, credentials, given = route.machine, action.operation, route.credentials, errand.input
    assert isinstance(given, Mapping)
    return await invocations.open(
        connection, book, machine,
        id=f"invocation-{uuid5(NAMESPACE_OID, f'{run.id}/{errand.attempt}/{action.action_id}')}",
        operation=operation, input=given, within=errand.due_at - book.now, asked_by=str(run.started_by), actor=SYSTEM,
        correlation_id=run.correlation_id, credentials=credentials, run_id=run.id, plan_id=errand.plan,
        action_id=action.action_id,
    )  # fmt: skip


def _outcome(invocation: Invocation) -> Outcome:
    if invocation.status is InvocationStatus.COMPLETED:
        return Outcome(output=invocation.output)
    assert invocation.error is not None
    return Outcome(error={"code": invocation.error.code, "message": invocation.error.message})
