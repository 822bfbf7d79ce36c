"""Workflows, plans, runs, steps, approvals."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS: tuple[str, ...] = (
    # ------------------------------------------------------------------ jobs
    "ALTER TABLE jobs DROP CONSTRAINT jobs_awaits_check",
    "ALTER TABLE jobs ADD CONSTRAINT jobs_awaits_check CHECK (awaits IN ('children', 'message', 'news', 'time'))",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
