"""Who can be given work, and the queues they are in. The only module that writes their tables."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs.models.people import (
    AvailabilityStatus,
    RoutingStrategy,
    WorkforceCapability,
    WorkforceMemberV1,
    WorkforceQueueV1,
)
from runyard.services.runs.refused import conflict, invalid, not_found

_MEMBERS: Final = """
    SELECT id, workspace, user_id, display_name, capabilities, availability, created_at, updated_at, ARRAY (
        SELECT queue FROM runs_queue_members AS one
        WHERE one.workspace = member.workspace AND one.member = member.id ORDER BY queue
    ) AS queues
    FROM runs_workforce AS member WHERE workspace = $1
"""
_QUEUES: Final = """
    SELECT id, workspace, name, capabilities, strategy, created_at, ARRAY (
        SELECT member FROM runs_queue_members AS one
        WHERE one.workspace = queue.workspace AND one.queue = queue.id ORDER BY place
    ) AS members
    FROM runs_queues AS queue WHERE workspace = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody who can be given work."""

    id: str
    workspace: str
    user_id: UUID
    display_name: str
    capabilities: Sequence[str]
    availability: str
    queues: Sequence[str]
    created_at: datetime
    updated_at: datetime | None

    def shown(self) -> WorkforceMemberV1:
        """As the protocol has it."""
        return WorkforceMemberV1(
            workforce_member_id=self.id,
            linked_user_id=str(self.user_id),
            display_name=self.display_name,
            capabilities=[WorkforceCapability(one) for one in self.capabilities],
            availability_status=AvailabilityStatus(self.availability),
            queue_memberships=list(self.queues),
            tenant_id=self.workspace,
            created_at_iso=self.created_at,
            updated_at_iso=self.updated_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A group of people for tasks of one sort."""

    id: str
    workspace: str
    name: str
    capabilities: Sequence[str]
    strategy: str
    members: Sequence[str]
    created_at: datetime

    def shown(self) -> WorkforceQueueV1:
        """As the protocol has it."""
        return WorkforceQueueV1(
            workforce_queue_id=self.id,
            name=self.name,
            required_capabilities=[WorkforceCapability(one) for one in self.capabilities],
            member_ids=list(self.members),
            routing_strategy=RoutingStrategy(self.strategy),
            tenant_id=self.workspace,
        )


# -------------------------------------------------------------------- members


async def members(
    database: Database,
    workspace: str,
    *,
    after: tuple[datetime, str],
    rows: int,
    capability: str | None = None,
    queue: str | None = None,
    availability: str | None = None,
) -> list[Member]:
    """Up to ``rows`` of them, who came first before the others."""
    found = await database.fetch(
        f"""
        SELECT * FROM ({_MEMBERS}) AS member
        WHERE (created_at, id) > ($2, $3) AND ($4::text IS NULL OR $4 = ANY (capabilities))
            AND ($5::text IS NULL OR $5 = ANY (queues)) AND ($6::text IS NULL OR availability = $6)
        ORDER BY created_at, id LIMIT $7
        """,
        workspace, *after, capability, queue and storable(queue), availability, rows,
    )  # fmt: skip
    return [Member(**row) for row in found]


async def member(where: Connection | Database, workspace: str, member_id: str) -> Member:
    """One of them.

    Raises:
        Refused: there is no such member.
    """
    row = await where.fetchrow(f"{_MEMBERS} AND id = $2", workspace, storable(member_id))
    if row is None:
        raise not_found("Workforce member", member_id)
    return Member(**row)


async def add_member(
    connection: Connection, workspace: str, user: UUID, *, name: str, capabilities: Sequence[str], now: datetime
) -> Member:
    """Count a user among those who can be given work.

    Raises:
        Refused: they are there already.
    """
    new = f"member-{uuid4()}"
    done = await connection.execute(
        """
        INSERT INTO runs_workforce (workspace, id, user_id, display_name, capabilities, created_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
        """,
        workspace, new, user, name, list(capabilities), now,
    )  # fmt: skip
    if done == "INSERT 0 0":
        raise conflict(f"The user {str(user)!r} is in the workforce already.")
    return await member(connection, workspace, new)


async def change_member(
    connection: Connection,
    found: Member,
    *,
    now: datetime,
    name: str | None = None,
    capabilities: Sequence[str] | None = None,
    availability: str | None = None,
) -> Member:
    """Change what is given.

    Raises:
        Refused: they would lose a capability that one of their queues needs.
    """
    if capabilities is not None:
        for queue_id in found.queues:
            needed = (await queue(connection, found.workspace, queue_id)).capabilities
            if missing := sorted(set(needed) - set(capabilities)):
                raise conflict(f"The queue {queue_id!r}, which they are in, needs {', '.join(missing)}.")
    await connection.execute(
        """
        UPDATE runs_workforce SET display_name = COALESCE($3, display_name),
            capabilities = COALESCE($4::text[], capabilities), availability = COALESCE($5, availability),
            updated_at = $6
        WHERE workspace = $1 AND id = $2
        """,
        found.workspace, found.id, name, None if capabilities is None else list(capabilities), availability, now,
    )  # fmt: skip
    return await member(connection, found.workspace, found.id)


# -------------------------------------------------------------------- queues


