from enum import StrEnum


class FinishReason(StrEnum):
    CONTENT_FILTERED = "content_filtered"
    LENGTH = "length"
    MALFORMED_CALL = "malformed_call"
    STOP = "stop"
    TOOL_CALLS = "tool_calls"

    def __str__(self) -> str:
        return str(self.value)
