"""What deleted, failed and rolled-back stacks leave behind."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from bulkhead_emulator.tests.support.cloud import Cloud, error, unique
from bulkhead_emulator.tests.support.functions import make
from bulkhead_emulator.tests.support.process import Emulator

_POLLS = {"Delay": 1, "MaxAttempts": 60}


def table(**policies: str) -> dict[str, Any]:
    return {
        "Type": "AWS::DynamoDB::Table",
        **policies,
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        },
    }


TABLES = {
    "Deleted": table(),
    "Retained": table(DeletionPolicy="Retain"),
    "InUse": table(DeletionPolicy="RetainExceptOnCreate"),
}
# Fails after the resource that it depends on is created.
FAULT = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        },
        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/NoSuchPolicy"],
    },
}


class Stacks:
    """Deploys stacks whose nested templates are in a bucket."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.api = cloud, cloud.client("cloudformation")
        self._bucket = unique("templates")
        cloud.client("s3").create_bucket(Bucket=self._bucket)

    def nested(self, **resources: Any) -> dict[str, Any]:
        key = unique("template")
        self.cloud.client("s3").put_object(
            Bucket=self._bucket, Key=key, Body=json.dumps({"Resources": resources}).encode()
        )
        url = f"https://s3.us-east-1.amazonaws.com/{self._bucket}/{key}"
        return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}

    def create(self, name: str, **resources: Any) -> str:
        self.api.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}), **_CAPABILITIES)
        return self.status(name, "stack_create_complete")

    def update(self, name: str, **resources: Any) -> str:
        self.api.update_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}), **_CAPABILITIES)
        return self.status(name, "stack_update_complete")

    def delete(self, name: str) -> str:
        stack = self.api.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.api.delete_stack(StackName=name)
        return self.status(stack, "stack_delete_complete")

    def status(self, name: str, waiter: str) -> str:
        """Waits until the operation ends, well or not, and returns the status."""
        with suppress(WaiterError):
            self.api.get_waiter(waiter).wait(StackName=name, WaiterConfig=_POLLS)
        return str(self.api.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    def tables(self, name: str) -> set[str]:
        """Returns the logical ids of the tables that a stack and its nested stacks created and that exist."""
        found = self.cloud.client("dynamodb").list_tables()["TableNames"]
        return {logical for logical in TABLES for each in found if each.startswith(name) and f"-{logical}-" in each}


_CAPABILITIES: Any = {"Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]}


@pytest.fixture
def bare(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--bare", default=False))


@pytest.fixture
def stacks(cloud: Cloud) -> Stacks:
    return Stacks(cloud)


@pytest.mark.extension
def test_deleting_a_stack_keeps_what_nested_policies_retain(stacks: Stacks) -> None:
    name = unique("kept")
    assert stacks.create(name, Data=stacks.nested(Inner=stacks.nested(**TABLES))) == "CREATE_COMPLETE"
    assert stacks.tables(name) == {"Deleted", "Retained", "InUse"}
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.tables(name) == {"Retained", "InUse"}


@pytest.mark.extension
def test_removing_a_nested_stack_keeps_what_its_policies_retain(stacks: Stacks) -> None:
    name = unique("removed")
    other = stacks.nested(Topic={"Type": "AWS::SNS::Topic"})
    assert stacks.create(name, Data=stacks.nested(**TABLES), Other=other) == "CREATE_COMPLETE"
    assert stacks.update(name, Other=other) == "UPDATE_COMPLETE"
    assert stacks.tables(name) == {"Retained", "InUse"}


@pytest.mark.extension
@pytest.mark.parametrize("where", ["in the failed nested stack", "in a complete nested stack"])
def test_a_failed_creation_deletes_what_only_an_existing_stack_retains(stacks: Stacks, where: str) -> None:
    """`RetainExceptOnCreate` keeps nothing of the operation that created it."""
    name = unique("failed")
    fault = {**FAULT, "DependsOn": list(TABLES)}
    if where == "in the failed nested stack":
        resources = {"Data": stacks.nested(**TABLES, Fault=fault)}
    else:
        resources = {"Data": stacks.nested(**TABLES), "Late": {**stacks.nested(Fault=FAULT), "DependsOn": "Data"}}
    assert stacks.create(name, **resources) == "ROLLBACK_COMPLETE"
    assert stacks.tables(name) == {"Retained"}


@pytest.mark.extension
def test_a_failed_update_deletes_what_it_created_in_a_nested_stack(stacks: Stacks) -> None:
    name = unique("update")
    assert stacks.create(name, Data=stacks.nested(InUse=TABLES["InUse"])) == "CREATE_COMPLETE"
    late = {**stacks.nested(Fault=FAULT), "DependsOn": "Data"}
    more = {"InUse": TABLES["InUse"], "Retained": table(DeletionPolicy="RetainExceptOnCreate")}
    assert stacks.update(name, Data=stacks.nested(**more), Late=late) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.tables(name) == {"InUse"}


def keyed(key: str, **policies: str) -> dict[str, Any]:
    """A table that a change of its key replaces."""
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
    }
    return {"Type": "AWS::DynamoDB::Table", **policies, "Properties": properties}


def keys(stacks: Stacks, name: str) -> list[str]:
    """Returns the keys of the tables of a stack that exist, in alphabetical order."""
    client = stacks.cloud.client("dynamodb")
    tables = [each for each in client.list_tables()["TableNames"] if each.startswith(name)]
    return sorted(client.describe_table(TableName=each)["Table"]["KeySchema"][0]["AttributeName"] for each in tables)


@pytest.mark.parametrize(
    ("policy", "left"),
    [pytest.param("Retain", ["new", "old"], marks=pytest.mark.extension), ("Delete", ["new"])],
)
def test_a_replacement_in_a_nested_stack_follows_the_update_replace_policy(
    stacks: Stacks, policy: str, left: list[str]
) -> None:
    name = unique("replaced")
    data = {"UpdateReplacePolicy": policy}
    assert stacks.create(name, Data=stacks.nested(Table=keyed("old", **data))) == "CREATE_COMPLETE"
    assert stacks.update(name, Data=stacks.nested(Table=keyed("new", **data))) == "UPDATE_COMPLETE"
    assert keys(stacks, name) == left


@pytest.mark.extension
@pytest.mark.parametrize("policy", ["Retain", "Delete"])
@pytest.mark.parametrize("where", ["in the same nested stack", "in the root stack"])
def test_a_failed_update_brings_a_replaced_resource_back(stacks: Stacks, policy: str, where: str) -> None:
    name = unique("restored")
    data = {"UpdateReplacePolicy": policy}
    assert stacks.create(name, Data=stacks.nested(Table=keyed("old", **data))) == "CREATE_COMPLETE"
    old = _table_of(stacks, name)
    if where == "in the same nested stack":
        changed = {"Data": stacks.nested(Table=keyed("new", **data), Fault={**FAULT, "DependsOn": "Table"})}
    else:
        changed = {"Data": stacks.nested(Table=keyed("new", **data)), "Fault": {**FAULT, "DependsOn": "Data"}}
    assert stacks.update(name, **changed) == "UPDATE_ROLLBACK_COMPLETE"
    assert (keys(stacks, name), _table_of(stacks, name)) == (["old"], old)
    assert stacks.update(name, Data=stacks.nested(Table=keyed("old", **data), More=keyed("more"))) == "UPDATE_COMPLETE"
    assert keys(stacks, name) == ["more", "old"]


def _table_of(stacks: Stacks, name: str) -> str:
    """Returns the physical id of the table of the nested stack `Data`."""
    (nested,) = stacks.api.describe_stack_resources(StackName=name, LogicalResourceId="Data")["StackResources"]
    inner = stacks.api.describe_stack_resources(StackName=nested["PhysicalResourceId"], LogicalResourceId="Table")
    return str(inner["StackResources"][0]["PhysicalResourceId"])


@pytest.mark.extension
@pytest.mark.parametrize("kind", ["UPDATE", "CREATE"])
def test_a_rolled_back_creation_can_only_be_deleted(stacks: Stacks, kind: str) -> None:
    name = unique("rolled-back")
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    assert stacks.create(name, Fault=FAULT) == "ROLLBACK_COMPLETE"
    body = json.dumps({"Resources": topic})
    request = {"StackName": name, "ChangeSetName": "again", "TemplateBody": body}
    code, _, message = error(stacks.api.create_change_set, **request, ChangeSetType=kind)
    if kind == "UPDATE":
        assert code == "ValidationError" and "is in ROLLBACK_COMPLETE state and can not be updated" in message
    else:
        assert code == "ValidationError" and "already exists and cannot be created again" in message
    assert error(stacks.api.create_stack, StackName=name, TemplateBody=body)[0] == "AlreadyExistsException"
    assert stacks.delete(name) == "DELETE_COMPLETE"
    assert stacks.create(name, **topic) == "CREATE_COMPLETE"


def pool(protection: str, **policies: str) -> dict[str, Any]:
    properties = {"UserPoolName": unique("pool"), "DeletionProtection": protection}
    return {"Type": "AWS::Cognito::UserPool", **policies, "Properties": properties}


@pytest.mark.extension
def test_a_protected_user_pool_is_not_deleted(cloud: Cloud) -> None:
    cognito = cloud.client("cognito-idp")
    made = cognito.create_user_pool(PoolName=unique("pool"), DeletionProtection="ACTIVE")["UserPool"]["Id"]
    code, _, message = error(cognito.delete_user_pool, UserPoolId=made)
    assert code == "InvalidParameterException" and "deletion protection is activated" in message
    cognito.update_user_pool(UserPoolId=made, DeletionProtection="INACTIVE")
    cognito.delete_user_pool(UserPoolId=made)
    assert error(cognito.describe_user_pool, UserPoolId=made)[0] == "ResourceNotFoundException"


@pytest.mark.extension
def test_a_protected_user_pool_fails_the_deletion_of_its_stack(stacks: Stacks) -> None:
    name = unique("protected")
    assert stacks.create(name, Identity=stacks.nested(Pool=pool("ACTIVE"), **TABLES)) == "CREATE_COMPLETE"
    assert stacks.delete(name) == "DELETE_FAILED"
    assert stacks.tables(name) == {"Retained", "InUse"}, "the deletion of other resources continues"


@pytest.mark.extension
def test_a_protected_user_pool_fails_the_rollback_of_its_stack(stacks: Stacks) -> None:
    kept = pool("ACTIVE", DeletionPolicy="RetainExceptOnCreate")
    late = {**stacks.nested(Fault=FAULT), "DependsOn": "Identity"}
    assert stacks.create(unique("protected"), Identity=stacks.nested(Pool=kept), Late=late) == "ROLLBACK_FAILED"


RULE = {
    "Schema": {"Name": "CloudWatchLogRule", "Version": 1},
    "LogGroupNames": ["/some/log"],
    "LogFormat": "JSON",
    "Contribution": {"Keys": ["$.tenant"], "Filters": [{"Match": "$.Duration", "IsPresent": True}]},
    "AggregateOn": "Count",
}


def insight_rule(body: Any) -> dict[str, Any]:
    properties = {"RuleName": unique("rule"), "RuleState": "ENABLED", "RuleBody": json.dumps(body)}
    return {"Type": "AWS::CloudWatch::InsightRule", "Properties": properties}


@pytest.mark.extension
def test_contributor_insights_rules_are_deployed(stacks: Stacks) -> None:
    name, rule = unique("insight"), insight_rule(RULE)
    assert stacks.create(name, Rule=rule) == "CREATE_COMPLETE"
    (made,) = stacks.api.describe_stack_resources(StackName=name)["StackResources"]
    assert made["PhysicalResourceId"] == rule["Properties"]["RuleName"]
    assert stacks.update(name, Rule=insight_rule({**RULE, "AggregateOn": "Sum"})) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.delete(name) == "DELETE_COMPLETE"


@pytest.mark.extension
@pytest.mark.parametrize(
    "change",
    [
        {"Schema": {"Name": "CloudWatchLogRule", "Version": 2}},
        {"LogGroupNames": []},
        {"LogFormat": "XML"},
        {"Contribution": {"Keys": [], "Filters": []}},
        {"Contribution": {"Keys": [f"$.key{n}" for n in range(5)], "Filters": []}},
        {"Contribution": {"Keys": ["$.a"], "Filters": [{"Match": "$.a"}]}},
        {"AggregateOn": "Mean"},
        {"More": 1},
    ],
    ids="-".join,
)
def test_malformed_contributor_insights_rules_fail_their_stack(stacks: Stacks, change: dict[str, Any]) -> None:
    name = unique("malformed")
    assert stacks.create(name, Rule=insight_rule({**RULE, **change})) == "ROLLBACK_COMPLETE"
    reasons = [each.get("ResourceStatusReason", "") for each in _events(stacks, name)]
    assert any("InvalidParameterValue" in each for each in reasons), reasons


def _events(stacks: Stacks, name: str) -> list[Any]:
    return list(stacks.api.describe_stack_events(StackName=name)["StackEvents"])


STAGE = {
    "Api": {
        "Type": "AWS::ApiGateway::RestApi",
        "Properties": {
            "Body": {
                "openapi": "3.0.1",
                "info": {"title": "t", "version": "1"},
                "paths": {
                    "/": {
                        "get": {
                            "responses": {},
                            "x-amazon-apigateway-integration": {
                                "type": "mock",
                                "requestTemplates": {"application/json": '{"statusCode": 204}'},
                                "responses": {"default": {"statusCode": "204"}},
                            },
                        }
                    }
                },
            }
        },
    },
    "Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}}},
    "Log": {"Type": "AWS::Logs::LogGroup"},
    "Stage": {
        "Type": "AWS::ApiGateway::Stage",
        "Properties": {
            "RestApiId": {"Ref": "Api"},
            "DeploymentId": {"Ref": "Deployment"},
            "StageName": "api",
            "AccessLogSetting": {"DestinationArn": {"Fn::GetAtt": ["Log", "Arn"]}, "Format": "$context.requestId"},
        },
    },
}


def _trusting(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": document}}


@pytest.mark.extension
def test_access_logs_need_the_role_of_the_account(bare: bool) -> None:
    emulator = Emulator.start(bare=bare)
    try:
        stacks = Stacks(Cloud(emulator.address))
        name = unique("logged")
        assert stacks.create(name, **STAGE) == "ROLLBACK_COMPLETE"
        reasons = [each.get("ResourceStatusReason", "") for each in _events(stacks, name)]
        assert any("CloudWatch Logs role ARN must be set in account settings" in each for each in reasons), reasons
        account = {
            "Type": "AWS::ApiGateway::Account",
            "Properties": {"CloudWatchRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}},
        }
        wrong = {"Role": _trusting("lambda.amazonaws.com"), "Account": account}
        assert stacks.create(unique("untrusted"), **wrong) == "ROLLBACK_COMPLETE"
        right = {"Role": _trusting("apigateway.amazonaws.com"), "Account": account}
        assert stacks.create(unique("account"), **right) == "CREATE_COMPLETE"
        assert stacks.create(unique("logged"), **STAGE) == "CREATE_COMPLETE"
    finally:
        emulator.stop()


@pytest.mark.extension
@pytest.mark.parametrize(("limit", "floor"), [(10, 10), (160, 100)])
def test_an_account_keeps_part_of_its_concurrency_unreserved(bare: bool, limit: int, floor: int) -> None:
    """A new account may have a limit of 10; then nothing can be reserved."""
    emulator = Emulator.start(bare=bare, more=() if bare else ("--concurrency", str(limit)))
    try:
        cloud = Cloud(emulator.address)
        functions = cloud.client("lambda")
        assert functions.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == limit
        name = make(cloud)

        def reserve(number: int) -> Any:
            return functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=number)

        code, _, message = error(reserve, limit - floor + 1)
        assert code == "InvalidParameterValueException" and f"below its minimum value of [{floor}]" in message
        reserve(limit - floor)
        unreserved = functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
        assert unreserved == floor
    finally:
        emulator.stop()
