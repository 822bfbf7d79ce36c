"""How much one request may bring, and how often somebody may come."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from fastapi import Request

from runyard.services.runs.refused import Refused
from runyard.services.runs.room import Room
from runyard.web.requests import add_header

LARGEST_BODY: Final = 1024 * 1024


async def body_of(request: Request, *, most: int = LARGEST_BODY) -> bytes:
    """The request's body.

    Raises:
        Refused: it has more than ``most`` bytes.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise _too_large(most)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def count(request: Request, room: Room, user: UUID) -> None:
    """Count a request of this user; its answer says how they stand.

    Raises:
        TooFast: they have to wait.
    """
    for name, value in room.pace.keep(user.bytes).headers.items():
        add_header(request.scope, name, value)


def _too_large(most: int) -> Refused:
    return Refused("payload-too-large", f"The request has more than {most} bytes.", headers={"Connection": "close"})
