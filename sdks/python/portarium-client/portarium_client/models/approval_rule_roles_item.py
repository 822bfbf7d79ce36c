from enum import Enum


class ApprovalRuleRolesItem(str, Enum):
    ADMIN = "admin"
    APPROVER = "approver"

    def __str__(self) -> str:
        return str(self.value)
