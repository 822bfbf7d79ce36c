"""Which server is used, as whom, and with which key.

Server: --url, --host and --port, PIE_URL, the file's host and port, ws://127.0.0.1:8080.
Who:    --username, PIE_USERNAME, the file's username, the name of the login.
Key:    --private-key-path, PIE_PRIVATE_KEY, the file's private_key_path, ~/.ssh/id_*, the ssh-agent's first.
File:   --config, $PIE_CLI_HOME/cli_config.toml, ~/.pie/cli_config.toml.
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pie._toml import parse
from pie.errors import KeyEncrypted, KeyRejected, UsageError
from pie.keys import ParsedPrivateKey

from .options import Server

KEY_NAMES: Final = ("id_ed25519", "id_ecdsa", "id_rsa")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command works with."""

    url: str
    username: str
    key: UserKey | None


class UserKey:
    """The user's private key. It is looked for when the server wants a signature, and not before.

    Args:
        path: its file; None looks in `~/.ssh` and in the ssh-agent, and for an encrypted one at last.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def sign(self, data: bytes) -> bytes:
        """The signature of some bytes.

        Raises:
            KeyRejected: there is no key, or it can't be used.
        """
        return self.load().sign(data)

    def load(self) -> ParsedPrivateKey:
        """The key; asks for its passphrase where somebody can be asked."""
        if self._path is not None:
            return read_key(self._path)
        encrypted: list[Path] = []
        refused: KeyRejected | None = None
        for path in default_paths():
            try:
                return ParsedPrivateKey.from_file(path)
            except KeyEncrypted:
                encrypted.append(path)
            except KeyRejected as error:
                refused = refused or error
        if os.environ.get("SSH_AUTH_SOCK"):
            try:
                return ParsedPrivateKey.from_agent()
            except KeyRejected as error:
                refused = refused or error
        if encrypted:
            return read_key(encrypted[0])
        raise refused or KeyRejected("The server wants a private key, and there is none: make one with: pie keys new")


def default_paths() -> list[Path]:
    """The usual keys that are there."""
    paths = [Path.home() / ".ssh" / name for name in KEY_NAMES]
    return [path for path in paths if path.is_file()]


def read_key(path: Path) -> ParsedPrivateKey:
    """The key in a file; asks for its passphrase where somebody can be asked."""
    try:
        return ParsedPrivateKey.from_file(path)
    except KeyEncrypted:
        if not sys.stdin.isatty():
            raise
        return ParsedPrivateKey.from_file(path, getpass.getpass(f"Passphrase of {path}: "))


def resolve(server: Server, environment: Mapping[str, str] | None = None) -> Settings:
    """Decide from options, environment and file, in this order.

    Raises:
        UsageError: the file can't be read.
    """
    environment = os.environ if environment is None else environment
    file = _read(server.config, environment)
    key = server.key or environment.get("PIE_PRIVATE_KEY") or _text(file, "private_key_path")
    return Settings(
        url=_url(server, environment, file),
        username=server.username or environment.get("PIE_USERNAME") or _text(file, "username") or _login_name(),
        key=UserKey(Path(key) if key else None) if file.get("enable_auth", True) is not False else None,
    )


def _url(server: Server, environment: Mapping[str, str], file: Mapping[str, object]) -> str:
    if server.url:
        return server.url
    given = environment.get("PIE_URL")
    if given and server.host is None and server.port is None:
        return given
    port = file.get("port")
    return f"ws://{server.host or _text(file, 'host') or '127.0.0.1'}:{server.port or port or 8080}"


def settings_path(asked: Path | None, environment: Mapping[str, str] | None = None) -> Path:
    """Where the file is."""
    home = (os.environ if environment is None else environment).get("PIE_CLI_HOME")
    return asked.expanduser() if asked else (Path(home) if home else Path.home() / ".pie") / "cli_config.toml"


def read_toml(path: Path) -> dict[str, object]:
    """What a TOML file says.

    Raises:
        UsageError: it can't be read.
    """
    try:
        return parse(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{str(path)!r} can't be read: {error}") from error


def _read(asked: Path | None, environment: Mapping[str, str]) -> dict[str, object]:
    path = settings_path(asked, environment)
    return {} if asked is None and not path.exists() else read_toml(path)


def _login_name() -> str:
    """The name of the login; containers may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "guest"


def _text(file: Mapping[str, object], name: str) -> str | None:
    value = file.get(name)
    return value if isinstance(value, str) and value else None
