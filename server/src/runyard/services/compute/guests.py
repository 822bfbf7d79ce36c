"""Whether callers without a credential are let in: the operator's word, and within it the admins' switch."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from runyard.identity import Principal
from runyard.yard import Yard

CHANNEL: Final = "runyard_compute"
"""NOTIFY channel: the switch was moved."""


class GuestsRefused(Exception):
    """The operator doesn't allow guests here."""

    def __init__(self) -> None:
        super().__init__(
            "This yard doesn't allow guests where it listens. Its operator can (RUNYARD_GUESTS=everywhere)."
        )


@dataclass(frozen=True, slots=True)
class GuestMode:
    """The switch as it stands. ``updated_by`` is the number of an admin."""

    on: bool
    updated_at: datetime | None = None
    updated_by: int | None = None


class Guests:
    """Reads and moves the switch. On from the beginning, where guests are allowed."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._known: GuestMode | None = None
        self._moves = 0
        self._looking: asyncio.Task[GuestMode] | None = None
        self.welcome = False
        """Whether guests are let in now, as far as this process has heard."""

    @property
    def allowed(self) -> bool:
        """Whether the operator lets guests in at all."""
        settings = self._yard.settings
        return settings.guests == "everywhere" or (settings.guests == "loopback" and settings.loopback)

    async def start(self) -> None:
        """Listen for changes made by other processes."""
        await self._yard.signals.listen(CHANNEL, self._forget)
        self._yard.signals.on_gap(lambda: self._forget(""))
        await self.mode()

    async def mode(self) -> GuestMode:
        """The switch, read once and kept until it is moved."""
        if not self.allowed:
            return GuestMode(on=False)
        if self._known is None:
            moves = self._moves
            row = await self._yard.database.fetchrow("SELECT guest_mode, updated_at, updated_by FROM compute_config")
            known = GuestMode(on=True)
            if row is not None:
                known = GuestMode(row["guest_mode"], row["updated_at"], row["updated_by"])
            if moves != self._moves:  # it was moved while we looked
                return await self.mode()
            self._known = known
            self.welcome = known.on
        return self._known

    async def switch(self, *, on: bool, by: Principal) -> None:
        """Move the switch.

        Raises:
            GuestsRefused: it is to be on, and the operator doesn't allow guests.
        """
        if on and not self.allowed:
            raise GuestsRefused
        await self._yard.database.execute(
            "WITH moved AS (INSERT INTO compute_config (guest_mode, updated_at, updated_by) VALUES ($1, $2, $3)"
            " ON CONFLICT (one) DO UPDATE SET guest_mode = EXCLUDED.guest_mode, updated_at = EXCLUDED.updated_at,"
            " updated_by = EXCLUDED.updated_by RETURNING 1)"
            f" SELECT pg_notify('{CHANNEL}', '') FROM moved",
            on, self._yard.clock(), by.number,
        )  # fmt: skip
        self._forget("")

    def _forget(self, _payload: str) -> None:
        self._known = None
        self._moves += 1
        self._looking = asyncio.create_task(self.mode(), name="guest mode")
