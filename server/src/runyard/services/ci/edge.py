"""The edge of the `ci` room: who calls, and what every error of the lower floors is in this protocol."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Request

from runyard.artifacts import ArtifactMissing, DigestMismatch, TooLarge
from runyard.identity import Forbidden, InactiveUser, InvalidCredential, Principal
from runyard.jobs import EventsExpired, IdempotencyReused, JobEnded, JobNotFound, RequestInFlight
from runyard.services.ci.options import BadOptions, NetworkNotAllowed
from runyard.web.auth import CHALLENGE, NoCredential, authenticate
from runyard.web.bodies import BodyTooLarge
from runyard.web.cursors import BadCursor
from runyard.web.errors import Refusals, Refused, invalid, refusing
from runyard.web.ground import Ground
from runyard.web.idempotency import BadKey
from runyard.web.multipart import BadForm, FormTooLarge
from runyard.yard import Yard

REFUSALS: Final[Refusals] = {
    NoCredential: lambda _: Refused(401, "Not authenticated", headers=CHALLENGE),
    InvalidCredential: lambda _: Refused(401, "Invalid or revoked API key", headers=CHALLENGE),
    InactiveUser: lambda _: Refused(403, "User not found or inactive"),
    Forbidden: lambda _: Refused(403, "Access denied"),
    JobNotFound: lambda _: Refused(404, "Job not found"),
    JobEnded: lambda error: Refused(409, str(error), code="job_ended"),
    BadCursor: lambda error: invalid(
        "value_error", ("query", "cursor"), "Not a cursor of this yard; take it from the Link header", error.cursor
    ),
    EventsExpired: lambda error: Refused(410, str(error), code="events_expired"),
    ArtifactMissing: lambda error: Refused(404, str(error), code="artifact_not_found"),
    BadKey: lambda error: invalid("value_error", ("header", "idempotency-key"), str(error), error.key[:300]),
    IdempotencyReused: lambda error: Refused(422, str(error), code="idempotency_key_reused"),
    RequestInFlight: lambda error: Refused(409, str(error), code="request_in_flight", headers={"Retry-After": "1"}),
    DigestMismatch: lambda error: Refused(422, str(error), code="digest_mismatch"),
    TooLarge: lambda error: Refused(413, str(error), code="package_too_large"),
    FormTooLarge: lambda error: Refused(413, str(error), code="package_too_large"),
    BodyTooLarge: lambda error: Refused(413, str(error), code="body_too_large"),
    BadForm: lambda error: Refused(400, str(error), code="bad_form"),
    BadOptions: lambda error: Refused(422, str(error), code="bad_options"),
    NetworkNotAllowed: lambda error: Refused(403, str(error), code="network_not_allowed"),
}

Door = refusing(REFUSALS)


ground: Final = Ground(Yard)
yard_of: Final = ground.of


async def caller(request: Request) -> Principal:
    """Who calls. A dependency: it is solved before a handler reads the body."""
    return await authenticate(request, yard_of(request).identity)


Caller = Annotated[Principal, Depends(caller)]
