"""How much one request may bring, and how often somebody may come."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import Request

from runyard.identity.throttle import network_of
from runyard.services.runs.room import Room
from runyard.web.requests import add_header

LARGEST_BODY: Final = 1024 * 1024


def count(request: Request, room: Room, user: UUID | None) -> None:
    """Count a request of this user, or of whoever is at its address; its answer says how they stand.

    Raises:
        TooFast: they have to wait.
    """
    address = "" if request.client is None else request.client.host
    caller = f"address {network_of(address)}".encode() if user is None else user.bytes
    for name, value in room.pace.keep(caller).headers.items():
        add_header(request.scope, name, value)
