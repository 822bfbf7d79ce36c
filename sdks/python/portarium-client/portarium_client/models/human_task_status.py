from enum import Enum


class HumanTaskStatus(str, Enum):
    ASSIGNED = "assigned"
    COMPLETED = "completed"
    ESCALATED = "escalated"
    IN_PROGRESS = "in-progress"
    PENDING = "pending"

    def __str__(self) -> str:
        return str(self.value)
