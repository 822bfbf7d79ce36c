from enum import Enum


class PolicyDecisionDecision(str, Enum):
    ALLOW = "Allow"
    DENY = "Deny"
    HUMANAPPROVE = "HumanApprove"

    def __str__(self) -> str:
        return str(self.value)
