"""`users`: list, make, change and remove them, by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cl_client.cli.options import JsonOption

from .caller import Access, caller_of

if TYPE_CHECKING:
    from cl_client import UserManager
    from cl_client.auth_models import UserResponse, UserUpdateRequest
    from cl_client.user_manager import Accounts

users = typer.Typer(help="List, make, change and remove users.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The user.", show_default=False)]
_Permissions = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="Such as ai_inference_support, which lets submit jobs.", show_default=False),
]
_Password = Annotated[
    str | None,
    typer.Option(metavar="PASSWORD", help="`-` reads it from stdin; asked for if absent.", show_default=False),
]
_Answer = Literal["true", "false"]


@users.command("list")
def list_users(ctx: typer.Context, *, as_json: JsonOption = False) -> None:
    """List all users."""
    from cl_client._wire.terminal import say_json, show_table

    found = caller_of(ctx).admin().manage(_all)
    if as_json:
        say_json([user.model_dump(mode="json") for user in found])
        return
    rows = [
        [
            str(user.id),
            user.username,
            "yes" if user.is_admin else "no",
            "yes" if user.is_active else "no",
            ", ".join(user.permissions) or "-",
        ]
        for user in found
    ]
    show_table(["ID", "Username", "Admin", "Active", "Permissions"], rows)


@users.command("show")
def show_user(ctx: typer.Context, *, name: _Name, as_json: JsonOption = False) -> None:
    """Show one user."""
    from cl_client._wire.terminal import say_json, show_facts

    user = _do(caller_of(ctx).admin(), name, _same)
    if as_json:
        say_json(user.model_dump(mode="json"))
        return
    show_facts([
        ("ID", str(user.id)),
        ("Username", user.username),
        ("Admin", "yes" if user.is_admin else "no"),
        ("Active", "yes" if user.is_active else "no"),
        ("Permissions", ", ".join(user.permissions) or "-"),
        ("Since", user.created_at.strftime("%Y-%m-%d %H:%M:%S")),
    ])  # fmt: skip


@users.command("create")
def create_user(
    ctx: typer.Context,
    *,
    name: _Name,
    password: _Password = None,
    permissions: _Permissions = None,
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a user."""
    from cl_client.cli.terminal import ask_password

    access = caller_of(ctx).admin()
    chosen = ask_password(password, confirm=True, what=f"Password of {name}")

    async def create(manager: UserManager) -> UserResponse:
        made = await manager.create_user(name, chosen, permissions=_listed(permissions) or (), is_admin=admin)
        return made.value_or_throw()

    _done(access.manage(create), "created", as_json=as_json)


@users.command("update")
def update_user(
    ctx: typer.Context,
    *,
    name: _Name,
    password: Annotated[
        str | None,
        typer.Option(metavar="PASSWORD", help="A new one; `-` reads it from stdin.", show_default=False),
    ] = None,
    permissions: _Permissions = None,
    admin: Annotated[_Answer | None, typer.Option(help="Whether an admin.", show_default=False)] = None,
    active: Annotated[_Answer | None, typer.Option(help="Whether let in.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Change a user; what is not given stays as it is. `--permissions ""` takes all away."""
    from cl_client._wire.errors import UsageError
    from cl_client.auth_models import UserUpdateRequest
    from cl_client.cli.terminal import ask_password

    if password is None and permissions is None and admin is None and active is None:
        raise UsageError("Nothing to change: give --password, --permissions, --admin or --active")
    access = caller_of(ctx).admin()
    update = UserUpdateRequest(
        password=None if password is None else ask_password(password),
        permissions=_listed(permissions),
        is_admin=None if admin is None else admin == "true",
        is_active=None if active is None else active == "true",
    )
    _done(_do(access, name, _updating(update)), "updated", as_json=as_json)


@users.command("password")
def set_password(ctx: typer.Context, *, name: _Name, password: _Password = None) -> None:
    """Give a user another password."""
    from cl_client.auth_models import UserUpdateRequest
    from cl_client.cli.terminal import ask_password

    access = caller_of(ctx).admin()
    update = UserUpdateRequest(password=ask_password(password, confirm=True, what=f"New password of {name}"))
    _done(_do(access, name, _updating(update)), "has a new password", as_json=False)


@users.command("delete")
def delete_user(ctx: typer.Context, *, name: _Name, as_json: JsonOption = False) -> None:
    """Remove a user."""
    _done(_do(caller_of(ctx).admin(), name, _removed), "deleted", as_json=as_json)


async def _all(manager: UserManager) -> list[UserResponse]:
    return (await manager.list_users()).value_or_throw()


@dataclass(frozen=True, slots=True)
class _OnUser:
    """A command on the user of a name."""

    name: str
    act: Callable[[Accounts, UserResponse], Awaitable[UserResponse]]

    async def run(self, accounts: Accounts) -> UserResponse:
        """Look the user up, and act."""
        from cl_client.exceptions import ComputeClientError

        for user in await accounts.all():
            if user.username == self.name:
                return await self.act(accounts, user)
        raise ComputeClientError(f"User not found: {self.name}")


def _do(access: Access, name: str, act: Callable[[Accounts, UserResponse], Awaitable[UserResponse]]) -> UserResponse:
    async def done(manager: UserManager) -> UserResponse:
        return (await manager.execute(_OnUser(name, act))).value_or_throw()

    return access.manage(done)


async def _same(_: Accounts, user: UserResponse) -> UserResponse:
    return user


async def _removed(accounts: Accounts, user: UserResponse) -> UserResponse:
    await accounts.auth.delete_user(token=accounts.token, user_id=user.id)
    return user


def _updating(update: UserUpdateRequest) -> Callable[[Accounts, UserResponse], Awaitable[UserResponse]]:
    async def updated(accounts: Accounts, user: UserResponse) -> UserResponse:
        return await accounts.auth.update_user(token=accounts.token, user_id=user.id, user_update=update)

    return updated


def _done(user: UserResponse, what: str, *, as_json: bool) -> None:
    from cl_client._wire.terminal import printable, say, say_json

    if as_json:
        say_json(user.model_dump(mode="json"))
    else:
        say(f"✓ User {printable(user.username)} {what} (ID {user.id})")


def _listed(permissions: str | None) -> list[str] | None:
    return None if permissions is None else [name.strip() for name in permissions.split(",") if name.strip()]
