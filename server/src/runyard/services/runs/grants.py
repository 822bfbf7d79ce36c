"""Credential grants: which credential an adapter may use, and how long. Only a reference to it is ever here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import uuid4

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs.models.adapters import CreateCredentialGrantRequest, CredentialGrantV1
from runyard.services.runs.models.base import iso
from runyard.services.runs.models.machines import CredentialReference
from runyard.services.runs.refused import conflict, invalid, not_found

COLUMNS: Final = """
    workspace AS workspace_id, id AS credential_grant_id, adapter_id, credentials_ref, scope,
    issued_at AS issued_at_iso, expires_at AS expires_at_iso,
    rotated_at AS last_rotated_at_iso, revoked_at AS revoked_at_iso
"""


async def valid(
    connection: Connection, workspace: str, adapter: str, *, now: datetime
) -> tuple[CredentialReference, ...]:
    """The credentials that an adapter may use now."""
    rows = await connection.fetch(
        """
        SELECT credentials_ref, scope FROM runs_grants
        WHERE workspace = $1 AND adapter_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)
        ORDER BY issued_at, id
        """,
        workspace, adapter, now,
    )  # fmt: skip
    return tuple(CredentialReference(**row) for row in rows)


async def find(where: Connection | Database, workspace: str, grant: str) -> CredentialGrantV1:
    """The grant of this id.

    Raises:
        Refused: there is none.
    """
    row = await where.fetchrow(
        f"SELECT {COLUMNS} FROM runs_grants WHERE workspace = $1 AND id = $2", workspace, storable(grant)
    )
    if row is None:
        raise not_found("Credential grant", grant)
    return _grant(row)


async def page(
    database: Database, workspace: str, *, after: tuple[datetime, str], rows: int
) -> list[CredentialGrantV1]:
    """Up to ``rows`` grants, in the order of their issue."""
    found = await database.fetch(
        f"""
        SELECT {COLUMNS} FROM runs_grants WHERE workspace = $1 AND (issued_at, id) > ($2, $3)
        ORDER BY issued_at, id LIMIT $4
        """,
        workspace, *after, rows,
    )  # fmt: skip
    return [_grant(row) for row in found]


async def add(
    connection: Connection, workspace: str, asked: CreateCredentialGrantRequest, *, at: datetime
) -> CredentialGrantV1:
    """Grant an adapter a credential.

    Raises:
        Refused: it would have ended already.
    """
    grant = f"grant-{uuid4()}"
    check_end(asked.expires_at_iso, at)
    await connection.execute(
        """
        INSERT INTO runs_grants (workspace, id, adapter_id, credentials_ref, scope, issued_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        workspace, grant, asked.adapter_id, asked.credentials_ref, asked.scope, at, asked.expires_at_iso,
    )  # fmt: skip
    return await find(connection, workspace, grant)


async def change(
    connection: Connection, grant: CredentialGrantV1, *, scope: str | None, expires_at: datetime | None, at: datetime
) -> CredentialGrantV1:
    """Change what is named.

    Raises:
        Refused: it was revoked, or would have ended already.
    """
    _check_alive(grant)
    check_end(expires_at, at)
    await connection.execute(
        """
        UPDATE runs_grants SET scope = coalesce($3, scope), expires_at = coalesce($4, expires_at)
        WHERE workspace = $1 AND id = $2
        """,
        grant.workspace_id, grant.credential_grant_id, scope, expires_at,
    )  # fmt: skip
    return await find(connection, grant.workspace_id, grant.credential_grant_id)


async def rotate(connection: Connection, grant: CredentialGrantV1, *, at: datetime) -> CredentialGrantV1:
    """Note that the credential behind the reference is a new one.

    Raises:
        Refused: the grant was revoked.
    """
    _check_alive(grant)
    await connection.execute(
        "UPDATE runs_grants SET rotated_at = $3 WHERE workspace = $1 AND id = $2",
        grant.workspace_id, grant.credential_grant_id, at,
    )  # fmt: skip
    return await find(connection, grant.workspace_id, grant.credential_grant_id)


async def revoke(connection: Connection, grant: CredentialGrantV1, *, at: datetime) -> CredentialGrantV1:
    """End a grant now; one that was revoked before stays revoked since then."""
    await connection.execute(
        "UPDATE runs_grants SET revoked_at = coalesce(revoked_at, $3) WHERE workspace = $1 AND id = $2",
        grant.workspace_id, grant.credential_grant_id, at,
    )  # fmt: skip
    return await find(connection, grant.workspace_id, grant.credential_grant_id)


def check_end(expires_at: datetime | None, now: datetime) -> None:
    """Return if something that ends then has not ended yet.

    Raises:
        Refused: it has.
    """
    if expires_at is not None and expires_at <= now:
        raise invalid("expiresAtIso", f"{iso(expires_at)} is past; it is {iso(now)}")


def _check_alive(grant: CredentialGrantV1) -> None:
    if grant.revoked_at_iso is not None:
        raise conflict(f"Credential grant {grant.credential_grant_id!r} was revoked. Make a new one.")


def _grant(row: Mapping[str, object]) -> CredentialGrantV1:
    return CredentialGrantV1(**row)  # type: ignore[arg-type]
