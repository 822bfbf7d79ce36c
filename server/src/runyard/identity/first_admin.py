"""The first admin: a yard that nobody can administer over HTTP gets the user ``admin``."""

from __future__ import annotations

import secrets
from typing import Final

import structlog

from runyard.identity.errors import AlreadyExists
from runyard.identity.store import IdentityStore
from runyard.settings import Settings

LOGIN: Final = "admin"
PERMISSIONS: Final = ("*",)
"""What programs of the original interface expect to read there; being an admin is what counts."""

log = structlog.get_logger(__name__)


async def ensure_admin(identity: IdentityStore, settings: Settings) -> str | None:
    """Make the user ``admin`` unless somebody who can sign in is one.

    Returns:
        The password that was made up for them: print it once, it is kept nowhere. None if nobody was made, or if
        the password is ``settings.admin_password``.
    """
    if await identity.users.any_admin():
        return None
    chosen = settings.admin_password
    password = secrets.token_urlsafe(18) if chosen is None else chosen.get_secret_value()
    try:
        await identity.users.create(LOGIN, login=LOGIN, password=password, is_admin=True, permissions=PERMISSIONS)
    except AlreadyExists:  # another process was faster, or it is no admin: only the operator may change that
        if not await identity.users.any_admin():
            log.warning("no_admin", way_out=f"The user {LOGIN!r} is no admin: runyard user promote {LOGIN}")
        return None
    return password if chosen is None else None
