"""KMS condition keys, and ciphertexts bound to key and context."""

from __future__ import annotations

from typing import Any

import pytest

from bulkhead_emulator.tests.support.cloud import ACCOUNT, Cloud, allow, denied, deny, error, policy, unique

CONTEXT = {"tenant": "acme", "purpose": "test"}
ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"


@pytest.fixture(scope="module")
def kms(cloud: Cloud) -> Any:
    return cloud.client("kms")


@pytest.fixture(scope="module")
def key(kms: Any) -> Any:
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.mark.extension
def test_encryption_context_condition(cloud: Cloud, key: Any) -> None:
    session = cloud.tenant(
        "acme",
        allow(
            ["kms:GenerateDataKey", "kms:Decrypt"],
            key,
            Condition={"StringEquals": {"kms:EncryptionContext:tenant": "${aws:PrincipalTag/TenantId}"}},
        ),
    ).client("kms")
    made = session.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)
    assert denied(session.generate_data_key, KeyId=key, KeySpec="AES_256", EncryptionContext={"tenant": "other"})
    assert denied(session.generate_data_key, KeyId=key, KeySpec="AES_256")
    opened = session.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == made["Plaintext"]
    assert denied(session.decrypt, CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"tenant": "other"})


@pytest.mark.extension
def test_reencryption_needs_both_keys_each_with_its_context(cloud: Cloud, kms: Any, key: Any) -> None:
    """MiniStack lacks ReEncrypt, but a refusal comes before its error."""
    other = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": "acme"})["CiphertextBlob"]

    def refused(*statements: Any) -> Any:
        session = cloud.assume(cloud.role(*statements)).client("kms")
        return error(
            session.re_encrypt,
            CiphertextBlob=sealed,
            DestinationKeyId=other,
            SourceEncryptionContext={"tenant": "acme"},
            DestinationEncryptionContext={"tenant": "new"},
        )[0]

    def on(action: Any, arn: Any, tenant: Any) -> Any:
        return allow(f"kms:{action}", arn, Condition={"StringEquals": {"kms:EncryptionContext:tenant": tenant}})

    source, destination = on("ReEncryptFrom", key, "acme"), on("ReEncryptTo", other, "new")
    assert refused(source) == refused(destination) == refused(allow("kms:ReEncrypt")) == "AccessDeniedException"
    assert refused(source, on("ReEncryptTo", other, "acme")) == "AccessDeniedException"
    assert refused(on("ReEncryptFrom", key, "new"), destination) == "AccessDeniedException"
    assert refused(source, destination) != "AccessDeniedException"


@pytest.mark.extension
def test_creating_a_key_with_tags_needs_tag_resource(cloud: Cloud) -> None:
    def refused(statement: Any, **tags: Any) -> Any:
        given = [{"TagKey": key, "TagValue": value} for key, value in tags.items()]
        return denied(cloud.assume(cloud.role(statement)).client("kms").create_key, Tags=given)

    own = {"StringEquals": {"aws:RequestTag/stage": "test"}}
    assert not refused(allow("kms:CreateKey"))
    assert refused(allow("kms:CreateKey"), stage="test")
    assert not refused(allow(["kms:CreateKey", "kms:TagResource"], Condition=own), stage="test")
    assert refused(allow(["kms:CreateKey", "kms:TagResource"], Condition=own), stage="prod")


def _key_policy(*statements: Any) -> str:
    return policy(*({**each, "Principal": each.get("Principal", {"AWS": ROOT_ARN})} for each in statements))


@pytest.mark.extension
def test_creator_must_keep_the_right_to_change_the_key_policy(cloud: Cloud, kms: Any) -> None:
    """The lockout safety check looks at the caller, not only at the account."""
    account = allow("kms:*")
    creator = cloud.role(allow("kms:CreateKey"))
    creates = cloud.assume(creator).client("kms").create_key
    code, status, message = error(creates, Policy=_key_policy(account))
    assert (code, status) == ("MalformedPolicyDocumentException", 400)
    assert message == "The new key policy will not allow you to update the key policy in the future."
    # A request without a policy is not checked; the default policy names the account.
    creates()
    creates(Policy=_key_policy(account), BypassPolicyLockoutSafetyCheck=True)
    named = allow("kms:PutKeyPolicy", Principal={"AWS": creator})
    creates(Policy=_key_policy(account, named))
    assert error(creates, Policy=_key_policy(account, named, deny("kms:PutKeyPolicy", Principal="*")))[0] == code
    by_identity = cloud.assume(cloud.role(allow(["kms:CreateKey", "kms:PutKeyPolicy"]))).client("kms")
    by_identity.create_key(Policy=_key_policy(account))
    assert error(by_identity.create_key, Policy=_key_policy(named))[0] == code
    assert error(kms.create_key, Policy=_key_policy(named))[0] == code, "root is checked as well"


