from enum import Enum


class AgentActionProposalDecision(str, Enum):
    ALLOW = "Allow"
    NEEDSAPPROVAL = "NeedsApproval"

    def __str__(self) -> str:
        return str(self.value)
