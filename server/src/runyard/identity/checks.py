"""What names, emails and times identity accepts. The one place that validates them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from runyard.identity.errors import InvalidEmail, InvalidValue

EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
PROJECT: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LONGEST: Final = 200
RESERVED: Final = frozenset({"internal"})
PERMISSIONS: Final = 64
"""Permissions of one user: they travel in every token, and so in every request's headers."""

FAR: Final = timedelta(days=36_500)


def checked_name(what: str, name: str) -> str:
    """``name`` without blanks around it; it has to be printable, since it is shown in tables."""
    name = name.strip()
    if not name.isprintable() or not 1 <= len(name) <= LONGEST:
        raise InvalidValue(f"{name!r} cannot be a {what}. Use 1 to {LONGEST} printable characters.")
    return name


def checked_login(login: str) -> str:
    """``login``, if no email and no id could ever equal it: one text names one user."""
    if "@" in login or as_uuid(login) is not None:
        raise InvalidValue(
            f"{login!r} cannot be a login: it could be taken for an email or an id. "
            "Use a plain name; an email has its own option."
        )
    if login.strip() in RESERVED:
        raise InvalidValue(f"{login!r} cannot be a login: it is the yard's own name for itself. Choose another.")
    return checked_name("login", login)


def checked_email(email: str) -> str:
    """``email``, if it has the shape of one."""
    if EMAIL.fullmatch(email) is None or len(email) > LONGEST:
        raise InvalidEmail(email)
    return email


def checked_project(name: str) -> str:
    """``name``, if it is a DNS label: it appears in addresses and headers."""
    if PROJECT.fullmatch(name) is None:
        raise InvalidValue(
            f"{name!r} cannot be a project or workspace. Use up to 63 lower-case letters, digits and inner hyphens."
        )
    return name


def checked_permissions(names: Iterable[str]) -> tuple[str, ...]:
    """``names`` without blanks around them, each once, in their order; empty ones are left out."""
    stripped = dict.fromkeys(name.strip() for name in names)
    found = tuple(checked_name("permission", name) for name in stripped if name)
    for name in found:
        if "," in name:
            raise InvalidValue(f"{name!r} cannot be a permission: lists of them are written with commas.")
    if len(found) > PERMISSIONS:
        raise InvalidValue(f"A user has up to {PERMISSIONS} permissions, not {len(found)}.")
    return found


def checked_lifetime(lifetime: timedelta) -> timedelta:
    """``lifetime``, if a key could live for it."""
    if not timedelta(0) < lifetime <= FAR:
        raise InvalidValue(f"A key cannot work for {lifetime}. Give more than zero, up to 100 years.")
    return lifetime


def checked_overlap(overlap: timedelta) -> timedelta:
    """``overlap``, if two keys could overlap for it."""
    if not timedelta(0) <= overlap <= FAR:
        raise InvalidValue(f"Two keys cannot overlap for {overlap}. Give zero or more, up to 100 years.")
    return overlap


def as_uuid(text: str) -> UUID | None:
    """The id that ``text`` spells in its usual form, or None."""
    try:
        value = UUID(text)
    except ValueError:
        return None
    return value if str(value) == text.lower() else None


def storable(text: str) -> str:
    """``text`` for a comparison in the database; what no row can hold becomes "", which no row equals."""
    return text if text.isprintable() else ""
