"""Tags: what an operator, a bill and a clean-up find a deployment by."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.infrastructure.guards.template import Template, text

STAGE, TIER = "bulkhead:stage", "bulkhead:tier"
# What is of one tier, and what is of the account and so of all stages.
_OF_A_TIER, _OF_THE_ACCOUNT = {"infra/tier.yaml", "infra/observability.yaml"}, {"infra/account.yaml"}
_REGION = "us-east-1"
# Made by SAM, which has no way to tag them. On AWS they get the tags of the nested stack they are in.
TAGLESS: dict[str, str] = {
    "AWS::Events::Rule": "SAM's EventBridgeRule event has no property for tags",
    "AWS::Lambda::EventSourceMapping": "SAM's SQS event has no property for tags",
}


@cache
def taggable(kind: str) -> bool:
    """Whether CloudFormation's own schema of a resource type has tags."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema
    return bool(schema.get("tagging", {}).get("taggable")) and "Tags" in schema["properties"]


def everything_is_tagged(template: Template) -> Iterator[str]:
    for name, resource in template.resources.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if not taggable(kind) or (kind in TAGLESS and "Tags" not in properties):
            continue
        tags = {each["Key"]: text(each["Value"]) for each in properties.get("Tags", [])}
        for key, value in _wanted(template, kind, properties).items():
            if tags.get(key) != value:
                yield f"{name}: {kind} is not tagged {key} = {value}"


def _wanted(template: Template, kind: str, properties: dict[str, Any]) -> dict[str, str]:
    wanted = {STAGE: "all" if template.file in _OF_THE_ACCOUNT else "${Stage}"}
    if template.file in _OF_A_TIER:
        wanted[TIER] = "${Tier}"
    if kind == "AWS::CloudFormation::Stack" and "Tier" in properties.get("Parameters", {}):
        wanted[TIER] = text(properties["Parameters"]["Tier"])
    return wanted
