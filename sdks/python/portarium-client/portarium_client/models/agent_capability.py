from enum import Enum


class AgentCapability(str, Enum):
    ANALYZE = "analyze"
    CLASSIFY = "classify"
    EXECUTE_CODE = "execute-code"
    GENERATE = "generate"
    NOTIFY = "notify"
    READEXTERNAL = "read:external"
    WRITEEXTERNAL = "write:external"

    def __str__(self) -> str:
        return str(self.value)
