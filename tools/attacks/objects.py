"""Attacks on S3: another tenant's prefix and the whole bucket."""

from __future__ import annotations

import base64
import json
from typing import Any

from tools.devstack.aws import Account

from .target import Operation, Target


def _probe_object(target: Target) -> str:
    """Returns a key beside a document's source that ingestion ignores."""
    return target.objects[0].rsplit("/", 1)[0] + "/probe"


def _delete_object(session: Account, own: Target) -> None:
    session.client("s3").delete_object(Bucket=own.bucket, Key=_probe_object(own))


def sealed_for(target: Target) -> dict[str, str]:
    """Returns the encryption headers that the tenant's objects need: its key and its context."""
    context = json.dumps(target.context("document"), separators=(",", ":"), sort_keys=True)
    return {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": target.key_arn,
        "SSEKMSEncryptionContext": base64.b64encode(context.encode()).decode(),
    }


def _s3(name: str, call: Any, action: str, **more: Any) -> Operation:
    return Operation("objects", name, f"s3:{action}", call, **more)


OBJECTS = (
    _s3(
        "GetObject",
        lambda s, v, o: s.client("s3").get_object(Bucket=v.bucket, Key=v.objects[0]),
        "GetObject",
    ),
    _s3(
        "HeadObject",
        lambda s, v, o: s.client("s3").head_object(Bucket=v.bucket, Key=v.objects[0]),
        "GetObject",
    ),
    _s3(
        "List-prefix",
        lambda s, v, o: s.client("s3").list_objects_v2(Bucket=v.bucket, Prefix=v.tenant.prefix),
        "ListBucket",
    ),
    _s3(
        "List-without-prefix",
        lambda s, v, o: s.client("s3").list_objects_v2(Bucket=v.bucket),
        "ListBucket",
        owner_may=False,
    ),
    _s3(
        "List-all-tenants",
        lambda s, v, o: s.client("s3").list_objects_v2(Bucket=v.bucket, Prefix="t/", Delimiter="/"),
        "ListBucket",
        owner_may=False,
    ),
    _s3(
        "PutObject",
        lambda s, v, o: s.client("s3").put_object(Bucket=v.bucket, Key=_probe_object(v), Body=b"x", **sealed_for(v)),
        "PutObject",
        undo=_delete_object,
    ),
    _s3(
        "CopyObject-out",
        lambda s, v, o: s.client("s3").copy_object(
            Bucket=o.bucket,
            Key=_probe_object(o),
            CopySource={"Bucket": v.bucket, "Key": v.objects[0]},
            **sealed_for(o),
        ),
        "GetObject",
        undo=_delete_object,
    ),
    _s3(
        "CopyObject-in",
        lambda s, v, o: s.client("s3").copy_object(
            Bucket=v.bucket,
            Key=_probe_object(v),
            CopySource={"Bucket": o.bucket, "Key": o.objects[0]},
            **sealed_for(v),
        ),
        "PutObject",
        undo=_delete_object,
    ),
    _s3(
        "DeleteObject",
        lambda s, v, o: s.client("s3").delete_object(Bucket=v.bucket, Key=_probe_object(v)),
        "DeleteObject",
    ),
    _s3(
        "DeleteBucketPolicy",
        lambda s, v, o: s.client("s3").delete_bucket_policy(Bucket=v.bucket),
        "DeleteBucketPolicy",
        owner_may=False,
    ),
)
