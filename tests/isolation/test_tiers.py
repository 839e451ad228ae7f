"""Each tier and silo serves only its own tenants, with its own role, key, table and bucket."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.devstack.aws import Tenant, error_code
from tools.devstack.client import Api
from tools.devstack.stack import STAGE, LocalStack

SILO = "acme"
TIERS = ("basic", "premium", SILO)
_DENIED = ("AccessDenied", "AccessDeniedException")


@pytest.fixture(scope="module")
def tenants(stack: LocalStack) -> dict[str, Tenant]:
    """One tenant per tier, and the tenant of a silo."""
    if SILO not in stack.silos:
        tenant = uuid.uuid4().hex
        stack.deploy_silo(SILO, tenant)
        # Simulates an onboarding interrupted after the usage key: onboarding must find the key.
        usage_key = f"tenant-{tenant}"
        stack.account.client("apigateway").create_api_key(name=usage_key, value=usage_key, enabled=True)
    return {tier: stack.onboard(f"of {tier}", tier=tier) for tier in TIERS}


@pytest.fixture(scope="module")
def tenants_with_data(stack: LocalStack, tenants: dict[str, Tenant], ready: Callable[..., Any]) -> dict[str, Tenant]:
    """Each tenant with a prompt template and a document with a unique word."""
    for tier, tenant in tenants.items():
        api = stack.api(tenant)
        api.save_template("default_summary", f"Begin with {tier}:")
        page = api.add_document("Word of the day", f"The word of the day is {tier}wort.")
        ready(api, page["id"])
    return tenants


@pytest.mark.parametrize("tier", TIERS)
def test_every_tier_answers_questions(stack: LocalStack, tenants_with_data: dict[str, Tenant], tier: str) -> None:
    answer = stack.api(tenants_with_data[tier]).ask("What is the word of the day?")
    assert f"{tier}wort" in answer["answer"]
    assert [each["title"] for each in answer["citations"]] == ["Word of the day"]


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("other", TIERS)
def test_token_works_only_in_its_own_tier(
    stack: LocalStack, tenants_with_data: dict[str, Tenant], tier: str, other: str
) -> None:
    tenant = tenants_with_data[tier]
    own = Api(stack.address(other), stack.issuer.mint(tenant.id, tier))
    assert own.get("/v1/templates").status == (200 if tier == other else 403)
    # Also a token with a false tier is refused: the registry decides.
    forged = Api(stack.address(other), stack.issuer.mint(tenant.id, other))
    assert forged.get("/v1/templates").status == (200 if tier == other else 403)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("other", TIERS)
def test_api_key_works_only_in_its_own_tier(
    stack: LocalStack, tenants_with_data: dict[str, Tenant], tier: str, other: str
) -> None:
    """The pooled tiers share one table of keys: the registry decides. A silo's table has no other tenant's keys."""
    api = stack.api(tenants_with_data[tier])
    made = api.post("/v1/keys", {"name": "Tiers", "role": "reader"}).expect(201)
    answer = Api(stack.address(other), made["key"]).get("/v1/templates")
    # A pooled tier does not find the key of a silo's tenant.
    refused = 401 if tier == SILO else 403
    assert answer.status == (200 if tier == other else refused), answer.text
    api.delete(f"/v1/keys/{made['id']}").expect(204)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("other", TIERS)
def test_session_reaches_only_its_own_tier(
    stack: LocalStack, tenants_with_data: dict[str, Tenant], tier: str, other: str
) -> None:
    """A session reaches no table, bucket, key or index of another tier."""
    session, other_tier = stack.session(tenants_with_data[tier]), stack.tier(other)
    outputs = stack.silos.get(other, stack.outputs)
    table, keys = outputs["DataTable"], outputs["ApiKeysTable"]
    pooled = tier != SILO and other != SILO
    calls = {
        "table": lambda: session.client("dynamodb").get_item(
            TableName=table, Key={"pk": {"S": tenants_with_data[tier].partition}, "sk": {"S": "PROFILE"}}
        ),
        "API keys": lambda: session.client("dynamodb").get_item(
            TableName=keys, Key={"pk": {"S": tenants_with_data[tier].partition}, "sk": {"S": "COUNT"}}
        ),
        "bucket": lambda: session.client("s3").list_objects_v2(
            Bucket=other_tier["Bucket"], Prefix=tenants_with_data[tier].prefix
        ),
        "key": lambda: session.client("kms").generate_data_key(
            KeyId=other_tier["KeyArn"],
            KeySpec="AES_256",
            EncryptionContext={"tenant": tenants_with_data[tier].id, "purpose": "template"},
        ),
        "vectors": lambda: session.client("s3vectors").query_vectors(
            vectorBucketName=other_tier["VectorBucket"],
            indexName=tenants_with_data[tier].index.rsplit("/", 1)[-1],
            topK=1,
            queryVector={"float32": [1.0] + [0.0] * 511},
        ),
    }
    for what, call in calls.items():
        # The pooled tiers share these tables; the partition still belongs to the tenant.
        if tier == other or (what in ("table", "API keys") and pooled):
            call()
            continue
        with pytest.raises(ClientError) as refused:
            call()
        assert error_code(refused.value) in _DENIED, f"{what} of {other}: {refused.value}"


@pytest.mark.parametrize("tier", ["basic", "premium"])
def test_silo_role_refuses_other_tenants(stack: LocalStack, tenants_with_data: dict[str, Tenant], tier: str) -> None:
    role, stranger, owner = stack.tier(SILO)["TenantRole"], tenants_with_data[tier], tenants_with_data[SILO]
    control = stack.role_of("ControlFunction", SILO)
    control.assume(role, owner.id, {"TenantId": owner.id})
    with pytest.raises(ClientError) as refused:
        control.assume(role, stranger.id, {"TenantId": stranger.id})
    assert error_code(refused.value) == "AccessDenied"


def test_silo_key_works_only_for_its_tenant(stack: LocalStack, tenants_with_data: dict[str, Tenant]) -> None:
    """The key's own policy limits it, also for a role with all KMS rights."""
    iam = stack.account.client("iam")
    name = f"keyholder-{uuid.uuid4().hex[:8]}"
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'
    )
    everything = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}'
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=everything)
    kms, key = stack.account.assume(role, "keyholder").client("kms"), stack.tier(SILO)["KeyArn"]
    try:
        context = {"tenant": tenants_with_data[SILO].id, "purpose": "template"}
        kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
        with pytest.raises(ClientError) as refused:
            kms.generate_data_key(
                KeyId=key, KeySpec="AES_256", EncryptionContext=context | {"tenant": tenants_with_data["basic"].id}
            )
        assert error_code(refused.value) == "AccessDeniedException"
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="all")
        iam.delete_role(RoleName=name)


