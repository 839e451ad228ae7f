"""The policies in force, read from AWS, and the same policies from the templates."""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tests.policies.second_engine import Policy
from tools.deploy.expand import expand
from tools.devstack.aws import REGION, Account
from tools.devstack.process import ROOT
from tools.devstack.stack import STACK_NAME

_ACCOUNT = "000000000000"
_ARNS = {
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{id}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{id}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{id}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{id}:*",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{id}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{id}",
}


@dataclass(frozen=True)
class Role:
    """One role's policies; `identity` is keyed by policy name, or by ARN for AWS managed policies."""

    trust: Policy
    identity: dict[str, Policy]


@dataclass(frozen=True)
class Policies:
    """All policies of a stack, by the logical id of their resource."""

    roles: dict[str, Role]
    keys: dict[str, Policy]
    buckets: dict[str, Policy]


@dataclass(frozen=True)
class Deployment:
    """One nested stack: its template, parameters and physical resource names."""

    resources: dict[str, Any]
    conditions: dict[str, Any]
    parameters: dict[str, str]
    physical: dict[str, str]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        return {
            name: each.get("Properties", {})
            for name, each in self.resources.items()
            if each["Type"] == kind and name in self.physical
        }


def deployments(
    account: Account, leave_out: Container[str] = (), template: str = "template.yaml", stack: str = STACK_NAME
) -> list[Deployment]:
    """Returns the nested stacks with their templates."""
    cloudformation = account.client("cloudformation")
    root = expand(ROOT / template)
    made = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    }
    found = []
    for name, resource in root["Resources"].items():
        assert resource["Type"] == "AWS::CloudFormation::Stack", f"{name}: read its policies as well"
        if name in leave_out or name not in made:
            continue
        source = expand(ROOT / "infra" / resource["Properties"]["TemplateURL"].rsplit("/", 1)[-1])
        nested = cloudformation.describe_stacks(StackName=made[name])["Stacks"][0]
        resources = cloudformation.describe_stack_resources(StackName=made[name])["StackResources"]
        found.append(
            Deployment(
                source["Resources"],
                source.get("Conditions", {}),
                {each: str(given.get("Default", "")) for each, given in source.get("Parameters", {}).items()}
                | {each["ParameterKey"]: each["ParameterValue"] for each in nested.get("Parameters", [])},
                {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources},
            )
        )
    return found


# ── in force ──────────────────────────────────────────────────────────────────


def in_force(account: Account, stacks: list[Deployment]) -> Policies:
    """Reads all policies from AWS."""
    kms, s3 = account.client("kms"), account.client("s3")
    return Policies(
        {name: _role(account, stack.physical[name]) for stack in stacks for name in stack.of("AWS::IAM::Role")},
        {
            name: json.loads(kms.get_key_policy(KeyId=stack.physical[name])["Policy"])
            for stack in stacks
            for name in stack.of("AWS::KMS::Key")
        },
        {
            name: json.loads(s3.get_bucket_policy(Bucket=stack.physical[name])["Policy"])
            for stack in stacks
            for name in stack.of("AWS::S3::Bucket")
        },
    )


