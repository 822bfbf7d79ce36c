from enum import Enum


class RunV1ControlState(str, Enum):
    BLOCKED = "blocked"
    DEGRADED = "degraded"
    FROZEN = "frozen"
    OPERATOR_OWNED = "operator-owned"
    WAITING = "waiting"

    def __str__(self) -> str:
        return str(self.value)
