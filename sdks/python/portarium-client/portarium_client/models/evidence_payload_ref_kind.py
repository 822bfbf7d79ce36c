from enum import Enum


class EvidencePayloadRefKind(str, Enum):
    ARTIFACT = "Artifact"
    DIFF = "Diff"
    LOG = "Log"
    SNAPSHOT = "Snapshot"

    def __str__(self) -> str:
        return str(self.value)
