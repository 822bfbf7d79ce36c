from enum import Enum


class AvailabilityStatus(str, Enum):
    AVAILABLE = "available"
    BUSY = "busy"
    OFFLINE = "offline"

    def __str__(self) -> str:
        return str(self.value)
