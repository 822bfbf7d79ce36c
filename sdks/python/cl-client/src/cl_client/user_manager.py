"""`UserManager`: user administration by name, as commands whose outcome is a `Result`.

A prefix keeps the users that a tool makes apart from people: it begins their names, and the manager sees no others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import httpx
from pydantic import ValidationError

from .auth_client import AuthClient
from .auth_models import UserCreateRequest, UserResponse, UserUpdateRequest
from .exceptions import ComputeClientError
from .result import Result

_PAGE = 100
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Accounts:
    """What a command works with: the auth service, an admin's token, the prefix."""

    auth: AuthClient
    token: str = field(repr=False)
    prefix: str = ""

    async def all(self) -> list[UserResponse]:
        """Every user whose name begins with the prefix, however many pages that takes."""
        found: list[UserResponse] = []
        skip = 0
        while True:
            page = await self.auth.list_users(token=self.token, skip=skip, limit=_PAGE)
            found += [user for user in page if user.username.startswith(self.prefix)]
            skip += len(page)
            if len(page) < _PAGE:
                return found

    async def named(self, username: str) -> UserResponse:
        """The user of a name; the prefix is added where it is missing.

        Raises:
            ComputeClientError: there is none.
        """
        full = self.full(username)
        for user in await self.all():
            if user.username == full:
                return user
        raise ComputeClientError(f"User not found: {full!r}")

    def full(self, username: str) -> str:
        """The name with the prefix."""
        return username if username.startswith(self.prefix) else f"{self.prefix}{username}"


class Command(Protocol[T_co]):
    """Something to do with accounts."""

    async def run(self, accounts: Accounts) -> T_co:
        """Do it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateUser:
    """Make a user."""

    username: str
    password: str = field(repr=False)
    permissions: Sequence[str] = ()
    is_admin: bool = False
    is_active: bool = True

    async def run(self, accounts: Accounts) -> UserResponse:
        """Make it, with the prefix."""
        request = UserCreateRequest(
            username=accounts.full(self.username),
            password=self.password,
            permissions=list(self.permissions),
            is_admin=self.is_admin,
            is_active=self.is_active,
        )
        return await accounts.auth.create_user(token=accounts.token, user_create=request)


@dataclass(frozen=True, slots=True)
class ListUsers:
    """All users with the prefix."""

    async def run(self, accounts: Accounts) -> list[UserResponse]:
        """Fetch them."""
        return await accounts.all()


@dataclass(frozen=True, slots=True)
class FindUser:
    """The user of a name."""

    username: str

    async def run(self, accounts: Accounts) -> UserResponse:
        """Look it up."""
        return await accounts.named(self.username)


@dataclass(frozen=True, slots=True)
class UpdateUser:
    """Change what `update` names."""

    username: str
    update: UserUpdateRequest

    async def run(self, accounts: Accounts) -> UserResponse:
        """Look it up and change it."""
        user = await accounts.named(self.username)
        return await accounts.auth.update_user(token=accounts.token, user_id=user.id, user_update=self.update)


@dataclass(frozen=True, slots=True)
class DeleteUser:
    """Remove a user."""

    username: str

    async def run(self, accounts: Accounts) -> UserResponse:
        """Look it up and remove it; gives what it was."""
        user = await accounts.named(self.username)
        await accounts.auth.delete_user(token=accounts.token, user_id=user.id)
        return user


class UserManager:
    """Runs commands as an admin. Made by `SessionManager.create_user_manager`.

    Args:
        auth: the auth service.
        token: gives an admin's token.
        prefix: begins the names of the users it makes, and limits the ones it sees.
    """

    def __init__(self, auth: AuthClient, token: Callable[[], Awaitable[str]], *, prefix: str = "") -> None:
        self._auth = auth
        self._token = token
        self.prefix = prefix

    async def execute(self, command: Command[R]) -> Result[R]:
        """Run one command. What goes wrong with the server or the network is in the result."""
        try:
            accounts = Accounts(self._auth, await self._token(), self.prefix)
            return Result(success=True, data=await command.run(accounts))
        except (ComputeClientError, httpx.HTTPError, ValidationError, ValueError) as error:
            return Result(success=False, error=str(error), cause=error)

    async def create_user(
        self,
        username: str,
        password: str,
        *,
        permissions: Sequence[str] = (),
        is_admin: bool = False,
        is_active: bool = True,
    ) -> Result[UserResponse]:
        """Make a user."""
        return await self.execute(
            CreateUser(
                username=username,
                password=password,
                permissions=permissions,
                is_admin=is_admin,
                is_active=is_active,
            )
        )

    async def list_users(self) -> Result[list[UserResponse]]:
        """All users with the prefix."""
        return await self.execute(ListUsers())

    async def get_user(self, username: str) -> Result[UserResponse]:
        """The user of a name."""
        return await self.execute(FindUser(username))

    async def update_user(
        self,
        username: str,
        *,
        permissions: Sequence[str] | None = None,
        is_admin: bool | None = None,
        is_active: bool | None = None,
    ) -> Result[UserResponse]:
        """Change what is given."""
        update = UserUpdateRequest(
            permissions=None if permissions is None else list(permissions), is_admin=is_admin, is_active=is_active
        )
        return await self.execute(UpdateUser(username, update))

    async def set_password(self, username: str, password: str) -> Result[UserResponse]:
        """Give a user another password."""
        return await self.execute(UpdateUser(username, UserUpdateRequest(password=password)))

    async def delete_user(self, username: str) -> Result[UserResponse]:
        """Remove a user; gives what it was."""
        return await self.execute(DeleteUser(username))
