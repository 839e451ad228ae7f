"""The errors of the Bedrock runtime API."""

from __future__ import annotations


class ApiError(Exception):
    """An error answer."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code, self.status, self.message = code, status, message


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", 400, message)
