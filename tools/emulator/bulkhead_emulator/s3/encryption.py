"""SSE-KMS: S3 calls KMS on behalf of its caller.

AWS (AmazonS3/latest/userguide/UsingKMSEncryption): writing needs `kms:GenerateDataKey` and reading
`kms:Decrypt` on the object's key, with the context of the `x-amz-server-side-encryption-context` header
plus `aws:s3:arn` (the object's ARN; the bucket's with a Bucket Key) and `kms:ViaService`
`s3.<region>.amazonaws.com`. A copy reads its source, a multipart upload needs both. An unknown key is
`KMS.NotFoundException`, a disabled one `KMS.DisabledException`.
"""

from __future__ import annotations

import base64
import json
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_region
from ministack.services import kms, s3

from ..kms.authorization import key_context
from ..patch import replace

_PREFIX = "x-amz-server-side-encryption"
_KEY_ID, _CONTEXT = f"{_PREFIX}-aws-kms-key-id", f"{_PREFIX}-context"
_BUCKET_KEY = f"{_PREFIX}-bucket-key-enabled"
_SUBRESOURCES = {"uploadId", "annotation", "tagging", "retention", "legal-hold", "acl", "attributes", "torrent"}


@dataclass(frozen=True)
class Caller:
    """The caller of S3 and the object."""

    access_key: str
    bucket: str
    key: str


_caller: ContextVar[Caller | None] = ContextVar("caller_of_s3", default=None)


class Refused(Exception):
    """KMS refused, so S3 returns an error."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code, self.status = code, status


def install() -> None:
    global _dispatch, _write_headers
    _dispatch = replace(s3, "_dispatch", dispatch)
    _write_headers = replace(s3, "_resolve_sse_write_headers", write_headers)
    replace(s3, "_SSE_STORED_HEADERS", (*s3._SSE_STORED_HEADERS, _CONTEXT, _BUCKET_KEY))


_dispatch: Any = None
_write_headers: Any = None


def dispatch(method: str, bucket: str, key: str, headers: dict, body: bytes, query_params: dict) -> tuple:
    """Calls MiniStack's S3 after KMS has allowed all reads of the request."""
    access_key = s3._request_access_key(method, key, headers, query_params, body)
    caller = Caller(access_key, bucket, key or _form_key(method, headers, body))
    token = _caller.set(caller)
    try:
        for source_bucket, source_key, version in _read_objects(method, bucket, key, headers, query_params):
            _agree_to_read(caller, source_bucket, source_key, version)
        _agree_to_parts(caller, method, query_params)
        status, response_headers, content = _dispatch(method, bucket, key, headers, body, query_params)
    except Refused as refused:
        return s3._error(refused.code, str(refused), refused.status, f"/{bucket}/{key}")
    finally:
        _caller.reset(token)
    if method in ("GET", "HEAD"):
        response_headers.pop(_CONTEXT, None)
    return status, response_headers, content


def write_headers(headers: dict, bucket: str) -> tuple[dict | None, tuple | None]:
    """Returns the encryption headers of a new object, key ARN and context, after KMS has allowed the write."""
    kept, error = _write_headers(headers, bucket)
    caller = _caller.get()
    if error or caller is None or kept.get(_PREFIX) != "aws:kms":
        return kept, error
    try:
        key = _usable_key(kept.get(_KEY_ID))
        given = _given_context(headers.get(_CONTEXT))
        bucket_key = _uses_bucket_key(headers, bucket)
        _agree(caller, "kms:GenerateDataKey", key, _full_context(given, bucket, caller.key, bucket_key))
    except Refused as refused:
        return None, s3._error(refused.code, str(refused), refused.status, f"/{bucket}/{caller.key}")
    return {
        **kept,
        _KEY_ID: key["Arn"],
        **({_CONTEXT: headers[_CONTEXT]} if given else {}),
        **({_BUCKET_KEY: "true"} if bucket_key else {}),
    }, None


def _form_key(method: str, headers: dict, body: bytes) -> str:
    """Returns the object key of a form upload, which is in the body."""
    if method != "POST" or not headers.get("content-type", "").startswith("multipart/form-data"):
        return ""
    fields = s3._parse_multipart_form(headers["content-type"], body)
    filename = next((name for field, name, _, _ in fields if field == "file"), None) or ""
    key = next((value for field, _, _, value in fields if field == "key"), b"")
    return key.decode("utf-8", "replace").replace("${filename}", filename)


