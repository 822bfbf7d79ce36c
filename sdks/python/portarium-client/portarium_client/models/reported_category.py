from enum import Enum


class ReportedCategory(str, Enum):
    ACTION = "Action"
    TOOLEXECUTION = "ToolExecution"

    def __str__(self) -> str:
        return str(self.value)
