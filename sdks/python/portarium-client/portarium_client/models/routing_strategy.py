from enum import Enum


class RoutingStrategy(str, Enum):
    LEAST_BUSY = "least-busy"
    MANUAL = "manual"
    ROUND_ROBIN = "round-robin"

    def __str__(self) -> str:
        return str(self.value)
