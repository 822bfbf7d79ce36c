"""Which server and which key are used, and why.

Key:    --api-key, then the --profile's, CI_API_KEY, the profile in use, the first `api_key=` of ~/.ci/config.
Server: --server, then the --profile's, CI_SERVER_URL, the profile in use, http://localhost:8000.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ._wire.profiles import Config, ConfigFile, Profile

DEFAULT_SERVER_URL = "http://localhost:8000"
MISSING_KEY = (
    "Authentication failed: API key is required. Set CI_API_KEY environment variable, "
    "use --api-key flag, or configure in ~/.ci/config"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A value and where it comes from."""

    value: str | None = field(repr=False)  # it may be a key
    source: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command works with."""

    server: Choice
    key: Choice
    profile: Choice
    warnings: tuple[str, ...]

    @property
    def server_url(self) -> str:
        """The server's address."""
        return self.server.value or DEFAULT_SERVER_URL


def config_file() -> ConfigFile:
    """The user's configuration file."""
    return ConfigFile(Path.home() / ".ci" / "config")


def resolve(
    *,
    api_key: str | None = None,
    server: str | None = None,
    profile: str | None = None,
    environment: Mapping[str, str] | None = None,
    file: ConfigFile | None = None,
) -> Settings:
    """Decide from flags, environment and file, in this order. Empty values count as absent.

    Raises:
        UsageError: the asked profile does not exist.
    """
    environment = os.environ if environment is None else environment
    config = (file or config_file()).read()
    asked = config.profile(profile) if profile else None
    current, current_source = _current_profile(config, environment)
    chosen_server = _choose_server(server, asked, environment, current)
    key = _choose_key(api_key, asked, environment, current, config, chosen_server)
    if asked is not None:
        used = Choice(asked.name, "--profile")
    else:
        used = Choice(current.name if current else None, current_source)
    return Settings(chosen_server, key, used, config.warnings)


def _current_profile(config: Config, environment: Mapping[str, str]) -> tuple[Profile | None, str]:
    if name := environment.get("CI_PROFILE"):
        return config.profile(name), "CI_PROFILE"
    if config.current:
        return config.profile(config.current), "profile= in ~/.ci/config"
    return None, "none in use"


def _choose_server(
    flag: str | None, asked: Profile | None, environment: Mapping[str, str], current: Profile | None
) -> Choice:
    if flag:
        return Choice(flag, "--server")
    if asked and asked.server_url:
        return Choice(asked.server_url, f"profile {asked.name}")
    if url := environment.get("CI_SERVER_URL"):
        return Choice(url, "CI_SERVER_URL")
    if current and current.server_url and not asked:
        return Choice(current.server_url, f"profile {current.name}")
    return Choice(DEFAULT_SERVER_URL, "default")


def _choose_key(
    flag: str | None,
    asked: Profile | None,
    environment: Mapping[str, str],
    current: Profile | None,
    config: Config,
    server: Choice,
) -> Choice:
    if flag:
        return Choice(flag, "--api-key")
    if asked and asked.api_key:
        return Choice(asked.api_key, f"profile {asked.name}")
    if key := environment.get("CI_API_KEY"):
        return Choice(key, "CI_API_KEY")
    # The key of a profile nobody named on the command line goes to that profile's own server only.
    if current and current.api_key and not asked and current.server_url in {None, server.value}:
        return Choice(current.api_key, f"profile {current.name}")
    if config.api_key:
        return Choice(config.api_key, "api_key= in ~/.ci/config")
    return Choice(None, "not set")
