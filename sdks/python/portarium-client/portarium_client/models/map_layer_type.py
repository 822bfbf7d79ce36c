from enum import Enum


class MapLayerType(str, Enum):
    FLOORPLAN = "Floorplan"
    GEOFENCE = "Geofence"
    OCCUPANCYGRID = "OccupancyGrid"
    SEMANTICZONE = "SemanticZone"

    def __str__(self) -> str:
        return str(self.value)
