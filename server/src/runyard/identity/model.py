"""The values identity keeps: users, projects, keys of both sorts and how a key stands, logins for repositories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from runyard.identity.keys import KeyKind, Secret
from runyard.identity.principal import Role

KeyState: TypeAlias = Literal["active", "revoked", "expired"]
KeySource: TypeAlias = Literal["operator", "file"]

OVERLAP: Final = timedelta(days=7)
"""How long a rotated key works on by default, so that its users can change over."""

EXPIRES_SOON: Final = timedelta(days=14)
DAY: Final = timedelta(days=1)

REPOSITORY_USER: Final = "x-access-token"
"""What hosts of repositories take as the name beside a token."""

PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or program. ``login`` is for signing in; users made by ``ci-admin`` have an email instead.

    ``number`` counts users in the order they came and is never given again. ``permissions`` are words of the services.
    """

    id: UUID
    number: int
    name: str
    login: str | None
    email: str | None
    is_admin: bool
    is_active: bool
    permissions: tuple[str, ...]
    created_at: datetime

    @property
    def label(self) -> str:
        """The shortest text that names exactly this user."""
        return self.login or self.email or str(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A tenant that users share. ``members`` maps their labels to their roles."""

    name: str
    created_at: datetime
    members: Mapping[str, Role] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStatus:
    """How a key stands at one moment."""

    age: timedelta
    expires_in: timedelta | None
    warning: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What the yard knows of a key. It does not know the key."""

    id: UUID
    user_id: UUID
    user: str
    project: str | None
    name: str | None
    kind: KeyKind
    hint: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    rotated_from: UUID | None

    @property
    def lifetime(self) -> timedelta | None:
        """How long it was to work from the beginning; None for ever."""
        return None if self.expires_at is None else self.expires_at - self.created_at

    def state(self, now: datetime) -> KeyState:
        """Whether it works at ``now``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A new key, and the only copy of its secret."""

    key: ApiKey
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKey:
    """A public key that lets a user in. ``line`` is the key as OpenSSH writes it, ``source`` who said whose it is."""

    id: UUID
    user_id: UUID
    user: str
    name: str
    kind: str
    fingerprint: str
    line: str
    source: KeySource
    created_at: datetime
    last_used_at: datetime | None


def key_status(
    key: UUID, *, created_at: datetime, expires_at: datetime | None, now: datetime, warn_days: int
) -> KeyStatus:
    """How a key stands at ``now``.

    It warns from ``warn_days`` days of age and from 14 days before the end, in ASCII to fit a header.
    """
    age = now - created_at
    expires_in = None if expires_at is None else expires_at - now
    advice = f"Ask the operator for a new one: runyard key rotate {key}"
    warning = None
    if expires_at is not None and expires_in is not None and expires_in <= EXPIRES_SOON:
        left = -(-expires_in // DAY)  # rounded up: a key made for three days ends "in 3 days"
        within = "within a day" if left <= 1 else f"in {left} days"
        warning = f"This API key expires {within}, on {expires_at:%Y-%m-%d}. {advice}"
    elif age >= warn_days * DAY:
        warning = f"This API key is {age // DAY} days old. {advice}"
    return KeyStatus(age=age, expires_in=expires_in, warning=warning)


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryCredential:
    """What may be told of one.

    Attributes:
        project: the only one whose sessions may name it; None for all.
        host: where it is sent, ``github.com`` or ``git.example.com:8443``. Nowhere else.
        username: what the host wants beside the token.
    """

    name: str
    project: str | None
    host: str
    username: str
    created_at: datetime
    changed_at: datetime

    def fits(self, url: str) -> bool:
        """Whether it is for the repository at this address."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # no address at all
            return False
        name = (parts.hostname or "").rstrip(".")
        name = f"[{name}]" if ":" in name else name
        return self.host == (name if port in {None, PORTS.get(parts.scheme)} else f"{name}:{port}")
