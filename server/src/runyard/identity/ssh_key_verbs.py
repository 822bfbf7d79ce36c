"""The operator's verbs ``runyard user key``: which SSH keys let users in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from runyard.identity.console import OpenStore, answer, fail, moment, table, work

if TYPE_CHECKING:
    from runyard.identity.ssh_keys import SshKey
    from runyard.identity.store import IdentityStore

INPUT = 64 * 1024
"""Characters read in search of a key; identity refuses long ones with a better message."""

AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Reference: TypeAlias = Annotated[str, typer.Argument(metavar="USER", help="Login, email or id.")]


def ssh_key_verbs(open_store: OpenStore) -> typer.Typer:
    """``user key add``, ``list``, ``remove``."""
    app = typer.Typer(help="SSH keys that let a user talk to programs (the pie client).", no_args_is_help=True)

    @app.command()
    def add(
        user: Reference,
        name: Annotated[str | None, typer.Argument(help="What it is called; its comment by default.")] = None,
        *,
        file: Annotated[
            Path | None, typer.Option(help="The public key, such as id_ed25519.pub; standard input by default.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Let a user sign in with a key."""
        text = _read(file)

        async def change(store: IdentityStore) -> SshKey:
            return await store.ssh_keys.add((await store.users.find(user)).id, text, name=name)

        key = work(open_store, change)
        answer(key, f"{key.user} may sign in with {key.kind} {key.fingerprint} ({key.name}).", as_json=as_json)

    @app.command("list")
    def list_(
        user: Annotated[str | None, typer.Argument(metavar="USER", help="Only theirs: login, email or id.")] = None,
        *,
        as_json: AsJson = False,
    ) -> None:
        """List keys by user and name."""

        async def look(store: IdentityStore) -> list[SshKey]:
            if user is None:
                return await store.ssh_keys.all()
            return await store.ssh_keys.of((await store.users.find(user)).id)

        keys = work(open_store, look)
        answer(keys, _key_table(keys), as_json=as_json)

    @app.command()
    def remove(
        user: Reference,
        name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is called.")],
        *,
        as_json: AsJson = False,
    ) -> None:
        """Refuse a key from now on. Connections that are open stay open."""

        async def change(store: IdentityStore) -> SshKey:
            return await store.ssh_keys.remove((await store.users.find(user)).id, name)

        key = work(open_store, change)
        answer(key, f"{key.user} may no longer sign in with {key.fingerprint} ({key.name}).", as_json=as_json)

    return app


def _read(file: Path | None) -> str:
    if file is None:
        if sys.stdin.isatty():
            fail("No key came from standard input. Pipe a .pub file into it, or name one with --file.")
        return sys.stdin.read(INPUT)
    try:
        with file.expanduser().open() as opened:
            return opened.read(INPUT)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{str(file)!r} can't be read: {error}")


def _key_table(keys: list[SshKey]) -> str:
    if not keys:
        return "No SSH keys. Add one with: runyard user key add USER --file ~/.ssh/id_ed25519.pub"
    rows = (
        (key.user, key.name, key.kind, key.fingerprint, key.source, moment(key.last_used_at, missing="never"))
        for key in keys
    )
    return table(("USER", "NAME", "KIND", "FINGERPRINT", "FROM", "LAST USED"), rows)
