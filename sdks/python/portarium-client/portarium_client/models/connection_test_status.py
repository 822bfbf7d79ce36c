from enum import Enum


class ConnectionTestStatus(str, Enum):
    OK = "ok"
    SLOW = "slow"
    UNREACHABLE = "unreachable"

    def __str__(self) -> str:
        return str(self.value)
