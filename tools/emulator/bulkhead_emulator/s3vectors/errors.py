"""The errors of the S3 Vectors API."""

from __future__ import annotations


class ApiError(Exception):
    """An error answer."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code, self.status, self.message = code, status, message


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", 400, message)


def not_found(what: str) -> ApiError:
    return ApiError("NotFoundException", 404, f"The specified {what} could not be found")


def conflict(message: str) -> ApiError:
    return ApiError("ConflictException", 409, message)
