"""Layers of maps in the database. The only module that writes their table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from runyard.database import Connection, Database
from runyard.identity.checks import storable
from runyard.services.runs.models.places import CreateMapLayerRequest, MapLayerType, MapLayerV1
from runyard.services.runs.refused import conflict

_COLUMNS: Final = "id, workspace, site, floor, layer_type, coordinate_frame, version, valid_from, valid_to, created_at"
FILTERS: Final[Mapping[str, str]] = {
    "site": "site = $0::text", "floor": "floor = $0::text", "layer_type": "layer_type = $0::text",
    "version": "version = $0::integer",
}  # fmt: skip
"""What a list can be narrowed by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapLayer:
    """A layer of a map."""

    id: str
    workspace: str
    site: str
    floor: str
    layer_type: str
    coordinate_frame: str
    version: int
    valid_from: datetime
    valid_to: datetime | None
    created_at: datetime

    def shown(self) -> MapLayerV1:
        """As the protocol has it."""
        return MapLayerV1(
            map_layer_id=self.id,
            tenant_id=self.workspace,
            site_id=self.site,
            floor_id=self.floor,
            layer_type=MapLayerType(self.layer_type),
            coordinate_frame=self.coordinate_frame,
            version=self.version,
            valid_from_iso=self.valid_from,
            valid_to_iso=self.valid_to,
        )


async def page(
    database: Database,
    workspace: str,
    *,
    after: tuple[datetime, str],
    rows: int,
    where: Mapping[str, str | int | None],
) -> list[MapLayer]:
    """Up to ``rows`` layers, in the order in which they were added.

    Args:
        where: values by the names in :data:`FILTERS`; None is any.
    """
    wanted = [(name, value) for name, value in where.items() if value is not None]
    conditions = "".join(
        f" AND {FILTERS[name].replace('$0', f'${number}')}" for number, (name, _) in enumerate(wanted, 5)
    )
    found = await database.fetch(
        f"""
        SELECT {_COLUMNS} FROM runs_map_layers WHERE workspace = $1 AND (created_at, id) > ($2, $3){conditions}
        ORDER BY created_at, id LIMIT $4
        """,
        workspace, *after, rows, *(storable(value) if isinstance(value, str) else value for _, value in wanted),
    )  # fmt: skip
    return [MapLayer(**row) for row in found]


async def add(connection: Connection, workspace: str, asked: CreateMapLayerRequest, *, now: datetime) -> MapLayer:
    """Add one.

    Raises:
        Refused: there is that version of it already.
    """
    row = await connection.fetchrow(
        f"""
        INSERT INTO runs_map_layers (workspace, id, site, floor, layer_type, coordinate_frame, version, valid_from,
            valid_to, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
        """,
        workspace, f"layer-{uuid4()}", asked.site_id, asked.floor_id, asked.layer_type, asked.coordinate_frame,
        asked.version, asked.valid_from_iso, asked.valid_to_iso, now,
    )  # fmt: skip
    if row is None:
        raise conflict(f"There is version {asked.version} of the {asked.layer_type} of that place already.")
    return MapLayer(**row)
