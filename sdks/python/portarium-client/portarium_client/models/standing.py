from enum import Enum


class Standing(str, Enum):
    ACTIVE = "active"
    DRAINING = "draining"
    QUARANTINED = "quarantined"

    def __str__(self) -> str:
        return str(self.value)
