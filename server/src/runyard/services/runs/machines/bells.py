"""Bells: whoever waits for a machine's work, or watches it, hears at once that something has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from runyard.database import Connection, Signals

if TYPE_CHECKING:
    from runyard.services.runs.machines.invocation import Invocation

CHANNEL: Final = "runyard_machines"
"""Notifications ``<workspace> <machine> <invocation>``."""


async def ring(connection: Connection, invocation: Invocation) -> None:
    """Tell those who listen that an invocation has changed, once the transaction commits."""
    heard = f"{invocation.workspace} {invocation.machine_id} {invocation.id}"
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, heard)


async def ring_machine(connection: Connection, workspace: str, machine: str) -> None:
    """Tell a machine that waits for work to look at how it stands."""
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, f"{workspace} {machine} -")


@asynccontextmanager
async def listening(signals: Signals, *about: str) -> AsyncIterator[asyncio.Event]:
    """An event that is set whenever something has changed about a workspace, its machine, its invocation."""
    rung, wanted = asyncio.Event(), " ".join(about) + " "

    def heard(payload: str) -> None:
        if f"{payload} ".startswith(wanted):
            rung.set()

    await signals.listen(CHANNEL, heard)
    try:
        yield rung
    finally:
        signals.unlisten(CHANNEL, heard)
