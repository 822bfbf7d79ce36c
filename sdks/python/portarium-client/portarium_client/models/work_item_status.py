from enum import Enum


class WorkItemStatus(str, Enum):
    BLOCKED = "Blocked"
    CLOSED = "Closed"
    INPROGRESS = "InProgress"
    OPEN = "Open"
    RESOLVED = "Resolved"

    def __str__(self) -> str:
        return str(self.value)
