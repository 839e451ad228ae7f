"""Tags: operators, bills and clean-ups find a deployment by them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.infrastructure.guards.template import Template, text

STAGE, TIER = "bulkhead:stage", "bulkhead:tier"
# Files with resources of one tier, and files with resources of the account, shared by all stages.
_TIER_FILES, _ACCOUNT_FILES = {"infra/tier.yaml", "infra/observability.yaml"}, {"infra/account.yaml"}
_REGION = "us-east-1"
# A template that reads the stage from the name of its stack, and the value of the tag there.
_STAGE = "${Stage}"
_STAGE_BY_FILE = {
    "template.yaml": "${Name.Outputs.Stage}",
    "infra/silo.yaml": "${Name.Outputs.Stage}",
    **dict.fromkeys(_ACCOUNT_FILES, "all"),
}
# By type: SAM generates these and cannot tag them. On AWS they get the tags of their nested stack. By file and name:
# a single resource.
TAGLESS: dict[str, str] = {
    "template.yaml/Name": "the stage is an output of this stack, which creates no other resource",
    "infra/silo.yaml/Name": "the stage is an output of this stack, which creates no other resource",
    "AWS::Events::Rule": "SAM's EventBridgeRule event has no property for tags",
    "AWS::Lambda::EventSourceMapping": "SAM's SQS event has no property for tags",
}


@cache
def is_taggable(kind: str) -> bool:
    """Reports whether CloudFormation's schema of the resource type has tags."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema
    return bool(schema.get("tagging", {}).get("taggable")) and "Tags" in schema["properties"]


def resources_are_tagged(template: Template) -> Iterator[str]:
    for name, resource in template.resources.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        tags = {each["Key"]: text(each["Value"]) for each in properties.get("Tags", [])}
        excepted = (kind in TAGLESS and not tags) or (f"{template.file}/{name}" in TAGLESS and STAGE not in tags)
        if not is_taggable(kind) or excepted:
            continue
        for key, value in _required(template, kind, properties).items():
            if tags.get(key) != value:
                yield f"{name}: {kind} is not tagged {key} = {value}"


def _required(template: Template, kind: str, properties: dict[str, Any]) -> dict[str, str]:
    required = {STAGE: _STAGE_BY_FILE.get(template.file, _STAGE)}
    if properties.get("Location") == "infra/account.yaml" or "account.yaml" in str(properties.get("TemplateURL")):
        required[STAGE] = "all"
    if template.file in _TIER_FILES:
        required[TIER] = "${Tier}"
    if kind == "AWS::CloudFormation::Stack" and "Tier" in properties.get("Parameters", {}):
        required[TIER] = text(properties["Parameters"]["Tier"])
    return required
