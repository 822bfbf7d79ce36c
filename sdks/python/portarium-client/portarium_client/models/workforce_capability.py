from enum import Enum


class WorkforceCapability(str, Enum):
    OPERATIONS_APPROVAL = "operations.approval"
    OPERATIONS_DISPATCH = "operations.dispatch"
    OPERATIONS_ESCALATION = "operations.escalation"
    ROBOTICS_SAFETY_OVERRIDE = "robotics.safety.override"
    ROBOTICS_SUPERVISION = "robotics.supervision"

    def __str__(self) -> str:
        return str(self.value)
