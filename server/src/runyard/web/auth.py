"""Who calls: a bearer credential, looked at before a byte of the body is."""

from __future__ import annotations

from typing import Final

from fastapi import Request

from runyard.identity import Principal
from runyard.identity.store import IdentityStore
from runyard.web.requests import add_header

KEY_WARNING: Final = "Runyard-Key-Warning"
CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}
"""Headers of a 401."""


class NoCredential(Exception):
    """The request has no ``Authorization: Bearer ...`` header, or it is empty."""


def bearer(request: Request) -> str | None:
    """What the request presents; None if it is nothing."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    return credential.strip() or None if scheme.lower() == "bearer" else None


async def authenticate(
    request: Request, identity: IdentityStore, credential: str | None = None, *, machines: bool = False
) -> Principal:
    """Who the bearer is. Whatever becomes of the request, its answer warns of a key that is about to expire.

    Args:
        credential: what was presented in another way than as :func:`bearer`.
        machines: whether machines of workspaces are let in.

    Raises:
        NoCredential: nothing was presented.
        CredentialError: what was presented isn't good.
    """
    credential = credential or bearer(request)
    if credential is None:
        raise NoCredential
    principal = await identity.authenticate(credential, machines=machines)
    if principal.credential.warning is not None:
        add_header(request.scope, KEY_WARNING, principal.credential.warning)
    return principal
