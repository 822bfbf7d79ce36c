"""Accounts over HTTP: signing in, tokens and users. The contract is in ``docs/reference/compute-http.md``."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from runyard.identity import (
    Action,
    AlreadyExists,
    CredentialError,
    Forbidden,
    InvalidCredential,
    InvalidValue,
    LastAdmin,
    NotFound,
    Principal,
    TooManyAttempts,
    User,
    require,
)
from runyard.identity.signing import ALGORITHM
from runyard.identity.users import LARGEST
from runyard.services.compute.forms import read_form, read_permissions
from runyard.web.auth import CHALLENGE, NoCredential, authenticate
from runyard.web.errors import Refusals, Refused, invalid, refusing
from runyard.web.ground import Ground
from runyard.web.multipart import BadForm, FormTooLarge
from runyard.yard import Yard

REFUSALS: Final[Refusals] = {
    NoCredential: lambda _: Refused(401, "Not authenticated", headers=CHALLENGE),
    CredentialError: lambda _: Refused(401, "Could not validate credentials", headers=CHALLENGE),
    Forbidden: lambda _: Refused(403, "The user doesn't have enough privileges"),
    NotFound: lambda _: Refused(404, "User not found"),
    AlreadyExists: lambda _: Refused(400, "Username already registered"),
    LastAdmin: lambda error: Refused(409, str(error), code="last_admin"),
    TooManyAttempts: lambda error: Refused(
        429, str(error), code="too_many_attempts", headers={"Retry-After": str(error.retry_after)}
    ),
    InvalidValue: lambda error: invalid("value_error", ("body",), str(error)),
    FormTooLarge: lambda error: Refused(413, str(error), code="form_too_large"),
    BadForm: lambda error: Refused(400, str(error), code="bad_form"),
}

ground: Final = Ground(Yard)
routes = APIRouter(route_class=refusing(REFUSALS), tags=["accounts"])


def router(yard: Yard) -> APIRouter:
    """The routes of accounts, on ``yard``."""
    return ground.router(routes, yard)


async def caller(request: Request) -> Principal:
    """Who calls. A dependency: it is solved before a handler reads the body."""
    return await authenticate(request, ground.of(request).identity)


async def admin(request: Request) -> Principal:
    """An administrator."""
    principal = await caller(request)
    require(principal, Action.ADMINISTER)
    return principal


Caller = Annotated[Principal, Depends(caller)]
Admin = Depends(admin)


# -------------------------------------------------------------------- tokens


@routes.get("/")
async def root() -> Response:
    """Whether this process answers, in the words that programs of the original interface look for."""
    return JSONResponse({"message": "authentication service is running"})


class _SignIn(BaseModel):
    username: str
    password: str


@routes.post("/auth/token")
async def sign_in(request: Request) -> Response:
    """A token for a user name and password."""
    form = await read_form(request, _SignIn)
    address = "" if request.client is None else request.client.host
    try:
        user = await ground.of(request).identity.sign_in(form.username, form.password, address=address)
    except CredentialError:
        raise Refused(401, "Incorrect username or password", headers=CHALLENGE) from None
    return await _token(request, user)


@routes.post("/auth/token/refresh")
async def refresh(request: Request, principal: Caller) -> Response:
    """A new token for a good one."""
    if principal.credential.kind != "token":  # it would outlive the key, and reach more than a project's key does
        raise Refused(403, "An API key can't be made into a token. Send the key itself.", code="not_a_token")
    return await _token(request, await _user(request, principal))


@routes.get("/auth/public-key")
async def public_key(request: Request) -> Response:
    """What tokens are verified with."""
    key = await ground.of(request).identity.tokens.key()
    return JSONResponse({"public_key": key.public_pem, "algorithm": ALGORITHM})


@routes.get("/.well-known/jwks.json")
async def jwks(request: Request) -> Response:
    """The same as a JWK set."""
    key = await ground.of(request).identity.tokens.key()
    return JSONResponse({"keys": [key.jwk]})


# -------------------------------------------------------------------- users


class _NewUser(BaseModel):
    username: str
    password: str
    is_admin: bool = False
    is_active: bool = True
    permissions: str = ""


class _Changes(BaseModel):
    password: str | None = None
    permissions: str | None = None
    is_active: bool | None = None
    is_admin: bool | None = None


@routes.get("/users/me")
async def me(request: Request, principal: Caller) -> Response:
    """The caller."""
    return _account(await _user(request, principal))


@routes.post("/users/", dependencies=[Admin])
async def create(request: Request) -> Response:
    """Add a user. A name that is an email address is one."""
    form = await read_form(request, _NewUser)
    is_email = "@" in form.username
    user = await ground.of(request).identity.users.create(
        form.username,
        login=None if is_email else form.username,
        email=form.username if is_email else None,
        password=form.password,
        is_admin=form.is_admin,
        is_active=form.is_active,
        permissions=read_permissions(form.permissions),
    )
    return _account(user, status=201)


@routes.get("/users/", dependencies=[Admin])
async def list_users(request: Request, *, skip: int = 0, limit: int = 100) -> Response:
    """Users, the oldest first. A negative limit is none."""
    users = await ground.of(request).identity.users.page(
        skip=min(max(skip, 0), LARGEST), limit=None if limit < 0 else min(limit, LARGEST)
    )
    return JSONResponse([_shown(user) for user in users])


@routes.get("/users/{number}", dependencies=[Admin])
async def get(request: Request, number: int) -> Response:
    """One user."""
    return _account(await ground.of(request).identity.users.by_number(number))


@routes.put("/users/{number}", dependencies=[Admin])
async def update(request: Request, number: int) -> Response:
    """Change what is given."""
    users = ground.of(request).identity.users
    user = await users.by_number(number)
    form = await read_form(request, _Changes)
    changed = await users.update(
        user.id,
        password=form.password,
        permissions=None if form.permissions is None else read_permissions(form.permissions),
        is_active=form.is_active,
        is_admin=form.is_admin,
    )
    return _account(changed)


@routes.delete("/users/{number}", dependencies=[Admin])
async def delete(request: Request, number: int) -> Response:
    """Remove a user. Their jobs stay, and are nobody's."""
    users = ground.of(request).identity.users
    await users.delete((await users.by_number(number)).id)
    return Response(status_code=204)


# -------------------------------------------------------------------- helpers


async def _user(request: Request, principal: Principal) -> User:
    """The caller as a user, unless they were deleted a moment ago."""
    try:
        return await ground.of(request).identity.users.get(principal.user_id)
    except NotFound:
        raise InvalidCredential("unknown") from None


async def _token(request: Request, user: User) -> Response:
    token = await ground.of(request).identity.tokens.issue(user)
    return JSONResponse({"access_token": token, "token_type": "bearer"}, headers={"Cache-Control": "no-store"})


def _account(user: User, *, status: int = 200) -> Response:
    return JSONResponse(_shown(user), status)


def _shown(user: User) -> dict[str, object]:
    return {
        "username": user.label,
        "is_admin": user.is_admin,
        "is_active": user.is_active,
        "id": user.number,
        "created_at": user.created_at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds"),
        "permissions": list(user.permissions),
    }
