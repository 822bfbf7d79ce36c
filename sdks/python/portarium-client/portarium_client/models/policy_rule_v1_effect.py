from enum import Enum


class PolicyRuleV1Effect(str, Enum):
    ALLOW = "Allow"
    DENY = "Deny"

    def __str__(self) -> str:
        return str(self.value)
