"""Names and ARNs of vector buckets and indexes.

AWS (s3-vectors-buckets-naming): 3 to 63 characters of `a-z0-9.-`, beginning and ending with a letter or
digit. A request names its target either by ARN or by names.
"""

from __future__ import annotations

import re

from ministack.core.responses import get_account_id, get_region

from .errors import invalid

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ARN = re.compile(r"arn:aws[-a-z0-9]*:s3vectors:([a-z0-9-]+):(\d{12}):bucket/([^/]+)(?:/index/([^/]+))?")


def bucket_arn(bucket: str | None) -> str:
    return f"arn:aws:s3vectors:{get_region()}:{get_account_id()}:bucket/{bucket}"


def index_arn(bucket: str | None, index: str | None) -> str:
    return f"{bucket_arn(bucket)}/index/{index}"


def target(request: dict) -> tuple[str | None, str | None]:
    """Returns the (bucket, index) of a request, given by ARN or by names. Not validated."""
    arn = request.get("indexArn") or request.get("vectorBucketArn") or request.get("resourceArn")
    if isinstance(arn, str) and (found := _ARN.fullmatch(arn)):
        return found.group(3), found.group(4) or request.get("indexName")
    return request.get("vectorBucketName"), request.get("indexName")


def resource_arn(request: dict) -> str:
    """Returns the ARN that IAM checks: as given, or built from the names."""
    arn = request.get("indexArn") or request.get("resourceArn")
    if isinstance(arn, str) and arn:
        return arn
    bucket, index = target(request)
    base = request.get("vectorBucketArn") or (bucket_arn(bucket) if bucket else None)
    if not base:
        return "*"
    return f"{base}/index/{index}" if index else base


def bucket_of(request: dict) -> str:
    _check_arn(request.get("vectorBucketArn"), "vectorBucketArn", has_index=False)
    if request.get("indexArn"):
        _check_arn(request["indexArn"], "indexArn", has_index=True)
    bucket, _ = target(request)
    return _checked(bucket, "vectorBucketName")


def index_of(request: dict) -> tuple[str, str]:
    bucket = bucket_of(request)
    if request.get("indexArn") and (request.get("vectorBucketName") or request.get("indexName")):
        raise invalid("Must specify either indexArn or both vectorBucketName and indexName but not both")
    _, index = target(request)
    return bucket, _checked(index, "indexName")


def _check_arn(arn: object, field: str, *, has_index: bool) -> None:
    if not arn:
        return
    found = _ARN.fullmatch(str(arn))
    if not found or bool(found.group(4)) != has_index:
        raise invalid(f"Invalid value for {field}")
    if found.group(1) != get_region() or found.group(2) != get_account_id():
        raise invalid(f"{field} names another Region or account; this emulator serves the caller's own only")


def _checked(name: object, field: str) -> str:
    if not name:
        raise invalid(f"Must specify {field} or its ARN")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid(
            f"Invalid {field}: 3 to 63 characters of a-z, 0-9, '.' and '-', beginning and ending with a letter or digit"
        )
    return name
