"""CopyObject with `If-None-Match: *`.

AWS (CopyObject, API reference): "Copies the object only if the object key name at the destination does not already
exist in the bucket specified. Otherwise, Amazon S3 returns a 412 Precondition Failed error." MiniStack copies anyway.
"""

from __future__ import annotations

from typing import Any

from ministack.services import s3

from ..patch import replace


def install() -> None:
    global _dispatch
    _dispatch = replace(s3, "_dispatch", dispatch)


_dispatch: Any = None


def dispatch(method: str, bucket: str, key: str, headers: dict, body: bytes, query_params: dict) -> tuple:
    is_copy = method == "PUT" and key and "x-amz-copy-source" in headers and "uploadId" not in query_params
    if is_copy and headers.get("if-none-match", "").strip() == "*" and key in _objects(bucket):
        message = "At least one of the pre-conditions you specified did not hold"
        return s3._error("PreconditionFailed", message, 412, f"/{bucket}/{key}")
    answer: tuple = _dispatch(method, bucket, key, headers, body, query_params)
    return answer


def _objects(bucket: str) -> dict:
    return (s3._buckets.get(bucket) or {}).get("objects") or {}
