from enum import Enum


class LocationPurpose(str, Enum):
    COMPLIANCE_AUDIT = "compliance-audit"
    INCIDENT_RESPONSE = "incident-response"
    OPERATIONS = "operations"

    def __str__(self) -> str:
        return str(self.value)
