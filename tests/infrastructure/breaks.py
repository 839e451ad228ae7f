"""What somebody might do to a template on a bad day, and which guard has to notice.

Each break changes a copy of the expanded template and names the resource that the complaint must name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.infrastructure import guards
from tests.infrastructure.guards import (
    a_persons_tenant_is_not_theirs_to_choose,
    access_logs_hold_no_content,
    alarms_have_a_runbook,
    alarms_tell_the_topic,
    allows_are_spelled_out,
    authorizers_know_what_selects_the_tenant,
    buckets_are_closed,
    every_call_is_counted,
    everything_is_tagged,
    for_all_values_is_guarded,
    functions_reserve_concurrency,
    metrics_are_emitted,
    no_tenant_is_a_dimension,
    only_the_tenant_role_holds_data_rights,
    permissions_name_their_source,
    tenant_functions_have_no_event_source,
    the_tenant_comes_from_the_authorizer,
    the_tenant_role_needs_its_tag,
    the_tenant_role_trusts_by_name_and_tag,
)

TIER, DATA, ROOT = "infra/tier.yaml", "infra/data.yaml", "template.yaml"
WATCH, ACCOUNT, PEOPLE = "infra/observability.yaml", "infra/account.yaml", "infra/identity.yaml"
Resources = dict[str, Any]


@dataclass(frozen=True)
class Break:
    """One fault: what is done, to which file, and what the guard must say."""

    name: str
    guard: guards.template.Guard
    change: Callable[[Resources], Any]
    blames: str
    file: str = TIER


def _properties(resources: Resources, name: str) -> dict[str, Any]:
    return resources[name]["Properties"]


def _tenant_data(resources: Resources, sid: str) -> dict[str, Any]:
    policy = _properties(resources, "TenantRole")["Policies"][0]["PolicyDocument"]
    return next(each for each in policy["Statement"] if each["Sid"] == sid)


def _trust(resources: Resources, sid: str) -> dict[str, Any]:
    document = _properties(resources, "TenantRole")["AssumeRolePolicyDocument"]
    return next(each for each in document["Statement"] if each["Sid"] == sid)


def _grant(role: str, action: str, resource: Any) -> Callable[[Resources], Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    policy = {"PolicyName": "more", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    return lambda r: _properties(r, role).setdefault("Policies", []).append(policy)


def _attach(resources: Resources) -> None:
    """The same right as `_grant`, written apart from the role."""
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


def _tenant_from(source: str, path: str, method: str) -> Callable[[Resources], Any]:
    return lambda r: _operation(r, path, method)["x-amazon-apigateway-integration"].update(
        requestParameters={"integration.request.header.X-Amz-Tenant-Id": source}
    )


def _authorizer(resources: Resources) -> dict[str, Any]:
    schemes = _properties(resources, "Api")["Body"]["components"]["securitySchemes"]
    return schemes["tenant"]["x-amazon-apigateway-authorizer"]


def _new_route(resources: Resources) -> None:
    """Copied from another API, without thinking of the tenant."""
    uri = _operation(resources, "/v1/inference", "post")["x-amazon-apigateway-integration"]["uri"]
    _properties(resources, "Api")["Body"]["paths"]["/v1/export"] = {
        "get": {"security": [{"tenant": []}], "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": uri}}
    }


def _queue_for(function: str) -> Callable[[Resources], Any]:
    properties = {"EventSourceArn": {"Fn::GetAtt": ["Jobs", "Arn"]}, "FunctionName": {"Ref": function}}
    return lambda r: r.update(Shortcut={"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties})


def _rule_for(function: str) -> Callable[[Resources], Any]:
    target = {"Id": "it", "Arn": {"Fn::GetAtt": [function, "Arn"]}}
    return lambda r: r.update(Nightly={"Type": "AWS::Events::Rule", "Properties": {"Targets": [target]}})


def _untag(name: str, key: str) -> Callable[[Resources], Any]:
    def change(resources: Resources) -> None:
        properties = _properties(resources, name)
        properties["Tags"] = [each for each in properties["Tags"] if each["Key"] != key]

    return change


def _untagged_topic(resources: Resources) -> None:
    resources["Alerts"] = {"Type": "AWS::SNS::Topic", "Properties": {}}


def _on_the_dashboard(old: str, new: str) -> Callable[[Resources], Any]:
    def change(resources: Resources) -> None:
        body = _properties(resources, "Dashboard")["DashboardBody"]
        body["Fn::Sub"] = body["Fn::Sub"].replace(old, new)

    return change


def _logged(change: Callable[[dict[str, str]], Any]) -> Callable[[Resources], Any]:
    """An access log as it should be, with one change to its fields."""
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


_TABLE = {"Ref": "DataTableArn"}

BREAKS = (
    # ForAllValues
    Break(
        "the Null of the leading keys is gone",
        for_all_values_is_guarded,
        lambda r: _tenant_data(r, "OwnPartition")["Condition"].pop("Null"),
        "TenantRole (OwnPartition)",
    ),
    Break(
        "the Null is about the tag alone",
        for_all_values_is_guarded,
        lambda r: _tenant_data(r, "OwnPartition")["Condition"]["Null"].pop("dynamodb:LeadingKeys"),
        "TenantRole (OwnPartition)",
    ),
    Break(
        "the Null is the wrong way round",
        for_all_values_is_guarded,
        lambda r: _tenant_data(r, "OwnPartition")["Condition"]["Null"].update({"dynamodb:LeadingKeys": "true"}),
        "TenantRole (OwnPartition)",
    ),
    Break(
        "tag keys are limited, but no tag is demanded",
        for_all_values_is_guarded,
        lambda r: _trust(r, "OneTagOnly")["Condition"].pop("StringLike"),
        "TenantRole (OneTagOnly)",
    ),
    # wildcards
    Break(
        "all of DynamoDB",
        allows_are_spelled_out,
        lambda r: _tenant_data(r, "OwnPartition").update(Action="dynamodb:*"),
        "TenantRole (OwnPartition)",
    ),
    Break(
        "reads of every kind",
        allows_are_spelled_out,
        lambda r: _tenant_data(r, "OwnObjects").update(Action=["s3:Get*"]),
        "TenantRole (OwnObjects)",
    ),
    Break(
        "any resource",
        allows_are_spelled_out,
        lambda r: _tenant_data(r, "Models").update(Resource="*"),
        "TenantRole (Models)",
    ),
    Break(
        "any object of the bucket",
        allows_are_spelled_out,
        lambda r: _tenant_data(r, "OwnObjects").update(Resource={"Fn::Sub": "${Documents.Arn}/*"}),
        "TenantRole (OwnObjects)",
    ),
    Break(
        "any table",
        allows_are_spelled_out,
        _grant("ControlRole", "dynamodb:GetItem", {"Fn::Sub": "arn:${AWS::Partition}:dynamodb:*:*:table/*"}),
        "ControlRole",
    ),
    Break(
        "all but a few actions",
        allows_are_spelled_out,
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
    Break("the same, in a policy attached from outside", only_the_tenant_role_holds_data_rights, _attach, "Reports"),
    Break(
        "a function reads objects",
        only_the_tenant_role_holds_data_rights,
        _grant("DocumentsApiRole", "s3:GetObject", {"Fn::Sub": "${Documents.Arn}/t/*"}),
        "DocumentsApiRole",
    ),
    Break(
        "control queries vectors",
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
        "control's registry rights on the data table",
        only_the_tenant_role_holds_data_rights,
        _grant("ControlRole", "dynamodb:GetItem", _TABLE),
        "ControlRole",
    ),
    Break(
        "a second sender of jobs",
        only_the_tenant_role_holds_data_rights,
        _grant("TemplatesRole", "sqs:SendMessage", {"Fn::GetAtt": ["Jobs", "Arn"]}),
        "TemplatesRole",
    ),
    Break(
        "a managed policy of AWS",
        only_the_tenant_role_holds_data_rights,
        lambda r: _properties(r, "IntakeRole").update(ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        "IntakeRole",
    ),
    Break(
        "a policy of API Gateway for a function",
        only_the_tenant_role_holds_data_rights,
        lambda r: _properties(r, "IntakeRole").update(
            ManagedPolicyArns=["arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"]
        ),
        "IntakeRole",
    ),
    Break(
        "the role of API Gateway does more",
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
        "no Deny without a tag",
        the_tenant_role_needs_its_tag,
        lambda r: _properties(r, "TenantRole")["Policies"][0]["PolicyDocument"]["Statement"].pop(),
        "TenantRole",
    ),
    Break(
        "the Deny is for a table alone",
        the_tenant_role_needs_its_tag,
        lambda r: _tenant_data(r, "NoTagNoAccess").update(Resource=_TABLE),
        "TenantRole",
    ),
    Break(
        "the Deny has a second condition",
        the_tenant_role_needs_its_tag,
        lambda r: _tenant_data(r, "NoTagNoAccess")["Condition"].update(Bool={"aws:SecureTransport": "false"}),
        "TenantRole",
    ),
    Break(
        "the role is tagged with a tenant",
        the_tenant_role_needs_its_tag,
        lambda r: _properties(r, "TenantRole")["Tags"].append({"Key": "TenantId", "Value": "x" * 32}),
        "TenantRole",
    ),
    Break(
        "the same in another case",
        the_tenant_role_needs_its_tag,
        lambda r: _properties(r, "TenantRole")["Tags"].append({"Key": "tenantid", "Value": "x" * 32}),
        "TenantRole",
    ),
    Break(
        "the session may have any name",
        the_tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "OneTenantNamedTwice")["Condition"].pop("StringEquals"),
        "TenantRole (OneTenantNamedTwice)",
    ),
    Break(
        "the session needs no tag",
        the_tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "OneTenantNamedTwice")["Condition"].pop("StringLike"),
        "TenantRole (OneTenantNamedTwice)",
    ),
    Break(
        "the session may have more tags",
        the_tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "OneTagOnly")["Condition"].pop("ForAllValues:StringEquals"),
        "TenantRole (OneTagOnly)",
    ),
    Break(
        "the whole account may assume it",
        the_tenant_role_trusts_by_name_and_tag,
        lambda r: _trust(r, "OneTenantNamedTwice")["Principal"].update(
            AWS={"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
        ),
        "TenantRole (OneTenantNamedTwice)",
    ),
    # the tenant of a request
    Break(
        "the tenant is a client's header",
        the_tenant_comes_from_the_authorizer,
        _tenant_from("method.request.header.X-Amz-Tenant-Id", "/v1/templates", "get"),
        "GET /v1/templates",
    ),
    Break(
        "the tenant is a query parameter",
        the_tenant_comes_from_the_authorizer,
        _tenant_from("method.request.querystring.tenant", "/v1/documents", "post"),
        "POST /v1/documents",
    ),
    Break(
        "the tenant is part of the path",
        the_tenant_comes_from_the_authorizer,
        _tenant_from("method.request.path.id", "/v1/documents/{id}", "delete"),
        "DELETE /v1/documents/{id}",
    ),
    Break(
        "the tenant is the same for everybody",
        the_tenant_comes_from_the_authorizer,
        _tenant_from("'0191f3c0a1b27c3d8e4f5a6b7c8d9e0f'", "/v1/inference", "post"),
        "POST /v1/inference",
    ),
    Break(
        "the tenant is another field of the token",
        the_tenant_comes_from_the_authorizer,
        _tenant_from("context.authorizer.principalId", "/v1/inference", "post"),
        "POST /v1/inference",
    ),
    Break("a new route without the mapping", the_tenant_comes_from_the_authorizer, _new_route, "GET /v1/export"),
    Break(
        "a route without authorizer",
        the_tenant_comes_from_the_authorizer,
        lambda r: _operation(r, "/v1/openapi.json", "get").update(security=[]),
        "GET /v1/openapi.json",
    ),
    Break(
        "the routes are in a file of their own",
        the_tenant_comes_from_the_authorizer,
        lambda r: _properties(r, "Api").update(Body=None, BodyS3Location="s3://x/y"),
        "Api",
    ),
    Break(
        "an HTTP API beside it",
        the_tenant_comes_from_the_authorizer,
        lambda r: r.update(Web={"Type": "AWS::ApiGatewayV2::Api", "Properties": {}}),
        "Web",
    ),
    Break(
        "the answer is cached by address",
        authorizers_know_what_selects_the_tenant,
        lambda r: _authorizer(r).update(identitySource="context.identity.sourceIp"),
        "authorizer tenant",
    ),
    Break(
        "the answer is cached by nothing",
        authorizers_know_what_selects_the_tenant,
        lambda r: _authorizer(r).pop("identitySource"),
        "authorizer tenant",
    ),
    Break(
        "the answer is cached for an hour",
        authorizers_know_what_selects_the_tenant,
        lambda r: _authorizer(r).update(authorizerResultTtlInSeconds=3600),
        "authorizer tenant",
    ),
    Break(
        "the answer is cached as long as API Gateway likes",
        authorizers_know_what_selects_the_tenant,
        lambda r: _authorizer(r).pop("authorizerResultTtlInSeconds"),
        "authorizer tenant",
    ),
    Break(
        "there is no authorizer",
        authorizers_know_what_selects_the_tenant,
        lambda r: _properties(r, "Api")["Body"].pop("components"),
        "Api",
    ),
    # functions
    Break(
        "the queue feeds the worker directly",
        tenant_functions_have_no_event_source,
        _queue_for("Ingestion"),
        "Ingestion",
    ),
    Break(
        "a rule starts a tenant's function", tenant_functions_have_no_event_source, _rule_for("Inference"), "Inference"
    ),
    Break(
        "EventBridge may start a tenant's function",
        tenant_functions_have_no_event_source,
        lambda r: _properties(r, "TemplatesPermission").update(Principal="events.amazonaws.com"),
        "TemplatesPermission",
    ),
    Break(
        "a function without a reservation",
        functions_reserve_concurrency,
        lambda r: _properties(r, "Ingestion").pop("ReservedConcurrentExecutions"),
        "Ingestion",
    ),
    Break(
        "any API may call",
        permissions_name_their_source,
        lambda r: _properties(r, "InferencePermission").pop("SourceArn"),
        "InferencePermission",
    ),
    Break(
        "any API of the account may call",
        permissions_name_their_source,
        lambda r: _properties(r, "InferencePermission").update(
            SourceArn={"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:*"}
        ),
        "InferencePermission",
    ),
    Break(
        "any rule may call",
        permissions_name_their_source,
        lambda r: _properties(r, "IntakeUploadedPermission").pop("SourceArn"),
        "IntakeUploadedPermission",
    ),
    # buckets
    Break("a Bucket Key", buckets_are_closed, lambda r: _rule(r).update(BucketKeyEnabled=True), "Documents"),
    Break(
        "Bucket Keys are left to the default",
        buckets_are_closed,
        lambda r: _rule(r).pop("BucketKeyEnabled"),
        "Documents",
    ),
    Break(
        "encryption with S3's own key",
        buckets_are_closed,
        lambda r: _rule(r).update(ServerSideEncryptionByDefault={"SSEAlgorithm": "AES256"}),
        "Documents",
    ),
    Break(
        "TLS is not demanded",
        buckets_are_closed,
        lambda r: _properties(r, "DocumentsPolicy")["PolicyDocument"]["Statement"].pop(0),
        "Documents",
    ),
    Break(
        "TLS is demanded for objects alone",
        buckets_are_closed,
        lambda r: _properties(r, "DocumentsPolicy")["PolicyDocument"]["Statement"][0].update(
            Resource=[{"Fn::Sub": "${Documents.Arn}/*"}]
        ),
        "Documents",
    ),
    Break(
        "public access is open",
        buckets_are_closed,
        lambda r: _properties(r, "Documents").pop("PublicAccessBlockConfiguration"),
        "Documents",
    ),
    Break(
        "public policies are let in",
        buckets_are_closed,
        lambda r: _properties(r, "Documents")["PublicAccessBlockConfiguration"].update(BlockPublicPolicy=False),
        "Documents",
    ),
    Break(
        "a second bucket with nothing",
        buckets_are_closed,
        lambda r: r.update(Exports={"Type": "AWS::S3::Bucket", "Properties": {}}),
        "Exports",
    ),
    # tags
    Break("a function without its tier", everything_is_tagged, _untag("Ingestion", "bulkhead:tier"), "Ingestion"),
    Break("a role without its stage", everything_is_tagged, _untag("TenantRole", "bulkhead:stage"), "TenantRole"),
    Break("a table without its stage", everything_is_tagged, _untag("Tenants", "bulkhead:stage"), "Tenants", DATA),
    Break("a nested stack without its tier", everything_is_tagged, _untag("Basic", "bulkhead:tier"), "Basic", ROOT),
    Break("a new resource without tags", everything_is_tagged, _untagged_topic, "Alerts"),
    Break("an alarm without its tier", everything_is_tagged, _untag("Faults", "bulkhead:tier"), "Faults", WATCH),
    # people
    Break(
        "people sign up",
        a_persons_tenant_is_not_theirs_to_choose,
        lambda r: _properties(r, "UserPool").pop("AdminCreateUserConfig"),
        "UserPool",
        PEOPLE,
    ),
    Break(
        "a person may change over to another tenant",
        a_persons_tenant_is_not_theirs_to_choose,
        lambda r: _properties(r, "UserPool")["Schema"][0].update(Mutable=True),
        "UserPool: tenant_id",
        PEOPLE,
    ),
    Break(
        "nobody writes the tenant into tokens",
        a_persons_tenant_is_not_theirs_to_choose,
        lambda r: _properties(r, "UserPool").pop("LambdaConfig"),
        "UserPool: no version 2 trigger",
        PEOPLE,
    ),
    Break(
        "another trigger has a hand in it",
        a_persons_tenant_is_not_theirs_to_choose,
        lambda r: _properties(r, "UserPool")["LambdaConfig"].update(UserMigration="arn"),
        "UserPool: the trigger UserMigration",
        PEOPLE,
    ),
    Break(
        "an app may write the tier",
        a_persons_tenant_is_not_theirs_to_choose,
        lambda r: _properties(r, "Client")["WriteAttributes"].append("custom:tier"),
        "custom:tier",
        PEOPLE,
    ),
    Break(
        "an app may write whatever there is",
        a_persons_tenant_is_not_theirs_to_choose,
        lambda r: _properties(r, "Client").pop("WriteAttributes"),
        "Client: does not say",
        PEOPLE,
    ),
    Break(
        "an app sends passwords",
        a_persons_tenant_is_not_theirs_to_choose,
        lambda r: _properties(r, "Client")["ExplicitAuthFlows"].append("ALLOW_USER_PASSWORD_AUTH"),
        "Client",
        PEOPLE,
    ),
    Break(
        "people of another directory",
        a_persons_tenant_is_not_theirs_to_choose,
        lambda r: r.update(Social={"Type": "AWS::Cognito::UserPoolIdentityProvider", "Properties": {}}),
        "Social",
        PEOPLE,
    ),
    # alarms
    Break(
        "an alarm that nobody explains",
        alarms_have_a_runbook,
        lambda r: _properties(r, "Faults").update(AlarmName={"Fn::Sub": "bulkhead-${Stage}-${Tier}-mishaps"}),
        "Faults: docs/operations.md has no section `### mishaps`",
        WATCH,
    ),
    Break(
        "an alarm that refers to another's section",
        alarms_have_a_runbook,
        lambda r: _properties(r, "Faults").update(AlarmDescription="Faults. See docs/operations.md#throttles"),
        "Faults: does not end",
        WATCH,
    ),
    Break(
        "a section whose alarm is gone",
        alarms_have_a_runbook,
        lambda r: r.pop("SealBroken"),
        "docs/operations.md#seal-broken",
        WATCH,
    ),
    Break(
        "an alarm that tells nobody",
        alarms_tell_the_topic,
        lambda r: _properties(r, "SealBroken").pop("AlarmActions"),
        "SealBroken",
        WATCH,
    ),
    Break(
        "an alarm that does not say when it is over",
        alarms_tell_the_topic,
        lambda r: _properties(r, "DeadLetters").pop("OKActions"),
        "DeadLetters",
        WATCH,
    ),
    # usage
    Break(
        "the client chooses its usage key",
        every_call_is_counted,
        lambda r: _properties(r, "Api")["Body"].update({"x-amazon-apigateway-api-key-source": "HEADER"}),
        "Api",
    ),
    Break(
        "a route that nobody counts",
        every_call_is_counted,
        lambda r: _operation(r, "/v1/inference", "post").update(security=[{"tenant": []}]),
        "POST /v1/inference",
    ),
    Break(
        "a preflight that starts a function",
        the_tenant_comes_from_the_authorizer,
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
        "an alarm over a metric that nothing emits",
        metrics_are_emitted,
        lambda r: _properties(r, "SealBroken").update(MetricName="BrokenSeals"),
        "SealBroken",
        WATCH,
    ),
    Break(
        "an alarm over dimensions that nothing emits",
        metrics_are_emitted,
        lambda r: _properties(r, "SealBroken")["Dimensions"].append({"Name": "Stage", "Value": "prod"}),
        "SealBroken",
        WATCH,
    ),
    Break(
        "the same inside an expression",
        metrics_are_emitted,
        lambda r: _properties(r, "Unadmitted")["Metrics"][1]["MetricStat"]["Metric"].update(MetricName="Denied"),
        "Unadmitted",
        WATCH,
    ),
    Break(
        "a graph of a metric that nothing emits",
        metrics_are_emitted,
        _on_the_dashboard('MetricName=\\"Duration\\"', 'MetricName=\\"Latency\\"'),
        "emits no Latency",
        WATCH,
    ),
    Break(
        "a counter without a graph",
        metrics_are_emitted,
        _on_the_dashboard('["Bulkhead", "QuotaExceeded", "Tier", "${Tier}"],', ""),
        "shows no QuotaExceeded",
        WATCH,
    ),
    Break(
        "a graph by tenant",
        no_tenant_is_a_dimension,
        _on_the_dashboard('["Bulkhead", "Fault", "Tier", "${Tier}"]', '["Bulkhead", "Fault", "tenant", "a"]'),
        "Dashboard",
        WATCH,
    ),
    Break(
        "a search by tenant",
        no_tenant_is_a_dimension,
        _on_the_dashboard("{Bulkhead,Function,Tier}", "{Bulkhead,Function,TenantId}"),
        "Dashboard",
        WATCH,
    ),
    Break(
        "an alarm by tenant",
        no_tenant_is_a_dimension,
        lambda r: _properties(r, "Faults")["Dimensions"].append({"Name": "Tenant", "Value": "a"}),
        "Faults",
        WATCH,
    ),
    Break(
        "a comma too many in the dashboard",
        no_tenant_is_a_dimension,
        _on_the_dashboard('"start": "-PT3H",', '"start": "-PT3H",,'),
        "Dashboard",
        WATCH,
    ),
    # access logs
    Break(
        "no access log",
        access_logs_hold_no_content,
        lambda r: _properties(r, "ApiapiStage").update(AccessLogSetting={}),
        "ApiapiStage",
    ),
    Break(
        "an access log in Apache's form",
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
        "the access log has the path with its ids",
        access_logs_hold_no_content,
        _logged(lambda fields: fields.update(path="$context.path")),
        "$context.path;",
    ),
    Break(
        "the access log has a query parameter",
        access_logs_hold_no_content,
        _logged(lambda fields: fields.update(query="$context.requestOverride.querystring.q")),
        "querystring",
    ),
    Break(
        "the access log has the body",
        access_logs_hold_no_content,
        _logged(lambda fields: fields.update(body="$input.body")),
        "$input.body",
    ),
    Break(
        "the access log has the token",
        access_logs_hold_no_content,
        _logged(lambda fields: fields.update(who="$context.requestOverride.header.Authorization")),
        "Authorization",
    ),
    Break(
        "the access log has the client's address",
        access_logs_hold_no_content,
        _logged(lambda fields: fields.update(ip="$context.identity.sourceIp")),
        "sourceIp",
    ),
    Break(
        "the access log's tenant is a claim",
        access_logs_hold_no_content,
        _logged(lambda fields: fields.update(tenant="$context.requestId")),
        "only the authorizer's",
    ),
    Break(
        "the access log does not say the status",
        access_logs_hold_no_content,
        _logged(lambda fields: fields.pop("status")),
        "lacks $context.status",
    ),
    Break(
        "execution logs with bodies",
        access_logs_hold_no_content,
        lambda r: _properties(r, "ApiapiStage").update(MethodSettings=[{"DataTraceEnabled": True}]),
        "execution logs",
    ),
)


def _rule(resources: Resources) -> dict[str, Any]:
    return _properties(resources, "Documents")["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
