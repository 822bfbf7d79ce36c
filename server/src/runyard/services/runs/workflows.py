"""Workflows and their versions. The only module that writes their tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from runyard.database import Connection, Database
from runyard.services.runs.engine.catalogue import Catalogue
from runyard.services.runs.engine.checking import problems
from runyard.services.runs.engine.spec import Spec
from runyard.services.runs.refused import Refused, conflict, not_found

_COLUMNS: Final = "w.workspace, w.id, w.name, w.description, w.version, w.active, w.created_at, v.spec"
_FROM: Final = (
    "workflows AS w JOIN workflow_versions AS v ON v.workspace = w.workspace AND v.workflow = w.id"
    " AND v.version = w.version"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow in its newest version."""

    workspace: str
    id: str
    name: str
    description: str | None
    version: int
    active: bool
    created_at: datetime
    spec: Spec


async def find(where: Connection | Database, workspace: str, workflow: str) -> Workflow:
    """The workflow of this id.

    Raises:
        Refused: there is none, or it was archived.
    """
    row = await where.fetchrow(
        f"SELECT {_COLUMNS} FROM {_FROM} WHERE w.workspace = $1 AND w.id = $2 AND w.archived_at IS NULL",
        workspace, workflow,
    )  # fmt: skip
    if row is None:
        raise not_found("Workflow", workflow)
    return _workflow(row)


async def page(database: Database, workspace: str, *, after: tuple[datetime, str], rows: int) -> list[Workflow]:
    """Up to ``rows`` workflows, in the order of their making."""
    found = await database.fetch(
        f"SELECT {_COLUMNS} FROM {_FROM} WHERE w.workspace = $1 AND w.archived_at IS NULL"
        " AND (w.created_at, w.id) > ($2, $3) ORDER BY w.created_at, w.id LIMIT $4",
        workspace, *after, rows,
    )  # fmt: skip
    return [_workflow(row) for row in found]


async def add(
    connection: Connection, workspace: str, *, name: str, description: str | None, spec: Spec, by: UUID, now: datetime
) -> Workflow:
    """Keep a new workflow. Its id comes of its name: ``wf-invoice-approval``.

    Raises:
        Refused: another one has the name.
    """
    new = Workflow(
        workspace=workspace, id=await _free_id(connection, workspace, name), name=name, description=description,
        version=1, active=True, created_at=now, spec=spec,
    )  # fmt: skip
    try:
        async with connection.transaction():
            await connection.execute(
                "INSERT INTO workflows (workspace, id, name, description, version, active, created_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                workspace, new.id, name, description, 1, True, now,
            )  # fmt: skip
    except asyncpg.UniqueViolationError:
        raise _taken(name) from None
    await _add_version(connection, new, by=by, now=now)
    return new


async def change(
    connection: Connection, workflow: Workflow, *, changes: Mapping[str, object], spec: Spec, by: UUID, now: datetime
) -> Workflow:
    """Change ``name``, ``description`` and ``active`` as named; another spec is another version.

    Raises:
        Refused: another workflow has the name.
    """
    changed = replace(workflow, **changes)  # type: ignore[arg-type]
    if spec != workflow.spec:
        changed = replace(changed, spec=spec, version=workflow.version + 1)
        await _add_version(connection, changed, by=by, now=now)
    try:
        async with connection.transaction():
            await connection.execute(
                "UPDATE workflows SET name = $3, description = $4, active = $5, version = $6"
                " WHERE workspace = $1 AND id = $2",
                workflow.workspace, workflow.id, changed.name, changed.description, changed.active, changed.version,
            )  # fmt: skip
    except asyncpg.UniqueViolationError:
        raise _taken(changed.name) from None
    return changed


async def archive(connection: Connection, workflow: Workflow, *, now: datetime) -> None:
    """Put a workflow away. Runs that have begun go on with their version."""
    await connection.execute(
        "UPDATE workflows SET archived_at = $3, active = false WHERE workspace = $1 AND id = $2",
        workflow.workspace, workflow.id, now,
    )  # fmt: skip


async def is_active(where: Connection | Database, workspace: str, workflow: str) -> bool:
    """Whether runs of a workflow may begin. Those of one that was archived may not."""
    return bool(
        await where.fetchval("SELECT active FROM workflows WHERE workspace = $1 AND id = $2", workspace, workflow)
    )


async def disable(connection: Connection, workspace: str, workflow: str) -> None:
    """Let nobody start the workflow until somebody makes it active again."""
    await connection.execute(
        "UPDATE workflows SET active = false WHERE workspace = $1 AND id = $2", workspace, workflow
    )


def check(spec: Spec, catalogue: Catalogue) -> None:
    """Return if nothing is wrong with what a workflow says.

    Raises:
        Refused: something is; every problem is told, by field.
    """
    if found := problems(spec, catalogue):
        field, texts = next(iter(found.items()))
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise Refused("validation-failed", f"{field}: {texts[0]}{more}", errors=found)


async def _add_version(connection: Connection, workflow: Workflow, *, by: UUID, now: datetime) -> None:
    await connection.execute(
        "INSERT INTO workflow_versions (workspace, workflow, version, spec, created_at, created_by)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        workflow.workspace, workflow.id, workflow.version, msgspec.to_builtins(workflow.spec), now, by,
    )  # fmt: skip


async def _free_id(connection: Connection, workspace: str, name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60].strip("-") or "workflow"
    base = words if words.startswith("wf-") else f"wf-{words}"
    taken = await connection.fetch(
        "SELECT id FROM workflows WHERE workspace = $1 AND (id = $2 OR starts_with(id, $2 || '-'))", workspace, base
    )
    known, number, found = {row["id"] for row in taken}, 1, base
    while found in known:
        number += 1
        found = f"{base}-{number}"
    return found


def _taken(name: str) -> Refused:
    return conflict(f"A workflow called {name!r} exists already.")


def _workflow(row: asyncpg.Record) -> Workflow:
    return Workflow(**{**row, "spec": msgspec.convert(row["spec"], Spec)})
