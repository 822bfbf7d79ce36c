from enum import Enum


class UserRole(str, Enum):
    ADMIN = "admin"
    APPROVER = "approver"
    AUDITOR = "auditor"
    OPERATOR = "operator"

    def __str__(self) -> str:
        return str(self.value)
