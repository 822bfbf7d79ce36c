"""The rows of runs, their steps, plans and approvals: read and written here only, each by what they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final, TypeAlias, cast
from uuid import UUID

import asyncpg
import msgspec

from runyard.database import Connection, Database
from runyard.services.runs.engine.model import Approval, Run, Step
from runyard.services.runs.engine.plan import Plan
from runyard.services.runs.engine.spec import Spec
from runyard.services.runs.engine.states import RunStatus
from runyard.services.runs.engine.tiers import Tier
from runyard.services.runs.ledger import Book

Where: TypeAlias = "Database | Connection"
"""A statement by itself, or one of an open transaction."""

_RUN_FIELDS: Final = tuple(one.name for one in fields(Run))
_STEP_FIELDS: Final = tuple(one.name for one in fields(Step))
_APPROVAL_FIELDS: Final = tuple(one.name for one in fields(Approval))

RUN_COLUMNS: Final = ", ".join(f"runs.{name}" for name in _RUN_FIELDS)
APPROVAL_COLUMNS: Final = ", ".join(_APPROVAL_FIELDS)


def _insert(table: str, names: Sequence[str]) -> str:
    places = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"


_ADD_RUN: Final = _insert("runs", _RUN_FIELDS)
_ADD_APPROVAL: Final = _insert("runs_approvals", _APPROVAL_FIELDS)
_SAVE_STEP: Final = (
    _insert("runs_steps", ("run", *_STEP_FIELDS))
    + " ON CONFLICT (run, action) DO UPDATE SET "
    + ", ".join(f"{name} = EXCLUDED.{name}" for name in _STEP_FIELDS if name not in {"action", "place"})
)

_WHOLE: Final = f"""
    SELECT {RUN_COLUMNS}, spec, (SELECT at FROM runs_heads AS h WHERE h.workspace = runs.workspace) AS written_at,
        (SELECT jsonb_agg(to_jsonb(s) - 'run') FROM runs_steps AS s WHERE s.run = runs.id) AS steps,
        (SELECT jsonb_agg(to_jsonb(a) ORDER BY a.requested_at, a.id) FROM runs_approvals AS a WHERE a.run = runs.id)
            AS approvals
    FROM runs JOIN workflow_versions AS v ON v.workspace = runs.workspace AND v.workflow = runs.workflow
        AND v.version = runs.workflow_version
    WHERE runs.id = $1
