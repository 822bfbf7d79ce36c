"""The edge of the `sessions` room: who calls about which project, and what every error is in this protocol."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

import structlog
from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from runyard.artifacts import ArtifactMissing
from runyard.database import DatabaseUnavailable
from runyard.identity import Action, CredentialError, Forbidden, InvalidValue, Principal, project_tenant, require
from runyard.identity.checks import checked_project
from runyard.jobs import EventsExpired, IdempotencyReused, JobEnded, JobNotFound, RequestInFlight
from runyard.services.sessions.room import Room
from runyard.web import bodies
from runyard.web.auth import CHALLENGE, NoCredential, authenticate
from runyard.web.bodies import BodyTooLarge
from runyard.web.cursors import BadCursor
from runyard.web.errors import Refusals, Refused, refusing
from runyard.web.ground import Ground
from runyard.web.idempotency import BadKey
from runyard.web.pace import TooFast
from runyard.web.patience import SILENCE, BodyTooSlow

JSON: Final = "application/json; charset=utf-8"
_NO_PROJECT: Final = "Project required. Set X-Ambient-Project header"
_SESSION: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

log = structlog.get_logger(__name__)


class SessionRefused(Refused):
    """A refusal in this protocol's envelope.

    Args:
        error: what is wrong, in the protocol's words.
        message: which value is, and what would do.
    """

    def __init__(
        self,
        status: int,
        error: str,
        *,
        message: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: str,
    ) -> None:
        super().__init__(status, error, code=code, headers=headers)
        said = {"error": error, "message": message, "code": code, **more}
        self.content = {name: value for name, value in said.items() if value is not None}

    def response(self) -> Response:
        """The envelope."""
        return json_response(self.content, status=self.status, headers=self.headers)


class NoProject(Exception):
    """The request says no project, or another one than its token is for."""


class BadProject(Exception):
    """What the request calls its project can't be the name of one."""


class NoSession(Exception):
    """There is no such session in the project, or none that the caller may know of."""


def _too_fast(error: TooFast) -> Refused:
    seconds = math.ceil(error.seconds)
    text = "Rate limit exceeded"
    return SessionRefused(
        429, text, code="rate_limited", headers={"Retry-After": str(seconds)}, retry_after=f"{seconds}s"
    )


def _invalid(error: RequestValidationError) -> Refused:
    first = error.errors()[0]
    return bad_request(f"{first['loc'][-1]} is {first.get('input')!r:.300}: {first['msg']}")


def _fault(error: Exception) -> Refused:
    """A fault of ours: the log has the rest, under the id that the answer has in its header."""
    if isinstance(error, ClientDisconnect):
        raise error
    log.error("request_failed", exc_info=error)
    return SessionRefused(500, "Internal server error", code="internal")


def bad_request(message: str, *, code: str = "bad_request") -> SessionRefused:
    """A 400 for what can't be used; ``message`` names it, with its value."""
    return SessionRefused(400, "Invalid request", message=message, code=code)


