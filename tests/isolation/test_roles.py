"""No function's own role has rights to tenant data.

If a function's code is wrong or a dependency is hostile, its role limits what it can do without a tenant's
session. So these tests read every statement of every role.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tools.attacks import Target, refusal, refused, refused_by
from tools.attacks.objects import sealed_for
from tools.devstack.aws import Account, Tenant
from tools.devstack.stack import LocalStack

# Services that store or process tenant data.
DATA_SERVICES = {"dynamodb", "s3", "s3vectors", "kms", "bedrock"}
FUNCTIONS = [
    "BasicAuthorizerFunction",
    "BasicTemplatesFunction",
    "BasicDocumentsFunction",
    "BasicInferenceFunction",
    "BasicIntakeFunction",
    "BasicDispatchFunction",
    "BasicIngestionFunction",
    "BasicExtractionFunction",
    "BasicSchedulerFunction",
    "BasicControlFunction",
]
# The tests refuse everything else. The list may only shrink.
REGISTRY_READ = {"dynamodb:GetItem"}
ALLOWED: dict[str, set[str]] = {
    "BasicAuthorizerFunction": REGISTRY_READ,
    # Worker counts and the backlog: no tenant data.
    "BasicDispatchFunction": {"dynamodb:UpdateItem"},
    "BasicSchedulerFunction": {"dynamodb:GetItem", "dynamodb:Scan"},
    "BasicControlFunction": {
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:Query",
        "s3vectors:CreateIndex",
        "kms:CreateKey",
        "kms:CreateAlias",
    },
}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _document(value: Any) -> dict[str, Any]:
    return json.loads(value) if isinstance(value, str) else value


def _role_of(stack: LocalStack, function: str) -> str:
    found = stack.account.client("lambda").get_function_configuration(FunctionName=stack.outputs[function])
    return found["Role"].rsplit("/", 1)[-1]


def allowed_statements(stack: LocalStack, role: str) -> list[dict[str, Any]]:
    """Returns every Allow statement of a role, inline or attached."""
    iam = stack.account.client("iam")
    documents = [
        _document(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        if arn.endswith("/AWSLambdaBasicExecutionRole"):
            continue  # only its own logs, as AWS defines the policy
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        documents.append(_document(found["Document"]))
    statements = [each for document in documents for each in _as_list(document["Statement"])]
    return [each for each in statements if each["Effect"] == "Allow"]


@pytest.fixture(scope="module")
def granted(stack: LocalStack) -> dict[str, list[dict[str, Any]]]:
    """The Allow statements of each function's role."""
    return {each: allowed_statements(stack, _role_of(stack, each)) for each in FUNCTIONS}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_role_has_no_data_rights(granted: Any, function: str) -> None:
    for statement in granted[function]:
        assert "NotAction" not in statement, f"{function} is allowed all actions except some: {statement}"
        for action in _as_list(statement["Action"]):
            service = action.split(":", 1)[0].lower()
            assert "*" not in service, f"{function} is granted a wildcard service: {action}"
            if service in DATA_SERVICES:
                assert action in ALLOWED.get(function, set()), f"{function} is granted {action}"


@pytest.mark.parametrize("function", sorted(ALLOWED))
def test_function_roles_reach_only_tables_without_tenant_data(stack: LocalStack, granted: Any, function: str) -> None:
    """The control plane also writes and lists the records of runs."""
    tables = {
        "BasicAuthorizerFunction": {"RegistryTable", "ApiKeysTable"},
        "BasicControlFunction": {"RegistryTable", "RunsTable"},
        "BasicDispatchFunction": {"BasicWorkerSlotsTable"},
        "BasicSchedulerFunction": {"BasicWorkerSlotsTable", "BasicBacklogTable"},
    }
    own = {stack.outputs[each] for each in tables[function]}
    for statement in granted[function]:
        actions = [a for a in _as_list(statement["Action"]) if a.startswith("dynamodb:")]
        for resource in _as_list(statement["Resource"]) if actions else []:
            assert resource.rpartition(":table/")[2] in own, f"{function} reaches {resource}"
            if "dynamodb:Query" in actions:
                assert resource.endswith(stack.outputs["RunsTable"]), f"{function} queries {resource}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_role_has_no_wildcard_action(granted: Any, function: str) -> None:
    for statement in granted[function]:
        for action in _as_list(statement["Action"]):
            assert action != "*" and not action.endswith(":*"), f"{function}: {action}"


def test_only_intake_and_scheduler_send_jobs_and_only_dispatch_receives_them(granted: Any) -> None:
    may: dict[str, set[str]] = {}
    for function in FUNCTIONS:
        for statement in granted[function]:
            for action in _as_list(statement["Action"]):
                if action.startswith("sqs:"):
                    may.setdefault(action, set()).add(function)
    assert may.get("sqs:SendMessage", set()) <= {"BasicIntakeFunction", "BasicSchedulerFunction"}, may
    assert may.get("sqs:ReceiveMessage") == {"BasicDispatchFunction"}, may


