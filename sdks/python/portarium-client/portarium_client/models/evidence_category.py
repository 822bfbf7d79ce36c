from enum import Enum


class EvidenceCategory(str, Enum):
    ACTION = "Action"
    APPROVAL = "Approval"
    PLAN = "Plan"
    POLICY = "Policy"
    SYSTEM = "System"

    def __str__(self) -> str:
        return str(self.value)
