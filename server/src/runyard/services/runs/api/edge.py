"""Who comes in: the caller of a request in one workspace, established before a byte of the body is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request

from runyard.identity import CredentialError, IssuerFailed, Principal
from runyard.services.runs.api.etags import matches
from runyard.services.runs.api.limits import LARGEST_BODY, count
from runyard.services.runs.api.marks import correlation_of
from runyard.services.runs.api.paging import DEFAULT, MOST, Page, page_of
from runyard.services.runs.api.problems import Door
from runyard.services.runs.caller import Caller
from runyard.services.runs.models.base import Answer, Ask
from runyard.services.runs.refused import Refused, forbidden, invalid, not_found
from runyard.services.runs.room import Room
from runyard.web.auth import NoCredential, authenticate, bearer
from runyard.web.bodies import read_body
from runyard.web.ground import Ground

WORKSPACE: Final = "/v1/workspaces/{workspaceId}"
COOKIE: Final = "portarium_cockpit_session"
"""A browser's session: a token of a workspace, which scripts can't read."""

MARKER: Final = "X-Portarium-Request"
"""A page of another site can't send this header, so a change that comes with a cookie has to have it."""

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
ground: Final = Ground(Room)
ASKED: Final[dict[str, type[Ask]]] = {}
"""Bodies of requests by name, for the contract."""

_WRONG_TOKEN: Final = {"WWW-Authenticate": 'Bearer error="invalid_token"'}

A = TypeVar("A", bound=Ask)


def router(tag: str, *, prefix: str = WORKSPACE) -> APIRouter:
    """A noun's routes; their paths are below a workspace's unless ``prefix`` says otherwise.

    Each has an ``operation_id``, a ``response_model`` and, when it reads a body, ``openapi_extra=asks(...)``: the
    contract is made of them. Handlers build their answers themselves.
    """
    return APIRouter(prefix=prefix, route_class=Door, tags=[tag])


def asks(model: type[Ask], *, required: bool = True) -> dict[str, object]:
    """What a route's contract says of the body it reads."""
    assert ASKED.setdefault(model.__name__, model) is model
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody who was let in."""

    request: Request
    room: Room
    caller: Caller
    principal: Principal

    @property
    def if_match(self) -> str | None:
        """The version that the caller wants to change, if they said one."""
        return self.request.headers.get("if-match")

    def match(self, current: Answer) -> None:
        """Return if ``current`` is what the caller wants to change. To be asked in the transaction of the change.

        Raises:
            Refused: it has changed since they saw it.
        """
        wanted = self.if_match
        if wanted is not None and not matches(wanted, current.encoded()):
            raise Refused("precondition-failed", f"It has changed: it is no longer {wanted[:100]}. Read it again.")

    async def still(self) -> Caller | None:
        """The caller as they are now; None once they are no longer let in. For answers that go on for long."""
        identity = self.room.yard.identity
        try:
            principal = await identity.authenticate(_presented(self.request), machines=True)
            return await caller(self.request, principal, self.caller.workspace)
        except (CredentialError, IssuerFailed, Refused):
            return None

    async def body(self, model: type[A]) -> A:
        """The request's body.

        Raises:
            Refused: it is too large, or no JSON.
            ValidationError: it isn't what ``model`` says; becomes a problem with ``errors``.
        """
        return await read(self.request, model)


async def read(request: Request, model: type[A]) -> A:
    """A request's body as ``model`` describes it; see :meth:`Visit.body`."""
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise Refused("unsupported-media-type", f"The body is {media[:100]!r}. Send application/json.")
    body = await read_body(request, limit=LARGEST_BODY)
    try:
        content = msgspec.json.decode(body)  # the validator below would let NaN and broken text pass
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"The body is no JSON: {error}." if body else "The body is empty. Send a JSON object."
        raise Refused("bad-request", text) from None
    if b"\\u0000" in body and _holds_nul(content):
        raise invalid("body", "a text holds the character U+0000")
    return model.model_validate_json(body)


async def identify(request: Request) -> Principal:
    """Who calls, wherever they want to go: by token, by key, or by the session of a browser.

    Raises:
        NoCredential, CredentialError: nobody can be told.
        Refused: a change by a browser that another site may have sent.
        TooFast: they have to wait.
    """
    room = ground.of(request)
    presented = _presented(request)
    if "authorization" not in request.headers and request.method not in SAFE:
        check_marker(request)
    principal = await authenticate(request, room.yard.identity, presented, machines=True)
    count(request, room, principal.user_id)
    return principal


def _presented(request: Request) -> str:
    """The credential of a request: in its header, or else in the cookie of a browser's session.

    Raises:
        NoCredential: there is none.
    """
    found = bearer(request) if "authorization" in request.headers else request.cookies.get(COOKIE)
    if not found:
        raise NoCredential
    return found


def check_marker(request: Request) -> None:
    """Return if a change that comes with a cookie can't be another site's doing.

    Raises:
        Refused: it can.
    """
    if not request.headers.get(MARKER):
        raise forbidden(f"A change by a browser's session needs the header {MARKER}: 1.")


async def enter(request: Request, workspace: Annotated[str, Path(alias="workspaceId", min_length=1)]) -> Visit:
    """Who calls about which workspace. A dependency: it is solved before a handler reads anything of the request."""
    principal = await identify(request)
    if principal.project is not None and principal.project != workspace:
        raise Refused("unauthorized", "The token is for another workspace.", headers=_WRONG_TOKEN)
    named = request.headers.get("x-workspace-id", "").strip()
    if named and named != workspace:
        raise forbidden(f"X-Workspace-Id says {named[:100]!r}, the path {workspace[:100]!r}.")
    return Visit(request, ground.of(request), await caller(request, principal, workspace), principal)


async def caller(request: Request, principal: Principal, workspace: str) -> Caller:
    """Somebody as a member of a workspace.

    Raises:
        Refused: they are no member, or don't take part at present.
    """
    member = await ground.of(request).yard.identity.members.member(workspace, principal.user_id)
    if member is None:
        raise not_found("Workspace", workspace)
    if not member.active:
        raise forbidden("You are deactivated in this workspace.")
    scopes = principal.credential.scopes
    return Caller(
        workspace=workspace,
        user=principal.user_id,
        name=member.name,
        kind=member.kind,
        roles=member.roles if scopes is None else member.roles & scopes,
        machine_id=member.machine_id,
        correlation_id=correlation_of(request),
    )


async def paged(
    request: Request,
    *,
    limit: Annotated[int, Query(ge=1, le=MOST)] = DEFAULT,
    cursor: Annotated[str | None, Query(min_length=1, max_length=1000)] = None,
) -> Page:
    """Which page a request wants. A dependency."""
    return page_of(request, ground.of(request), limit=limit, cursor=cursor)


Entered = Annotated[Visit, Depends(enter)]
Identified = Annotated[Principal, Depends(identify)]
Paged = Annotated[Page, Depends(paged)]


def _holds_nul(content: object) -> bool:
    """Whether any text in there has a character that no database text can have."""
    left = [content]
    while left:
        each = left.pop()
        if isinstance(each, str) and "\0" in each:
            return True
        if isinstance(each, dict):
            left += [*each, *each.values()]
        elif isinstance(each, list):
            left += each
    return False
