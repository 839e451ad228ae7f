"""Faults in a template, each with the guard that must report it.

Each break changes a copy of the expanded template and names the resource that the complaint must name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.infrastructure import guards
from tests.infrastructure.guards import (
    access_logs_hold_no_content,
    alarms_have_a_runbook,
    alarms_notify_the_topic,
    allows_name_actions_and_resources,
    authorizers_cache_by_token,
    authorizers_refuse_malformed_tokens,
    bodies_arrive_unaltered,
    buckets_are_private_and_encrypted,
    for_all_values_has_a_null_check,
    functions_reserve_concurrency,
    functions_write_one_log,
    guardrail_is_required,
    metrics_are_emitted,
    metrics_have_no_tenant_dimension,
    only_the_tenant_role_holds_data_rights,
    operators_call_only_the_control_function,
    paths_refuse_other_methods,
    permissions_name_their_source,
    policies_deny_other_tenants,
    policies_fit_into_a_role,
    resources_are_tagged,
    silo_reads_only_its_tenant,
    stages_limit_every_method,
    streams_are_passed_on,
    tenant_comes_from_the_authorizer,
    tenant_functions_have_no_event_source,
    tenant_role_reaches_one_tenant,
    tenant_role_requires_its_tag,
    tenant_role_trusts_by_name_and_tag,
    usage_plan_counts_every_call,
    users_cannot_set_their_tenant,
)

TIER, DATA, ROOT = "infra/tier.yaml", "infra/data.yaml", "template.yaml"
MONITORING, ACCOUNT, IDENTITY = "infra/observability.yaml", "infra/account.yaml", "infra/identity.yaml"
Resources = dict[str, Any]


@dataclass(frozen=True)
class Break:
    """One fault: the change, its file, and the text that the guard's complaint must contain."""

    name: str
    guard: guards.template.Guard
    change: Callable[[Resources], Any]
    blames: str
    file: str = TIER


def _properties(resources: Resources, name: str) -> dict[str, Any]:
    return resources[name]["Properties"]


def _tenant_data(resources: Resources, sid: str) -> dict[str, Any]:
    policy = _properties(resources, "TenantRole")["Policies"][0]["PolicyDocument"]
    statements = (each["Fn::If"][1] if "Fn::If" in each else each for each in policy["Statement"])
    return next(each for each in statements if each["Sid"] == sid)


def _trust(resources: Resources, sid: str) -> dict[str, Any]:
    document = _properties(resources, "TenantRole")["AssumeRolePolicyDocument"]
    return next(each for each in document["Statement"] if each["Sid"] == sid)


def _grant(role: str, action: str, resource: Any) -> Callable[[Resources], Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    policy = {"PolicyName": "more", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    return lambda r: _properties(r, role).setdefault("Policies", []).append(policy)


def _attach_policy(resources: Resources) -> None:
    """Grants the same right as `_grant`, in a separate policy resource."""
    statement = {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": {"Ref": "DataTableArn"}}
    resources["Reports"] = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "reports",
            "Roles": [{"Ref": "InferenceRole"}],
            "PolicyDocument": {"Statement": [statement]},
        },
    }


def _operation(resources: Resources, path: str, method: str) -> dict[str, Any]:
    return _properties(resources, "Api")["Body"]["paths"][path][method]


def _map_tenant_from(source: str, path: str, method: str) -> Callable[[Resources], Any]:
    return lambda r: _operation(r, path, method)["x-amazon-apigateway-integration"].update(
        requestParameters={"integration.request.header.X-Amz-Tenant-Id": source}
    )


def _authorizer(resources: Resources) -> dict[str, Any]:
    schemes = _properties(resources, "Api")["Body"]["components"]["securitySchemes"]
    return schemes["tenant"]["x-amazon-apigateway-authorizer"]


def _add_route_without_tenant(resources: Resources) -> None:
    """Adds a route without the mapping of the tenant."""
    uri = _operation(resources, "/v1/inference", "post")["x-amazon-apigateway-integration"]["uri"]
    _properties(resources, "Api")["Body"]["paths"]["/v1/export"] = {
        "get": {"security": [{"tenant": []}], "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": uri}}
    }


