from enum import Enum


class ApprovalDecision(str, Enum):
    APPROVED = "Approved"
    DENIED = "Denied"
    REQUESTCHANGES = "RequestChanges"

    def __str__(self) -> str:
        return str(self.value)
