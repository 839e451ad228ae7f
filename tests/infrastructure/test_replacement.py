"""No parameter of a deployed stack replaces a resource that holds data, or changes a name that data depends on.

`docs/deploy.md` lists the parameters that replace other resources.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.infrastructure.replacement import Effect, effects, nested
from tools.deploy.expand import expand
from tools.devstack.process import ROOT

STAGE, SILO = "template.yaml", "infra/silo.yaml"
# Types that hold data.
DATA = {
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::S3Vectors::VectorBucket",
}
# Types that must not be replaced, because stored data, tokens, clients or operators refer to them.
NAMED = {
    "AWS::ApiGateway::RestApi",
    "AWS::Cognito::UserPoolClient",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::SQS::Queue",
}
RETAINED = {"Retain", "RetainExceptOnCreate"}
FUNCTIONS = "functions in and out of tenant isolation mode, and what refers to them: no data"
# What each parameter may replace, create or remove, by type.
ALLOWED: dict[str, dict[str, str]] = {
    "TenantIsolation": {
        "AWS::Lambda::Function": FUNCTIONS,
        "AWS::Lambda::Permission": FUNCTIONS,
    },
    "WebAclArn": {"AWS::WAFv2::WebACLAssociation": "the association of the web ACL"},
    "Issuer": {"AWS::CloudFormation::Stack": "the stack of the user pool; the pool is kept"},
    "AccessLogRole": {
        "AWS::IAM::Role": "kept, because other APIs of the account may use it",
        "AWS::ApiGateway::Account": "kept, because it is a setting of all APIs of the account",
    },
    "NoisyTenants": {"AWS::CloudWatch::InsightRule": "the rules that the parameter turns on"},
    "ModelKeySecretArn": {"AWS::IAM::Policy": "the right to read the secret, which the parameter turns on"},
}


@pytest.fixture(scope="module")
def templates() -> dict[str, Any]:
    files = [STAGE, *(f"infra/{each.name}" for each in (ROOT / "infra").glob("*.yaml"))]
    return {file: expand(ROOT / file) for file in files}


def _effects(templates: dict[str, Any]) -> dict[tuple[str, str], set[Effect]]:
    return {
        (file, parameter): found
        for file in (STAGE, SILO)
        for parameter in templates[file]["Parameters"]
        if (found := effects(templates, file, parameter))
    }


def _loses(templates: dict[str, Any], effect: Effect) -> bool:
    """Reports whether an update loses data or a name that something refers to."""
    if effect.property != "Condition":
        return effect.kind in DATA | NAMED
    resource = templates[effect.file]["Resources"][effect.resource]
    if effect.kind == "AWS::CloudFormation::Stack":
        inner = templates[nested(templates, resource["Properties"]["TemplateURL"])]["Resources"].values()
        return any(each["Type"] in DATA and each.get("DeletionPolicy") not in RETAINED for each in inner)
    return effect.kind in DATA | NAMED and resource.get("DeletionPolicy") not in RETAINED


def test_no_parameter_loses_data_or_names(templates: dict[str, Any]) -> None:
    lost = [
        f"{parameter} of {root}: {each}"
        for (root, parameter), found in _effects(templates).items()
        for each in sorted(found)
        if _loses(templates, each)
    ]
    assert not lost, "\n".join(lost)


def test_every_other_effect_has_a_reason(templates: dict[str, Any]) -> None:
    seen = {(parameter, each.kind) for (_, parameter), found in _effects(templates).items() for each in found}
    assert seen == {(parameter, kind) for parameter, kinds in ALLOWED.items() for kind in kinds}


def test_data_outlives_its_stack_but_not_a_failed_creation(templates: dict[str, Any]) -> None:
    """`RetainExceptOnCreate`: a failed first deployment leaves nothing that blocks the second."""
    expected = "RetainExceptOnCreate", "Retain"
    policies = {
        f"{file}: {name}": (each.get("DeletionPolicy"), each.get("UpdateReplacePolicy"))
        for file, template in templates.items()
        for name, each in template["Resources"].items()
        if each["Type"] in DATA
    }
    assert {name: found for name, found in policies.items() if found != expected} == {
        # Numbers and hints only: the scheduler writes them again.
        "infra/tier.yaml: WorkerSlots": ("Delete", "Delete"),
        "infra/tier.yaml: Backlog": ("Delete", "Delete"),
        # Its protection refuses the deletion, and its name is free for other pools.
        "infra/identity.yaml: UserPool": ("Retain", "Retain"),
    }


@pytest.mark.parametrize("file", [STAGE, SILO])
def test_a_parameter_in_a_name_is_reported(templates: dict[str, Any], file: str) -> None:
    """A stage as a parameter would replace the vector bucket, the tenant role and the key's alias."""
    changed = copy.deepcopy(templates)
    changed[file]["Parameters"]["Stage"] = {"Type": "String"}
    changed[file]["Resources"]["Name"]["Properties"]["Parameters"]["StackName"] = {"Ref": "Stage"}
    kinds = {each.kind for each in effects(changed, file, "Stage") if _loses(changed, each)}
    assert kinds >= {"AWS::S3Vectors::VectorBucket", "AWS::IAM::Role", "AWS::KMS::Alias"}


def test_a_replaced_resource_replaces_what_refers_to_it() -> None:
    properties = {"A": {"TableName": {"Ref": "P"}}, "B": {"TableName": {"Fn::Sub": "${A}-b"}}, "C": {"Tags": []}}
    resources = {name: {"Type": "AWS::DynamoDB::Table", "Properties": each} for name, each in properties.items()}
    template = {"Parameters": {"P": {}}, "Resources": resources}
    assert {each.resource for each in effects({"t.yaml": template}, "t.yaml", "P")} == {"A", "B"}
