"""Who an MQTT client is, and what it may read. Only the yard publishes."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from runyard.identity import Forbidden, InvalidCredential, Principal
from runyard.services.compute.mqtt.broker_url import broker_url, is_loopback
from runyard.settings import Settings

YARD_NAME: Final = "worker"
"""User name under which the yard's own processes connect; the password is the broker's secret."""

EVENTS: Final = "inference/events"
WORKERS: Final = "inference/workers"
USERS: Final = "runyard/users"

SharedEvents: TypeAlias = Literal["all", "guests", "off"]
Action: TypeAlias = Literal["subscribe", "receive", "publish"]
Authenticate: TypeAlias = Callable[[str], Awaitable[Principal]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is behind a connection.

    ``number`` is the user's; 0 for guests, None for the yard itself. ``until`` is when the credential expires.
    """

    number: int | None
    until: datetime | None = None


YARD: Final = Caller(None)
GUESTS: Final = Caller(0)


async def who(username: str | None, password: str | None, *, secret: str, authenticate: Authenticate) -> Caller:
    """The caller that a user name and password prove.

    Raises:
        CredentialError: they prove nothing.
        Forbidden: the key is confined to a project.
        DatabaseUnavailable: nobody can say now.
    """
    if username is None and password is None:
        return GUESTS
    if not password:
        raise InvalidCredential("malformed")
    if username == YARD_NAME and hmac.compare_digest(password.encode(), secret.encode()):
        return YARD
    principal = await authenticate(password)
    if principal.project is not None:
        raise Forbidden("An API key of one project can't read its user's events. Use a token, or a key of the user.")
    return Caller(principal.number, principal.credential.expires_at)


def may(
    caller: Caller, action: Action, topic: str, *, now: datetime, guests: bool, shared_events: SharedEvents
) -> bool:
    """Whether the caller may publish to a topic, receive from it, or subscribe to a (well-formed) filter.

    Args:
        guests: whether callers without a credential may use the service now.
        shared_events: whose jobs the topic of all is about.
    """
    if caller.number is None:
        return True
    if action == "publish" or (caller.until is not None and now >= caller.until):
        return False
    if topic == EVENTS:
        return shared_events != "off"
    root, _, name = topic.rpartition("/")
    if root == WORKERS:
        return name != "#"
    return topic.startswith(f"{USERS}/{caller.number}/") and (caller != GUESTS or guests)


def shared_events(settings: Settings) -> SharedEvents:
    """Whose jobs are told on the topic that every client may read."""
    if settings.mqtt_shared_events != "auto":
        return settings.mqtt_shared_events
    url = broker_url(settings)
    return "all" if settings.loopback and (url is None or is_loopback(url.host)) else "guests"


def broker_secret(data_dir: Path) -> str:
    """What the yard's processes prove themselves to the embedded broker with; made when first asked for. Blocks."""
    path = data_dir / "keys" / "broker.secret"
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    with suppress(FileExistsError):  # another process was faster
        path.hardlink_to(draft)
    draft.unlink()
    return path.read_text().strip()
