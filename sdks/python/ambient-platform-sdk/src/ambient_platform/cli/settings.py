"""Which server and project are used, with which token, and why.

Server:  --url, the --profile's, AMBIENT_API_URL, the profile in use, http://localhost:8080.
Project: --project, the --profile's, AMBIENT_PROJECT, the profile in use.
Token:   the --profile's, AMBIENT_TOKEN, that of the profile in use; never on the command line, where others see it.
File:    ~/.ambient/config; AMBIENT_PROFILE names the profile in use, too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ambient_platform import AmbientClient
from ambient_platform._base import DEFAULT_URL
from ambient_platform._checks import checked_base_url
from ambient_platform._wire.profiles import Config, ConfigFile, Profile
from ambient_platform._wire.terminal import note

from .options import Server

_ADDING: Final = "ambient profiles add {name} --url URL --project PROJECT"
_NONE: Final = Profile("none")


@dataclass(frozen=True, slots=True)
class Choice:
    """A value and where it comes from."""

    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a command works with; what is missing is None."""

    url: Choice
    project: Choice | None
    token: Choice | None = field(repr=False)
    warnings: tuple[str, ...] = ()


def config_file() -> ConfigFile:
    """The user's configuration file."""
    return ConfigFile(Path.home() / ".ambient" / "config", adding=_ADDING)


def connected(server: Server) -> AmbientClient:
    """A client for what the command line and the environment say; use it in ``with``.

    Raises:
        ValueError: the token or the project is missing, or can't be one.
        UsageError: there is no such profile.
    """
    settings = resolve(server)
    for warning in settings.warnings:
        note(f"Warning: {warning}")
    return client_of(settings)


def client_of(settings: Settings) -> AmbientClient:
    """A client for the settings."""
    how = f"; or keep one in a profile: {_ADDING.format(name='NAME')}"
    if settings.token is None:
        raise ValueError(f"AMBIENT_TOKEN environment variable is required{how}")
    if settings.project is None:
        raise ValueError(f"AMBIENT_PROJECT environment variable is required{how}")
    return AmbientClient(settings.url.value, settings.token.value, settings.project.value)


def resolve(server: Server, environment: Mapping[str, str] | None = None) -> Settings:
    """Decide from options, environment and file, in this order. Empty values count as absent.

    Raises:
        UsageError: the asked profile does not exist.
        ValueError: the server's address is none.
    """
    environment = os.environ if environment is None else environment
    config = config_file().read()
    asked = config.profile(server.profile) if server.profile else _NONE
    current = _NONE if server.profile else _current(config, environment)
    url = _first(
        (server.url, "--url"),
        _of(asked, asked.server_url),
        (environment.get("AMBIENT_API_URL"), "AMBIENT_API_URL"),
        _of(current, current.server_url),
    ) or Choice(DEFAULT_URL, "default")
    url = Choice(checked_base_url(url.value), url.source)
    project = _first(
        (server.project, "--project"),
        _of(asked, asked.also.get("project")),
        (environment.get("AMBIENT_PROJECT"), "AMBIENT_PROJECT"),
        _of(current, current.also.get("project")),
    )
    token = _first(
        _of(asked, asked.api_key),
        (environment.get("AMBIENT_TOKEN"), "AMBIENT_TOKEN"),
        # The token of a profile nobody named on the command line goes to that profile's own server only.
        _of(current, current.api_key if url.value == _home(current) else None),
    )
    return Settings(url=url, project=project, token=token, warnings=config.warnings)


def _current(config: Config, environment: Mapping[str, str]) -> Profile:
    name = environment.get("AMBIENT_PROFILE") or config.current
    return config.profile(name) if name else _NONE


def _home(profile: Profile) -> str:
    return (profile.server_url or DEFAULT_URL).rstrip("/")


def _of(profile: Profile, value: str | None) -> tuple[str | None, str]:
    return value, f"profile {profile.name}"


def _first(*candidates: tuple[str | None, str]) -> Choice | None:
    return next((Choice(value, source) for value, source in candidates if value), None)