def test_only_the_job_pipeline_invokes_functions(stack: LocalStack, granted: Any) -> None:
    """Dispatch invokes worker and scheduler; the worker invokes extraction; a sweep invokes further ones."""
    may = {
        function: {
            resource.rpartition(":")[2]
            for statement in granted[function]
            if any(action.startswith("lambda:Invoke") for action in _as_list(statement["Action"]))
            for resource in _as_list(statement["Resource"])
        }
        for function in FUNCTIONS
    }
    assert {function: invoked for function, invoked in may.items() if invoked} == {
        "BasicDispatchFunction": {stack.outputs["BasicIngestionFunction"], stack.outputs["BasicSchedulerFunction"]},
        "BasicIngestionFunction": {stack.outputs["BasicExtractionFunction"]},
        "BasicSchedulerFunction": {stack.outputs["BasicSchedulerFunction"]},
    }


@pytest.mark.parametrize(
    "function",
    ["BasicTemplatesFunction", "BasicDocumentsFunction", "BasicInferenceFunction"],
)
def test_function_policy_allows_only_the_gateway(stack: LocalStack, function: str) -> None:
    answer = stack.account.client("lambda").get_policy(FunctionName=stack.outputs[function])
    for statement in json.loads(answer["Policy"])["Statement"]:
        assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}, statement
        source = str(statement.get("Condition", {}))
        assert stack.outputs["BasicApiId"] in source, f"any API may invoke {function}: {statement}"


def test_tenant_role_trusts_by_name_and_tag(stack: LocalStack) -> None:
    name = stack.outputs["BasicTenantRole"].rsplit("/", 1)[-1]
    role = stack.account.client("iam").get_role(RoleName=name)["Role"]
    assert not role.get("Tags") or all(tag["Key"] != "TenantId" for tag in role["Tags"]), (
        "a tag on the role would become the tenant of every session without a tag"
    )
    for statement in _document(role["AssumeRolePolicyDocument"])["Statement"]:
        if statement["Effect"] != "Allow":
            continue
        for principal in _as_list(statement["Principal"].get("AWS", [])):
            assert principal != "*" and not principal.endswith(":root"), f"trusts {principal}"
        conditions = str(statement["Condition"])
        assert "aws:RequestTag/TenantId" in conditions, f"trusts a session without a tenant: {statement}"
        assert "aws:TagKeys" in conditions, f"trusts a session with other tags: {statement}"
        assert set(_as_list(statement["Action"])) <= {"sts:AssumeRole", "sts:TagSession"}, statement


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_writes_only_its_tiers_log(stack: LocalStack, function: str) -> None:
    """AWS's managed policy covers every log group; a Deny leaves one."""
    logs = stack.role_of(function.removeprefix("Basic")).client("logs")
    own = stack.outputs["BasicFunctionLog"]
    other = own.replace("/functions", "/access")
    stream = f"{function}-attack"
    logs.create_log_stream(logGroupName=own, logStreamName=stream)
    event = [{"timestamp": int(time.time() * 1000), "message": "forged"}]
    refusal("a stream in another log", lambda: logs.create_log_stream(logGroupName=other, logStreamName=stream))
    refusal(
        "an event in another log",
        lambda: logs.put_log_events(logGroupName=other, logStreamName=stream, logEvents=event),
    )
    refusal("a new log", lambda: logs.create_log_group(logGroupName=f"/aws/lambda/{function}-attack"))


def test_bucket_takes_only_objects_under_a_tenants_key(
    stack: LocalStack, clinic: Tenant, clinic_session: Account, clinic_target: Target
) -> None:
    """Without the header, S3 encrypts under the tier's key without a tenant in the context."""
    s3, key = clinic_session.client("s3"), f"{clinic.prefix}probe"
    sealed = sealed_for(clinic_target)
    s3.put_object(Bucket=clinic_target.bucket, Key=key, Body=b"x", **sealed)
    s3.delete_object(Bucket=clinic_target.bucket, Key=key)
    for change in (
        {},
        {"ServerSideEncryption": "AES256"},
        {**sealed, "ServerSideEncryption": "aws:kms:dsse"},
        {name: value for name, value in sealed.items() if name != "SSEKMSKeyId"},
    ):
        error = refused(
            f"an object with {change}",
            lambda change=change: s3.put_object(Bucket=clinic_target.bucket, Key=key, Body=b"x", **change),  # type: ignore[misc]
        )
        assert refused_by(error) == "resource policy s3:PutObject", error
