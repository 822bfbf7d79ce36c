"""Which servers are used, as whom, and why.

Compute: --compute-url, the --profile's, COMPUTE_URL, CL_COMPUTE_URL, COMPUTE_SERVER_URL, the profile in use, localhost.
Auth:    --auth-url, the --profile's, AUTH_URL, CL_AUTH_URL, the profile in use, port 8000 where compute is.
Broker:  the --profile's, MQTT_URL, MQTT_BROKER_HOST and _PORT, the profile in use, port 1883 where compute is.
Who:     the --profile's sign-in, CL_TOKEN, CL_USERNAME with CL_PASSWORD, the sign-in of the profile in use, a guest.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cl_client._wire.errors import UsageError
from cl_client._wire.profiles import Config, ConfigFile, Profile

COMPUTE_VARIABLES = ("COMPUTE_URL", "CL_COMPUTE_URL", "COMPUTE_SERVER_URL")
AUTH_VARIABLES = ("AUTH_URL", "CL_AUTH_URL")
DEFAULT_COMPUTE_URL = "http://localhost:8002"
DEFAULT_PROFILE = "default"
_AUTH_PORT, _BROKER_PORT = 8000, 1883


@dataclass(frozen=True, slots=True)
class Choice:
    """A value and where it comes from."""

    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """As whom one calls: with a token, with a name and a password, or as a guest.

    Attributes:
        source: where that comes from.
        token: a token or an API key.
        profile: the profile that holds the token, and gets the next one when it is renewed.
    """

    source: str = "nobody is signed in"
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    profile: Profile | None = None

    @property
    def is_guest(self) -> bool:
        """Whether there is nothing to sign in with."""
        return self.token is None and self.password is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a command works with. `profile` is the one that was asked for or is in use."""

    compute: Choice
    auth: Choice
    broker: Choice
    identity: Identity
    profile: Profile | None = None
    warnings: tuple[str, ...] = ()

    @property
    def broker_address(self) -> tuple[str, int]:
        """Host and port of the broker."""
        parts = urlsplit(self.broker.value)
        return parts.hostname or "localhost", parts.port or _BROKER_PORT


def config_file() -> ConfigFile:
    """The user's configuration file."""
    path = Path.home() / ".cl_client" / "config"
    return ConfigFile(path, adding="cl_client profiles add {name} --compute-url URL")


def resolve(
    *,
    profile: str | None = None,
    compute_url: str | None = None,
    auth_url: str | None = None,
    environment: Mapping[str, str] | None = None,
    file: ConfigFile | None = None,
) -> Settings:
    """Decide from flags, environment and file, in this order. Empty values count as absent.

    Raises:
        UsageError: the asked profile does not exist, or an address is none.
    """
    environment = os.environ if environment is None else environment
    config = (file or config_file()).read()
    asked = config.profile(profile) if profile else None
    current = None if asked else _current(config, environment)
    compute = _compute(compute_url, asked, environment, current)
    auth = _auth(auth_url, asked, environment, current, compute)
    return Settings(
        compute=compute,
        auth=auth,
        broker=_broker(asked, environment, current, compute),
        identity=_identity(asked, environment, current, (compute.value, auth.value)),
        profile=asked or current,
        warnings=config.warnings,
    )


def _current(config: Config, environment: Mapping[str, str]) -> Profile | None:
    name = environment.get("CL_PROFILE") or config.current
    return config.profile(name) if name else None


def _compute(
    flag: str | None, asked: Profile | None, environment: Mapping[str, str], current: Profile | None
) -> Choice:
    if flag:
        return address(flag, "--compute-url")
    if asked and asked.server_url:
        return address(asked.server_url, f"profile {asked.name}")
    for name in COMPUTE_VARIABLES:
        if url := environment.get(name):
            return address(url, name)
    if current and current.server_url:
        return address(current.server_url, f"profile {current.name}")
    return Choice(DEFAULT_COMPUTE_URL, "default")


def _auth(
    flag: str | None, asked: Profile | None, environment: Mapping[str, str], current: Profile | None, compute: Choice
) -> Choice:
    if flag:
        return address(flag, "--auth-url")
    if asked and (url := asked.also.get("auth_url")):
        return address(url, f"profile {asked.name}")
    for name in AUTH_VARIABLES:
        if url := environment.get(name):
            return address(url, name)
    if current and (url := current.also.get("auth_url")):
        return address(url, f"profile {current.name}")
    parts = urlsplit(compute.value)
    return Choice(f"{parts.scheme}://{_host(compute)}:{_AUTH_PORT}", _beside(compute))


def _broker(asked: Profile | None, environment: Mapping[str, str], current: Profile | None, compute: Choice) -> Choice:
    if asked and (url := asked.also.get("mqtt_url")):
        return Choice(url, f"profile {asked.name}")
    if url := environment.get("MQTT_URL"):
        return Choice(url, "MQTT_URL")
    host = environment.get("MQTT_BROKER_HOST") or environment.get("MQTT_BROKER")
    port = environment.get("MQTT_BROKER_PORT") or environment.get("MQTT_PORT")
    if host or port:
        return Choice(f"mqtt://{host or _host(compute)}:{port or _BROKER_PORT}", "MQTT_BROKER_HOST, MQTT_BROKER_PORT")
    if current and (url := current.also.get("mqtt_url")):
        return Choice(url, f"profile {current.name}")
    return Choice(f"mqtt://{_host(compute)}:{_BROKER_PORT}", _beside(compute))


def _identity(
    asked: Profile | None, environment: Mapping[str, str], current: Profile | None, servers: tuple[str, str]
) -> Identity:
    if asked and asked.api_key:
        return Identity(source=f"profile {asked.name}", token=asked.api_key, profile=asked)
    if token := environment.get("CL_TOKEN"):
        return Identity(source="CL_TOKEN", token=token)
    username, password = environment.get("CL_USERNAME"), environment.get("CL_PASSWORD")
    if username and password:
        return Identity(source="CL_USERNAME and CL_PASSWORD", username=username, password=password)
    # The token of a profile nobody named on the command line goes to that profile's own servers only.
    if current and current.api_key and servers == _servers_of(current):
        return Identity(source=f"profile {current.name}", token=current.api_key, profile=current)
    return Identity()


def _servers_of(profile: Profile) -> tuple[str, str]:
    compute = _compute(None, profile, {}, None)
    return compute.value, _auth(None, profile, {}, None, compute).value


def address(url: str, source: str) -> Choice:
    """A server's address, checked.

    Raises:
        UsageError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{url!r} ({source}) is no address of a server; write it like http://localhost:8002")
    return Choice(url.rstrip("/"), source)


def _host(compute: Choice) -> str:
    host = urlsplit(compute.value).hostname or "localhost"
    return f"[{host}]" if ":" in host else host


def _beside(compute: Choice) -> str:
    return "default" if compute.source == "default" else f"same machine as {compute.source}"
