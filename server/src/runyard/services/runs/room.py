"""What the face of this service stands on in an API process: the yard, the ledger, the pace and a secret."""

from __future__ import annotations

from dataclasses import dataclass

from runyard.services.runs.ledger import Ledger
from runyard.web.pace import Pace
from runyard.yard import Yard


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What everybody who is served here shares.

    Attributes:
        ledger: opens the books of workspaces.
        pace: keeps callers from asking too fast.
        secret: what cursors and the cookies of a sign-in are signed with.
    """

    yard: Yard
    ledger: Ledger
    pace: Pace
    secret: bytes


async def open_room(yard: Yard) -> Room:
    """The service's part of an API process."""
    settings = yard.settings
    key = await yard.identity.tokens.key()
    return Room(
        yard=yard,
        ledger=Ledger(yard.clock),
        pace=Pace(rate=settings.runs_rate, burst=settings.runs_burst),
        secret=key.derive("runs"),
    )
