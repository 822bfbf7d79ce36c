"""``ci-admin``: users and API keys of the ci service, straight in the yard's database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias, TypeVar
from uuid import UUID

import typer

from runyard.identity.checks import as_uuid
from runyard.identity.console import AsJson, Expires, NewExpires, Overlap, answer, fail, load, moment, work
from runyard.identity.errors import NotFound
from runyard.identity.model import OVERLAP, ApiKey, IssuedKey, KeyState, KeyStatus, User

if TYPE_CHECKING:
    from runyard.identity.store import IdentityStore

T = TypeVar("T")

RULE: Final = "-" * 100

Standing: TypeAlias = tuple[ApiKey, KeyState, KeyStatus]

UserId: TypeAlias = Annotated[str, typer.Argument(help="Id of the user.")]
KeyId: TypeAlias = Annotated[str, typer.Argument(help="Id of the key.")]
ByEmail: TypeAlias = Annotated[str | None, typer.Option(help="Email of the user, instead of the id.")]

app = typer.Typer(
    help="Users and API keys of the ci service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
users = typer.Typer(help="Who may submit.", no_args_is_help=True)
keys = typer.Typer(help="What they prove it with.", no_args_is_help=True)
app.add_typer(users, name="user")
app.add_typer(keys, name="key")


def main() -> None:
    """Entry point of the command ``ci-admin``."""
    app(prog_name="ci-admin")


@app.callback()
def options(
    context: typer.Context,
    *,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the yard; RUNYARD_DATA_DIR by default.")
    ] = None,
) -> None:
    """Users and API keys of the ci service."""
    context.obj = data


@users.command("create")
def user_create(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Option(help="What people call them.")],
    email: Annotated[str, typer.Option(help="Their email address; one user each.")],
) -> None:
    """Create a user."""
    user = _work(context, lambda store: store.users.create(name, email=email))
    typer.echo(f"User created successfully.\nID: {user.id}\nName: {user.name}\nEmail: {user.email}")


@users.command("list")
def user_list(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List users, the newest first."""
    found = _work(context, lambda store: store.users.all())
    answer([_user(user) for user in found], _user_table(found), as_json=as_json)


@users.command("get")
def user_get(
    context: typer.Context,
    user_id: Annotated[str | None, typer.Argument(help="Id of the user.")] = None,
    *,
    email: ByEmail = None,
) -> None:
    """Show one user, by id or by email."""
    if (user_id is None) == (email is None):
        fail("Give either a user id or --email, one of the two.")
    user = _work(context, lambda store: _find(store, user_id=user_id, email=email))
    typer.echo(f"ID: {user.id}\nName: {user.name}\nEmail: {_email(user)}")
    typer.echo(f"Created: {user.created_at.isoformat()}\nStatus: {_status(user)}")


@users.command("deactivate")
def user_deactivate(context: typer.Context, user_id: UserId) -> None:
    """Refuse a user's keys from now on."""
    user = _work(context, lambda store: store.users.deactivate(_id("User", user_id)))
    typer.echo(f"User deactivated: {user.email or user.label}")


@users.command("activate")
def user_activate(context: typer.Context, user_id: UserId) -> None:
    """Accept a user's keys again."""
    user = _work(context, lambda store: store.users.activate(_id("User", user_id)))
    typer.echo(f"User activated: {user.email or user.label}")


@keys.command("create")
def key_create(
    context: typer.Context,
    *,
    name: Annotated[str, typer.Option(help="What the key is called in lists.")],
    user_id: Annotated[str | None, typer.Option(help="Id of the user it is for.")] = None,
    email: ByEmail = None,
    expires: Expires = None,
) -> None:
    """Create an API key. It is shown this once."""
    if (user_id is None) == (email is None):
        fail("Give either --user-id or --email, one of the two.")

    async def issue(store: IdentityStore) -> IssuedKey:
        user = await _find(store, user_id=user_id, email=email)
        return await store.keys.issue(user.id, kind="ci", name=name, expires_in=expires)

    _hand_over("API key created successfully.", _work(context, issue))


@keys.command("list")
def key_list(
    context: typer.Context,
    *,
    user_id: Annotated[str | None, typer.Option(help="Only keys of the user with this id.")] = None,
    email: Annotated[str | None, typer.Option(help="Only keys of the user with this email.")] = None,
    as_json: AsJson = False,
    long: Annotated[bool, typer.Option("--long", help="Show age, last use and expiry, too.")] = False,
) -> None:
    """List API keys, the newest first. The keys themselves are not kept, so they are not shown."""

    async def look(store: IdentityStore) -> list[Standing]:
        if email is not None:
            found = await store.keys.of((await store.users.by_email(email)).id)
        elif user_id is not None:
            owner = as_uuid(user_id)
            found = [] if owner is None else await store.keys.of(owner)
        else:
            found = await store.keys.all()
        return [(key, store.keys.state(key), store.keys.status(key)) for key in found]

    found = _work(context, look)
    text = _key_table(found, long=long)
    answer([_key(*each, long=long) for each in found], text, as_json=as_json)


