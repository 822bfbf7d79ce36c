from enum import Enum


class MachineStatus(str, Enum):
    DEGRADED = "Degraded"
    OFFLINE = "Offline"
    ONLINE = "Online"

    def __str__(self) -> str:
        return str(self.value)