REFUSALS: Final[Refusals] = {
    TooFast: _too_fast,
    NoCredential: lambda _: SessionRefused(401, "Missing or invalid authorization", headers=CHALLENGE),
    CredentialError: lambda _: SessionRefused(401, "Token expired or invalid", headers=CHALLENGE),
    NoProject: lambda _: SessionRefused(400, _NO_PROJECT, message=str(_) or None),
    BadProject: lambda error: SessionRefused(400, "Invalid project name", message=str(error)),
    Forbidden: lambda _: SessionRefused(403, "Unauthorized to access project"),
    RequestValidationError: _invalid,
    NoSession: lambda error: SessionRefused(404, f"session not found: {error}", code="not_found"),
    JobNotFound: lambda _: SessionRefused(404, "session not found", code="not_found"),
    JobEnded: lambda _: SessionRefused(409, "The session has ended", code="ended"),
    EventsExpired: lambda _: SessionRefused(
        410, "The session's events are past their retention and have been removed", code="events_expired"
    ),
    ArtifactMissing: lambda error: SessionRefused(404, f"no such artifact: {error.name}", code="no_such_artifact"),
    BadCursor: lambda error: bad_request(
        f"cursor is {error.cursor!r:.200}: send back the nextCursor of the page before"
    ),
    BodyTooLarge: lambda error: SessionRefused(
        413, f"The request is larger than {error.limit} bytes", code="too_large"
    ),
    BadKey: lambda error: bad_request(f"Idempotency-Key is {error.key!r:.300}: {error}"),
    IdempotencyReused: lambda error: SessionRefused(422, str(error), code="idempotency_key_reused"),
    RequestInFlight: lambda error: SessionRefused(
        409, str(error), code="request_in_flight", headers={"Retry-After": "1"}
    ),
    BodyTooSlow: lambda _: SessionRefused(
        408, f"The rest of the request didn't come within {SILENCE:g} s.", code="request_timeout",
        headers={"Connection": "close"},
    ),
    DatabaseUnavailable: lambda _: SessionRefused(
        503, "The yard's database does not answer. Try again in a moment.", code="database_unavailable",
        headers={"Retry-After": "1"},
    ),
    Exception: _fault,
}  # fmt: skip


Door = refusing(REFUSALS)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who may look into the project it is about."""

    room: Room
    principal: Principal
    project: str

    @property
    def tenant(self) -> str:
        """Whose sessions are meant."""
        return project_tenant(self.project)

    def require(self, action: Action) -> None:
        """Return if the caller may do that here.

        Raises:
            Forbidden: they may not.
        """
        require(self.principal, action, tenant=self.tenant)


ground: Final = Ground(Room)
room_of: Final = ground.of


async def enter(request: Request) -> Visit:
    """Who calls about which project. A dependency: it is solved before a handler reads anything of the request.

    Raises:
        TooFast, NoCredential, CredentialError, NoProject, BadProject, Forbidden: in this order.
    """
    room = room_of(request)
    token = _token(request)
    room.pace.keep(_caller(request, token))
    if token is None:
        raise NoCredential
    principal = await authenticate(request, room.yard.identity, token)
    visit = Visit(room, principal, _project(request, principal))
    visit.require(Action.LIST)
    return visit


Entered = Annotated[Visit, Depends(enter)]


async def no_route(request: Request, error: Exception) -> Response:
    """The answer to what isn't part of this interface."""
    assert isinstance(error, HTTPException)
    text, code = f"no such path: {request.url.path}", "unknown_path"
    if error.status_code == 405:
        text, code = f"{request.method} can't be done here", "method_not_allowed"
    return SessionRefused(error.status_code, text, code=code, headers=error.headers).response()


def checked_id(session: str) -> str:
    """The id, if it may be one.

    Raises:
        SessionRefused: it may not.
    """
    if _SESSION.fullmatch(session) is None:
        raise SessionRefused(400, "Invalid session ID", message=f"{session!r:.100} can't be a session's id")
    return session


def json_response(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer."""
    return bodies.json_response(content, status=status, headers=headers, media_type=JSON)


def _token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme == "Bearer" and token.strip():  # the protocol takes no other spelling
        return token.strip()
    return request.headers.get("x-forwarded-access-token", "").strip() or None


def _caller(request: Request, token: str | None) -> bytes:
    """Whose pace counts: a token's, so that people behind one proxy don't wait for each other."""
    if token is None:
        return b"" if request.client is None else request.client.host.encode()
    return hashlib.sha256(token.encode()).digest()


def _project(request: Request, principal: Principal) -> str:
    """The project that is meant: the header's, or the only one that the token reaches."""
    asked = request.headers.get("x-ambient-project", "").strip()
    if not asked and principal.project is None:
        raise NoProject
    if asked and principal.project not in {None, asked}:
        raise NoProject(f"The token is for the project {principal.project!r}, the header says {asked!r:.100}.")
    try:
        return checked_project(asked or str(principal.project))
    except InvalidValue as error:
        raise BadProject(str(error)) from None