"""


_ASKERS: Final = """
    WITH RECURSIVE line AS (
        SELECT id, retry_of, started_by FROM runs WHERE id = $1
        UNION SELECT runs.id, runs.retry_of, runs.started_by FROM runs JOIN line ON runs.id = line.retry_of
    )
    SELECT started_by AS asker FROM line
    UNION SELECT created_by FROM runs_plans WHERE run IN (SELECT id FROM line)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A run and what belongs to it. Actions that nothing has happened to have a pending step.

    Attributes:
        written_at: the time of what was written last in its workspace, perhaps by a clock that is ahead of ours.
    """

    run: Run
    written_at: datetime
    spec: Spec
    steps: dict[str, Step]
    approvals: list[Approval]


# -------------------------------------------------------------------- runs


async def run(where: Where, workspace: str, run_id: str) -> Run | None:
    """A run of a workspace."""
    row = await where.fetchrow(f"SELECT {RUN_COLUMNS} FROM runs WHERE id = $1 AND workspace = $2", run_id, workspace)
    return None if row is None else run_of(row)


async def whole(where: Where, run_id: str) -> Whole | None:
    """A run of any workspace with all its rows, in one statement."""
    row = await where.fetchrow(_WHOLE, run_id)
    if row is None:
        return None
    spec = msgspec.convert(row["spec"], Spec)
    known = {one["action"]: msgspec.convert(one, Step) for one in row["steps"] or ()}
    return Whole(
        run=run_of(row),
        written_at=row["written_at"],
        spec=spec,
        steps={
            one.action_id: known.get(one.action_id) or Step(action=one.action_id, place=place)
            for place, one in enumerate(spec.actions)
        },
        approvals=[msgspec.convert(one, Approval) for one in row["approvals"] or ()],
    )


def add_run(book: Book, new: Run) -> None:
    """Keep a new run, once the book is closed."""
    book.later(f"run AS ({_ADD_RUN})", *(getattr(new, name) for name in _RUN_FIELDS))


async def save_run(connection: Connection, changed: Run) -> None:
    """Keep what of a run can change."""
    await connection.execute(
        "UPDATE runs SET status = $2, hold = $3, operator = $4, output = $5, error = $6, started_at = $7,"
        " ended_at = $8, parameters = $9, revision = $10, tier = $11 WHERE id = $1",
        changed.id, changed.status, changed.hold, changed.operator, changed.output, changed.error,
        changed.started_at, changed.ended_at, changed.parameters, changed.revision, changed.tier,
    )  # fmt: skip


def run_of(row: asyncpg.Record) -> Run:
    """A run from a row that has :data:`RUN_COLUMNS`."""
    values = {name: row[name] for name in _RUN_FIELDS}
    return Run(**{**values, "status": RunStatus(row["status"]), "tier": Tier(row["tier"])})


# -------------------------------------------------------------------- steps


async def save_steps(connection: Connection, run_id: str, changed: Sequence[Step]) -> None:
    """Keep steps as they are now."""
    await connection.executemany(
        _SAVE_STEP, [(run_id, *(getattr(one, name) for name in _STEP_FIELDS)) for one in changed]
    )


# -------------------------------------------------------------------- plans


def plan_id(digest: str) -> str:
    """What a plan is called: by its own hash, so the same doings of a run are the same plan."""
    return f"plan-{digest[:32]}"


async def add_plan(
    connection: Connection, workspace: str, plan: Plan, *, action: str | None, by: UUID, now: datetime
) -> tuple[str, bool]:
    """Keep a plan; its id, and whether it is new."""
    digest = plan.digest()
    made = await connection.fetchval(
        "INSERT INTO runs_plans (id, workspace, run, action, body, hash, created_at, created_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING RETURNING id",
        plan_id(digest), workspace, plan.run_id, action, msgspec.to_builtins(plan), digest, now, by,
    )  # fmt: skip
    return plan_id(digest), made is not None


async def plan(where: Where, workspace: str, plan_id: str) -> asyncpg.Record | None:
    """A plan of a workspace: ``id, run, action, body, hash, created_at, created_by``."""
    return await where.fetchrow(
        "SELECT id, run, action, body, hash, created_at, created_by FROM runs_plans WHERE id = $1 AND workspace = $2",
        plan_id, workspace,
    )  # fmt: skip


async def plan_of_run(where: Where, run_id: str) -> str:
    """The newest plan of a whole run."""
    return cast(
        "str",
        await where.fetchval(
            "SELECT id FROM runs_plans WHERE run = $1 AND action IS NULL ORDER BY created_at DESC, id LIMIT 1", run_id
        ),
    )


async def askers(where: Where, run_id: str) -> frozenset[UUID]:
    """Who has asked for what a run does: who started it, or one that it goes on from, and who made plans of them."""
    found = await where.fetch(_ASKERS, run_id)
    return frozenset(row["asker"] for row in found)


# -------------------------------------------------------------------- approvals


async def approval(where: Where, workspace: str, approval_id: str) -> Approval | None:
    """An approval of a workspace."""
    row = await where.fetchrow(
        f"SELECT {APPROVAL_COLUMNS} FROM runs_approvals WHERE id = $1 AND workspace = $2", approval_id, workspace
    )
    return None if row is None else approval_of(row)


async def add_approval(connection: Connection, new: Approval) -> None:
    """Keep a new approval."""
    await connection.execute(_ADD_APPROVAL, *(getattr(new, name) for name in _APPROVAL_FIELDS))


async def save_approval(connection: Connection, changed: Approval) -> None:
    """Keep what of an approval can change."""
    await connection.execute(
        "UPDATE runs_approvals SET status = $2, asked = $3, assignee = $4, due_at = $5, escalated = $6,"
        " decided_at = $7, decided_by = $8, rationale = $9, void = $10 WHERE id = $1",
        changed.id, changed.status, list(changed.asked), changed.assignee, changed.due_at, changed.escalated,
        changed.decided_at, changed.decided_by, changed.rationale, changed.void,
    )  # fmt: skip


async def vote(connection: Connection, approval_id: str, user: UUID, *, rationale: str, now: datetime) -> int | None:
    """Keep that somebody approves; how many people do by now, None if they had done so before."""
    count = await connection.fetchval(
        "WITH new AS (INSERT INTO runs_votes (approval, user_id, at, rationale) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING RETURNING approval)"
        " SELECT 1 + (SELECT count(*) FROM runs_votes WHERE approval = $1) FROM new",  # it doesn't see the new one
        approval_id, user, now, rationale,
    )  # fmt: skip
    return cast("int | None", count)


async def votes(where: Where, approval_id: str) -> list[UUID]:
    """Who has approved so far."""
    rows = await where.fetch("SELECT user_id FROM runs_votes WHERE approval = $1 ORDER BY at, user_id", approval_id)
    return [row["user_id"] for row in rows]


def approval_of(row: Mapping[str, object]) -> Approval:
    """An approval from a row that has :data:`APPROVAL_COLUMNS`."""
    values = {name: row[name] for name in _APPROVAL_FIELDS}
    for name in ("roles", "barred", "asked", "escalate_to"):
        values[name] = tuple(cast("Sequence[object]", values[name]))
    return Approval(**values)  # type: ignore[arg-type]
