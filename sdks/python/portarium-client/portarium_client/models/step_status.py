from enum import Enum


class StepStatus(str, Enum):
    CANCELLED = "Cancelled"
    FAILED = "Failed"
    PENDING = "Pending"
    RUNNING = "Running"
    SKIPPED = "Skipped"
    SUCCEEDED = "Succeeded"

    def __str__(self) -> str:
        return str(self.value)
