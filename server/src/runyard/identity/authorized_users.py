"""``authorized_users.toml``: who may sign in with which keys, as a file that its operator keeps."""

from __future__ import annotations

import asyncio
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias, TypeGuard

import structlog

from runyard.identity.checks import checked_login, checked_name
from runyard.identity.errors import AuthorizedUsersUnusable, InvalidValue
from runyard.identity.public_keys import PublicKey, read_public_key
from runyard.identity.ssh_keys import MOST, SshKeys

LONGEST: Final = 4 * 1024 * 1024
"""Bytes of the file: 30,000 keys."""

OTHERS: Final = 0o177
"""What its mode must not let anybody do: only its owner may read and write it."""

_FORM: Final = 'Write [users.NAME.keys], and below it lines such as: laptop = "ssh-ed25519 AAAA..."'

Users: TypeAlias = Mapping[str, Mapping[str, PublicKey]]

log = structlog.get_logger(__name__)


async def follow_authorized_users(keys: SshKeys, path: Path) -> int:
    """Let those in whom the file names, with the keys it gives them; no file names nobody. Return how many users.

    Raises:
        AuthorizedUsersUnusable: others may read the file, or there is something wrong in it.
    """
    users = await asyncio.to_thread(read_authorized_users, path)
    followed = await keys.follow_file(users)
    if followed.added or followed.removed:
        log.info("authorized_users", path=str(path), added=followed.added, removed=followed.removed)
    for login, name in followed.passed_over:
        log.warning(
            "authorized_key_passed_over",
            user=login,
            key=name,
            way_out=f"An operator gave this name to another key. Rename one: runyard user key list {login}",
        )
    return len(users)


def read_authorized_users(path: Path) -> Users:
    """The users of the file and their keys by name. Blocks.

    Raises:
        AuthorizedUsersUnusable: see :func:`follow_authorized_users`.
    """
    try:
        content = _content(path)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise AuthorizedUsersUnusable(path, f"{error.strerror}.") from error
    try:
        file = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuthorizedUsersUnusable(path, f"it is no TOML: {error}. {_FORM}") from error
    users = file.pop("users", {})
    if file or not _is_table(users):
        what = f"{next(iter(file))!r} means nothing here." if file else "'users' is no table."
        raise AuthorizedUsersUnusable(path, f"{what} {_FORM}")
    return {name: _keys(path, name, user) for name, user in users.items()}


def _content(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # else a pipe would be waited for
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise AuthorizedUsersUnusable(path, "it is no file.")
        if (mode := stat.S_IMODE(status.st_mode)) & OTHERS:
            raise AuthorizedUsersUnusable(path, f"its mode is {mode:04o}; it has to be 0600: chmod 600 {path}")
        content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise AuthorizedUsersUnusable(path, f"it has more than {LONGEST} bytes.")
    return content


def _keys(path: Path, login: str, user: object) -> Mapping[str, PublicKey]:
    if not _is_table(user) or user.keys() - {"keys"} or not _is_table(keys := user.get("keys", {})):
        raise AuthorizedUsersUnusable(path, f"user {login!r} is no table with the table 'keys' alone. {_FORM}")
    if len(keys) > MOST:
        raise AuthorizedUsersUnusable(path, f"user {login!r} has {len(keys)} keys; {MOST} are the most.")
    try:
        _exactly(login, checked_login(login))
    except InvalidValue as error:
        raise AuthorizedUsersUnusable(path, str(error)) from error
    found: dict[PublicKey, str] = {}
    for name, text in keys.items():
        try:
            key = _key(name, text)
        except InvalidValue as error:
            raise AuthorizedUsersUnusable(path, f"key {name!r} of user {login!r}: {error}") from error
        if key in found:
            raise AuthorizedUsersUnusable(path, f"keys {found[key]!r} and {name!r} of user {login!r} are the same.")
        found[key] = name
    return {name: key for key, name in found.items()}


def _key(name: str, text: object) -> PublicKey:
    _exactly(name, checked_name("key name", name))
    if not isinstance(text, str):
        raise InvalidValue(f"It is of type {type(text).__name__}. {_FORM}")
    return read_public_key(text)


def _exactly(given: str, checked: str) -> None:
    if given != checked:
        raise InvalidValue(f"{given!r} has blanks around it.")


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)
