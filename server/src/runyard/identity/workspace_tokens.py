"""Tokens of workspaces: JWTs that say who acts where, and end by themselves. What somebody may is looked up, not read.

They follow RFC 9068 and RFC 8725: one algorithm, a type, an issuer and an audience of their own, and a time.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import uuid4

import msgspec

from runyard.clock import Clock
from runyard.identity.errors import InvalidCredential
from runyard.identity.members import Member
from runyard.identity.proven import Proven
from runyard.identity.roles import WorkspaceRole
from runyard.identity.tokens import Moment, Tokens

TYPE: Final = "at+jwt"
SKEW: Final = timedelta(seconds=30)
"""How far the clock of another machine of the yard may be ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceClaims:
    """What a good token proves. ``scopes`` are the roles that it may be used for, if its user has them still."""

    number: int
    workspace: str
    scopes: frozenset[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceToken:
    """A new token, good for ``expires_in`` seconds and the roles in ``scopes``."""

    token: str
    expires_in: int
    scopes: tuple[WorkspaceRole, ...]


class WorkspaceTokens:
    """Issues and verifies tokens with the same pair of keys as ``tokens``; ``minutes`` is how long one is good."""

    def __init__(self, tokens: Tokens, *, clock: Clock, minutes: int) -> None:
        self._tokens = tokens
        self._clock = clock
        self._lifetime = timedelta(minutes=minutes)
        self._verified: Proven[WorkspaceClaims] = Proven(clock=clock)

    async def issue(
        self,
        member: Member,
        *,
        number: int,
        scopes: Iterable[WorkspaceRole] | None = None,
        client_id: str | None = None,
        until: datetime | None = None,
    ) -> WorkspaceToken:
        """A new token for a member.

        Args:
            member: whose it is.
            number: their user's.
            scopes: roles of theirs that it is for; all by default.
            client_id: the service account that asked for it.
            until: the latest that it may end, if that is sooner than usual.
        """
        now = self._clock()
        wanted = tuple(sorted(member.roles if scopes is None else scopes))
        begins = int(now.timestamp())
        ends = int((now + self._lifetime if until is None else min(now + self._lifetime, until)).timestamp())
        payload = _Payload(
            iss="runyard", aud="runyard:workspaces", sub=str(member.user_id), exp=ends, iat=begins, nbf=begins,
            jti=str(uuid4()), number=number, workspace_id=member.workspace, tenant_id=member.workspace,
            roles=list(wanted), scope=" ".join(wanted), client_id=client_id,
        )  # fmt: skip
        token = (await self._tokens.key()).sign(msgspec.json.encode(payload), typ=TYPE)
        return WorkspaceToken(token=token, expires_in=ends - begins, scopes=wanted)

    async def verify(self, token: str) -> WorkspaceClaims:
        """What the token says.

        Raises:
            InvalidCredential: for the reason ``signature`` (not one of these), ``payload`` (it doesn't say what it has
                to, or is meant for others) or ``expired``; one whose time hasn't come yet is no better.
        """
        return await self._verified.claims(token, self._check)

    async def _check(self, token: str) -> WorkspaceClaims:
        payload = (await self._tokens.key()).verify(token, typ=TYPE)
        try:
            read = msgspec.json.decode(payload, type=_Payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise InvalidCredential("payload") from None
        if datetime.fromtimestamp(read.nbf, UTC) > self._clock() + SKEW:
            raise InvalidCredential("expired")
        return WorkspaceClaims(
            number=read.number,
            workspace=read.workspace_id,
            scopes=frozenset(read.scope.split()),
            expires_at=datetime.fromtimestamp(read.exp, UTC),
        )


def is_workspace_token(token: str) -> bool:
    """Whether a JWT says of itself that it is one. Only a look: it proves nothing."""
    header = token.partition(".")[0].encode(errors="surrogatepass")
    try:
        decoded = base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4))
        return msgspec.json.decode(decoded, type=_Header).typ == TYPE
    except (ValueError, msgspec.DecodeError):
        return False


class _Header(msgspec.Struct):
    typ: str | None = None


class _Payload(msgspec.Struct, rename="camel", omit_defaults=True):
    iss: Literal["runyard"]
    aud: Literal["runyard:workspaces"]
    sub: str
    exp: Moment
    iat: Moment
    nbf: Moment
    jti: str
    number: Annotated[int, msgspec.Meta(gt=0, lt=2**31)]
    workspace_id: str
    tenant_id: str
    roles: list[str]
    scope: str
    client_id: str | None = None
