"""The operator's verb ``runyard user``: who may use the yard, and with which rights."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from runyard.identity.console import AsJson, OpenStore, answer, fail, moment, secret, table, work
from runyard.identity.model import User

if TYPE_CHECKING:
    from runyard.identity.store import IdentityStore

PASSWORD_INPUT: Final = 8192
"""Characters read in search of a password; identity refuses long ones with a better message."""

Reference: TypeAlias = Annotated[str, typer.Argument(metavar="USER", help="Login, email or id.")]
FromStdin: TypeAlias = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def user_verbs(open_store: OpenStore) -> typer.Typer:
    """``user add``, ``list``, ``delete``, and one verb for every change."""
    app = typer.Typer(help="Who may use the yard.", no_args_is_help=True)

    @app.command()
    def add(
        name: Annotated[str, typer.Argument(help="What they sign in with; not an email.")],
        *,
        password_stdin: FromStdin = False,
        admin: Annotated[bool, typer.Option("--admin", help="Let them administer users and keys.")] = False,
        permission: Annotated[
            list[str] | None,
            typer.Option(metavar="NAME", help="Give them this permission, such as ai_inference_support. Repeatable."),
        ] = None,
        email: Annotated[str | None, typer.Option(help="Their email address.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Add a user. Without a password they only have the tokens and keys you make for them."""
        password = _password() if password_stdin else None
        user = work(
            open_store,
            lambda store: store.users.create(
                name, login=name, email=email, password=password, is_admin=admin, permissions=permission or ()
            ),
        )
        answer(user, f"User {user.label!r} added, id {user.id}.", as_json=as_json)

    @app.command("list")
    def list_(*, as_json: AsJson = False) -> None:
        """List users, the newest first."""
        users = work(open_store, lambda store: store.users.all())
        answer(users, _user_table(users), as_json=as_json)

    @app.command()
    def password(user: Reference, *, password_stdin: FromStdin = False, as_json: AsJson = False) -> None:
        """Give a user a new password."""
        if not password_stdin:
            raise typer.BadParameter("say where the password comes from: --password-stdin")
        text = _password()
        changed = _change(open_store, user, lambda store, found: store.users.update(found.id, password=text))
        answer(changed, f"User {changed.label!r} has a new password.", as_json=as_json)

    @app.command()
    def permissions(
        user: Reference,
        names: Annotated[str, typer.Argument(metavar="NAMES", help="All they are to have: a,b. '' takes all away.")],
        *,
        as_json: AsJson = False,
    ) -> None:
        """Say which permissions a user has from now on."""
        wanted = names.split(",")
        changed = _change(open_store, user, lambda store, found: store.users.update(found.id, permissions=wanted))
        has = ", ".join(changed.permissions) or "none"
        answer(changed, f"User {changed.label!r} has these permissions: {has}.", as_json=as_json)

    _changes(app, open_store)
    return app


def _changes(app: typer.Typer, open_store: OpenStore) -> None:
    """The verbs that change one thing about one user and ask for nothing else."""

    def verb(name: str, explanation: str, done: str, task: Callable[[IdentityStore, User], Awaitable[User]]) -> None:
        @app.command(name, help=explanation)
        def run(user: Reference, *, as_json: AsJson = False) -> None:
            changed = _change(open_store, user, task)
            answer(changed, f"User {changed.label!r} {done}.", as_json=as_json)

    async def delete(store: IdentityStore, user: User) -> User:
        await store.users.delete(user.id)
        return user

    verb(
        "promote",
        "Let a user administer users and keys.",
        "is an admin",
        lambda store, user: store.users.update(user.id, is_admin=True),
    )
    verb(
        "demote",
        "Make an admin a plain user.",
        "is no admin",
        lambda store, user: store.users.update(user.id, is_admin=False),
    )
    verb(
        "deactivate",
        "Refuse a user's password, tokens and keys from now on. Nothing is deleted.",
        "deactivated",
        lambda store, user: store.users.deactivate(user.id),
    )
    verb(
        "activate",
        "Accept a user's password, tokens and keys again.",
        "activated",
        lambda store, user: store.users.activate(user.id),
    )
    verb("delete", "Remove a user with their keys and memberships. Their jobs stay.", "deleted", delete)


def _change(open_store: OpenStore, reference: str, task: Callable[[IdentityStore, User], Awaitable[User]]) -> User:
    async def found(store: IdentityStore) -> User:
        return await task(store, await store.users.find(reference))

    return work(open_store, found)


def _password() -> str:
    """The password on standard input, without the newline that ends it; asked for at a terminal."""
    text = secret("Password", longest=PASSWORD_INPUT).removesuffix("\n").removesuffix("\r")
    if not text:
        fail("No password came from standard input. Pipe one into --password-stdin.")
    return text


def _user_table(users: list[User]) -> str:
    if not users:
        return "No users yet. Add one with: runyard user add NAME --password-stdin"
    rows = (
        (
            str(user.id),
            str(user.number),
            user.login or "-",
            user.name,
            user.email or "-",
            "yes" if user.is_admin else "-",
            ",".join(user.permissions) or "-",
            "active" if user.is_active else "inactive",
            moment(user.created_at, missing="-"),
        )
        for user in users
    )
    return table(("ID", "NUMBER", "LOGIN", "NAME", "EMAIL", "ADMIN", "PERMISSIONS", "STATUS", "CREATED"), rows)
