"""`keys`: the private keys that can be used here, and new ones."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from .options import JsonOption

keys = typer.Typer(help="The private keys that can be used here, and new ones.", no_args_is_help=True)


@keys.command("list")
def list_keys(*, as_json: JsonOption = False) -> None:
    """List the keys in ~/.ssh and those of the ssh-agent. The first that can be used is, if no other is named."""
    from pie._agent import Agent
    from pie._wire.terminal import say, say_json, show_table
    from pie.errors import KeyRejected

    from .settings import KEY_NAMES, read_key

    rows: list[dict[str, str]] = []
    for name in KEY_NAMES:
        path = Path.home() / ".ssh" / name
        if path.is_file():
            try:
                key = read_key(path)
                rows.append({"where": str(path), "kind": key.kind, "public": key.public_line})
            except KeyRejected as error:
                rows.append({"where": str(path), "kind": "can't be used", "public": str(error)})
    with suppress(KeyRejected):  # no agent is no failure
        rows += [
            {"where": f"ssh-agent: {key.comment}", "kind": key.kind, "public": key.public_line}
            for key in Agent().held()
        ]
    if as_json:
        say_json(rows)
    elif rows:
        show_table(("WHERE", "KIND", "PUBLIC KEY"), [(row["where"], row["kind"], row["public"]) for row in rows])
    else:
        say("No keys. Make one with: pie keys new")


@keys.command("show")
def show_key(
    *,
    path: Annotated[Path | None, typer.Argument(help="The private key.", show_default=False)] = None,
) -> None:
    """Print the public key: the line that the server's operator needs."""
    from pie._wire.terminal import say

    from .settings import UserKey

    say(UserKey(path).load().public_line)


@keys.command("new")
def new_key(
    *,
    path: Annotated[Path, typer.Argument(help="Where to put it.")] = Path("~/.ssh/id_ed25519"),
) -> None:
    """Make an Ed25519 key, and print its public half. A file that is there is left alone."""
    import os

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from pie import ParsedPrivateKey
    from pie._wire.terminal import say
    from pie.errors import UsageError

    place = path.expanduser()
    content = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{str(place)!r} is there already; give another place") from None
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    say(ParsedPrivateKey.parse(content.decode()).public_line)