@pytest.mark.extension
def test_changed_key_policy_must_keep_the_right_to_change_it(cloud: Cloud, kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    changes = cloud.assume(cloud.role(allow("kms:PutKeyPolicy"))).client("kms").put_key_policy
    narrower = _key_policy(allow("kms:Decrypt"))
    assert error(changes, KeyId=key, Policy=narrower)[0] == "MalformedPolicyDocumentException"
    changes(KeyId=key, Policy=_key_policy(allow("kms:*")))
    changes(KeyId=key, Policy=narrower, BypassPolicyLockoutSafetyCheck=True)


@pytest.mark.extension
def test_encryption_context_keys_condition(cloud: Cloud, key: Any) -> None:
    session = cloud.tenant(
        "acme",
        allow(
            "kms:Encrypt",
            key,
            Condition={
                "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["tenant"]},
                "Null": {"kms:EncryptionContextKeys": "false"},
            },
        ),
    ).client("kms")
    assert not denied(session.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": "acme"})
    assert denied(session.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)
    assert denied(session.encrypt, KeyId=key, Plaintext=b"x")


@pytest.mark.extension
def test_resource_aliases_condition(cloud: Cloud, kms: Any, key: Any) -> None:
    own, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    prefix = "alias/" + unique("silo")
    kms.create_alias(AliasName=f"{prefix}/acme", TargetKeyId=own)
    kms.create_alias(AliasName=f"{prefix}/other", TargetKeyId=other)
    session = cloud.tenant(
        "acme",
        allow(
            "kms:Encrypt",
            f"arn:aws:kms:us-east-1:{ACCOUNT}:key/*",
            Condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": f"{prefix}/${{aws:PrincipalTag/TenantId}}"}},
        ),
    ).client("kms")
    for name in (own, own.rpartition("/")[2], f"{prefix}/acme"):
        assert not denied(session.encrypt, KeyId=name, Plaintext=b"x")
    for name in (other, f"{prefix}/other", key):
        assert denied(session.encrypt, KeyId=name, Plaintext=b"x")


@pytest.mark.extension
def test_request_alias_condition(cloud: Cloud, kms: Any) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    alias = "alias/" + unique("requested")
    kms.create_alias(AliasName=alias, TargetKeyId=arn)
    session = cloud.tenant(
        "acme", allow("kms:Encrypt", arn, Condition={"StringEquals": {"kms:RequestAlias": alias}})
    ).client("kms")
    assert not denied(session.encrypt, KeyId=alias, Plaintext=b"x")
    assert denied(session.encrypt, KeyId=arn, Plaintext=b"x")


@pytest.mark.extension
def test_alias_in_resource_does_not_authorise_the_key(cloud: Cloud, kms: Any) -> None:
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    alias = "alias/" + unique("named")
    kms.create_alias(AliasName=alias, TargetKeyId=arn)
    session = cloud.tenant("acme", allow("kms:Encrypt", f"arn:aws:kms:us-east-1:{ACCOUNT}:{alias}")).client("kms")
    assert denied(session.encrypt, KeyId=alias, Plaintext=b"x")


@pytest.mark.extension
def test_alias_management_needs_the_alias_and_the_key(cloud: Cloud, kms: Any, key: Any) -> None:
    name = "alias/" + unique("managed")
    alias = f"arn:aws:kms:us-east-1:{ACCOUNT}:{name}"
    only_alias = cloud.tenant("acme", allow("kms:*Alias", alias)).client("kms")
    assert denied(only_alias.create_alias, AliasName=name, TargetKeyId=key)
    both = cloud.tenant("acme", allow("kms:*Alias", [alias, key])).client("kms")
    both.create_alias(AliasName=name, TargetKeyId=key)
    assert denied(only_alias.delete_alias, AliasName=name)
    both.delete_alias(AliasName=name)


@pytest.mark.extension
@pytest.mark.parametrize("position", [70, 90, -1])
def test_tampered_ciphertext(kms: Any, key: Any, position: Any) -> None:
    blob = bytearray(kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"])
    blob[position] ^= 1
    code, status, _ = error(kms.decrypt, CiphertextBlob=bytes(blob), EncryptionContext=CONTEXT)
    assert (code, status) == ("InvalidCiphertextException", 400)


def test_wrong_context(kms: Any, key: Any) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]
    for context in ({}, {"tenant": "acme"}, {**CONTEXT, "more": "1"}):
        assert error(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)[0] == "InvalidCiphertextException"
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == b"secret"


@pytest.mark.extension
def test_naming_another_key_at_decrypt(kms: Any, key: Any) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    other = kms.create_key()["KeyMetadata"]["Arn"]
    assert error(kms.decrypt, CiphertextBlob=blob, KeyId=other)[0] == "IncorrectKeyException"


@pytest.mark.extension
def test_encrypt_is_limited_to_4096_bytes(kms: Any, key: Any) -> None:
    kms.encrypt(KeyId=key, Plaintext=b"x" * 4096)
    assert error(kms.encrypt, KeyId=key, Plaintext=b"x" * 4097)[0] == "ValidationException"


@pytest.mark.extension
def test_data_key_needs_exactly_one_size(kms: Any, key: Any) -> None:
    assert error(kms.generate_data_key, KeyId=key)[0] == "ValidationException"
    assert len(kms.generate_data_key(KeyId=key, NumberOfBytes=64)["Plaintext"]) == 64


def test_unusable_keys(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    assert error(kms.decrypt, CiphertextBlob=blob)[0] == "DisabledException"
    assert error(kms.generate_data_key, KeyId=key, KeySpec="AES_256")[0] == "DisabledException"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert error(kms.decrypt, CiphertextBlob=blob)[0] == "KMSInvalidStateException"


def test_key_policy_without_the_account_delegates_nothing(cloud: Cloud, kms: Any) -> None:
    import json

    owner = cloud.role(allow("kms:*"))
    key_policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": owner}, "Action": "kms:*", "Resource": "*"}],
    }
    key = kms.create_key(Policy=json.dumps(key_policy), BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["KeyId"]
    assert not denied(cloud.assume(owner).client("kms").encrypt, KeyId=key, Plaintext=b"x")
    stranger = cloud.tenant("acme", allow("kms:*")).client("kms")
    assert denied(stranger.encrypt, KeyId=key, Plaintext=b"x")
