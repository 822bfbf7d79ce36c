"""Signing in through an OpenID issuer: authorization code with PKCE, for browsers and for people who want a token.

Between leaving and coming back a browser keeps what it has to prove in a cookie, sealed by the yard.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from runyard.identity import CredentialError
from runyard.identity.members import Member
from runyard.identity.workspace_tokens import WorkspaceToken
from runyard.services.runs.api.auth import UNSTORED
from runyard.services.runs.api.edge import COOKIE, caller, check_marker, ground, identify, read, router
from runyard.services.runs.api.limits import count
from runyard.services.runs.models.auth import CodeRequest, Session, SessionClaims, TokenResponse
from runyard.services.runs.refused import Refused, forbidden, invalid
from runyard.services.runs.room import Room
from runyard.web.auth import NoCredential
from runyard.web.bodies import JSON

if TYPE_CHECKING:
    from runyard.identity.issuer import Said
    from runyard.identity.strangers import Strangers

ERRAND: Final = "portarium_sign_in"
"""The cookie of a browser that is away at the issuer."""

PATIENCE: Final = timedelta(minutes=10)
"""How long it may be."""

BACK: Final = "/v1/auth/oidc/callback"

routes: APIRouter = router("Sign-in", prefix="")


class _Errand(msgspec.Struct, frozen=True):
    """What a browser has to bring back, and what it is to get."""

    state: str
    nonce: str
    verifier: str
    workspace: str | None
    answer: Literal["session", "token"]
    until: float


@routes.get("/v1/auth/oidc/login", include_in_schema=False)
async def login(
    request: Request,
    *,
    workspace: Annotated[str | None, Query(max_length=63)] = None,
    answer: Literal["session", "token"] = "session",
) -> Response:
    """Send a browser to the issuer. It comes back for a session, or for a token that a person can hand to a program."""
    room = ground.of(request)
    count(request, room, None)
    errand = _Errand(
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        workspace=workspace,
        answer=answer,
        until=(room.yard.clock() + PATIENCE).timestamp(),
    )
    challenge = base64.urlsafe_b64encode(hashlib.sha256(errand.verifier.encode()).digest()).decode().rstrip("=")
    url = await _strangers(room).issuer.sign_in_url(
        redirect_uri=_base(request, room) + BACK, state=errand.state, nonce=errand.nonce, challenge=challenge
    )
    gone = RedirectResponse(url, 302, headers=UNSTORED)
    _keep(gone, request, room, ERRAND, _sealed(room, errand), path="/v1/auth/oidc", seconds=PATIENCE.total_seconds())
    return gone


@routes.get(BACK, include_in_schema=False)
async def come_back(
    request: Request,
    *,
    code: Annotated[str | None, Query(max_length=4096)] = None,
    state: Annotated[str | None, Query(max_length=512)] = None,
    error: Annotated[str | None, Query(max_length=512)] = None,
    iss: Annotated[str | None, Query(max_length=2048)] = None,
) -> Response:
    """Where the issuer sends a browser back to."""
    room = ground.of(request)
    count(request, room, None)
    strangers = _strangers(room)
    errand = _opened(room, request.cookies.get(ERRAND, ""))
    if errand is None or state is None or not hmac.compare_digest(errand.state.encode(), state.encode()):
        raise Refused("bad-request", "This isn't the browser that left to sign in, or it took too long. Begin again.")
    if iss not in {None, strangers.issuer.url}:  # RFC 9207
        raise Refused("bad-request", f"You come back from {iss!r:.200}, where nobody sent you. Begin again.")
    if error is not None or code is None:
        raise Refused("unauthorized", f"The issuer didn't let you sign in: {error or 'it sent no code'}.")
    said = await _said(
        strangers, code, verifier=errand.verifier, redirect_uri=_base(request, room) + BACK, nonce=errand.nonce
    )
    member, token = await _admit(room, strangers, said, errand.workspace)
    if errand.answer == "token":
        told = TokenResponse(access_token=token.token, expires_in=token.expires_in, scope=" ".join(token.scopes))
        answer = Response(told.model_dump_json(), media_type=JSON, headers=UNSTORED)
    else:
        answer = _signed_in(request, member)
        _keep(answer, request, room, COOKIE, token.token, path="/", seconds=token.expires_in)
    answer.delete_cookie(ERRAND, path="/v1/auth/oidc")
    return answer


@routes.post("/auth/oidc/callback", include_in_schema=False)
async def exchange(request: Request) -> Response:
    """A session for a code that a page has fetched from the issuer itself."""
    room = ground.of(request)
    count(request, room, None)
    strangers = _strangers(room)
    asked = await read(request, CodeRequest)
    back = asked.redirect_uri or _base(request, room) + BACK
    said = await _said(strangers, asked.code, verifier=asked.code_verifier, redirect_uri=back)
    member, token = await _admit(room, strangers, said, asked.workspace_id)
    claims = SessionClaims(
        sub=str(member.user_id),
        workspace_id=member.workspace,
        roles=list(token.scopes),
        name=member.name,
        expires_at_iso=room.yard.clock() + timedelta(seconds=token.expires_in),
    )
    answer = _told(Session(authenticated=True, claims=claims))
    _keep(answer, request, room, COOKIE, token.token, path="/", seconds=token.expires_in)
    return answer


@routes.get("/auth/session", include_in_schema=False)
async def session(request: Request) -> Response:
    """Whose session a browser has, if it has one."""
    try:
        principal = await identify(request)
    except (NoCredential, CredentialError):
        return _told(Session(authenticated=False))
    if principal.project is None:
        return _told(Session(authenticated=False))
    who = await caller(request, principal, principal.project)
    claims = SessionClaims(
        sub=who.user_id,
        workspace_id=who.workspace,
        roles=sorted(who.roles),
        name=who.name,
        expires_at_iso=principal.credential.expires_at,
    )
    return _told(Session(authenticated=True, claims=claims))


@routes.post("/auth/logout", include_in_schema=False)
async def logout(request: Request) -> Response:
    """Have a browser forget its session. The token in it ends by itself, soon."""
    if COOKIE in request.cookies:
        check_marker(request)
    answer = Response(status_code=204, headers=UNSTORED)
    answer.delete_cookie(COOKIE, path="/")
    return answer


# -------------------------------------------------------------------- who it is


def _strangers(room: Room) -> Strangers:
    """Who recognises people here.

    Raises:
        Refused: there is no issuer to sign in at.
    """
    strangers = room.yard.identity.strangers
    if strangers is None or room.yard.settings.runs_oidc_client_id is None:
        raise Refused(
            "service-unavailable",
            "Nobody can sign in here: RUNYARD_RUNS_OIDC_ISSUER and RUNYARD_RUNS_OIDC_CLIENT_ID aren't set.",
        )
    return strangers


async def _said(strangers: Strangers, code: str, *, verifier: str, redirect_uri: str, nonce: str | None = None) -> Said:
    try:
        return await strangers.issuer.exchange(code, verifier=verifier, redirect_uri=redirect_uri, nonce=nonce)
    except CredentialError:
        raise Refused("unauthorized", "The issuer's code isn't good, or was used before. Begin again.") from None


async def _admit(room: Room, strangers: Strangers, said: Said, workspace: str | None) -> tuple[Member, WorkspaceToken]:
    """Somebody as a member of the workspace that they want to, with a new token of it.

    Raises:
        Refused: they take part in none, or not in this one, or have to say in which.
    """
    try:
        person = await strangers.recognise(said)
    except CredentialError:
        raise forbidden("The issuer knows you, but you take part in no workspace. Ask an admin of one.") from None
    identity = room.yard.identity
    if workspace is None:
        theirs = [
            each for each, member in (await identity.members.find(person.user_id)).workspaces.items() if member.active
        ]
        if len(theirs) != 1:
            raise invalid("workspace", f"say which you want to: {', '.join(sorted(theirs)) or 'you have none'}")
        (workspace,) = theirs
    member = await identity.members.member(workspace, person.user_id)
    if member is None or not member.active:
        raise forbidden("You don't take part in this workspace. Ask one of its admins.")
    return member, await identity.workspace_tokens.issue(member, number=person.number)


# -------------------------------------------------------------------- what browsers keep


def _base(request: Request, room: Room) -> str:
    """Where browsers reach the yard."""
    return (room.yard.settings.runs_public_url or str(request.base_url)).rstrip("/")


def _keep(answer: Response, request: Request, room: Room, name: str, value: str, *, path: str, seconds: float) -> None:
    """Have the browser keep something that no script can read and no other site can send with a change."""
    secure = _base(request, room).startswith("https://")
    answer.set_cookie(name, value, max_age=int(seconds), path=path, secure=secure, httponly=True, samesite="lax")


def _sealed(room: Room, errand: _Errand) -> str:
    body = base64.urlsafe_b64encode(msgspec.json.encode(errand)).decode()
    return f"{body}.{_seal(room, body)}"


def _opened(room: Room, cookie: str) -> _Errand | None:
    """The errand that a cookie speaks of, if the yard sealed it and it isn't too late."""
    body, _, seal = cookie.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(room, body).encode()):
        return None
    errand = msgspec.json.decode(base64.urlsafe_b64decode(body), type=_Errand)
    return errand if errand.until > room.yard.clock().timestamp() else None


def _seal(room: Room, body: str) -> str:
    return hmac.digest(room.secret, b"sign-in\0" + body.encode(), "sha256").hex()


def _told(session: Session) -> Response:
    return Response(session.encoded(), media_type=JSON, headers=UNSTORED)


def _signed_in(request: Request, member: Member) -> Response:
    """What somebody sees who has come back."""
    if "text/html" not in request.headers.get("accept", ""):
        return _told(Session(authenticated=True))
    text = f"You are signed in to {html.escape(member.workspace)} as {html.escape(member.name)}."
    page = f"<!doctype html><meta charset=utf-8><title>Signed in</title><p>{text} You may close this page.</p>"
    return HTMLResponse(page, headers=UNSTORED)
