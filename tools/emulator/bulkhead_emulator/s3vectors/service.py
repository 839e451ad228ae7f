"""S3 Vectors behind MiniStack's router and IAM check.

AWS (Service Authorization Reference): actions on an index are checked on `bucket/B/index/I`. QueryVectors
returns keys and distances. With a filter or with metadata it also needs `s3vectors:GetVectors`. So does
ListVectors if it returns data or metadata. An index under SSE-KMS needs `kms:Decrypt` too.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region

from ..kms.authorization import key_context
from ..patch import replace
from . import operations
from .errors import ApiError, invalid, not_found
from .names import bucket_arn, index_arn, resource_arn, target

_SERVICE = "s3vectors"
_BODY_LIMIT = 20 * 1024 * 1024
_VECTOR_OPERATIONS = {"PutVectors", "GetVectors", "DeleteVectors", "ListVectors", "QueryVectors"}
_OPERATIONS = {
    name: getattr(operations, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())
    for name in (
        "CreateVectorBucket",
        "GetVectorBucket",
        "ListVectorBuckets",
        "DeleteVectorBucket",
        "PutVectorBucketPolicy",
        "GetVectorBucketPolicy",
        "DeleteVectorBucketPolicy",
        "CreateIndex",
        "GetIndex",
        "ListIndexes",
        "DeleteIndex",
        "PutVectors",
        "GetVectors",
        "DeleteVectors",
        "ListVectors",
        "QueryVectors",
    )
}


def install() -> None:
    global _detect_service, _resource_arn, _resource_policy
    app.SERVICE_HANDLERS[_SERVICE] = handle_request
    iam_actions.SERVICE_TO_IAM_NAMESPACE[_SERVICE] = _SERVICE
    iam_actions._BOTOCORE_SERVICE_MAP[_SERVICE] = [_SERVICE]
    _detect_service = replace(app, "detect_service", detect_service)
    _resource_arn = replace(iam_actions, "extract_resource_arn", extract_resource_arn)
    _resource_policy = replace(iam_evaluator, "_resource_policy", resource_policy)


_detect_service: Any = None
_resource_arn: Any = None
_resource_policy: Any = None


def resource_policy(service: str, arn: str) -> tuple[str, str] | None:
    """Returns the policy and the owner of the ARN's vector bucket."""
    if service != _SERVICE:
        return _resource_policy(service, arn)
    bucket, _ = target({"resourceArn": arn})
    found = operations.find_bucket(bucket) if bucket else None
    return (found.policy or "", get_account_id()) if found else None


def detect_service(method: str, path: str, headers: dict, query_params: dict) -> str:
    if f"/{_SERVICE}/aws4_request" in headers.get("authorization", ""):
        return _SERVICE
    return _detect_service(method, path, headers, query_params)


def extract_resource_arn(
    service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict, region: str, account_id: str
) -> str:
    if service != _SERVICE:
        return _resource_arn(service, method, path, headers, body, query_params, region, account_id)
    if path.startswith("/tags/"):
        return unquote(path.removeprefix("/tags/"))
    return resource_arn(_json(body))


async def handle_request(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> tuple:
    try:
        if path.startswith("/tags/"):
            return _reply(200, _tags(method, unquote(path.removeprefix("/tags/")), _json(body), query_params))
        name = path.strip("/")
        if method != "POST" or name not in _OPERATIONS:
            raise ApiError("NotImplemented", 501, f"this emulator has no S3 Vectors operation {name or path!r}")
        if len(body) > _BODY_LIMIT:
            raise invalid("The request is larger than 20 MiB")
        request = _json(body)
        for extra in _further_actions(name, request):
            denied = app._enforce_data_plane(
                _SERVICE, f"{_SERVICE}:{extra}", headers, query_params, "", resource_arn=resource_arn(request)
            )
            if denied:
                return denied
        denied = _denied_by_key(name, request, headers, query_params)
        return denied or _reply(200, _OPERATIONS[name](request))
    except ApiError as error:
        return _reply(error.status, {"message": error.message}, error.code)


def _further_actions(name: str, request: dict) -> list[str]:
    if name == "QueryVectors":
        return ["GetVectors"] if request.get("returnMetadata") or request.get("filter") is not None else []
    if name == "ListVectors":
        return ["GetVectors"] if request.get("returnMetadata") or request.get("returnData") else []
    return []


def _denied_by_key(name: str, request: dict, headers: dict, query_params: dict) -> tuple | None:
    """Checks that the caller may also use kms:Decrypt, for vector operations on an SSE-KMS index."""
    bucket, index_name = target(request)
    index = operations.find_index(bucket, index_name) if bucket and index_name else None
    key = index.encryption.get("kmsKeyArn") if index and name in _VECTOR_OPERATIONS else None
    if not key:
        return None
    from ministack.services import kms

    context = {**key_context(kms._resolve_key(key), None), "kms:ViaService": f"s3vectors.{get_region()}.amazonaws.com"}
    return app._enforce_data_plane(
        "kms", "kms:Decrypt", headers, query_params, "", resource_arn=key, service_context=context
    )


def _tags(method: str, arn: str, request: dict, query_params: dict) -> dict:
    bucket, index = target({"resourceArn": arn})
    found = operations.find_index(bucket, index) if bucket and index else operations.find_bucket(bucket or "")
    if found is None or arn != (index_arn(bucket, index) if index else bucket_arn(bucket)):
        raise not_found("resource")
    if method == "GET":
        return {"tags": found.tags}
    if method == "POST":
        found.tags.update(request.get("tags") or {})
    else:
        for key in query_params.get("tagKeys") or []:
            found.tags.pop(key, None)
    return {}


def _reply(status: int, body: dict, code: str | None = None) -> tuple:
    headers = {"Content-Type": "application/json", **({"x-amzn-ErrorType": code} if code else {})}
    return status, headers, json.dumps(body).encode()


def _json(body: bytes) -> dict:
    try:
        loaded = json.loads(body or b"{}")
    except ValueError:
        return {}
    return loaded if isinstance(loaded, dict) else {}
