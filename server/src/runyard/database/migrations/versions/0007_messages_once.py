"""Messages to jobs that their senders may repeat."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = ("ALTER TABLE idempotency ADD seq bigint",)  # of the event that the request made; none: it made the job


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
