"""People whom an issuer elsewhere vouches for, as users of the yard: recognised by its name for them, or by email."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from runyard.clock import Clock
from runyard.database import Database
from runyard.identity.callers import Callers
from runyard.identity.errors import InvalidCredential
from runyard.identity.issuer import Issuer, Said
from runyard.identity.principal import Credential, Principal
from runyard.identity.proven import Proven
from runyard.identity.remembered import Remembered
from runyard.identity.roles import WorkspaceRole

ROLES: Final = frozenset(WorkspaceRole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A user of the yard whom the issuer knows."""

    user_id: UUID
    number: int


class Strangers(Remembered[str, Recognised]):
    """Recognises people by what ``issuer`` calls them.

    Raises:
        InvalidCredential: nobody is called so.
    """

    def __init__(self, database: Database, issuer: Issuer, callers: Callers, *, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.issuer = issuer
        self._database = database
        self._callers = callers
        self._verified: Proven[Said] = Proven(clock=clock)

    async def authenticate(self, token: str) -> Principal:
        """The bearer of one of the issuer's access tokens, with the workspace and the roles that it names.

        Raises:
            InvalidCredential: it isn't good, names no workspace or no role, or is of nobody here.
            InactiveUser: they were deactivated.
            IssuerFailed: its signature can't be checked.
        """
        said = await self._verified.claims(token, self.issuer.access)
        scopes = said.roles & ROLES
        if said.workspace is None or not scopes:
            raise InvalidCredential("payload")
        principal = await self._callers.find((await self.recognise(said)).number)
        return replace(
            principal,
            credential=Credential(kind="token", expires_at=said.expires_at, scopes=scopes),
            project=said.workspace,
        )

    async def recognise(self, said: Said) -> Recognised:
        """The user who is meant. Who comes for the first time is recognised by an email that the issuer has verified.

        Nobody is by the email of a user whom the issuer knows by another name: addresses are given to others one day.

        Raises:
            InvalidCredential: nobody who takes part in a workspace has it.
        """
        try:
            return await self.find(said.subject)
        except InvalidCredential:
            if said.email is None:
                raise
        await self._database.execute(
            """
            INSERT INTO external_identities (issuer, subject, user_id, created_at)
            SELECT $1, $2, id, $4 FROM users u
            WHERE email = $3 AND EXISTS (SELECT FROM workspace_users m WHERE m.user_id = u.id)
            ON CONFLICT DO NOTHING
            """,
            self.issuer.url,
            said.subject,
            said.email,
            self._clock(),
        )
        return await self.find(said.subject)

    async def _look(self, handle: str) -> Recognised:
        row = await self._database.fetchrow(
            """
            SELECT u.id AS user_id, u.number FROM external_identities e JOIN users u ON u.id = e.user_id
            WHERE e.issuer = $1 AND e.subject = $2
            """,
            self.issuer.url,
            handle,
        )
        if row is None:
            raise InvalidCredential("unknown")
        return Recognised(**row)
