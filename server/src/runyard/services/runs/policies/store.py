"""Policies in the database. Saving one again makes its next version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs.models.policies import PolicyV1, SavePolicyRequest
from runyard.services.runs.policies.verdict import approvers
from runyard.services.runs.refused import conflict, not_found

COLUMNS: Final = """
    workspace AS workspace_id, id AS policy_id, name, description, active, priority, version,
    created_at AS created_at_iso, created_by AS created_by_user_id, constraints AS sod_constraints, rules
"""


class PolicyTable:
    """What policies ask of runs, as the engine knows them."""

    async def approvers(self, where: Connection | Database, workspace: str, policy_ids: Sequence[str]) -> int:
        """How many different people have to approve whatever needs approval; 1 without a policy that says more."""
        return approvers(await named(where, workspace, policy_ids)) if policy_ids else 1


async def named(where: Connection | Database, workspace: str, ids: Sequence[str]) -> list[PolicyV1]:
    """These policies.

    Raises:
        Refused: one of them isn't there.
    """
    rows = await where.fetch(
        f"SELECT {COLUMNS} FROM runs_policies WHERE workspace = $1 AND id = ANY ($2)",
        workspace,
        list(map(storable, ids)),
    )
    found = {row["policy_id"]: _policy(row) for row in rows}
    for each in ids:
        if each not in found:
            raise not_found("Policy", each)
    return list(found.values())


async def active(where: Connection | Database, workspace: str) -> list[PolicyV1]:
    """All that are in force."""
    rows = await where.fetch(f"SELECT {COLUMNS} FROM runs_policies WHERE workspace = $1 AND active", workspace)
    return list(map(_policy, rows))


async def find(where: Connection | Database, workspace: str, policy: str) -> PolicyV1:
    """The policy of this id.

    Raises:
        Refused: there is none.
    """
    return (await named(where, workspace, [policy]))[0]


async def page(database: Database, workspace: str, *, after: tuple[datetime, str], rows: int) -> list[PolicyV1]:
    """Up to ``rows`` policies, in the order of their making."""
    found = await database.fetch(
        f"""
        SELECT {COLUMNS} FROM runs_policies WHERE workspace = $1 AND (created_at, id) > ($2, $3)
        ORDER BY created_at, id LIMIT $4
        """,
        workspace, *after, rows,
    )  # fmt: skip
    return list(map(_policy, found))


async def save(connection: Connection, workspace: str, asked: SavePolicyRequest, *, by: str, at: datetime) -> PolicyV1:
    """Save a policy, or the next version of one. The caller holds the workspace's book: nobody else saves meanwhile.

    Raises:
        Refused: it is at another version than the caller thinks.
    """
    policy = asked.policy_id or f"policy-{uuid4()}"
    version = await connection.fetchval(
        "SELECT version FROM runs_policies WHERE workspace = $1 AND id = $2", workspace, policy
    )
    if asked.version is not None and asked.version != (version or 1):
        raise conflict(f"Policy {policy!r} is at version {version or 'none'}, not {asked.version}. Read it again.")
    await connection.execute(
        """
        INSERT INTO runs_policies (workspace, id, name, description, active, priority, version, created_at, created_by,
            constraints, rules)
        VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10)
        ON CONFLICT (workspace, id) DO UPDATE SET name = $3, description = $4, active = $5, priority = $6,
            version = runs_policies.version + 1, constraints = $9, rules = $10
        """,
        workspace, policy, asked.name, asked.description, asked.active, asked.priority, at, by,
        [one.model_dump() for one in asked.sod_constraints], [one.model_dump() for one in asked.rules],
    )  # fmt: skip
    return await find(connection, workspace, policy)


def _policy(row: Mapping[str, object]) -> PolicyV1:
    known = dict(row)
    for name in ("sod_constraints", "rules"):
        known[name] = [_part(one) for one in known[name]]  # type: ignore[attr-defined]
    return PolicyV1(**known)  # type: ignore[arg-type]


def _part(stored: Mapping[str, object]) -> dict[str, object]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()}