def _role(account: Account, name: str) -> Role:
    iam = account.client("iam")
    trust = _load(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])
    identity = {
        each: _load(iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"])
        for each in iam.list_role_policies(RoleName=name)["PolicyNames"]
    }
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        identity[arn] = _load(found["Document"])
    return Role(trust, identity)


def _load(document: Any) -> Policy:
    return json.loads(unquote(document)) if isinstance(document, str) else document


# ── as written in the templates ───────────────────────────────────────────────


def as_written(stacks: list[Deployment]) -> Policies:
    """Returns the policies of the templates, with references resolved; AWS managed policies only by ARN."""
    roles: dict[str, Role] = {}
    keys: dict[str, Policy] = {}
    buckets: dict[str, Policy] = {}
    for stack in stacks:

        def fill(value: Any, stack: Deployment = stack) -> Any:
            return resolve(value, stack)

        for name, properties in stack.of("AWS::IAM::Role").items():
            written = {each["PolicyName"]: each["PolicyDocument"] for each in properties.get("Policies", [])}
            for attached in stack.of("AWS::IAM::Policy").values():
                if {"Ref": name} in attached["Roles"]:
                    written[attached["PolicyName"]] = attached["PolicyDocument"]
            managed: dict[str, Policy] = {arn: {} for arn in fill(properties.get("ManagedPolicyArns", []))}
            roles[name] = Role(fill(properties["AssumeRolePolicyDocument"]), fill(written) | managed)
        keys |= {name: fill(each["KeyPolicy"]) for name, each in stack.of("AWS::KMS::Key").items()}
        for name in stack.of("AWS::S3::Bucket"):
            policies = [
                fill(each["PolicyDocument"])
                for each in stack.of("AWS::S3::BucketPolicy").values()
                if each["Bucket"] == {"Ref": name}
            ]
            assert len(policies) == 1, f"{name} has {len(policies)} policies"
            buckets[name] = policies[0]
    return Policies(roles, keys, buckets)


def resolve(value: Any, stack: Deployment) -> Any:
    """Resolves a template value like CloudFormation; supports only the functions that our policies use."""
    if isinstance(value, list):
        return [resolve(each, stack) for each in value if not _absent(each, stack)]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        return resolve(_chosen(value, stack), stack)
    if set(value) == {"Ref"}:
        return _name(value["Ref"], stack)
    if set(value) == {"Fn::GetAtt"}:
        given = value["Fn::GetAtt"]
        return _attribute(given if isinstance(given, list) else given.split("."), stack)
    if set(value) == {"Fn::Sub"}:
        return _substituted(value["Fn::Sub"], stack)
    unknown = [key for key in value if key.startswith("Fn::")]
    assert not unknown, f"a policy uses {unknown}: support it here as well"
    return {key: resolve(each, stack) for key, each in value.items() if not _absent(each, stack)}


def _chosen(value: dict[str, Any], stack: Deployment) -> Any:
    condition, if_true, if_false = value["Fn::If"]
    return if_true if _holds(stack.conditions[condition], stack) else if_false


def _absent(value: Any, stack: Deployment) -> bool:
    """Whether CloudFormation leaves this out."""
    if isinstance(value, dict) and set(value) == {"Fn::If"}:
        return _absent(_chosen(value, stack), stack)
    return value == {"Ref": "AWS::NoValue"}


def _holds(condition: Any, stack: Deployment) -> bool:
    """Evaluates a condition; supports only the functions that our conditions use."""
    ((function, given),) = condition.items()
    if function == "Fn::Not":
        return not _holds(given[0], stack)
    assert function == "Fn::Equals", f"a condition uses {function}: support it here as well"
    return resolve(given[0], stack) == resolve(given[1], stack)


def _name(name: str, stack: Deployment) -> str:
    known = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": _ACCOUNT}
    if name in stack.parameters:
        return stack.parameters[name]
    return known.get(name) or stack.physical[name]


def _attribute(path: list[str], stack: Deployment) -> str:
    name, attribute = path
    assert attribute == "Arn", f"{name}.{attribute}: support it here as well"
    id_ = stack.physical[name]
    return _ARNS[stack.resources[name]["Type"]].format(
        account=_ACCOUNT, region=REGION, id=id_, name=id_.rsplit("/", 1)[-1]
    )


def _substituted(pattern: str, stack: Deployment) -> str:
    first, *rest = pattern.split("${")
    filled = [first]
    for piece in rest:
        name, _, literal = piece.partition("}")
        if name.startswith("!"):
            filled.append("${" + name[1:] + "}")
        elif "." in name:
            filled.append(_attribute(name.split("."), stack))
        else:
            filled.append(_name(name, stack))
        filled.append(literal)
    return "".join(filled)
