from enum import Enum


class Intervention(str, Enum):
    ANNOTATE = "annotate"
    EMERGENCY_DISABLE = "emergency-disable"
    ESCALATE = "escalate"
    FREEZE = "freeze"
    HANDOFF = "handoff"
    PAUSE = "pause"
    REQUEST_EVIDENCE = "request-evidence"
    REQUEST_MORE_EVIDENCE = "request-more-evidence"
    REROUTE = "reroute"
    RESUME = "resume"
    SANDBOX = "sandbox"

    def __str__(self) -> str:
        return str(self.value)
