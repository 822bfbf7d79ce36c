from enum import Enum


class RunStatus(str, Enum):
    CANCELLED = "Cancelled"
    FAILED = "Failed"
    PAUSED = "Paused"
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    WAITINGFORAPPROVAL = "WaitingForApproval"

    def __str__(self) -> str:
        return str(self.value)
