"""Tiers and silos: each serves its own tenants, by its own role, key, table and bucket, and no others."""

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
    """One tenant for each tier, and one with a stack of its own."""
    if SILO not in stack.silos:
        tenant = uuid.uuid4().hex
        stack.deploy_silo(SILO, tenant)
        # As if onboarding had been interrupted after the usage key was made: it is found, not made again.
        usage = f"tenant-{tenant}"
        stack.account.client("apigateway").create_api_key(name=usage, value=usage, enabled=True)
    return {tier: stack.onboard(f"of {tier}", tier=tier) for tier in TIERS}


@pytest.fixture(scope="module")
def at_work(stack: LocalStack, tenants: dict[str, Tenant], ready: Callable[..., Any]) -> dict[str, Tenant]:
    """Each with a template and a document whose word nobody else has."""
    for tier, tenant in tenants.items():
        api = stack.api(tenant)
        api.save_template("default_summary", f"Begin with {tier}:")
        page = api.add_document("Word of the day", f"The word of the day is {tier}wort.")
        ready(api, page["id"])
    return tenants


@pytest.mark.parametrize("tier", TIERS)
def test_every_tier_does_the_whole_job(stack: LocalStack, at_work: dict[str, Tenant], tier: str) -> None:
    answer = stack.api(at_work[tier]).ask("What is the word of the day?")
    assert f"{tier}wort" in answer["answer"]
    assert [each["title"] for each in answer["citations"]] == ["Word of the day"]


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("other", TIERS)
def test_a_token_opens_its_own_tier_alone(stack: LocalStack, at_work: dict[str, Tenant], tier: str, other: str) -> None:
    tenant = at_work[tier]
    own = Api(stack.address(other), stack.issuer.mint(tenant.id, tier))
    assert own.get("/v1/templates").status == (200 if tier == other else 403)
    # Even a token that says the other tier: the registry knows better.
    forged = Api(stack.address(other), stack.issuer.mint(tenant.id, other))
    assert forged.get("/v1/templates").status == (200 if tier == other else 403)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("other", TIERS)
def test_a_session_reaches_its_own_tier_alone(
    stack: LocalStack, at_work: dict[str, Tenant], tier: str, other: str
) -> None:
    """Tables, buckets and keys: what is not the tier's is not the session's, whoever's it is."""
    session, theirs = stack.session(at_work[tier]), stack.tier(other)
    table = stack.silos[other]["DataTable"] if other in stack.silos else stack.outputs["DataTable"]
    pooled = tier != SILO and other != SILO
    calls = {
        "table": lambda: session.client("dynamodb").get_item(
            TableName=table, Key={"pk": {"S": at_work[tier].partition}, "sk": {"S": "PROFILE"}}
        ),
        "bucket": lambda: session.client("s3").list_objects_v2(Bucket=theirs["Bucket"], Prefix=at_work[tier].prefix),
        "key": lambda: session.client("kms").generate_data_key(
            KeyId=theirs["KeyArn"],
            KeySpec="AES_256",
            EncryptionContext={"tenant": at_work[tier].id, "purpose": "template"},
        ),
        "vectors": lambda: session.client("s3vectors").query_vectors(
            vectorBucketName=theirs["VectorBucket"],
            indexName=at_work[tier].index.rsplit("/", 1)[-1],
            topK=1,
            queryVector={"float32": [1.0] + [0.0] * 511},
        ),
    }
    for what, call in calls.items():
        # The pooled tiers share one table; the partition is the tenant's own all the same.
        if tier == other or (what == "table" and pooled):
            call()
            continue
        with pytest.raises(ClientError) as refused:
            call()
        assert error_code(refused.value) in _DENIED, f"{what} of {other}: {refused.value}"


@pytest.mark.parametrize("tier", ["basic", "premium"])
def test_a_silos_role_can_be_nobody_elses_session(stack: LocalStack, at_work: dict[str, Tenant], tier: str) -> None:
    role, stranger, owner = stack.tier(SILO)["TenantRole"], at_work[tier], at_work[SILO]
    operator = stack.operator(SILO)
    operator.assume(role, owner.id, {"TenantId": owner.id})
    with pytest.raises(ClientError) as refused:
        operator.assume(role, stranger.id, {"TenantId": stranger.id})
    assert error_code(refused.value) == "AccessDenied"


def test_a_silos_key_works_for_its_tenant_alone_even_for_the_account(
    stack: LocalStack, at_work: dict[str, Tenant]
) -> None:
    """The key's own policy says so: no role, present or future, changes that."""
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
        context = {"tenant": at_work[SILO].id, "purpose": "template"}
        kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=context)
        with pytest.raises(ClientError) as refused:
            kms.generate_data_key(
                KeyId=key, KeySpec="AES_256", EncryptionContext=context | {"tenant": at_work["basic"].id}
            )
        assert error_code(refused.value) == "AccessDeniedException"
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="all")
        iam.delete_role(RoleName=name)


def test_a_silos_alias_is_its_tenants(stack: LocalStack, at_work: dict[str, Tenant]) -> None:
    aliases = stack.account.client("kms").list_aliases()["Aliases"]
    target = {each["AliasName"]: each["TargetKeyId"] for each in aliases}
    alias = f"alias/bulkhead/{STAGE}/t/{at_work[SILO].id}"
    assert stack.tier(SILO)["KeyArn"].endswith(target[alias])


def test_a_silo_has_one_tenant_and_its_id_is_never_used_again(stack: LocalStack, at_work: dict[str, Tenant]) -> None:
    again = stack.control("onboard", tier=SILO, display_name="Another")
    assert again["error"]["code"] == "wrong_status", again
    with_key = stack.control("onboard", tier=SILO, display_name="Another", key="own")
    assert with_key["error"]["code"] == "invalid", with_key
    shown = stack.control("show", tier=SILO, tenant=at_work[SILO].id)
    assert (shown["status"], shown["key"], shown["tier"]) == ("active", "silo", SILO)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("other", TIERS)
def test_a_control_plane_knows_its_own_tenants_alone(
    stack: LocalStack, at_work: dict[str, Tenant], tier: str, other: str
) -> None:
    answer = stack.control("show", tier=tier, tenant=at_work[other].id)
    if tier == other:
        assert answer["tenant"] == at_work[other].id
    else:
        assert answer["error"]["code"] == "unknown_tenant"


def test_every_function_has_the_concurrency_its_tier_was_given(stack: LocalStack) -> None:
    """And all together leave the account the 100 that Lambda wants unreserved."""
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
