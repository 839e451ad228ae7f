"""`AWS::CloudWatch::InsightRule`, which MiniStack does not know.

AWS (ContributorInsights-RuleSyntax, resource schema): `Ref` is the rule's name, and a changed name replaces the
rule. The emulator checks the rule's body and evaluates nothing.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners

_TYPE = "AWS::CloudWatch::InsightRule"
_FIELDS = {"Schema", "LogGroupNames", "LogGroupARNs", "LogFormat", "Fields", "Contribution", "AggregateOn"}
_SCHEMA = {"Name": "CloudWatchLogRule", "Version": 1}
_FORMATS, _AGGREGATES, _STATES = {"JSON", "CLF"}, {"Count", "Sum"}, {"ENABLED", "DISABLED"}
_COMPARISONS = {"In", "NotIn", "StartsWith", "GreaterThan", "LessThan", "EqualTo", "NotEqualTo", "IsPresent"}
_MOST_KEYS = _MOST_FILTERS = 4


def install() -> None:
    provisioners._RESOURCE_HANDLERS[_TYPE] = {"create": create, "update": update, "delete": delete}
    provisioners._REPLACING_PROPERTIES[_TYPE] = ("RuleName",)


def create(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    name = props.get("RuleName")
    if not name:
        raise ValueError(f"{_TYPE}: RuleName is required")
    if problem := _problem(props):
        raise ValueError(f"InvalidParameterValue: {problem} (rule {name})")
    arn = f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:insight-rule/{name}"
    return name, {"Arn": arn, "RuleName": name}


def update(physical_id: str, old: dict, new: dict, stack: str) -> tuple[str, dict]:
    return create(physical_id, new, stack)


def delete(physical_id: str, props: dict) -> None:
    """Nothing is stored outside the stack."""


def _problem(props: dict) -> str | None:
    """Returns the first rule of the syntax that the properties break."""
    if props.get("RuleState") not in _STATES:
        return f"RuleState is one of {', '.join(sorted(_STATES))}"
    try:
        body: Any = json.loads(props.get("RuleBody") or "")
    except ValueError as error:
        return f"RuleBody is not JSON: {error}"
    if not isinstance(body, dict) or not set(body) <= _FIELDS:
        return f"RuleBody has only the fields {', '.join(sorted(_FIELDS))}"
    if body.get("Schema") != _SCHEMA:
        return f"Schema is {json.dumps(_SCHEMA)}"
    if not (body.get("LogGroupNames") or body.get("LogGroupARNs")):
        return "LogGroupNames or LogGroupARNs names at least one log group"
    if body.get("LogFormat") not in _FORMATS:
        return f"LogFormat is one of {', '.join(sorted(_FORMATS))}"
    if body.get("AggregateOn") not in _AGGREGATES:
        return f"AggregateOn is one of {', '.join(sorted(_AGGREGATES))}"
    contribution = body.get("Contribution") or {}
    if not 1 <= len(contribution.get("Keys") or []) <= _MOST_KEYS:
        return f"Contribution has one to {_MOST_KEYS} Keys"
    if body["AggregateOn"] == "Sum" and not contribution.get("ValueOf"):
        return "AggregateOn Sum needs ValueOf in Contribution"
    filters = contribution.get("Filters") or []
    if len(filters) > _MOST_FILTERS:
        return f"Contribution has at most {_MOST_FILTERS} Filters"
    if any("Match" not in each or len(set(each) - {"Match"}) != 1 or not set(each) & _COMPARISONS for each in filters):
        return "each of Filters has Match and one comparison"
    return None
