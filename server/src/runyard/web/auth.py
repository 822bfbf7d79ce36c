"""Who calls: a bearer credential, looked at before a byte of the body is."""

from __future__ import annotations

from fastapi import Request

from runyard.identity import Principal
from runyard.identity.store import IdentityStore
from runyard.web.requests import add_header

KEY_WARNING = "Runyard-Key-Warning"


class NoCredential(Exception):
    """The request has no ``Authorization: Bearer ...`` header, or it is empty."""


async def authenticate(request: Request, identity: IdentityStore) -> Principal:
    """Who the bearer is. Whatever becomes of the request, its answer warns of a key that is about to expire.

    Raises:
        NoCredential: nothing was presented.
        CredentialError: what was presented isn't good.
    """
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential:
        raise NoCredential
    principal = await identity.authenticate(credential)
    if principal.credential.warning is not None:
        add_header(request.scope, KEY_WARNING, principal.credential.warning)
    return principal