def test_silo_key_alias_names_its_tenant(stack: LocalStack, tenants_with_data: dict[str, Tenant]) -> None:
    aliases = stack.account.client("kms").list_aliases()["Aliases"]
    target = {each["AliasName"]: each["TargetKeyId"] for each in aliases}
    alias = f"alias/bulkhead/{STAGE}/t/{tenants_with_data[SILO].id}"
    assert stack.tier(SILO)["KeyArn"].endswith(target[alias])


def test_silo_accepts_no_second_tenant(stack: LocalStack, tenants_with_data: dict[str, Tenant]) -> None:
    again = stack.control("onboard", tier=SILO, display_name="Another")
    assert again["error"]["code"] == "wrong_status", again
    with_key = stack.control("onboard", tier=SILO, display_name="Another", key="own")
    assert with_key["error"]["code"] == "invalid", with_key
    shown = stack.control("show", tier=SILO, tenant=tenants_with_data[SILO].id)
    assert (shown["status"], shown["key"], shown["tier"]) == ("active", "silo", SILO)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("other", TIERS)
def test_control_plane_knows_only_its_own_tenants(
    stack: LocalStack, tenants_with_data: dict[str, Tenant], tier: str, other: str
) -> None:
    answer = stack.control("show", tier=tier, tenant=tenants_with_data[other].id)
    if tier == other:
        assert answer["tenant"] == tenants_with_data[other].id
    else:
        assert answer["error"]["code"] == "unknown_tenant"


def test_functions_have_the_concurrency_of_their_tier(stack: LocalStack) -> None:
    """Together they leave 100 executions unreserved, the minimum that Lambda requires."""
    functions = stack.account.client("lambda")
    names = [
        each["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for each in page["Functions"]
    ]
    reserved = {
        name: functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        for name in names
    }
    given = {
        each["ParameterKey"]: int(each["ParameterValue"])
        for each in stack.account.client("cloudformation").describe_stacks(StackName="bulkhead-local")["Stacks"][0][
            "Parameters"
        ]
        if each["ParameterKey"].endswith("Concurrency")
    }
    for tier in ("Basic", "Premium"):
        for function in (
            "Authorizer",
            "Templates",
            "Documents",
            "Inference",
            "Intake",
            "Dispatch",
            "Ingestion",
            "Extraction",
            "Scheduler",
        ):
            name = stack.outputs[f"{tier}{function}Function"]
            assert reserved[name] == given[f"{tier}{function}Concurrency"], name
    assert sum(each or 0 for each in reserved.values()) <= 900
