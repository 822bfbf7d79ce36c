from enum import Enum


class ApprovalStatus(str, Enum):
    APPROVED = "Approved"
    DENIED = "Denied"
    PENDING = "Pending"
    REQUESTCHANGES = "RequestChanges"

    def __str__(self) -> str:
        return str(self.value)
