"""The connection test of a machine: it is asked for a sign of life by the way that its work takes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from runyard.database import Connection
from runyard.services.runs.caller import Caller
from runyard.services.runs.ledger import Ledger
from runyard.services.runs.machines import bells, invocations
from runyard.services.runs.machines.invocation import PING, Invocation
from runyard.services.runs.machines.machine import Machine
from runyard.services.runs.models.machines import MachineStatus
from runyard.services.runs.reach import Reached
from runyard.yard import Yard

PATIENCE: Final = 5.0
"""Seconds that a machine gets to answer."""


async def ping(yard: Yard, ledger: Ledger, machine: Machine, *, by: Caller) -> Reached:
    """Ask a machine whether it is there."""
    if machine.enrolled_at is None:
        return Reached(why="It has never enrolled.")
    if machine.status(yard.clock()) is MachineStatus.OFFLINE:
        return Reached(why="It hasn't been heard of lately. Is `runyard machine run` running there?")

    async def ask(connection: Connection) -> Invocation:
        book = await ledger.open(connection, machine.workspace)
        return await invocations.open(
            connection, book, machine, operation=PING, input={}, within=timedelta(seconds=PATIENCE),
            asked_by=by.user_id, actor=by.actor, correlation_id=by.correlation_id,
        )  # fmt: skip

    loop = asyncio.get_running_loop()
    async with bells.listening(yard.signals, machine.workspace, machine.id) as rung:
        started = loop.time()
        asked = await yard.database.transaction(ask)
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := await invocations.find(yard.database, machine.workspace, asked.id)).status.ended:
                    await rung.wait()
                    rung.clear()
        except TimeoutError:
            return Reached(milliseconds=round(PATIENCE * 1000), why=f"It didn't answer within {PATIENCE:g} s.")
    why = None if found.error is None else found.error.message
    return Reached(milliseconds=round((loop.time() - started) * 1000), why=why)
