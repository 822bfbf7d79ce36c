"""The operator's verbs ``runyard user key``: which SSH keys let users in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from runyard.identity.console import AsJson, OpenStore, answer, fail, moment, note, table, work
from runyard.identity.model import SshKey
from runyard.identity.user_verbs import Reference

if TYPE_CHECKING:
    from runyard.identity.store import IdentityStore

INPUT: Final = 64 * 1024
"""Bytes read in search of a key; identity refuses long ones with a better message."""


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
        answer(key, f"{key.user} may sign in with key {key.name!r}: {key.kind} {key.fingerprint}", as_json=as_json)

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
        answer(key, f"{key.user} may no longer sign in with key {key.name!r}: {key.fingerprint}", as_json=as_json)
        if key.source == "file":
            note("It came from the file of authorized users. Remove it there, too, or the next start brings it back.")

    return app


def _read(file: Path | None) -> str:
    """The text of a key. Bytes that are no text are no key either; identity says so."""
    if file is None:
        if sys.stdin.isatty():
            fail("No key came from standard input. Pipe a .pub file into it, or name one with --file.")
        return sys.stdin.buffer.read(INPUT).decode(errors="replace")
    try:
        with file.expanduser().open("rb") as opened:
            return opened.read(INPUT).decode(errors="replace")
    except OSError as error:
        fail(f"{str(file)!r} can't be read: {error.strerror}.")


def _key_table(keys: list[SshKey]) -> str:
    if not keys:
        return "No SSH keys. Add one with: runyard user key add USER --file ~/.ssh/id_ed25519.pub"
    rows = (
        (
            key.user,
            key.name,
            key.kind,
            key.fingerprint,
            key.source,
            moment(key.created_at, missing="-"),
            moment(key.last_used_at, missing="never"),
        )
        for key in keys
    )
    return table(("USER", "NAME", "KIND", "FINGERPRINT", "FROM", "ADDED", "LAST USED"), rows)
