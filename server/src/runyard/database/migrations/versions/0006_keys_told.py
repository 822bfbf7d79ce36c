"""Word of changed keys, for the processes that remember whom they recognised."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    # Every use of a key is noted in its row, too: that is no change of it.
    """
    CREATE TRIGGER changes AFTER UPDATE OF digest, project, expires_at, revoked_at OR DELETE ON api_keys
        FOR EACH ROW EXECUTE FUNCTION tell_of_user()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
