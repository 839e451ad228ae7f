"""The literal object key and the condition keys of S3 that MiniStack lacks.

AWS: a key is any text, `a//b` is not `a/b`. `s3:x-amz-server-side-encryption-aws-kms-key-id` is the header as
sent. `aws:SecureTransport` is true for HTTPS; the emulator speaks plain HTTP on the loopback interface and
presents it as TLS, so that policies that deny insecure transport work unchanged.
"""

from __future__ import annotations

from typing import Any

from ministack import app
from ministack.core import iam_actions

from ..patch import replace

_KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"


def install() -> None:
    global _object_context, _pin_origin, _resource_arn
    _object_context = replace(iam_actions, "_s3_object_context", object_context)
    _pin_origin = replace(app, "pin_request_origin", pin_request_origin)
    _resource_arn = replace(iam_actions, "extract_resource_arn", extract_resource_arn)


_object_context: Any = None
_pin_origin: Any = None
_resource_arn: Any = None


def extract_resource_arn(service: str, method: str, path: str, *arguments: Any, **options: Any) -> str:
    arn = _resource_arn(service, method, path, *arguments, **options)
    bucket, _, key = path.lstrip("/").partition("/")
    return f"arn:aws:s3:::{bucket}/{key}" if service == "s3" and key else arn


def object_context(action: str, query_params: dict, path: str, headers: dict) -> dict:
    context = _object_context(action, query_params, path, headers)
    if action == "s3:PutObject" and headers.get(_KEY_ID):
        context[f"s3:{_KEY_ID}"] = headers[_KEY_ID]
    return context


def pin_request_origin(source_ip: str, secure_transport: bool) -> None:
    _pin_origin(source_ip, True)
