from enum import StrEnum


class ShownStatus(StrEnum):
    AWAITING_UPLOAD = "awaiting_upload"
    DEAD = "dead"
    QUEUED = "queued"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"

    def __str__(self) -> str:
        return str(self.value)
