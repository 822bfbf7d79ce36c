"""The edge of the `compute` room: who calls, and what every error of the lower floors is in this protocol."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Request

from runyard.artifacts import ArtifactMissing, TooLarge
from runyard.identity import GUEST, CredentialError, Forbidden, InvalidCredential, Principal
from runyard.jobs import IdempotencyReused, JobEnded, JobNotFound, RequestInFlight
from runyard.services.compute.guests import GuestsRefused
from runyard.services.compute.room import Room
from runyard.web.auth import CHALLENGE, NoCredential, authenticate
from runyard.web.cursors import BadCursor
from runyard.web.errors import Refusals, Refused, invalid, refusing
from runyard.web.ground import Ground
from runyard.web.idempotency import BadKey
from runyard.web.multipart import BadForm, FormTooLarge
from runyard.web.strangers import refuse_strangers

PERMISSION: Final = "ai_inference_support"
_TEXTS: Final = {"expired": "JWT token has expired", "payload": "JWT payload is invalid"}

REFUSALS: Final[Refusals] = {
    NoCredential: lambda _: Refused(401, "Authentication required", headers=CHALLENGE),
    InvalidCredential: lambda error: Refused(
        401, _TEXTS.get(error.reason, "Could not validate credentials"), headers=CHALLENGE
    ),
    CredentialError: lambda _: Refused(401, "Could not validate credentials", headers=CHALLENGE),
    Forbidden: lambda error: Refused(403, str(error)),
    GuestsRefused: lambda error: Refused(409, str(error), code="guests_refused"),
    JobNotFound: lambda error: Refused(404, f"Job {error.job} not found"),
    JobEnded: lambda error: Refused(409, str(error), code="job_ended"),
    ArtifactMissing: lambda error: Refused(404, f"File not found: {error.name}"),
    BadCursor: lambda error: invalid(
        "value_error", ("query", "cursor"), "Send back the next_cursor of the page before", error.cursor[:300]
    ),
    BadKey: lambda error: invalid("value_error", ("header", "idempotency-key"), str(error), error.key[:300]),
    IdempotencyReused: lambda error: Refused(422, str(error), code="idempotency_key_reused"),
    RequestInFlight: lambda error: Refused(409, str(error), code="request_in_flight", headers={"Retry-After": "1"}),
    TooLarge: lambda error: Refused(413, str(error), code="file_too_large"),
    FormTooLarge: lambda error: Refused(413, str(error), code="file_too_large"),
    BadForm: lambda error: Refused(400, str(error), code="bad_form"),
}

Door = refusing(REFUSALS)


ground: Final = Ground(Room)
room_of: Final = ground.of


async def caller(request: Request) -> Principal:
    """Who calls, and may use the service. A dependency: it is solved before a handler reads the body."""
    principal = await identify(request)
    if principal is GUEST or principal.is_admin or PERMISSION in principal.permissions:
        return principal
    if (await room_of(request).guests.mode()).on:
        return principal
    raise Forbidden(f"Insufficient permissions. Required: {PERMISSION}")


async def admin(request: Request) -> Principal:
    """An administrator. Guests are none, whatever the guest mode."""
    principal = await authenticate(request, room_of(request).yard.identity)
    if not principal.is_admin:
        raise Forbidden("Insufficient permissions. Admin access required")
    return principal


Caller = Annotated[Principal, Depends(caller)]
Admin = Annotated[Principal, Depends(admin)]


async def identify(request: Request) -> Principal:
    """The bearer of a good credential; else the guest, while guests are let in."""
    room = room_of(request)
    try:
        return await authenticate(request, room.yard.identity)
    except (NoCredential, CredentialError):
        if not (await room.guests.mode()).on:
            raise
    refuse_strangers(request.headers, loopback=room.yard.settings.guests == "loopback")
    return GUEST
