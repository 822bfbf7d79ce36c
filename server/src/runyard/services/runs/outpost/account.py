"""Who a machine is: its service account and the yard it belongs to, in a file that nobody else can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from runyard.identity.signing import place


class AccountUnusable(Exception):
    """The file can't be used. The text says why, and what to do."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A machine's service account."""

    url: str
    workspace: str
    machine: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Account(url={self.url!r}, workspace={self.workspace!r}, machine={self.machine!r})"


def default_path() -> Path:
    """Where the file is unless somebody says otherwise."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "runyard" / "machine.json"


def read_account(path: Path) -> Account | None:
    """The account in a file; None if there is no file.

    Raises:
        AccountUnusable: there is one, and it can't be used.
    """
    try:
        mode, content = stat.S_IMODE(path.stat().st_mode), path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AccountUnusable(f"{path} can't be read ({error.strerror}).") from error
    if mode & 0o077:
        raise AccountUnusable(f"{path} may be read by others. Run: chmod 600 {path}")
    try:
        return msgspec.json.decode(content, type=Account)
    except msgspec.DecodeError as error:
        raise AccountUnusable(f"{path} is no account of a machine: {error}. Remove it, and enrol anew.") from error


def check_free(path: Path) -> None:
    """Return if an account could be kept there.

    Raises:
        AccountUnusable: there is one already, or the folder can't be written to.
    """
    if path.exists():
        raise AccountUnusable(f"{path} has an account already. Remove it to enrol anew, or name another with --state.")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise AccountUnusable(f"{path.parent} can't be made ({error.strerror}).") from error
    if not os.access(path.parent, os.W_OK):
        raise AccountUnusable(f"{path.parent} can't be written to.")


def keep_account(path: Path, account: Account) -> None:
    """Keep an account."""
    place(path, msgspec.json.encode(account), mode=0o600)
