"""Where things are, and the maps of where they may be, as the protocol shows them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from runyard.services.runs.models.base import WHOLE, Answer, Ask, Id, Iso, Listing, Maybe, Text, Version
from runyard.services.runs.models.shapes import Part

Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Deviation: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LocationSourceType(StrEnum):
    """How a position was found."""

    GPS = "GPS"
    RTLS = "RTLS"
    SLAM = "SLAM"
    ODOMETRY = "odometry"
    FUSION = "fusion"


class LocationPurpose(StrEnum):
    """What positions are looked at for."""

    OPERATIONS = "operations"
    INCIDENT_RESPONSE = "incident-response"
    COMPLIANCE_AUDIT = "compliance-audit"


class LocationPose(Part):
    """A position and a heading, in metres and radians of its coordinate frame."""

    x: Finite
    y: Finite
    z: Finite
    yaw_radians: Finite


class KnownQuality(Part):
    """How good a position is."""

    status: Literal["Known"]
    horizontal_std_dev_meters: Deviation
    vertical_std_dev_meters: Maybe[Deviation] = None


class UnknownQuality(Part):
    """Why nobody knows how good a position is."""

    status: Literal["Unknown"]
    reason: Text


Quality: TypeAlias = Annotated[KnownQuality | UnknownQuality, Field(discriminator="status")]


class LocationEventV1(Answer):
    """Where something was at a moment."""

    schema_version: Version = 1
    location_event_id: Id
    tenant_id: Id
    asset_id: Id
    robot_id: Maybe[Id] = None
    source_stream_id: Id
    source_type: LocationSourceType
    coordinate_frame: Id
    observed_at_iso: Iso
    ingested_at_iso: Iso
    pose: LocationPose
    quality: Quality
    correlation_id: Id


class LocationEventListResponse(Listing):
    """A page of positions, in the order in which they were observed."""

    items: list[LocationEventV1]


class ReportedLocation(Part):
    """Where something was, as it is reported. The site and the floor are for filters."""

    asset_id: Id
    robot_id: Maybe[Id] = None
    source_stream_id: Id
    source_type: LocationSourceType
    coordinate_frame: Id
    observed_at_iso: Iso
    pose: LocationPose
    quality: Quality
    site_id: Maybe[Id] = None
    floor_id: Maybe[Id] = None


class ReportLocationEventsRequest(Ask):
    """Positions, in the order in which they were observed."""

    events: Annotated[list[ReportedLocation], Field(min_length=1, max_length=200)]


class MapLayerType(StrEnum):
    """What a layer of a map shows."""

    FLOORPLAN = "Floorplan"
    OCCUPANCY_GRID = "OccupancyGrid"
    GEOFENCE = "Geofence"
    SEMANTIC_ZONE = "SemanticZone"


MapVersion: TypeAlias = Annotated[int, Field(ge=1, le=2**31 - 1), WHOLE]


class MapLayerV1(Answer):
    """A layer of a map."""

    schema_version: Version = 1
    map_layer_id: Id
    tenant_id: Id
    site_id: Id
    floor_id: Id
    layer_type: MapLayerType
    coordinate_frame: Id
    version: MapVersion
    valid_from_iso: Iso
    valid_to_iso: Maybe[Iso] = None


class MapLayerListResponse(Listing):
    """A page of layers."""

    items: list[MapLayerV1]


class CreateMapLayerRequest(Ask):
    """A new layer, or a new version of one."""

    site_id: Id
    floor_id: Id
    layer_type: MapLayerType
    coordinate_frame: Id
    version: MapVersion = 1
    valid_from_iso: Iso
    valid_to_iso: Maybe[Iso] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to_iso is not None and self.valid_to_iso <= self.valid_from_iso:
            raise ValueError("validToIso has to be after validFromIso")
        return self
