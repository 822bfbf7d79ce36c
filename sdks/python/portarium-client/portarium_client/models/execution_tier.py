from enum import Enum


class ExecutionTier(str, Enum):
    ASSISTED = "Assisted"
    AUTO = "Auto"
    HUMANAPPROVE = "HumanApprove"
    MANUALONLY = "ManualOnly"

    def __str__(self) -> str:
        return str(self.value)
