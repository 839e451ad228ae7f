"""A missing object: 404 only for callers that may list the bucket.

AWS (GetObject and HeadObject, API reference): "if the object you request doesn't exist, the error that Amazon S3
returns depends on whether you also have the s3:ListBucket permission": 404 with it, 403 without. The request has no
`s3:prefix`, so a permission that needs a prefix does not count. MiniStack always answers 404.
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_region
from ministack.services import s3

from ..patch import replace


def install() -> None:
    global _dispatch
    _dispatch = replace(s3, "_dispatch", dispatch)


_dispatch: Any = None


def dispatch(method: str, bucket: str, key: str, headers: dict, body: bytes, query_params: dict) -> tuple:
    answer: tuple = _dispatch(method, bucket, key, headers, body, query_params)
    if method not in ("GET", "HEAD") or not key or answer[0] != 404 or bucket not in s3._buckets:
        return answer
    arn = f"arn:aws:s3:::{bucket}"
    denied = iam_evaluator.enforce(
        s3._request_access_key(method, key, headers, query_params, body),
        "s3:ListBucket",
        "s3",
        get_region(),
        resource_arn=arn,
    )
    if denied is None:
        return answer
    message = iam_actions.identity_denial_message(
        "s3:ListBucket", getattr(denied, "principal_arn", ""), arn, getattr(denied, "decision", "") == "Deny"
    )
    return s3._error("AccessDenied", message, 403, f"/{bucket}/{key}")
