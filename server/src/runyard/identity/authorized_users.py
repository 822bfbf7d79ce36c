"""``authorized_users.toml``: who may sign in with which keys, as a file that its operator keeps."""

from __future__ import annotations

import asyncio
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runyard.identity.checks import checked_login, checked_name
from runyard.identity.errors import IdentityError, InvalidValue
from runyard.identity.public_keys import PublicKey, read_public_key
from runyard.identity.ssh_keys import MOST, SshKeys

LONGEST: Final = 4 * 1024 * 1024

Users = Mapping[str, Mapping[str, PublicKey]]


class AuthorizedUsersUnusable(IdentityError):
    """The file can't be used. The yard doesn't open then: somebody would be let in, or kept out, by mistake."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} can't be used: {problem}")


async def follow_authorized_users(keys: SshKeys, path: Path) -> int:
    """Let those in whom the file names, with the keys it gives them; no file names nobody. Return how many users.

    Raises:
        AuthorizedUsersUnusable: others may read the file, or there is something wrong in it.
    """
    users = await asyncio.to_thread(read_authorized_users, path)
    await keys.follow_file(users)
    return len(users)


def read_authorized_users(path: Path) -> Users:
    """The users of the file and their keys by name. Blocks.

    Raises:
        AuthorizedUsersUnusable: see :func:`follow_authorized_users`.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return {}
    if (mode := stat.S_IMODE(status.st_mode)) != 0o600:
        raise AuthorizedUsersUnusable(path, f"its mode is {mode:04o}; it has to be 0600: chmod 600 {path}")
    if status.st_size > LONGEST:
        raise AuthorizedUsersUnusable(path, f"it has {status.st_size} bytes; {LONGEST} are the most.")
    try:
        users = tomllib.loads(path.read_text()).get("users", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuthorizedUsersUnusable(path, f"it is no TOML: {error}.") from error
    if not isinstance(users, dict):
        raise AuthorizedUsersUnusable(path, "'users' is no table; write [users.NAME.keys].")
    return {name: _keys(path, name, user) for name, user in users.items()}


def _keys(path: Path, name: str, user: object) -> Mapping[str, PublicKey]:
    keys = user.get("keys", {}) if isinstance(user, dict) else None
    if not isinstance(keys, dict) or len(keys) > MOST:
        raise AuthorizedUsersUnusable(path, f"the keys of user {name!r} are no table of up to {MOST} keys.")
    found: dict[str, PublicKey] = {}
    for called, text in keys.items():
        try:
            checked_login(name)
            checked_name("key name", called)
            found[called] = read_public_key(text if isinstance(text, str) else repr(text))
        except InvalidValue as error:
            raise AuthorizedUsersUnusable(path, f"key {called!r} of user {name!r}: {error}") from error
    return found
