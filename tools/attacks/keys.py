"""Attacks on KMS: sealed values of another tenant under the shared key."""

from __future__ import annotations

from typing import Any

from tools.devstack.aws import Account

from .target import Operation, Target, Wrapped

TEMPLATE_PURPOSE = "template"


def _decrypt(session: Account, victim: Target, context: dict[str, str] | None) -> Any:
    blob = Wrapped.parse(victim.sealed("VERSION#")).key
    more = {"EncryptionContext": context} if context is not None else {}
    return session.client("kms").decrypt(KeyId=victim.key_arn, CiphertextBlob=blob, **more)


def _kms(name: str, call: Any, action: str, **more: Any) -> Operation:
    return Operation("keys", name, f"kms:{action}", call, **more)


KEYS = (
    _kms("Decrypt", lambda s, v, o: _decrypt(s, v, v.context(TEMPLATE_PURPOSE)), "Decrypt"),
    _kms(
        "Decrypt-as-mine",
        lambda s, v, o: _decrypt(s, v, o.context(TEMPLATE_PURPOSE)),
        "Decrypt",
        codes=frozenset({"InvalidCiphertextException"}),
    ),
    _kms(
        "Decrypt-without-context",
        lambda s, v, o: _decrypt(s, v, None),
        "Decrypt",
        owner_may=False,
        policy="resource policy",
    ),
    _kms(
        "GenerateDataKey",
        lambda s, v, o: s.client("kms").generate_data_key(
            KeyId=v.key_arn, KeySpec="AES_256", EncryptionContext=v.context(TEMPLATE_PURPOSE)
        ),
        "GenerateDataKey",
    ),
    _kms(
        "GenerateDataKey-without-context",
        lambda s, v, o: s.client("kms").generate_data_key(KeyId=v.key_arn, KeySpec="AES_256"),
        "GenerateDataKey",
        owner_may=False,
        policy="resource policy",
    ),
    _kms(
        "ReEncrypt-to-mine",
        lambda s, v, o: s.client("kms").re_encrypt(
            CiphertextBlob=Wrapped.parse(v.sealed("VERSION#")).key,
            SourceEncryptionContext=v.context(TEMPLATE_PURPOSE),
            DestinationKeyId=o.key_arn,
            DestinationEncryptionContext=o.context(TEMPLATE_PURPOSE),
        ),
        "ReEncryptFrom",
        owner_may=False,
    ),
    _kms(
        "CreateGrant",
        lambda s, v, o: s.client("kms").create_grant(
            KeyId=v.key_arn,
            GranteePrincipal="arn:aws:iam::000000000000:root",
            Operations=["Decrypt"],
        ),
        "CreateGrant",
        owner_may=False,
    ),
)