def _read_objects(method: str, bucket: str, key: str, headers: dict, query_params: dict) -> list[tuple[str, str, str]]:
    """Returns (bucket, key, version) of every object that the request reads."""
    if method == "GET" and key and not _SUBRESOURCES & query_params.keys():
        return [(bucket, key, s3._qp(query_params, "versionId"))]
    source = iam_actions._s3_source_object(headers) if method == "PUT" and key else None
    if source is None:
        return []
    arn, version = source
    source_bucket, _, source_key = arn.removeprefix("arn:aws:s3:::").partition("/")
    return [(source_bucket, source_key, version)]


def _agree_to_read(caller: Caller, bucket: str, key: str, version: str) -> None:
    stored = _stored_headers(bucket, key, version)
    if stored.get(_PREFIX) == "aws:kms":
        context = _full_context(_given_context(stored.get(_CONTEXT)), bucket, key, _BUCKET_KEY in stored)
        _agree(caller, "kms:Decrypt", _usable_key(stored.get(_KEY_ID)), context)


def _agree_to_parts(caller: Caller, method: str, query_params: dict) -> None:
    """Asks KMS for a multipart upload: a part encrypts with the upload's key, completing decrypts the parts."""
    upload = s3._multipart_uploads.get(s3._qp(query_params, "uploadId")) if "uploadId" in query_params else None
    stored = (upload or {}).get("preserved_headers", {})
    if upload is None or method not in ("PUT", "POST") or stored.get(_PREFIX) != "aws:kms":
        return
    given = _given_context(stored.get(_CONTEXT))
    context = _full_context(given, upload["bucket"], upload["key"], _BUCKET_KEY in stored)
    action = "kms:GenerateDataKey" if method == "PUT" else "kms:Decrypt"
    _agree(caller, action, _usable_key(stored.get(_KEY_ID)), context)


def _stored_headers(bucket: str, key: str, version: str) -> dict:
    if version:
        found = next((v for v in s3._object_versions.get((bucket, key), []) if v["version_id"] == version), None)
    else:
        found = ((s3._buckets.get(bucket) or {}).get("objects") or {}).get(key)
    return (found or {}).get("preserved_headers") or {}


def _agree(caller: Caller, action: str, key: dict, encryption_context: dict[str, str]) -> None:
    """Checks IAM and the key policy for the caller's use of the key through S3."""
    context = {**key_context(key, encryption_context), "kms:ViaService": f"s3.{get_region()}.amazonaws.com"}
    # A form upload has its credentials in the body; S3 verifies them before it writes.
    token = iam_evaluator._anonymous.set(not caller.access_key)
    try:
        denied = iam_evaluator.enforce(
            caller.access_key, action, "kms", get_region(), resource_arn=key["Arn"], service_context=context
        )
    finally:
        iam_evaluator._anonymous.reset(token)
    if denied:
        principal = getattr(denied, "principal_arn", "") or "anonymous"
        message = iam_actions.identity_denial_message(
            action, principal, key["Arn"], getattr(denied, "decision", "") == "Deny"
        )
        raise Refused("AccessDenied", 403, message)


def _usable_key(name: str | None) -> dict:
    key = kms._resolve_key(name or "")
    if key is None:
        raise Refused("KMS.NotFoundException", 400, f"Key '{name}' does not exist")
    state = kms._check_key_state(key)
    if state:
        found = json.loads(state[2])
        raise Refused(f"KMS.{found['__type']}", 400, found["message"])
    return key


def _given_context(header: str | None) -> dict[str, str]:
    if not header:
        return {}
    try:
        given = json.loads(base64.b64decode(header, validate=True))
        if isinstance(given, dict) and all(isinstance(value, str) for value in given.values()):
            return given
    except ValueError:
        pass
    raise Refused(
        "InvalidArgument",
        400,
        f"The header '{_CONTEXT}' shall be Base64-encoded UTF-8 string holding JSON with the encryption context",
    )


def _full_context(given: dict[str, str], bucket: str, key: str, bucket_key: bool) -> dict[str, str]:
    """Returns the context with the ARN that S3 adds: the object's, or the bucket's with a Bucket Key."""
    if bucket_key:
        return {"aws:s3:arn": f"arn:aws:s3:::{bucket}"}
    return {**given, "aws:s3:arn": f"arn:aws:s3:::{bucket}/{key}"}


def _uses_bucket_key(headers: dict, bucket: str) -> bool:
    asked = headers.get(_BUCKET_KEY)
    if asked is not None:
        return asked.lower() == "true"
    default = (s3._bucket_encryption.get(bucket) or "").replace(" ", "")
    return "<BucketKeyEnabled>true</BucketKeyEnabled>" in default
