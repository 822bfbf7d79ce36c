"""Pieces of business. The only module that writes their table. What belongs to one is told by the evidence about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs.models.evidence import ExternalObjectRef
from runyard.services.runs.models.people import (
    WorkItemAssignmentV1,
    WorkItemLinks,
    WorkItemSla,
    WorkItemStatus,
    WorkItemV1,
)
from runyard.services.runs.refused import not_found

MOST_LINKS: Final = 200
"""Entries of evidence, the newest, by which a piece of business is linked."""

_ITEMS: Final = f"""
    SELECT item.id, item.workspace, title, status, owner, member, due_at, external_refs, workflow_ids, created_at,
        created_by, about.evidence_ids, about.approval_ids,
        ARRAY (SELECT DISTINCT unnest(item.run_ids || about.run_ids) ORDER BY 1) AS run_ids
    FROM runs_work_items AS item, LATERAL (
        SELECT COALESCE(array_agg(id::text ORDER BY seq), '{{}}') AS evidence_ids,
            COALESCE(array_agg(DISTINCT run_id) FILTER (WHERE run_id IS NOT NULL), '{{}}') AS run_ids,
            COALESCE(array_agg(DISTINCT approval_id) FILTER (WHERE approval_id IS NOT NULL), '{{}}') AS approval_ids
        FROM (
            SELECT id, seq, run_id, approval_id FROM runs_evidence
            WHERE workspace = item.workspace AND work_item_id = item.id ORDER BY seq DESC LIMIT {MOST_LINKS}
        ) AS entry
    ) AS about
    WHERE item.workspace = $1
"""

_TOLD: Final = (
    "EXISTS (SELECT FROM runs_evidence AS one WHERE one.workspace = $1 AND one.work_item_id = item.id AND {})"
)
FILTERS: Final[Mapping[str, str]] = {
    "status": "status = $0",
    "owner": "owner::text = $0",
    "run": """item.id = ANY (ARRAY (
        SELECT id FROM runs_work_items WHERE workspace = $1 AND run_ids @> ARRAY[$0]
        UNION SELECT work_item_id FROM runs_evidence WHERE workspace = $1 AND run_id = $0
    ))""",
    "workflow": "$0 = ANY (workflow_ids)",
    "approval": _TOLD.format("one.approval_id = $0"),
    "evidence": _TOLD.format("one.id::text = $0"),
}
"""What a list can be narrowed by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkItem:
    """A piece of business.

    Attributes:
        member: of the workforce, whom it is assigned to.
    """

    id: str
    workspace: str
    title: str
    status: str
    owner: UUID | None
    member: str | None
    due_at: datetime | None
    external_refs: Sequence[Mapping[str, object]]
    run_ids: Sequence[str]
    workflow_ids: Sequence[str]
    approval_ids: Sequence[str]
    evidence_ids: Sequence[str]
    created_at: datetime
    created_by: str

    def shown(self) -> WorkItemV1:
        """As the protocol has it."""
        links = WorkItemLinks(
            external_refs=[ExternalObjectRef.model_validate(one, strict=False) for one in self.external_refs] or None,
            run_ids=list(self.run_ids) or None,
            workflow_ids=list(self.workflow_ids) or None,
            approval_ids=list(self.approval_ids) or None,
            evidence_ids=list(self.evidence_ids) or None,
        )
        return WorkItemV1(
            work_item_id=self.id,
            workspace_id=self.workspace,
            created_at_iso=self.created_at,
            created_by_user_id=self.created_by,
            title=self.title,
            status=WorkItemStatus(self.status),
            owner_user_id=None if self.owner is None else str(self.owner),
            sla=None if self.due_at is None else WorkItemSla(due_at_iso=self.due_at),
            links=links if links.model_dump(exclude_none=True) else None,
        )

    def assignment(self) -> WorkItemAssignmentV1:
        """Who works on it, as the protocol has it."""
        owner = None if self.owner is None else str(self.owner)
        return WorkItemAssignmentV1(work_item_id=self.id, owner_user_id=owner, workforce_member_id=self.member)


async def page(
    database: Database, workspace: str, *, after: tuple[datetime, str], rows: int, where: Mapping[str, str | None]
) -> list[WorkItem]:
    """Up to ``rows`` of them, oldest first.

    Args:
        where: values by the names in :data:`FILTERS`; None is any.
    """
    wanted = [(name, value) for name, value in where.items() if value is not None]
    conditions = "".join(
        f" AND {FILTERS[name].replace('$0', f'${number}::text')}" for number, (name, _) in enumerate(wanted, 5)
    )
    found = await database.fetch(
        f"{_ITEMS} AND (created_at, item.id) > ($2, $3){conditions} ORDER BY created_at, item.id LIMIT $4",
        workspace, *after, rows, *(storable(value) for _, value in wanted),
    )  # fmt: skip
    return [WorkItem(**row) for row in found]


async def find(where: Connection | Database, workspace: str, item: str) -> WorkItem:
    """One of them.

    Raises:
        Refused: there is no such piece of business.
    """
    row = await where.fetchrow(f"{_ITEMS} AND item.id = $2", workspace, storable(item))
    if row is None:
        raise not_found("Work item", item)
    return WorkItem(**row)


async def add(
    connection: Connection,
    workspace: str,
    *,
    title: str,
    by: str,
    now: datetime,
    owner: UUID | None = None,
    due_at: datetime | None = None,
    external_refs: Sequence[Mapping[str, object]] = (),
) -> WorkItem:
    """Make one."""
    new = str(uuid4())
    await connection.execute(
        """
        INSERT INTO runs_work_items
            (workspace, id, title, status, owner, due_at, external_refs, created_at, created_by)
        VALUES ($1, $2, $3, 'Open', $4, $5, $6, $7, $8)
        """,
        workspace, new, title, owner, due_at, list(external_refs), now, by,
    )  # fmt: skip
    return await find(connection, workspace, new)


async def of_run(
    connection: Connection, workspace: str, run: str, *, title: str, workflow: str, by: str, now: datetime
) -> str:
    """The piece of business that a run's tasks belong to when they belong to no other: made with the first of them."""
    item = f"work-{run}"
    await connection.execute(
        """
        INSERT INTO runs_work_items
            (workspace, id, title, status, run_ids, workflow_ids, created_at, created_by)
        VALUES ($1, $2, $3, 'InProgress', ARRAY[$4], ARRAY[$5], $6, $7) ON CONFLICT DO NOTHING
        """,
        workspace, item, title[:200], run, workflow, now, by,
    )  # fmt: skip
    return item


async def change(connection: Connection, found: WorkItem, changes: Mapping[str, object]) -> WorkItem:
    """Change what is given: ``title``, ``status``, ``owner``, ``member``, ``due_at``, ``external_refs``."""
    new = {
        name: changes.get(name, getattr(found, name))
        for name in ("title", "status", "owner", "member", "due_at", "external_refs")
    }
    await connection.execute(
        """
        UPDATE runs_work_items SET title = $3, status = $4, owner = $5, member = $6, due_at = $7, external_refs = $8
        WHERE workspace = $1 AND id = $2
        """,
        found.workspace, found.id, *new.values(),
    )  # fmt: skip
    return await find(connection, found.workspace, found.id)