def _add_queue_source(function: str) -> Callable[[Resources], Any]:
    properties = {"EventSourceArn": {"Fn::GetAtt": ["Jobs", "Arn"]}, "FunctionName": {"Ref": function}}
    return lambda r: r.update(Shortcut={"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties})


def _add_rule(function: str) -> Callable[[Resources], Any]:
    target = {"Id": "it", "Arn": {"Fn::GetAtt": [function, "Arn"]}}
    return lambda r: r.update(Nightly={"Type": "AWS::Events::Rule", "Properties": {"Targets": [target]}})


def _untag(name: str, key: str) -> Callable[[Resources], Any]:
    def change(resources: Resources) -> None:
        properties = _properties(resources, name)
        properties["Tags"] = [each for each in properties["Tags"] if each["Key"] != key]

    return change


def _add_untagged_topic(resources: Resources) -> None:
    resources["Alerts"] = {"Type": "AWS::SNS::Topic", "Properties": {}}


def _replace_in_dashboard(old: str, new: str) -> Callable[[Resources], Any]:
    def change(resources: Resources) -> None:
        body = _properties(resources, "Dashboard")["DashboardBody"]
        body["Fn::Sub"] = body["Fn::Sub"].replace(old, new)

    return change


def _access_log(change: Callable[[dict[str, str]], Any]) -> Callable[[Resources], Any]:
    """Sets a correct access log with one change to its fields."""
    fields = {
        "request_id": "$context.requestId",
        "tenant": "$context.authorizer.tenantId",
        "method": "$context.httpMethod",
        "resource": "$context.resourcePath",
        "status": "$context.status",
        "duration_ms": "$context.responseLatency",
    }
    change(fields)
    setting = {"DestinationArn": {"Fn::GetAtt": ["AccessLog", "Arn"]}, "Format": {"Fn::Sub": json.dumps(fields)}}
    return lambda r: _properties(r, "ApiapiStage").update(AccessLogSetting=setting)


def _operators(resources: Resources) -> dict[str, Any]:
    return _properties(resources, "OperatorRole")["AssumeRolePolicyDocument"]["Statement"][0]


def _policy_statements(resources: Resources, name: str) -> list[dict[str, Any]]:
    """Returns the statements of a key or bucket policy, with `Fn::If` around some of them."""
    properties = _properties(resources, name)
    return (properties.get("KeyPolicy") or properties["PolicyDocument"])["Statement"]


def _without_condition(resources: Resources, role: str, table: str) -> None:
    for policy in _properties(resources, role)["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Resource"] == {"Ref": table}:
                del statement["Condition"]


def _list_roles_three_times(resources: Resources) -> None:
    statements = _properties(resources, "TenantRole")["AssumeRolePolicyDocument"]["Statement"]
    statements += [statements[0], statements[0]]


_TABLE = {"Ref": "DataTableArn"}

BREAKS = (
    # ForAllValues
    Break(
        "the Null check of the leading keys is missing",
        for_all_values_has_a_null_check,
        lambda r: _tenant_data(r, "OwnPartition")["Condition"].pop("Null"),
        "TenantRole (OwnPartition)",
    ),
    Break(
        "the Null check covers only the tag",
        for_all_values_has_a_null_check,
        lambda r: _tenant_data(r, "OwnPartition")["Condition"]["Null"].pop("dynamodb:LeadingKeys"),
        "TenantRole (OwnPartition)",
    ),
    Break(
        "the Null check is inverted",
        for_all_values_has_a_null_check,
        lambda r: _tenant_data(r, "OwnPartition")["Condition"]["Null"].update({"dynamodb:LeadingKeys": "true"}),
        "TenantRole (OwnPartition)",
    ),
    Break(
        "tag keys are limited, but no tag is required",
        for_all_values_has_a_null_check,
        lambda r: _trust(r, "OneTenant")["Condition"].pop("StringLike"),
        "TenantRole (OneTenant)",
    ),
    # wildcards
    Break(
        "all actions of DynamoDB",
        allows_name_actions_and_resources,
        lambda r: _tenant_data(r, "OwnPartition").update(Action="dynamodb:*"),
        "TenantRole (OwnPartition)",
    ),
    Break(
        "all read actions of S3",
        allows_name_actions_and_resources,
        lambda r: _tenant_data(r, "OwnObjects").update(Action=["s3:Get*"]),
        "TenantRole (OwnObjects)",
    ),
    Break(
        "any resource",
        allows_name_actions_and_resources,
        lambda r: _tenant_data(r, "Models").update(Resource="*"),
        "TenantRole (Models)",
    ),
    Break(
        "embeddings of any model",
        allows_name_actions_and_resources,
        lambda r: _tenant_data(r, "Embeddings").update(Resource="*"),
        "TenantRole (Embeddings)",
    ),
    Break(
        "every foundation model",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "Models").update(
            Resource={"Fn::Sub": "arn:${AWS::Partition}:bedrock:*::foundation-model/*"}
        ),
        "TenantRole (Models): its resources",
    ),
    Break(
        "the models behind a profile without the profile",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "ThroughProfiles").pop("Condition"),
        "TenantRole (ThroughProfiles): its condition",
    ),
    Break(
        "every guardrail of the account",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "Guardrail").update(
            Resource={"Fn::Sub": "arn:${AWS::Partition}:bedrock:${AWS::Region}:${AWS::AccountId}:guardrail/*"}
        ),
        "TenantRole (Guardrail): its resources",
    ),
    Break(
        "answers without the guardrail",
        guardrail_is_required,
        lambda r: _tenant_data(r, "NoAnswerWithoutGuardrail").update(Effect="Allow"),
        "TenantRole: does not deny answers without the guardrail",
    ),
    Break(
        "answers with any guardrail",
        guardrail_is_required,
        lambda r: _tenant_data(r, "NoAnswerWithoutGuardrail").update(
            Condition={"Null": {"bedrock:GuardrailIdentifier": "true"}}
        ),
        "TenantRole (NoAnswerWithoutGuardrail): its condition",
    ),
    Break(
        "any object of the bucket",
        allows_name_actions_and_resources,
        lambda r: _tenant_data(r, "OwnObjects").update(Resource={"Fn::Sub": "${Documents.Arn}/*"}),
        "TenantRole (OwnObjects)",
    ),
    Break(
        "any table",
        allows_name_actions_and_resources,
        _grant("ControlRole", "dynamodb:GetItem", {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:*:*:table/*"}),
        "ControlRole",
    ),
    Break(
        "all actions except some",
        allows_name_actions_and_resources,
        lambda r: _tenant_data(r, "Models").update(NotAction="iam:*"),
        "TenantRole (Models)",
    ),
    # rights
    Break(
        "a function reads the data table itself",
        only_the_tenant_role_holds_data_rights,
        _grant("InferenceRole", "dynamodb:Query", _TABLE),
        "InferenceRole",
    ),
    Break(
        "a separate policy lets a function read the data table",
        only_the_tenant_role_holds_data_rights,
        _attach_policy,
        "Reports",
    ),
    Break(
        "a function reads objects",
        only_the_tenant_role_holds_data_rights,
        _grant("DocumentsApiRole", "s3:GetObject", {"Fn::Sub": "${Documents.Arn}/t/*"}),
        "DocumentsApiRole",
    ),
    Break(
        "the control plane queries vectors",
        only_the_tenant_role_holds_data_rights,
        _grant("ControlRole", "s3vectors:QueryVectors", {"Ref": "Vectors"}),
        "ControlRole",
    ),
    Break(
        "the dispatcher opens sealed jobs",
        only_the_tenant_role_holds_data_rights,
        _grant("DispatchRole", "kms:Decrypt", {"Fn::GetAtt": ["Key", "Arn"]}),
        "DispatchRole",
    ),
    Break(
        "the authorizer writes the registry",
        only_the_tenant_role_holds_data_rights,
        _grant("AuthorizerRole", "dynamodb:PutItem", {"Ref": "RegistryTableArn"}),
        "AuthorizerRole",
    ),
    Break(
        "the control plane reads the data table",
        only_the_tenant_role_holds_data_rights,
        _grant("ControlRole", "dynamodb:GetItem", _TABLE),
        "ControlRole",
    ),
    Break(
        "another function sends jobs",
        only_the_tenant_role_holds_data_rights,
        _grant("TemplatesRole", "sqs:SendMessage", {"Fn::GetAtt": ["Jobs", "Arn"]}),
        "TemplatesRole",
    ),
    Break(
        "a worker publishes events",
        only_the_tenant_role_holds_data_rights,
        _grant("IngestionRole", "events:PutEvents", {"Fn::GetAtt": ["Events", "Arn"]}),
        "IngestionRole",
    ),
    Break(
        "a function has a managed policy",
        only_the_tenant_role_holds_data_rights,
        lambda r: _properties(r, "IntakeRole").update(ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        "IntakeRole",
    ),
    Break(
        "a function has the managed policy of API Gateway",
        only_the_tenant_role_holds_data_rights,
        lambda r: _properties(r, "IntakeRole").update(
            ManagedPolicyArns=["arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]
        ),
        "IntakeRole",
    ),
    Break(
        "the role of API Gateway has another managed policy",
        only_the_tenant_role_holds_data_rights,
        lambda r: _properties(r, "ApiGatewayLogs")["ManagedPolicyArns"].append(
            "arn:aws:iam::aws:policy/service-role/AWSLambdaRole"
        ),
        "ApiGatewayLogs",
        ACCOUNT,
    ),
    Break(
        "a user with a policy",
        only_the_tenant_role_holds_data_rights,
        lambda r: _properties(r, "OperatorMayControl").update(Users=["helper"]),
        "OperatorMayControl",
    ),
    # the tenant role
    Break(
        "no Deny for sessions without a tag",
        tenant_role_requires_its_tag,
        lambda r: _properties(r, "TenantRole")["Policies"][0]["PolicyDocument"]["Statement"].pop(),
        "TenantRole",
    ),
    Break(
        "the Deny covers only one table",
        tenant_role_requires_its_tag,
        lambda r: _tenant_data(r, "NoTagNoAccess").update(Resource=_TABLE),
        "TenantRole",
    ),
    Break(
        "the Deny has a second condition",
        tenant_role_requires_its_tag,
        lambda r: _tenant_data(r, "NoTagNoAccess")["Condition"].update(Bool={"aws:SecureTransport": "false"}),
        "TenantRole",
    ),
    Break(
        "the role is tagged with a tenant",
        tenant_role_requires_its_tag,
        lambda r: _properties(r, "TenantRole")["Tags"].append({"Key": "TenantId", "Value": "x" * 32}),
        "TenantRole",
    ),
    Break(
        "the role is tagged with a tenant in lower case",
        tenant_role_requires_its_tag,
        lambda r: _properties(r, "TenantRole")["Tags"].append({"Key": "tenantid", "Value": "x" * 32}),
        "TenantRole",
    ),
    Break(
        "the session may have any name",
        tenant_role_trusts_by_name_and_tag,
        lambda r: _properties(r, "TenantRole")["AssumeRolePolicyDocument"]["Statement"].pop(),
        "TenantRole: trusts a session that is not named after its tenant",
    ),
    Break(
        "the session's name is compared with another tag",
        tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "NamedAfterIt")["Condition"].update(
            StringNotEquals={"sts:RoleSessionName": "${aws:RequestTag/Tenant}"}
        ),
        "TenantRole: trusts a session that is not named after its tenant",
    ),
    Break(
        "only one function must name its session",
        tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "NamedAfterIt").update(Principal={"AWS": {"Fn::GetAtt": ["ControlRole", "Arn"]}}),
        "TenantRole: trusts a session that is not named after its tenant",
    ),
    Break(
        "the session requires no tag",
        tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "OneTenant")["Condition"].pop("StringLike"),
        "TenantRole (OneTenant)",
    ),
    Break(
        "the session's tag may be short",
        tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "OneTenant")["Condition"].update(StringLike={"aws:RequestTag/TenantId": "?*"}),
        "TenantRole (OneTenant)",
    ),
    Break(
        "the session of a silo may be of any tenant",
        tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "OneTenant")["Condition"].update(
            StringLike={"aws:RequestTag/TenantId": "????????????????*"}
        ),
        "TenantRole (OneTenant)",
    ),
    Break(
        "the session may have other tags",
        tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "OneTenant")["Condition"].pop("ForAllValues:StringEquals"),
        "TenantRole (OneTenant)",
    ),
    Break(
        "the whole account may assume the tenant role",
        tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "OneTenant")["Principal"].update(
            AWS={"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
        ),
        "TenantRole (OneTenant)",
    ),
    Break(
        "the trust policy lists the roles three times",
        policies_fit_into_a_role,
        _list_roles_three_times,
        "TenantRole: its trust policy",
    ),
    Break(
        "the rights of a role are too long",
        policies_fit_into_a_role,
        _grant("SchedulerRole", "dynamodb:GetItem", [{"Fn::Sub": f"${{DataTableArn}}/{each}"} for each in range(40)]),
        "SchedulerRole: its inline policies",
    ),
    # scopes of the tenant role
    Break(
        "one partition of every tenant",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnPartition")["Condition"].update(
            {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["TENANT#*"]}, "ForAllValues:StringEquals": {}}
        ),
        "TenantRole (OwnPartition): its condition",
    ),
    Break(
        "the own partition and a shared one",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnPartition")["Condition"]["ForAllValues:StringEquals"][
            "dynamodb:LeadingKeys"
        ].append("TENANT#shared"),
        "TenantRole (OwnPartition): its condition",
    ),
    Break(
        "the own partition of another table",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnPartition").update(Resource=[_TABLE, {"Ref": "RegistryTableArn"}]),
        "TenantRole (OwnPartition): its resources",
    ),
    Break(
        "the API keys of every tenant",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnApiKeys").pop("Condition"),
        "TenantRole (OwnApiKeys): its condition",
    ),
    Break(
        "the API keys may be scanned",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnApiKeys")["Action"].append("dynamodb:Scan"),
        "TenantRole (OwnApiKeys): its actions",
    ),
    Break(
        "the authorizer lists API keys",
        only_the_tenant_role_holds_data_rights,
        _grant("AuthorizerRole", "dynamodb:Query", {"Ref": "ApiKeysTableArn"}),
        "AuthorizerRole",
    ),
    Break(
        "the authorizer writes API keys",
        only_the_tenant_role_holds_data_rights,
        _grant("AuthorizerRole", "dynamodb:PutItem", {"Ref": "ApiKeysTableArn"}),
        "AuthorizerRole",
    ),
    Break(
        "the backlog of every tenant",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnBacklog").pop("Condition"),
        "TenantRole (OwnBacklog): its condition",
    ),
    Break(
        "the backlog may be read",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnBacklog")["Action"].append("dynamodb:GetItem"),
        "TenantRole (OwnBacklog): its actions",
    ),
    Break(
        "the objects of every tenant",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnObjects").update(Resource={"Fn::Sub": "${Documents.Arn}/t/*"}),
        "TenantRole (OwnObjects): its resources",
    ),
    Break(
        "the objects of tenants whose id begins alike",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnObjects").update(
            Resource={"Fn::Sub": "${Documents.Arn}/t/${!aws:PrincipalTag/TenantId}*"}
        ),
        "TenantRole (OwnObjects): its resources",
    ),
    Break(
        "a list of every prefix",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnPrefix")["Condition"]["StringLike"].update({"s3:prefix": ["t/*"]}),
        "TenantRole (OwnPrefix): its condition",
    ),
    Break(
        "a list without a prefix",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnPrefix").update(
            Condition={"StringLikeIfExists": {"s3:prefix": ["t/${aws:PrincipalTag/TenantId}/*"]}}
        ),
        "TenantRole (OwnPrefix): its condition",
    ),
    Break(
        "the indexes of every tenant",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnIndexes")["Resource"].update(
            {"Fn::Sub": "arn:${AWS::Partition}:s3vectors:${AWS::Region}:${AWS::AccountId}:bucket/b-000/index/t-*"}
        ),
        "TenantRole (OwnIndexes): its resources",
    ),
    Break(
        "the indexes of every tier",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnIndexes")["Resource"].update(
            {
                "Fn::Sub": _tenant_data(r, "OwnIndexes")["Resource"]["Fn::Sub"].replace(
                    "bulkhead-${Stage}-${Tier}-*", "*"
                )
            }
        ),
        "TenantRole (OwnIndexes): its resources",
    ),
    Break(
        "the encryption context of every tenant",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnContext").update(Condition={"StringLike": {"kms:EncryptionContext:tenant": "*"}}),
        "TenantRole (OwnContext): its condition",
    ),
    Break(
        "the context is checked only if it is given",
        tenant_role_reaches_one_tenant,
        lambda r: _tenant_data(r, "OwnContext").update(
            Condition={"StringEqualsIfExists": {"kms:EncryptionContext:tenant": "${aws:PrincipalTag/TenantId}"}}
        ),
        "TenantRole (OwnContext): its condition",
    ),
    Break(
        "another statement of the tenant role",
        tenant_role_reaches_one_tenant,
        _grant("TenantRole", "dynamodb:Scan", _TABLE),
        "TenantRole: is not in TENANT_SCOPES",
    ),
    # key and bucket policies
    Break(
        "the key may be used without a tenant",
        policies_deny_other_tenants,
        lambda r: _policy_statements(r, "Key").pop(1),
        "Key: does not deny NoTenantNoUse",
    ),
    Break(
        "only one role needs a tenant to use the key",
        policies_deny_other_tenants,
        lambda r: _policy_statements(r, "Key")[1].update(Principal={"AWS": {"Fn::GetAtt": ["TenantRole", "Arn"]}}),
        "Key: does not deny NoTenantNoUse",
    ),
    Break(
        "re-encryption needs no tenant",
        policies_deny_other_tenants,
        lambda r: _policy_statements(r, "Key")[1]["Action"].remove("kms:ReEncrypt*"),
        "Key (NoTenantNoUse): its actions",
    ),
    Break(
        "the key of a silo serves other tenants",
        policies_deny_other_tenants,
        lambda r: _policy_statements(r, "Key").pop(2),
        "Key: does not deny NoOtherTenant",
    ),
    Break(
        "the bucket takes objects without KMS",
        policies_deny_other_tenants,
        lambda r: _policy_statements(r, "DocumentsPolicy").pop(1),
        "DocumentsPolicy: does not deny KmsOnly",
    ),
    Break(
        "the bucket takes objects without the header",
        policies_deny_other_tenants,
        lambda r: _policy_statements(r, "DocumentsPolicy")[1].update(
            Condition={"StringNotEqualsIfExists": {"s3:x-amz-server-side-encryption": "aws:kms"}}
        ),
        "DocumentsPolicy (KmsOnly): its condition",
    ),
    Break(
        "the bucket takes objects under the keys of other accounts",
        policies_deny_other_tenants,
        lambda r: _policy_statements(r, "DocumentsPolicy").pop(2),
        "DocumentsPolicy: does not deny KeysOfThisAccountOnly",
    ),
    # silos
    Break(
        "the authorizer of a silo reads every tenant's entry",
        silo_reads_only_its_tenant,
        lambda r: _without_condition(r, "AuthorizerRole", "RegistryTableArn"),
        "AuthorizerRole: reaches other tenants' entries",
    ),
    Break(
        "the authorizer of a silo reads every tenant's API keys",
        silo_reads_only_its_tenant,
        lambda r: _without_condition(r, "AuthorizerRole", "ApiKeysTableArn"),
        "AuthorizerRole: reaches other tenants' entries",
    ),
    Break(
        "the control plane of a silo reads every tenant's runs",
        silo_reads_only_its_tenant,
        lambda r: _without_condition(r, "ControlRole", "RunsTableArn"),
        "ControlRole: reaches other tenants' entries",
    ),
    # operators
    Break(
        "the operator takes tenants' sessions",
        operators_call_only_the_control_function,
        lambda r: _trust(r, "OneTenant")["Principal"]["AWS"].append({"Fn::GetAtt": ["OperatorRole", "Arn"]}),
        "TenantRole (OneTenant): lets OperatorRole",
    ),
    Break(
        "the whole account may become the operator instead of the parameter",
        operators_call_only_the_control_function,
        lambda r: _operators(r).update(
            Principal={"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
        ),
        "OperatorRole (Operators): trusts",
    ),
    Break(
        "the operator needs no MFA although the parameter asks for it",
        operators_call_only_the_control_function,
        lambda r: _operators(r).pop("Condition"),
        "OperatorRole (Operators): its condition",
    ),
    # logs
    Break(
        "a function writes every log",
        functions_write_one_log,
        lambda r: _properties(r, "OwnLogOnly")["Roles"].remove({"Ref": "InferenceRole"}),
        "InferenceRole: may write to every log group",
    ),
    Break(
        "the functions write the access log",
        functions_write_one_log,
        lambda r: _properties(r, "OwnLogOnly")["PolicyDocument"]["Statement"][0]["NotResource"].append(
            {"Fn::GetAtt": ["AccessLog", "Arn"]}
        ),
        "InferenceRole: may write to every log group",
    ),
    # the tenant of a request
    Break(
        "the tenant comes from a header of the client",
        tenant_comes_from_the_authorizer,
        _map_tenant_from("method.request.header.X-Amz-Tenant-Id", "/v1/templates", "get"),
        "GET /v1/templates",
    ),
    Break(
        "the tenant comes from a query parameter",
        tenant_comes_from_the_authorizer,
        _map_tenant_from("method.request.querystring.tenant", "/v1/documents", "post"),
        "POST /v1/documents",
    ),
    Break(
        "the tenant comes from the path",
        tenant_comes_from_the_authorizer,
        _map_tenant_from("method.request.path.id", "/v1/documents/{id}", "delete"),
        "DELETE /v1/documents/{id}",
    ),
    Break(
        "the tenant is a constant",
        tenant_comes_from_the_authorizer,
        _map_tenant_from("'0191f3c0a1b27c3d8e4f5a6b7c8d9e0f'", "/v1/inference", "post"),
        "POST /v1/inference",
    ),
    Break(
        "the tenant comes from another field of the authorizer",
        tenant_comes_from_the_authorizer,
        _map_tenant_from("context.authorizer.principalId", "/v1/inference", "post"),
        "POST /v1/inference",
    ),
    Break(
        "a new route without the tenant mapping",
        tenant_comes_from_the_authorizer,
        _add_route_without_tenant,
        "GET /v1/export",
    ),
    Break(
        "a route without an authorizer",
        tenant_comes_from_the_authorizer,
        lambda r: _operation(r, "/v1/openapi.json", "get").update(security=[]),
        "GET /v1/openapi.json",
    ),
    Break(
        "the routes are in another file",
        tenant_comes_from_the_authorizer,
        lambda r: _properties(r, "Api").update(Body=None, BodyS3Location="s3://x/y"),
        "Api",
    ),
    Break(
        "an additional HTTP API",
        tenant_comes_from_the_authorizer,
        lambda r: r.update(Web={"Type": "AWS::ApiGatewayV2::Api", "Properties": {}}),
        "Web",
    ),
    Break(
        "the authorizer's answer is cached by IP address",
        authorizers_cache_by_token,
        lambda r: _authorizer(r).update(identitySource="context.identity.sourceIp"),
        "authorizer tenant",
    ),
    Break(
        "the authorizer's answer is cached without a key",
        authorizers_cache_by_token,
        lambda r: _authorizer(r).pop("identitySource"),
        "authorizer tenant",
    ),
    Break(
        "the authorizer's answer is cached for an hour",
        authorizers_cache_by_token,
        lambda r: _authorizer(r).update(authorizerResultTtlInSeconds=3600),
        "authorizer tenant",
    ),
    Break(
        "the authorizer's answer has the default cache time",
        authorizers_cache_by_token,
        lambda r: _authorizer(r).pop("authorizerResultTtlInSeconds"),
        "authorizer tenant",
    ),
    Break(
        "API Gateway converts bodies to text",
        bodies_arrive_unaltered,
        lambda r: _properties(r, "Api")["Body"].pop("x-amazon-apigateway-binary-media-types"),
        "alters bodies",
    ),
    Break(
        "only some media types are kept as bytes",
        bodies_arrive_unaltered,
        lambda r: _properties(r, "Api")["Body"].update(
            {"x-amazon-apigateway-binary-media-types": ["application/octet-stream"]}
        ),
        "alters bodies",
    ),
    Break(
        "a preflight keeps its body as bytes",
        bodies_arrive_unaltered,
        lambda r: _properties(r, "Api")["Body"]["paths"]["/v1/inference"].update(
            options={"x-amazon-apigateway-integration": {"type": "mock"}}
        ),
        "OPTIONS /v1/inference fails",
    ),
    Break(
        "a path does not answer other methods",
        paths_refuse_other_methods,
        lambda r: _properties(r, "Api")["Body"]["paths"]["/v1/inference"].pop("x-amazon-apigateway-any-method"),
        "/v1/inference answers 404",
    ),
    Break(
        "a stream is buffered",
        streams_are_passed_on,
        lambda r: _operation(r, "/v1/inference/stream", "post")["x-amazon-apigateway-integration"].pop(
            "responseTransferMode"
        ),
        "POST /v1/inference/stream",
    ),
    Break(
        "a whole answer is passed on as a stream",
        streams_are_passed_on,
        lambda r: _operation(r, "/v1/search", "post")["x-amazon-apigateway-integration"].update(
            responseTransferMode="STREAM"
        ),
        "POST /v1/search",
    ),
    Break(
        "the authorizer is invoked for every header",
        authorizers_refuse_malformed_tokens,
        lambda r: _authorizer(r).update(type="request"),
        "authorizer tenant",
    ),
    Break(
        "the authorizer is invoked for any text",
        authorizers_refuse_malformed_tokens,
        lambda r: _authorizer(r).pop("identityValidationExpression"),
        "authorizer tenant",
    ),
    Break(
        "the authorizer's expression refuses tokens",
        authorizers_refuse_malformed_tokens,
        lambda r: _authorizer(r).update(identityValidationExpression="^Bearer eyJ$"),
        "refuses a genuine token",
    ),
    Break(
        "there is no authorizer",
        authorizers_cache_by_token,
        lambda r: _properties(r, "Api")["Body"].pop("components"),
        "Api",
    ),
    # functions
    Break(
        "the queue starts the worker directly",
        tenant_functions_have_no_event_source,
        _add_queue_source("Ingestion"),
        "Ingestion",
    ),
    Break(
        "a rule starts a tenant's function", tenant_functions_have_no_event_source, _add_rule("Inference"), "Inference"
    ),
    Break(
        "EventBridge may start a tenant's function",
        tenant_functions_have_no_event_source,
        lambda r: _properties(r, "TemplatesPermission").update(Principal="events.amazonaws.com"),
        "TemplatesPermission",
    ),
    Break(
        "a function without reserved concurrency",
        functions_reserve_concurrency,
        lambda r: _properties(r, "Ingestion").pop("ReservedConcurrentExecutions"),
        "Ingestion",
    ),
    Break(
        "any API may invoke a function",
        permissions_name_their_source,
        lambda r: _properties(r, "InferencePermission").pop("SourceArn"),
        "InferencePermission",
    ),
    Break(
        "any API of the account may invoke a function",
        permissions_name_their_source,
        lambda r: _properties(r, "InferencePermission").update(
            SourceArn={"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:*"}
        ),
        "InferencePermission",
    ),
    Break(
        "any rule may invoke a function",
        permissions_name_their_source,
        lambda r: _properties(r, "IntakeUploadedPermission").pop("SourceArn"),
        "IntakeUploadedPermission",
    ),
    # buckets
    Break(
        "the bucket has a Bucket Key",
        buckets_are_private_and_encrypted,
        lambda r: _encryption_rule(r).update(BucketKeyEnabled=True),
        "Documents",
    ),
    Break(
        "the Bucket Key setting is missing",
        buckets_are_private_and_encrypted,
        lambda r: _encryption_rule(r).pop("BucketKeyEnabled"),
        "Documents",
    ),
    Break(
        "objects are encrypted with S3's own key",
        buckets_are_private_and_encrypted,
        lambda r: _encryption_rule(r).update(ServerSideEncryptionByDefault={"SSEAlgorithm": "AES256"}),
        "Documents",
    ),
    Break(
        "the bucket does not require TLS",
        buckets_are_private_and_encrypted,
        lambda r: _properties(r, "DocumentsPolicy")["PolicyDocument"]["Statement"].pop(0),
        "Documents",
    ),
    Break(
        "only objects require TLS",
        buckets_are_private_and_encrypted,
        lambda r: _properties(r, "DocumentsPolicy")["PolicyDocument"]["Statement"][0].update(
            Resource=[{"Fn::Sub": "${Documents.Arn}/*"}]
        ),
        "Documents",
    ),
    Break(
        "public access is not blocked",
        buckets_are_private_and_encrypted,
        lambda r: _properties(r, "Documents").pop("PublicAccessBlockConfiguration"),
        "Documents",
    ),
    Break(
        "public policies are not blocked",
        buckets_are_private_and_encrypted,
        lambda r: _properties(r, "Documents")["PublicAccessBlockConfiguration"].update(BlockPublicPolicy=False),
        "Documents",
    ),
    Break(
        "another bucket without protection",
        buckets_are_private_and_encrypted,
        lambda r: r.update(Exports={"Type": "AWS::S3::Bucket", "Properties": {}}),
        "Exports",
    ),
    # tags
    Break("a function without its tier", resources_are_tagged, _untag("Ingestion", "bulkhead:tier"), "Ingestion"),
    Break("a role without its stage", resources_are_tagged, _untag("TenantRole", "bulkhead:stage"), "TenantRole"),
    Break("a table without its stage", resources_are_tagged, _untag("Tenants", "bulkhead:stage"), "Tenants", DATA),
    Break("a nested stack without its tier", resources_are_tagged, _untag("Basic", "bulkhead:tier"), "Basic", ROOT),
    Break("a new resource without tags", resources_are_tagged, _add_untagged_topic, "Alerts"),
    Break("an alarm without its tier", resources_are_tagged, _untag("Faults", "bulkhead:tier"), "Faults", MONITORING),
    # identity
    Break(
        "users can sign themselves up",
        users_cannot_set_their_tenant,
        lambda r: _properties(r, "UserPool").pop("AdminCreateUserConfig"),
        "UserPool",
        IDENTITY,
    ),
    Break(
        "a user's tenant is mutable",
        users_cannot_set_their_tenant,
        lambda r: _properties(r, "UserPool")["Schema"][0].update(Mutable=True),
        "UserPool: tenant_id",
        IDENTITY,
    ),
    Break(
        "no trigger writes the tenant into tokens",
        users_cannot_set_their_tenant,
        lambda r: _properties(r, "UserPool").pop("LambdaConfig"),
        "UserPool: no version 3 trigger",
        IDENTITY,
    ),
    Break(
        "another trigger can change users",
        users_cannot_set_their_tenant,
        lambda r: _properties(r, "UserPool")["LambdaConfig"].update(UserMigration="arn"),
        "UserPool: the trigger UserMigration",
        IDENTITY,
    ),
    Break(
        "an app may write the tier",
        users_cannot_set_their_tenant,
        lambda r: _properties(r, "Client")["WriteAttributes"].append("custom:tier"),
        "custom:tier",
        IDENTITY,
    ),
    Break(
        "an app may write the role",
        users_cannot_set_their_tenant,
        lambda r: _properties(r, "Client")["WriteAttributes"].append("custom:role"),
        "custom:role",
        IDENTITY,
    ),
    Break(
        "an app may write every attribute",
        users_cannot_set_their_tenant,
        lambda r: _properties(r, "Client").pop("WriteAttributes"),
        "Client: does not list",
        IDENTITY,
    ),
    Break(
        "an app sends passwords",
        users_cannot_set_their_tenant,
        lambda r: _properties(r, "Client")["ExplicitAuthFlows"].append("ALLOW_USER_PASSWORD_AUTH"),
        "Client",
        IDENTITY,
    ),
    Break(
        "users of another directory",
        users_cannot_set_their_tenant,
        lambda r: r.update(Social={"Type": "AWS::Cognito::UserPoolIdentityProvider", "Properties": {}}),
        "Social",
        IDENTITY,
    ),
    # alarms
    Break(
        "an alarm without a runbook section",
        alarms_have_a_runbook,
        lambda r: _properties(r, "Faults").update(AlarmName={"Fn::Sub": "bulkhead-${Stage}-${Tier}-mishaps"}),
        "Faults: docs/operations.md has no section `### mishaps`",
        MONITORING,
    ),
    Break(
        "an alarm that refers to another alarm's section",
        alarms_have_a_runbook,
        lambda r: _properties(r, "Faults").update(AlarmDescription="Faults. See docs/operations.md#throttles"),
        "Faults: does not end",
        MONITORING,
    ),
    Break(
        "a runbook section without an alarm",
        alarms_have_a_runbook,
        lambda r: r.pop("SealBroken"),
        "docs/operations.md#seal-broken",
        MONITORING,
    ),
    Break(
        "an alarm without an action",
        alarms_notify_the_topic,
        lambda r: _properties(r, "SealBroken").pop("AlarmActions"),
        "SealBroken",
        MONITORING,
    ),
    Break(
        "an alarm without an OK action",
        alarms_notify_the_topic,
        lambda r: _properties(r, "DeadLetters").pop("OKActions"),
        "DeadLetters",
        MONITORING,
    ),
    # usage
    Break(
        "the client chooses its usage key",
        usage_plan_counts_every_call,
        lambda r: _properties(r, "Api")["Body"].update({"x-amazon-apigateway-api-key-source": "HEADER"}),
        "Api",
    ),
    Break(
        "a route that the usage plan does not count",
        usage_plan_counts_every_call,
        lambda r: _operation(r, "/v1/inference", "post").update(security=[{"tenant": []}]),
        "POST /v1/inference",
    ),
    Break(
        "a stage without limits",
        stages_limit_every_method,
        lambda r: _properties(r, "ApiapiStage").pop("MethodSettings"),
        "ApiapiStage: limits no method",
    ),
    Break(
        "a method without a burst limit",
        stages_limit_every_method,
        lambda r: _properties(r, "ApiapiStage")["MethodSettings"].append(
            {"ResourcePath": "/~1v1~1inference", "HttpMethod": "POST", "ThrottlingRateLimit": 10000}
        ),
        "POST /~1v1~1inference has no ThrottlingBurstLimit",
    ),
    Break(
        "a preflight that invokes a function",
        tenant_comes_from_the_authorizer,
        lambda r: _operation(r, "/v1/inference", "options")["Fn::If"][1].update(
            {
                "x-amazon-apigateway-integration": _operation(r, "/v1/inference", "post")[
                    "x-amazon-apigateway-integration"
                ]
            }
        ),
        "OPTIONS /v1/inference",
    ),
    # metrics
    Break(
        "an alarm on a metric that nothing emits",
        metrics_are_emitted,
        lambda r: _properties(r, "SealBroken").update(MetricName="BrokenSeals"),
        "SealBroken",
        MONITORING,
    ),
    Break(
        "an alarm on dimensions that nothing emits",
        metrics_are_emitted,
        lambda r: _properties(r, "SealBroken")["Dimensions"].append({"Name": "Stage", "Value": "prod"}),
        "SealBroken",
        MONITORING,
    ),
    Break(
        "an expression over a metric that nothing emits",
        metrics_are_emitted,
        lambda r: _properties(r, "Unadmitted")["Metrics"][1]["MetricStat"]["Metric"].update(MetricName="Denied"),
        "Unadmitted",
        MONITORING,
    ),
    Break(
        "a graph of a metric that nothing emits",
        metrics_are_emitted,
        _replace_in_dashboard('MetricName=\\"Duration\\"', 'MetricName=\\"Latency\\"'),
        "emits no Latency",
        MONITORING,
    ),
    Break(
        "a counter without a graph",
        metrics_are_emitted,
        _replace_in_dashboard('["Bulkhead", "QuotaExceeded", "Tier", "${Tier}"],', ""),
        "shows no QuotaExceeded",
        MONITORING,
    ),
    Break(
        "a graph per tenant",
        metrics_have_no_tenant_dimension,
        _replace_in_dashboard('["Bulkhead", "Fault", "Tier", "${Tier}"]', '["Bulkhead", "Fault", "tenant", "a"]'),
        "Dashboard",
        MONITORING,
    ),
    Break(
        "a search per tenant",
        metrics_have_no_tenant_dimension,
        _replace_in_dashboard("{Bulkhead,Function,Tier}", "{Bulkhead,Function,TenantId}"),
        "Dashboard",
        MONITORING,
    ),
    Break(
        "an alarm per tenant",
        metrics_have_no_tenant_dimension,
        lambda r: _properties(r, "Faults")["Dimensions"].append({"Name": "Tenant", "Value": "a"}),
        "Faults",
        MONITORING,
    ),
    Break(
        "invalid JSON in the dashboard",
        metrics_have_no_tenant_dimension,
        _replace_in_dashboard('"start": "-PT3H",', '"start": "-PT3H",,'),
        "Dashboard",
        MONITORING,
    ),
    # access logs
    Break(
        "no access log",
        access_logs_hold_no_content,
        lambda r: _properties(r, "ApiapiStage").update(AccessLogSetting={}),
        "ApiapiStage",
    ),
    Break(
        "an access log in Apache's format",
        access_logs_hold_no_content,
        lambda r: _properties(r, "ApiapiStage").update(
            AccessLogSetting={
                "DestinationArn": "arn",
                "Format": "$context.requestId $context.authorizer.tenantId $context.status",
            }
        ),
        "not one line of JSON",
    ),
    Break(
        "the access log has the path with ids",
        access_logs_hold_no_content,
        _access_log(lambda fields: fields.update(path="$context.path")),
        "$context.path;",
    ),
    Break(
        "the access log has a query parameter",
        access_logs_hold_no_content,
        _access_log(lambda fields: fields.update(query="$context.requestOverride.querystring.q")),
        "querystring",
    ),
    Break(
        "the access log has the body",
        access_logs_hold_no_content,
        _access_log(lambda fields: fields.update(body="$input.body")),
        "$input.body",
    ),
    Break(
        "the access log has the token",
        access_logs_hold_no_content,
        _access_log(lambda fields: fields.update(who="$context.requestOverride.header.Authorization")),
        "Authorization",
    ),
    Break(
        "the access log has the client's address",
        access_logs_hold_no_content,
        _access_log(lambda fields: fields.update(ip="$context.identity.sourceIp")),
        "sourceIp",
    ),
    Break(
        "the access log's tenant is not the authorizer's",
        access_logs_hold_no_content,
        _access_log(lambda fields: fields.update(tenant="$context.requestId")),
        "only the authorizer's",
    ),
    Break(
        "the access log lacks the status",
        access_logs_hold_no_content,
        _access_log(lambda fields: fields.pop("status")),
        "lacks $context.status",
    ),
    Break(
        "execution logs with bodies",
        access_logs_hold_no_content,
        lambda r: _properties(r, "ApiapiStage").update(MethodSettings=[{"DataTraceEnabled": True}]),
        "execution logs",
    ),
)


def _encryption_rule(resources: Resources) -> dict[str, Any]:
    return _properties(resources, "Documents")["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
