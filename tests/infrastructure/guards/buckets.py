"""Buckets: no public access, TLS only, and one KMS decision per object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.infrastructure.guards.template import Template, names, text

_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def buckets_are_private_and_encrypted(template: Template) -> Iterator[str]:
    for bucket, properties in template.of("AWS::S3::Bucket"):
        yield from _encryption(bucket, properties)
        blocked = properties.get("PublicAccessBlockConfiguration", {})
        if open_ := [each for each in _BLOCKS if blocked.get(each) is not True]:
            yield f"{bucket}: public access is not blocked ({', '.join(open_)})"
        policies = [
            policy["PolicyDocument"]["Statement"]
            for _, policy in template.of("AWS::S3::BucketPolicy")
            if bucket in names(policy["Bucket"])
        ]
        if not any(_tls_only(bucket, statement) for statements in policies for statement in statements):
            yield f"{bucket}: its policy does not deny all requests without TLS"


def _encryption(bucket: str, properties: dict[str, Any]) -> Iterator[str]:
    rules = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    if not rules:
        yield f"{bucket}: has no default encryption"
    for rule in rules:
        default = rule.get("ServerSideEncryptionByDefault", {})
        if default.get("SSEAlgorithm") != "aws:kms" or not default.get("KMSMasterKeyID"):
            yield f"{bucket}: is not encrypted with the tier's key"
        if rule.get("BucketKeyEnabled") is not False:
            yield f"{bucket}: with a Bucket Key, later requests skip KMS and the tenant's context; set BucketKeyEnabled to false"


def _tls_only(bucket: str, statement: dict[str, Any]) -> bool:
    about = {text(each) for each in statement.get("Resource", [])}
    return (
        statement["Effect"] == "Deny"
        and statement.get("Principal") == "*"
        and statement.get("Action") == "s3:*"
        and {f"${{{bucket}.Arn}}", f"${{{bucket}.Arn}}/*"} <= about
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    )
