from enum import StrEnum


class FunctionKind(StrEnum):
    FUNCTION = "function"

    def __str__(self) -> str:
        return str(self.value)
