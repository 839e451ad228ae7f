"""A tenant's own KMS key: its key policy serves only that tenant.

The attacker here is a careless administrator who gives the tenant role every right on every key. The key's own
policy still serves one tenant only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.attacks import Target, refusal
from tools.devstack.aws import Account, Tenant, error_code
from tools.devstack.client import Api
from tools.devstack.stack import LocalStack

ALL_KMS_RIGHTS = "every-key"


@pytest.fixture(scope="module")
def owner(stack: LocalStack) -> Tenant:
    return stack.onboard("has its own key", key="own")


@pytest.fixture(scope="module")
def other_owner(stack: LocalStack) -> Tenant:
    return stack.onboard("has its own key, too", key="own")


@pytest.fixture
def all_kms_rights(stack: LocalStack) -> Iterator[None]:
    """Gives the tenant role every right on every key during a test."""
    iam, role = stack.account.client("iam"), stack.outputs["BasicTenantRole"].rsplit("/", 1)[-1]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}],
    }
    iam.put_role_policy(RoleName=role, PolicyName=ALL_KMS_RIGHTS, PolicyDocument=json.dumps(policy))
    yield
    iam.delete_role_policy(RoleName=role, PolicyName=ALL_KMS_RIGHTS)


def _generate_data_key(account: Account, key_arn: str, **context: str) -> str:
    """Requests a data key; returns `allowed` or the error code."""
    try:
        account.client("kms").generate_data_key(
            KeyId=key_arn, KeySpec="AES_256", EncryptionContext={"purpose": "template", **context}
        )
    except ClientError as error:
        return error_code(error)
    return "allowed"


def test_tenant_with_its_own_key_is_served(
    stack: LocalStack, owner: Tenant, ready: Callable[..., list[dict[str, Any]]]
) -> None:
    api: Api = stack.api(owner)
    assert api.save_template("greeting", "Answer kindly.")["version"] == 1
    page = api.add_document("Spare keys", "The spare key hangs behind the barometer.", "text/plain")
    ready(api, page["id"])
    answer = api.ask("Where does the spare key hang?", template="greeting", retrieval={"limit": 3})
    assert "barometer" in str(answer)


def test_all_data_is_encrypted_with_the_tenants_own_key(
    stack: LocalStack, owner: Tenant, other_owner: Tenant, clinic: Tenant
) -> None:
    assert len({owner.key_arn, other_owner.key_arn, clinic.key_arn}) == 3
    assert clinic.key_arn == stack.outputs["BasicKeyArn"]
    s3, bucket = stack.account.client("s3"), stack.outputs["BasicBucket"]
    objects = s3.list_objects_v2(Bucket=bucket, Prefix=owner.prefix)["Contents"]
    assert {s3.head_object(Bucket=bucket, Key=each["Key"])["SSEKMSKeyId"] for each in objects} == {owner.key_arn}
    index = stack.account.client("s3vectors").get_index(vectorBucketName=owner.vector_bucket, indexName=owner.index)[
        "index"
    ]
    assert index["encryptionConfiguration"] == {"sseType": "aws:kms", "kmsKeyArn": owner.key_arn}
    sealed = Target.of(stack, owner).item("VERSION#greeting#")
    # A wrapped data key names its KMS key; only that key unwraps it.
    blob = next(value["B"] for value in sealed.values() if "B" in value)
    wrapped = blob[23 : 23 + int.from_bytes(blob[1:3], "big")]
    opened = stack.account.client("kms").decrypt(
        CiphertextBlob=wrapped, EncryptionContext={"tenant": owner.id, "purpose": "template"}
    )
    assert opened["KeyId"] == owner.key_arn


def test_own_key_has_alias_rotation_and_tags(stack: LocalStack, owner: Tenant) -> None:
    kms = stack.account.client("kms")
    aliases = kms.list_aliases(KeyId=owner.key_arn)["Aliases"]
    assert [each["AliasName"] for each in aliases] == [f"alias/bulkhead/local/t/{owner.id}"]
    assert kms.get_key_rotation_status(KeyId=owner.key_arn)["KeyRotationEnabled"]
    tags = {each["TagKey"]: each["TagValue"] for each in kms.list_resource_tags(KeyId=owner.key_arn)["Tags"]}
    assert tags == {"bulkhead:stage": "local", "bulkhead:tier": "basic", "bulkhead:tenant": owner.id}


@pytest.mark.parametrize("as_deployed", [True, False], ids=["as deployed", "with all KMS rights"])
def test_own_key_serves_only_its_tenant(
    request: pytest.FixtureRequest,
    stack: LocalStack,
    owner: Tenant,
    other_owner: Tenant,
    clinic_session: Account,
    as_deployed: bool,
) -> None:
    if not as_deployed:
        request.getfixturevalue("all_kms_rights")
    own = stack.session(owner)
    assert _generate_data_key(own, owner.key_arn, tenant=owner.id) == "allowed", "the owner cannot use its key"
    for account, tenant in (
        (stack.session(other_owner), other_owner.id),
        (stack.session(other_owner), owner.id),
        (clinic_session, owner.id),
        (own, other_owner.id),
    ):
        assert _generate_data_key(account, owner.key_arn, tenant=tenant) == "AccessDeniedException"
    assert _generate_data_key(own, owner.key_arn) == "AccessDeniedException", "without a tenant in the context"


def test_control_plane_cannot_use_the_keys_it_creates(stack: LocalStack, owner: Tenant) -> None:
    """It may name and rotate a key, and S3 Vectors may use the key for it; nothing else."""
    policy = stack.account.client("kms").get_key_policy(KeyId=owner.key_arn, PolicyName="default")["Policy"]
    statements = json.loads(policy)["Statement"]
    control = [
        each for each in statements if each["Effect"] == "Allow" and "Control" in str(each["Principal"].get("AWS", ""))
    ]
    assert {each["Sid"] for each in control} == {"Onboarding", "MakeIndex"}
    uses = next(each for each in control if each["Sid"] == "MakeIndex")
    assert uses["Condition"] == {"StringEquals": {"kms:ViaService": "s3vectors.us-east-1.amazonaws.com"}}


def test_control_plane_can_change_no_key_policy(stack: LocalStack, owner: Tenant) -> None:
    """The key policy keeps a key to its tenant, so its creator must not be able to change it.

    KMS checks that a creator can, unless the request says otherwise.
    """
    kms = stack.role_of("ControlFunction").client("kms")
    policy = stack.account.client("kms").get_key_policy(KeyId=owner.key_arn, PolicyName="default")["Policy"]
    refusal("a changed key policy", lambda: kms.put_key_policy(KeyId=owner.key_arn, Policy=policy))
    locked_out = frozenset({"MalformedPolicyDocumentException"})
    refusal("a key whose policy its creator cannot change", lambda: kms.create_key(Policy=policy), locked_out)
    kms.create_key(Policy=policy, BypassPolicyLockoutSafetyCheck=True)


def test_control_plane_tags_only_the_keys_of_tenants(stack: LocalStack, owner: Tenant) -> None:
    kms = stack.role_of("ControlFunction").client("kms")
    tags = [{"TagKey": "bulkhead:tenant", "TagValue": owner.id}]
    kms.tag_resource(KeyId=owner.key_arn, Tags=tags)
    refusal("a tag on the tier's key", lambda: kms.tag_resource(KeyId=stack.outputs["BasicKeyArn"], Tags=tags))


def test_index_under_an_own_key_opens_only_for_its_tenant(
    stack: LocalStack, owner: Tenant, other_owner: Tenant, all_kms_rights: None
) -> None:
    """IAM refuses by the index's name. If that is granted, the key refuses."""
    iam, role = stack.account.client("iam"), stack.outputs["BasicTenantRole"].rsplit("/", 1)[-1]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3vectors:*", "Resource": "*"}],
    }
    iam.put_role_policy(RoleName=role, PolicyName="every-index", PolicyDocument=json.dumps(policy))
    try:
        index = {"vectorBucketName": owner.vector_bucket, "indexName": owner.index}
        query = {**index, "topK": 1, "queryVector": {"float32": [0.1] * 512}}
        stack.session(owner).client("s3vectors").query_vectors(**query)
        with pytest.raises(ClientError) as refused:
            stack.session(other_owner).client("s3vectors").query_vectors(**query)
        assert "AccessDenied" in error_code(refused.value) or "Kms" in error_code(refused.value)
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="every-index")


def test_unknown_key_kind_is_refused(stack: LocalStack) -> None:
    answer = stack.control("onboard", display_name="x", key="mine")
    assert answer["error"]["code"] == "invalid" and "own" in answer["error"]["message"]
