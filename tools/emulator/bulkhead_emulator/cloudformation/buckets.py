"""`AWS::S3::Bucket`: default encryption and object ownership, which MiniStack ignores.

Both call the operations of the S3 API, so that an invalid value fails the stack as on AWS.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from ministack.services import s3
from ministack.services.cloudformation import provisioners

from ..patch import replace


def install() -> None:
    replace(
        provisioners,
        "_S3_BUCKET_CONFIGURATIONS",
        (
            *provisioners._S3_BUCKET_CONFIGURATIONS,
            ("BucketEncryption", encryption_xml, _checked(s3._put_bucket_encryption), s3._delete_bucket_encryption),
            (
                "OwnershipControls",
                ownership_xml,
                _checked(s3._put_bucket_ownership_controls),
                s3._delete_bucket_ownership_controls,
            ),
        ),
    )


def encryption_xml(encryption: dict) -> bytes:
    root = Element("ServerSideEncryptionConfiguration", xmlns=s3.S3_NS)
    for rule in encryption.get("ServerSideEncryptionConfiguration") or []:
        element = SubElement(root, "Rule")
        default = rule.get("ServerSideEncryptionByDefault") or {}
        if default:
            applied = SubElement(element, "ApplyServerSideEncryptionByDefault")
            for name in ("SSEAlgorithm", "KMSMasterKeyID"):
                if default.get(name):
                    SubElement(applied, name).text = str(default[name])
        if rule.get("BucketKeyEnabled") is not None:
            SubElement(element, "BucketKeyEnabled").text = str(rule["BucketKeyEnabled"]).lower()
    return tostring(root)


def ownership_xml(controls: dict) -> bytes:
    root = Element("OwnershipControls", xmlns=s3.S3_NS)
    for rule in controls.get("Rules") or []:
        SubElement(SubElement(root, "Rule"), "ObjectOwnership").text = str(rule.get("ObjectOwnership", ""))
    return tostring(root)


def _checked(put: Any) -> Any:
    def put_or_fail(name: str, body: bytes) -> None:
        answer = put(name, body)
        if answer[0] >= 400:
            raise ValueError(f"AWS::S3::Bucket {name}: {answer[2].decode()}")

    return put_or_fail
