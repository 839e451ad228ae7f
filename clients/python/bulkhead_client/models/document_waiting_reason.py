from enum import StrEnum


class DocumentWaitingReason(StrEnum):
    BUDGET = "budget"
    CIRCUIT_OPEN = "circuit_open"
    CONTINUED = "continued"
    LOST = "lost"
    OVER_LIMIT = "over_limit"
    REDRIVEN = "redriven"
    RETRY = "retry"

    def __str__(self) -> str:
        return str(self.value)
