"""Positions in the database, and word of new ones. The only module that writes their table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import uuid4

from runyard.database import Connection, Database, Signals
from runyard.identity.checks import storable
from runyard.services.runs.models.places import LocationEventV1, ReportedLocation

CHANNEL: Final = "runyard_places"
"""Notifications ``<workspace>``."""

RETENTION: Final = timedelta(days=30)
LAST_KNOWN: Final = 1000
"""Things whose last known position a stream begins with."""

FILTERS: Final = ("asset", "site", "floor", "source_type")
"""What a list can be narrowed by."""

_ADD: Final = f"""
    WITH added AS (
        INSERT INTO runs_locations
            (workspace, id, asset, source_type, site, floor, observed_at, ingested_at, body)
        SELECT $1, id, asset, source_type, site, floor, observed_at, $2, body
        FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::bytea[])
            AS new (id, asset, source_type, site, floor, observed_at, body)
    ), expired AS (  -- more than come in, so that there are never many
        DELETE FROM runs_locations WHERE workspace = $1 AND seq = ANY (ARRAY (
            SELECT seq FROM runs_locations WHERE workspace = $1 AND observed_at < $10 ORDER BY observed_at LIMIT 400
        ))
    ) SELECT pg_notify('{CHANNEL}', $1)
"""


class Row(NamedTuple):
    """A position where it is kept."""

    seq: int
    id: str
    observed_at: datetime
    body: bytes


async def add(
    connection: Connection, workspace: str, reported: Sequence[ReportedLocation], *, now: datetime, correlation: str
) -> list[LocationEventV1]:
    """Keep what was reported."""
    events = [
        LocationEventV1(
            location_event_id=str(uuid4()),
            tenant_id=workspace,
            ingested_at_iso=now,
            correlation_id=correlation,
            **{
                name: getattr(one, name)
                for name in ReportedLocation.model_fields
                if name not in {"site_id", "floor_id"}
            },
        )
        for one in reported
    ]
    await connection.execute(
        _ADD, workspace, now, [one.location_event_id for one in events], [one.asset_id for one in events],
        [one.source_type for one in events], [one.site_id for one in reported], [one.floor_id for one in reported],
        [one.observed_at_iso for one in events], [one.encoded() for one in events], now - RETENTION,
    )  # fmt: skip
    return events


async def page(
    database: Database,
    workspace: str,
    *,
    after: tuple[datetime, str],
    rows: int,
    since: datetime,
    until: datetime,
    where: Mapping[str, str | None],
) -> list[Row]:
    """Up to ``rows`` positions of a time, in the order in which they were observed.

    Args:
        where: values by the names in :data:`FILTERS`; None is any.
    """
    wanted = [(name, where[name]) for name in FILTERS if where.get(name) is not None]
    conditions = "".join(f" AND {name} = ${number}" for number, (name, _) in enumerate(wanted, 7))
    found = await database.fetch(
        f"""
        SELECT seq, id, observed_at, body FROM runs_locations
        WHERE workspace = $1 AND (observed_at, id) > ($2, $3) AND observed_at >= $4 AND observed_at <= $5{conditions}
        ORDER BY observed_at, id LIMIT $6
        """,
        workspace, *after, since, until, rows, *(storable(str(value)) for _, value in wanted),
    )  # fmt: skip
    return [Row(*row) for row in found]


async def last_known(database: Database, workspace: str, asset: str | None) -> list[Row]:
    """The last position of each thing, or of one, in the order of their coming."""
    found = await database.fetch(
        """
        SELECT * FROM (
            SELECT DISTINCT ON (asset) seq, id, observed_at, body FROM runs_locations
            WHERE workspace = $1 AND ($2::text IS NULL OR asset = $2) ORDER BY asset, observed_at DESC, id DESC LIMIT $3
        ) AS last ORDER BY seq
        """,
        workspace, asset and storable(asset), LAST_KNOWN,
    )  # fmt: skip
    return [Row(*row) for row in found]


async def news(database: Database, workspace: str, asset: str | None, *, after: int) -> list[Row]:
    """Positions that came after number ``after``, in that order."""
    found = await database.fetch(
        """
        SELECT seq, id, observed_at, body FROM runs_locations
        WHERE workspace = $1 AND seq > $2 AND ($3::text IS NULL OR asset = $3) ORDER BY seq LIMIT 500
        """,
        workspace, after, asset and storable(asset),
    )  # fmt: skip
    return [Row(*row) for row in found]


async def newest(database: Database, workspace: str) -> int:
    """The number of the position that came last; 0 if there is none."""
    found = await database.fetchval("SELECT max(seq) FROM runs_locations WHERE workspace = $1", workspace)
    return found if isinstance(found, int) else 0


@asynccontextmanager
async def listening(signals: Signals, workspace: str, *, closing: asyncio.Event) -> AsyncIterator[asyncio.Event]:
    """An event that is set whenever positions of the workspace come, and when ``closing`` is."""
    came = asyncio.Event()

    def heard(payload: str) -> None:
        if payload == workspace:
            came.set()

    async def end() -> None:
        await closing.wait()
        came.set()

    ending = asyncio.create_task(end(), name="end of a stream of positions")
    await signals.listen(CHANNEL, heard)
    try:
        yield came
    finally:
        signals.unlisten(CHANNEL, heard)
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
