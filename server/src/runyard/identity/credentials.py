"""What the operator keeps for private repositories: a login under a name, which sessions say instead of a token.

In the database, where workers on every machine find it, and sealed: a file would have to be carried to each of them,
and a copy of the database alone gives nothing away. Each is for one host: whoever may name it could otherwise have it
sent to a server of their own.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final

import asyncpg
import msgspec

from runyard.clock import Clock
from runyard.database import Database
from runyard.identity.checks import checked_project, storable
from runyard.identity.errors import InvalidValue, NotFound
from runyard.identity.keys import Secret
from runyard.identity.model import REPOSITORY_USER, RepositoryCredential
from runyard.identity.principal import project_tenant
from runyard.identity.sealing import Seal

LONGEST: Final = 8192
"""Characters of a token."""

NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
HOST: Final = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")

_COLUMNS: Final = "name, project, host, username, created_at, changed_at"


class Credentials:
    """The credentials of one yard.

    Args:
        database: where they are.
        folder: of the key they are sealed with.
        clock: tells the time, in UTC.
    """

    def __init__(self, database: Database, folder: Path, *, clock: Clock) -> None:
        self._database = database
        self._seal = Seal(folder)
        self._clock = clock

    async def add(
        self, name: str, token: str, *, host: str, username: str = REPOSITORY_USER, project: str | None = None
    ) -> RepositoryCredential:
        """Keep a token; one of the same name in the same place is replaced.

        Args:
            name: what sessions call it.
            token: the secret.
            host: of the repositories it is for, with the port if it isn't the usual one.
            username: what the host wants beside the token.
            project: the only project whose sessions may name it; None for all.

        Raises:
            InvalidValue: one of them can't be used.
            NotFound: there is no such project.
            SealBroken: the key in the data folder can't be used.
        """
        if NAME.fullmatch(name) is None:
            raise InvalidValue(
                f"{name!r} cannot be a credential. Use up to 63 lower-case letters, digits and inner hyphens."
            )
        if HOST.fullmatch(host.lower()) is None:
            raise InvalidValue(f"{host!r} is not a host. Write it like github.com or git.example.com:8443")
        if not token.isascii() or not token.isprintable() or not 1 <= len(token) <= LONGEST or " " in token:
            raise InvalidValue(f"A token has 1 to {LONGEST} printable ASCII characters without blanks.")
        if not username.isascii() or not username.isprintable() or not username or ":" in username:
            raise InvalidValue(f"{username!r} cannot be the user beside a token: no host would take it.")
        host, project = host.lower(), None if project is None else checked_project(project)
        about = _about(name, project, host, username)
        sealed = await asyncio.to_thread(self._seal.seal, token.encode(), about=about)
        try:
            row = await self._database.fetchrow(
                f"""
                INSERT INTO credentials (name, project, host, username, sealed, created_at, changed_at)
                VALUES ($1, $2, $3, $4, $5, $6, $6)
                ON CONFLICT (name, coalesce(project, '')) DO UPDATE SET host = EXCLUDED.host,
                    username = EXCLUDED.username, sealed = EXCLUDED.sealed, changed_at = EXCLUDED.changed_at
                RETURNING {_COLUMNS}
                """,
                name, project, host, username, sealed, self._clock(),
            )  # fmt: skip
        except asyncpg.ForeignKeyViolationError:
            raise NotFound("Project", project, "Those that exist: runyard project list") from None
        assert row is not None
        return _read(row)

    async def all(self) -> list[RepositoryCredential]:
        """All of them by name, those of one project behind those of all."""
        rows = await self._database.fetch(f"SELECT {_COLUMNS} FROM credentials ORDER BY name, project NULLS FIRST")
        return [_read(row) for row in rows]

    async def remove(self, name: str, *, project: str | None = None) -> RepositoryCredential:
        """Forget one. Sessions that have cloned with it go on.

        Raises:
            NotFound: there is none of this name in this place.
        """
        row = await self._database.fetchrow(
            f"DELETE FROM credentials WHERE name = $1 AND project IS NOT DISTINCT FROM $2 RETURNING {_COLUMNS}",
            storable(name), None if project is None else storable(project),
        )  # fmt: skip
        if row is None:
            raise _missing(name)
        return _read(row)

    async def find(self, name: str, *, tenant: str) -> RepositoryCredential:
        """What work in this tenant calls by this name: the project's own before that of all.

        Raises:
            NotFound: there is none.
        """
        return (await self._find(name, tenant))[0]

    async def reveal(self, name: str, *, tenant: str) -> tuple[RepositoryCredential, Secret]:
        """The same with the token, for whoever sends it to the host.

        Raises:
            NotFound: there is none.
            SealBroken: it can't be opened; the text says why.
        """
        found, sealed = await self._find(name, tenant)
        about = _about(found.name, found.project, found.host, found.username)
        return found, Secret((await asyncio.to_thread(self._seal.open, sealed, about=about)).decode())

    async def _find(self, name: str, tenant: str) -> tuple[RepositoryCredential, bytes]:
        rows = await self._database.fetch(
            f"SELECT {_COLUMNS}, sealed FROM credentials WHERE name = $1 ORDER BY project NULLS LAST", storable(name)
        )
        for row in rows:
            if row["project"] is None or project_tenant(row["project"]) == tenant:
                return _read(row), bytes(row["sealed"])
        raise _missing(name)


def _read(row: asyncpg.Record) -> RepositoryCredential:
    return RepositoryCredential(**{name: row[name] for name in RepositoryCredential.__slots__})


def _missing(name: str) -> NotFound:
    return NotFound("Credential", name, "Those that exist: runyard credential list")


def _about(name: str, project: str | None, host: str, username: str) -> bytes:
    """What a token is sealed together with: in another row, or for another host, it doesn't open."""
    return msgspec.json.encode([name, project, host, username])
