"""Files of a workspace: those that were uploaded for runs, and those that their actions have made."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from runyard.artifacts import ArtifactStore, Blob
from runyard.database import Connection, Database


async def known_files(where: Database | Connection, workspace: str, digests: Collection[str]) -> set[str]:
    """Those of the digests that were uploaded to the workspace: nobody learns what others have stored."""
    rows = await where.fetch(
        "SELECT digest FROM runs_files WHERE workspace = $1 AND digest = ANY($2)", workspace, list(digests)
    )
    return {row["digest"] for row in rows}


async def find_file(where: Database | Connection, workspace: str, digest: str) -> tuple[str, int, datetime] | None:
    """Name, size and time of a file that was uploaded to the workspace, or that an action of its runs has made."""
    row = await where.fetchrow(
        # One by one, each by its index: the planner takes steps with some file for far more than they are.
        "WITH step AS MATERIALIZED (SELECT run, files, ended_at FROM runs_steps"
        " WHERE files <> '{}' AND jsonb_path_query_array(files, '$.*.sha256') @> jsonb_build_array($2::text))"
        " SELECT name, size, created_at FROM runs_files WHERE workspace = $1 AND digest = $2 UNION ALL"
        " SELECT file.value->>'name', (file.value->>'size')::bigint, coalesce(step.ended_at, run.created_at)"
        " FROM step, LATERAL (SELECT created_at FROM runs WHERE id = step.run AND workspace = $1 OFFSET 0) AS run,"
        " jsonb_each(step.files) AS file WHERE file.value->>'sha256' = $2 LIMIT 1",
        workspace, digest,
    )  # fmt: skip
    return None if row is None else (row["name"], row["size"], row["created_at"])


async def keep_file(
    connection: Connection, artifacts: ArtifactStore, workspace: str, blob: Blob, *, name: str, by: UUID, now: datetime
) -> None:
    """Keep an uploaded file for the workspace's runs. The same content again gets the newer name."""
    await connection.execute(
        "INSERT INTO runs_files (workspace, digest, name, size, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (workspace, digest) DO UPDATE SET name = EXCLUDED.name",
        workspace, blob.digest, name, blob.size, now, by,
    )  # fmt: skip
    await artifacts.pin(blob.digest, f"runs/{workspace}/{blob.digest}", connection=connection)
