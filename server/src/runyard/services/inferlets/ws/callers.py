"""Who is at the other end: guests of this machine, bearers of keys and tokens, and what each of them reaches."""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from runyard.identity import (
    OPERATOR,
    Credential,
    CredentialError,
    Principal,
    TooManyAttempts,
    project_tenant,
)
from runyard.identity.internal_token import InternalToken
from runyard.identity.store import IdentityStore
from runyard.services.inferlets.errors import Denied
from runyard.settings import Settings
from runyard.web.errors import Refused
from runyard.web.strangers import refuse_strangers

CHALLENGE: Final = 48
DOMAIN: Final = "runyard-inferlets-v1"
"""What clients of ours sign before name and challenge, so that the signature is good for nothing else."""

INTERNAL: Final = "internal"
LONGEST_NAME: Final = 200
WRONG_TOKEN_DELAY: Final = 1.0

_GUESTS: Final = UUID("6d0f3a66-7b0c-4d6e-9a56-2f5b8d0c9c11")
"""Namespace of the ids of guests, one for each name."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What somebody who says to be ``login`` has to sign."""

    login: str
    content: bytes
    ours: bool

    @property
    def text(self) -> str:
        """As it goes over the wire."""
        return base64.b64encode(self.content).decode()

    @property
    def signed(self) -> bytes:
        """The bytes the signature is for."""
        if not self.ours:
            return self.content
        return b"\0".join((DOMAIN.encode(), self.login.encode(), self.content))


class Gate:
    """Lets people in.

    Args:
        token: proves that somebody belongs to the yard itself.
    """

    def __init__(self, identity: IdentityStore, token: InternalToken, settings: Settings) -> None:
        self._identity = identity
        self._token = token
        self._guests = settings.guests != "never" and settings.loopback

    async def identify(self, login: str, *, ours: bool, headers: Mapping[str, str]) -> Principal | Challenge:
        """Who says to be ``login``: a guest of this machine, or somebody who has to prove it.

        Raises:
            Denied: nobody can be let in under this name.
        """
        if not login or len(login) > LONGEST_NAME or not login.isprintable():
            raise Denied(
                f"{login[:50]!r} is no user name: it has 1 to {LONGEST_NAME} printable characters.",
                code="bad_credential",
            )
        if login == INTERNAL:
            raise Denied("'internal' is the yard itself; it comes with a token.", code="bad_credential")
        if await self._identity.ssh_keys.any_of(login):
            return Challenge(login, secrets.token_bytes(CHALLENGE), ours)
        if not self._guests:
            raise Denied(
                f"There is no user {login!r} with an SSH key here. The yard's operator can add one: "
                f"runyard user key add {login}",
                code="bad_credential",
            )
        try:
            refuse_strangers(headers, loopback=True)
        except Refused as refused:
            raise Denied(str(refused.detail), code="bad_credential") from refused
        return Principal(user_id=uuid5(_GUESTS, login), name=login, credential=Credential(kind="guest"))

    async def prove(self, challenge: Challenge, signature: str, *, address: str) -> Principal:
        """The user who has signed the challenge.

        Raises:
            Denied: nobody has.
        """
        try:
            signed = base64.b64decode(signature, validate=True)
        except binascii.Error:
            raise Denied("The signature is no base64.", code="bad_credential") from None
        try:
            return await self._identity.ssh_keys.authenticate(
                challenge.login, signed=challenge.signed, signature=signed, address=address
            )
        except TooManyAttempts as error:
            raise Denied(str(error), code="bad_credential") from error
        except CredentialError as error:
            raise Denied(
                f"None of the keys of {challenge.login!r} has made this signature.", code="bad_credential"
            ) from error

    async def admit(self, token: str) -> Principal:
        """The bearer of a token: the yard itself, or a user with an API key or a token of the auth service.

        Raises:
            Denied: it isn't good.
        """
        if self._token.check(token):
            return OPERATOR_INSIDE
        try:
            return await self._identity.authenticate(token)
        except CredentialError as error:
            await asyncio.sleep(WRONG_TOKEN_DELAY)  # guessing is to be slow
            raise Denied("The token is not good.", code="bad_credential") from error


OPERATOR_INSIDE: Final = Principal(
    user_id=OPERATOR.user_id, name=INTERNAL, credential=OPERATOR.credential, is_admin=True
)


def tenants(principal: Principal) -> list[str]:
    """Whose programs somebody may launch: their own, those of their projects, and those the yard has for all."""
    shared = map(project_tenant, sorted(principal.projects)) if principal.project is None else ()
    return list(dict.fromkeys((principal.tenant, *shared, OPERATOR.tenant)))
