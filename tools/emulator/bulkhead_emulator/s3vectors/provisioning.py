"""CloudFormation: `AWS::S3Vectors::VectorBucket`, `::Index` and `::VectorBucketPolicy`.

By the resource schemas, `Ref` of a bucket and of an index is its ARN (the primary identifier). Every
property except the tags is create-only, so a change replaces the resource.
"""

from __future__ import annotations

from typing import Any

from ministack.services.cloudformation import provisioners

from . import operations
from .errors import ApiError
from .names import bucket_arn, index_arn, target

_BUCKET, _INDEX, _POLICY = (f"AWS::S3Vectors::{name}" for name in ("VectorBucket", "Index", "VectorBucketPolicy"))


def install() -> None:
    provisioners._RESOURCE_HANDLERS.update(
        {
            _BUCKET: {"create": create_bucket, "update": update_tags, "delete": delete_bucket},
            _INDEX: {"create": create_index, "update": update_tags, "delete": delete_index},
            _POLICY: {"create": put_policy, "update": update_policy, "delete": delete_policy},
        }
    )
    provisioners._REPLACING_PROPERTIES.update(
        {
            _BUCKET: ("VectorBucketName", "EncryptionConfiguration"),
            _INDEX: (
                "DataType",
                "Dimension",
                "DistanceMetric",
                "EncryptionConfiguration",
                "IndexName",
                "MetadataConfiguration",
                "VectorBucketArn",
                "VectorBucketName",
            ),
            _POLICY: ("VectorBucketArn", "VectorBucketName"),
        }
    )


def create_bucket(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    name = props.get("VectorBucketName") or provisioners._physical_name(stack, logical_id, lowercase=True, max_len=63)
    _call(
        operations.create_vector_bucket,
        vectorBucketName=name,
        encryptionConfiguration=_encryption(props),
        tags=_tags(props),
    )
    return bucket_arn(name), _bucket_attributes(name)


def create_index(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    name = props.get("IndexName") or provisioners._physical_name(stack, logical_id, lowercase=True, max_len=63)
    hidden = (props.get("MetadataConfiguration") or {}).get("NonFilterableMetadataKeys")
    answer = _call(
        operations.create_index,
        **_bucket_reference(props),
        indexName=name,
        dataType=props.get("DataType"),
        distanceMetric=props.get("DistanceMetric"),
        tags=_tags(props),
        dimension=int(props["Dimension"]),
        encryptionConfiguration=_encryption(props),
        metadataConfiguration={"nonFilterableMetadataKeys": hidden} if hidden else None,
    )
    return answer["indexArn"], _index_attributes(answer["indexArn"])


def update_tags(physical_id: str, old: dict, new: dict, stack: str) -> tuple[str, dict]:
    bucket, index = target({"resourceArn": physical_id})
    found: Any = operations.find_index(bucket, index) if index else operations.find_bucket(bucket)
    if found is None:
        raise ValueError(f"{physical_id} is gone; it was deleted outside CloudFormation")
    found.tags = _tags(new)
    return physical_id, _index_attributes(physical_id) if index else _bucket_attributes(bucket)


def delete_bucket(physical_id: str, props: dict) -> None:
    _call_ignoring_absence(operations.delete_vector_bucket, vectorBucketArn=physical_id)


def delete_index(physical_id: str, props: dict) -> None:
    _call_ignoring_absence(operations.delete_index, indexArn=physical_id)


def put_policy(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    return update_policy("", {}, props, stack)


def update_policy(physical_id: str, old: dict, new: dict, stack: str) -> tuple[str, dict]:
    import json

    policy = new.get("Policy")
    reference = _bucket_reference(new)
    _call(
        operations.put_vector_bucket_policy,
        **reference,
        policy=policy if isinstance(policy, str) else json.dumps(policy),
    )
    bucket, _ = target(reference)
    return bucket_arn(bucket), {"VectorBucketArn": bucket_arn(bucket)}


def delete_policy(physical_id: str, props: dict) -> None:
    _call_ignoring_absence(operations.delete_vector_bucket_policy, vectorBucketArn=physical_id)


def _call(operation: Any, **request: Any) -> dict:
    try:
        return operation({key: value for key, value in request.items() if value is not None})
    except ApiError as error:
        raise ValueError(f"{error.code}: {error.message}") from error


def _call_ignoring_absence(operation: Any, **request: Any) -> None:
    try:
        operation(request)
    except ApiError as error:
        if error.code != "NotFoundException":
            raise ValueError(f"{error.code}: {error.message}") from error


def _bucket_reference(props: dict) -> dict:
    return {
        request: props[name]
        for name, request in (("VectorBucketArn", "vectorBucketArn"), ("VectorBucketName", "vectorBucketName"))
        if props.get(name)
    }


def _encryption(props: dict) -> dict | None:
    given = props.get("EncryptionConfiguration")
    if not given:
        return None
    return {"sseType": given.get("SseType"), **({"kmsKeyArn": given["KmsKeyArn"]} if given.get("KmsKeyArn") else {})}


def _tags(props: dict) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in props.get("Tags") or []}


def _bucket_attributes(name: str | None) -> dict:
    bucket = operations.find_bucket(name)
    assert bucket is not None
    return {"VectorBucketArn": bucket_arn(name), "CreationTime": str(bucket.created)}


def _index_attributes(arn: str) -> dict:
    index = operations.find_index(*target({"resourceArn": arn}))
    assert index is not None
    return {"IndexArn": index_arn(index.bucket, index.name), "CreationTime": str(index.created)}
