from enum import Enum


class EffectOperation(str, Enum):
    CREATE = "Create"
    DELETE = "Delete"
    UPDATE = "Update"
    UPSERT = "Upsert"

    def __str__(self) -> str:
        return str(self.value)
