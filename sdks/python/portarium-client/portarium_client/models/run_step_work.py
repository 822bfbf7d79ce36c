from enum import Enum


class RunStepWork(str, Enum):
    JOB = "job"
    MACHINE = "machine"
    PERSON = "person"

    def __str__(self) -> str:
        return str(self.value)
