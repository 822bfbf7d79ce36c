"""Lists of runs and approvals: pages by key, each filter with an index of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from runyard.database import Database
from runyard.identity.checks import storable
from runyard.services.runs.engine.model import Approval, Run
from runyard.services.runs.engine.rows import APPROVAL_COLUMNS, RUN_COLUMNS, approval_of, run_of
from runyard.sizes import KIB

LARGEST_OUTPUT: Final = 64 * KIB
"""Bytes of JSON above which a list leaves a run's output out, so that no page is larger than anybody can take."""

_COLUMNS: Final = RUN_COLUMNS.replace(
    "runs.output", f"CASE WHEN octet_length(runs.output::text) <= {LARGEST_OUTPUT} THEN runs.output END AS output"
)


async def page_of_runs(
    database: Database, workspace: str, filters: Mapping[str, object], *, after: tuple[datetime, str], rows: int
) -> list[Run]:
    """Up to ``rows`` runs, in the order of their start, without outputs above :data:`LARGEST_OUTPUT`.

    Args:
        filters: values of columns; None for any.
    """
    conditions, values = _conditions(filters, 5)
    found = await database.fetch(
        f"SELECT {_COLUMNS} FROM runs WHERE workspace = $1 AND (created_at, id) > ($2, $3){conditions}"
        " ORDER BY created_at, id LIMIT $4",
        workspace, *after, rows, *values,
    )  # fmt: skip
    return [run_of(row) for row in found]


async def page_of_approvals(
    database: Database, workspace: str, filters: Mapping[str, object], *, after: tuple[datetime, str], rows: int
) -> list[Approval]:
    """Up to ``rows`` approvals, in the order in which they were asked for."""
    conditions, values = _conditions(filters, 5)
    found = await database.fetch(
        f"SELECT {APPROVAL_COLUMNS} FROM runs_approvals WHERE workspace = $1 AND (requested_at, id) > ($2, $3)"
        f"{conditions} ORDER BY requested_at, id LIMIT $4",
        workspace, *after, rows, *values,
    )  # fmt: skip
    return [approval_of(row) for row in found]


def _conditions(filters: Mapping[str, object], first: int) -> tuple[str, list[object]]:
    """Conditions on the columns that have a value."""
    wanted = {column: value for column, value in filters.items() if value is not None}
    conditions = "".join(f" AND {column} = ${place}" for place, column in enumerate(wanted, first))
    return conditions, [storable(str(value)) for value in wanted.values()]