@keys.command("revoke")
def key_revoke(context: typer.Context, key_id: KeyId) -> None:
    """End a key now."""
    key = _work(context, lambda store: store.keys.revoke(_id("API key", key_id)))
    typer.echo(f"API key revoked: {key.name or key.hint}")


@keys.command("rotate")
def key_rotate(
    context: typer.Context,
    key_id: KeyId,
    *,
    overlap: Overlap = None,
    expires: NewExpires = None,
) -> None:
    """Create the successor of a key, with the same name and user. It is shown this once."""

    async def change(store: IdentityStore) -> tuple[IssuedKey, ApiKey]:
        old = _id("API key", key_id)
        issued = await store.keys.rotate(old, overlap=OVERLAP if overlap is None else overlap, expires_in=expires)
        return issued, await store.keys.get(old)

    issued, old = _work(context, change)
    _hand_over("API key rotated successfully.", issued)
    typer.echo(f"The old key works until {moment(old.expires_at, missing='it is revoked')} UTC.")


def _work(context: typer.Context, task: Callable[[IdentityStore], Awaitable[T]]) -> T:
    """Run ``task`` on the identity store of the yard that the options name."""
    data: Path | None = context.find_root().obj

    def open_store() -> AbstractAsyncContextManager[IdentityStore]:
        # loaded only when there is work: ``ci-admin --help`` should not wait for a database driver
        from runyard.identity.open import open_identity  # noqa: PLC0415

        return open_identity(load(data_dir=data), application="ci-admin")

    return work(open_store, task)


async def _find(store: IdentityStore, *, user_id: str | None, email: str | None) -> User:
    if email is not None:
        return await store.users.by_email(email)
    return await store.users.get(_id("User", user_id or ""))


def _id(noun: Literal["User", "API key"], text: str) -> UUID:
    """The id that ``text`` spells; what spells none belongs to nothing."""
    found = as_uuid(text)
    if found is None:
        raise NotFound(noun, text)
    return found


def _hand_over(headline: str, issued: IssuedKey) -> None:
    lines = [
        headline,
        f"API Key: {issued.secret.reveal()}",
        f"Name: {issued.key.name or '-'}",
        f"User: {issued.key.user}",
    ]
    if issued.key.expires_at is not None:
        lines.append(f"Expires: {issued.key.expires_at.isoformat()}")
    lines += ["", "Save this key now: this is the only time it is shown."]
    typer.echo("\n".join(lines))


def _user(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "created_at": user.created_at,
        "is_active": user.is_active,
    }


def _key(key: ApiKey, state: KeyState, status: KeyStatus, *, long: bool) -> dict[str, object]:
    plain: dict[str, object] = {
        "id": key.id,
        "user_id": key.user_id,
        "name": key.name,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "is_active": state == "active",
    }
    if not long:
        return plain
    return plain | {
        "hint": key.hint,
        "project": key.project,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "rotated_from": key.rotated_from,
        "age_days": status.age.days,
        "warning": status.warning,
    }


def _user_table(users: list[User]) -> str:
    if not users:
        return "No users found."
    heading = f"{'ID':<38} {'Name':<20} {'Email':<30} {'Status':<10}"
    rows = [f"{user.id!s:<38} {user.name:<20} {_email(user):<30} {_status(user):<10}" for user in users]
    return "\n".join(["", heading, RULE, *rows, ""])


def _key_table(keys: list[Standing], *, long: bool) -> str:
    if not keys:
        return "No API keys found."
    heading = f"{'ID':<38} {'Name':<25} {'User':<25} {'Status':<10}"
    if long:
        heading += f" {'Key':<12} {'Age':<6} {'Last used':<16} Expires"
    rows = [
        f"{key.id!s:<38} {key.name or '-':<25} {key.user:<25} {state.capitalize():<10}"
        + (_life(key, status) if long else "")
        for key, state, status in keys
    ]
    return "\n".join(["", heading, RULE, *rows, ""])


def _life(key: ApiKey, status: KeyStatus) -> str:
    used, expires = (moment(at, missing="never") for at in (key.last_used_at, key.expires_at))
    return f" {key.hint:<12} {f'{status.age.days}d':<6} {used:<16} {expires}"


def _email(user: User) -> str:
    return user.email or "-"


def _status(user: User) -> str:
    return "Active" if user.is_active else "Inactive"
