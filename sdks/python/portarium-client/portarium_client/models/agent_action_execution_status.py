from enum import Enum


class AgentActionExecutionStatus(str, Enum):
    EXECUTED = "Executed"
    EXECUTING = "Executing"
    FAILED = "Failed"

    def __str__(self) -> str:
        return str(self.value)