async def queues(
    database: Database, workspace: str, *, after: tuple[datetime, str], rows: int, capability: str | None = None
) -> list[Queue]:
    """Up to ``rows`` of them, the first ones first."""
    found = await database.fetch(
        f"""
        {_QUEUES} AND (created_at, id) > ($2, $3) AND ($4::text IS NULL OR $4 = ANY (capabilities))
        ORDER BY created_at, id LIMIT $5
        """,
        workspace, *after, capability, rows,
    )  # fmt: skip
    return [Queue(**row) for row in found]


async def queue(where: Connection | Database, workspace: str, queue_id: str) -> Queue:
    """One of them.

    Raises:
        Refused: there is no such queue.
    """
    row = await where.fetchrow(f"{_QUEUES} AND id = $2", workspace, storable(queue_id))
    if row is None:
        raise not_found("Workforce queue", queue_id)
    return Queue(**row)


async def add_queue(
    connection: Connection,
    workspace: str,
    *,
    name: str,
    capabilities: Sequence[str],
    strategy: str,
    member_ids: Sequence[str],
    now: datetime,
) -> Queue:
    """Make one.

    Raises:
        Refused: the name is taken, or one of the members can't be in it.
    """
    new = f"queue-{uuid4()}"
    done = await connection.execute(
        """
        INSERT INTO runs_queues (workspace, id, name, capabilities, strategy, created_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
        """,
        workspace, new, name, list(capabilities), strategy, now,
    )  # fmt: skip
    if done == "INSERT 0 0":
        raise conflict(f"There is a queue {name!r} already.")
    await _fill(connection, workspace, new, member_ids, capabilities)
    return await queue(connection, workspace, new)


async def change_queue(
    connection: Connection,
    found: Queue,
    *,
    name: str | None = None,
    capabilities: Sequence[str] | None = None,
    strategy: str | None = None,
    member_ids: Sequence[str] | None = None,
) -> Queue:
    """Change what is given.

    Raises:
        Refused: the name is taken, or one of the members can't be in it.
    """
    capabilities = found.capabilities if capabilities is None else capabilities
    try:
        async with connection.transaction():
            await connection.execute(
                """
                UPDATE runs_queues SET name = COALESCE($3, name), capabilities = $4, strategy = COALESCE($5, strategy)
                WHERE workspace = $1 AND id = $2
                """,
                found.workspace, found.id, name, list(capabilities), strategy,
            )  # fmt: skip
    except asyncpg.UniqueViolationError:
        raise conflict(f"There is a queue {name!r} already.") from None
    people = found.members if member_ids is None else member_ids
    await _fill(connection, found.workspace, found.id, people, capabilities)
    return await queue(connection, found.workspace, found.id)


async def _fill(
    connection: Connection, workspace: str, queue_id: str, member_ids: Sequence[str], needed: Collection[str]
) -> None:
    """Have just these members in the queue, in this order."""
    if len(set(member_ids)) < len(member_ids):
        raise invalid("memberIds", "name each member once")
    rows = await connection.fetch(
        "SELECT id, capabilities FROM runs_workforce WHERE workspace = $1 AND id = ANY ($2)",
        workspace, [storable(one) for one in member_ids],
    )  # fmt: skip
    able = {row["id"]: set(row["capabilities"]) for row in rows}
    for one in member_ids:
        if one not in able:
            raise invalid("memberIds", f"there is no workforce member {one!r}")
        if missing := sorted(set(needed) - able[one]):
            raise invalid("memberIds", f"{one!r} lacks {', '.join(missing)}")
    await connection.execute(
        "DELETE FROM runs_queue_members WHERE workspace = $1 AND queue = $2 AND member <> ALL ($3)",
        workspace, queue_id, list(member_ids),
    )  # fmt: skip
    await connection.execute(
        """
        INSERT INTO runs_queue_members (workspace, queue, member, place)
        SELECT $1, $2, member, place FROM unnest($3::text[]) WITH ORDINALITY AS new (member, place)
        ON CONFLICT (workspace, queue, member) DO UPDATE SET place = EXCLUDED.place
        """,
        workspace, queue_id, list(member_ids),
    )  # fmt: skip


# -------------------------------------------------------------------- routing

_NEXT: Final = """
    SELECT member.id FROM runs_queue_members AS one
    JOIN runs_workforce AS member ON member.workspace = one.workspace AND member.id = one.member
    WHERE one.workspace = $1 AND one.queue = $2 AND member.availability = 'available' AND member.capabilities @> $3
    ORDER BY CASE WHEN $4 THEN (
        SELECT count(*) FROM runs_human_tasks AS task WHERE task.workspace = $1 AND task.assignee = member.id
            AND task.status <> 'completed' AND task.withdrawn_at IS NULL
    ) END, one.given_at NULLS FIRST, one.place LIMIT 1
"""


async def route(connection: Connection, found: Queue, needed: Sequence[str], *, now: datetime) -> str | None:
    """Whom the queue gives a task to; None if that is decided by people, or nobody can take it now."""
    if found.strategy == RoutingStrategy.MANUAL:
        return None
    busy = found.strategy == RoutingStrategy.LEAST_BUSY
    chosen = await connection.fetchval(_NEXT, found.workspace, found.id, list(needed), busy)
    if chosen is None:
        return None
    await connection.execute(
        "UPDATE runs_queue_members SET given_at = $4 WHERE workspace = $1 AND queue = $2 AND member = $3",
        found.workspace, found.id, chosen, now,
    )  # fmt: skip
    return str(chosen)
