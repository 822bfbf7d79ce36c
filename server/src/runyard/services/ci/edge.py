"""The edge of the `ci` room: who calls, and what every error of the lower floors is in this protocol."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Request

from runyard.artifacts import ArtifactMissing, DigestMismatch, TooLarge
from runyard.identity import Forbidden, InactiveUser, InvalidCredential, Principal
from runyard.jobs import EventsExpired, IdempotencyReused, JobEnded, JobNotFound, RequestInFlight
from runyard.services.ci.options import BadOptions, NetworkNotAllowed
from runyard.web.auth import NoCredential, authenticate
from runyard.web.errors import Refusals, Refused, refusing
from runyard.web.multipart import BadForm, FormTooLarge
from runyard.yard import Yard

_BEARER: Final = {"WWW-Authenticate": "Bearer"}

REFUSALS: Final[Refusals] = {
    NoCredential: lambda _: Refused(401, "Not authenticated", headers=_BEARER),
    InvalidCredential: lambda _: Refused(401, "Invalid or revoked API key", headers=_BEARER),
    InactiveUser: lambda _: Refused(403, "User not found or inactive"),
    Forbidden: lambda _: Refused(403, "Access denied"),
    JobNotFound: lambda _: Refused(404, "Job not found"),
    JobEnded: lambda error: Refused(409, str(error), code="job_ended"),
    EventsExpired: lambda error: Refused(410, str(error), code="events_expired"),
    ArtifactMissing: lambda error: Refused(404, str(error), code="artifact_not_found"),
    IdempotencyReused: lambda error: Refused(422, str(error), code="idempotency_key_reused"),
    RequestInFlight: lambda error: Refused(409, str(error), code="request_in_flight", headers={"Retry-After": "1"}),
    DigestMismatch: lambda error: Refused(422, str(error), code="digest_mismatch"),
    TooLarge: lambda error: Refused(413, str(error), code="package_too_large"),
    FormTooLarge: lambda error: Refused(413, str(error), code="package_too_large"),
    BadForm: lambda error: Refused(400, str(error), code="bad_form"),
    BadOptions: lambda error: Refused(422, str(error), code="bad_options"),
    NetworkNotAllowed: lambda error: Refused(403, str(error), code="network_not_allowed"),
}

Door = refusing(REFUSALS)


def yard_of(request: Request) -> Yard:
    """The yard behind this request's application."""
    yard = request.state.yard
    assert isinstance(yard, Yard)
    return yard


async def caller(request: Request) -> Principal:
    """Who calls. A dependency: it is solved before a handler reads the body."""
    return await authenticate(request, yard_of(request).identity)


Caller = Annotated[Principal, Depends(caller)]


def invalid(kind: str, loc: tuple[str, ...], message: str, given: object = None) -> Refused:
    """A 422 in the shape the framework gives its own."""
    return Refused(422, [{"type": kind, "loc": list(loc), "msg": message, "input": given}])
