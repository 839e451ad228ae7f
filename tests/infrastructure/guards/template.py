"""One expanded template for a guard: resources and statements, with all conditions decided."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

_NO_VALUE = {"Ref": "AWS::NoValue"}
# Resource types with a policy, and the properties that hold it.
_POLICIES = {
    "AWS::KMS::Key": ("KeyPolicy",),
    "AWS::S3::BucketPolicy": ("PolicyDocument",),
    "AWS::SQS::QueuePolicy": ("PolicyDocument",),
    "AWS::SNS::TopicPolicy": ("PolicyDocument",),
    "AWS::S3Vectors::VectorBucketPolicy": ("Policy",),
    "AWS::IAM::Policy": ("PolicyDocument",),
    "AWS::IAM::ManagedPolicy": ("PolicyDocument",),
    "AWS::IAM::RolePolicy": ("PolicyDocument",),
}


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, and the resource that contains it."""

    resource: str
    trust: bool
    body: dict[str, Any]

    @property
    def sid(self) -> str:
        return self.body.get("Sid", "")

    @property
    def name(self) -> str:
        return f"{self.resource}{f' ({self.sid})' if self.sid else ''}"

    @property
    def allows(self) -> bool:
        return self.body.get("Effect") == "Allow"

    @property
    def actions(self) -> list[str]:
        return as_list(self.body.get("Action"))

    @property
    def resources(self) -> list[str]:
        """Returns resources as text: `Fn::Sub` as its pattern, other intrinsic functions as JSON."""
        return [text(each) for each in as_list(self.body.get("Resource"))]

    def keys(self, *operators: str) -> dict[str, Any]:
        """Returns the condition keys, in lower case, of operators that start with one of `operators`."""
        found: dict[str, Any] = {}
        for operator, block in self.body.get("Condition", {}).items():
            if operator.lower().startswith(operators):
                found |= {key.lower(): value for key, value in block.items()}
        return found


@dataclass(frozen=True)
class Template:
    """A template whose `Fn::If` are decided; :func:`variants` yields all combinations."""

    file: str
    resources: dict[str, dict[str, Any]]
    # How each condition of the template is decided.
    conditions: dict[str, bool] = field(default_factory=dict)

    def of(self, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, resource in self.resources.items():
            if resource["Type"] in types:
                yield name, resource.get("Properties", {})

    def statements(self) -> Iterator[Statement]:
        """Yields every statement of every policy in the template."""
        for role, properties in self.of("AWS::IAM::Role"):
            yield from _statements(role, properties.get("AssumeRolePolicyDocument"), trust=True)
        for name, document in self.identity_policies():
            yield from _statements(name, document)
        for kind, fields in _POLICIES.items():
            if kind.startswith("AWS::IAM::"):
                continue
            for name, properties in self.of(kind):
                for each in fields:
                    yield from _statements(name, properties.get(each))

    def identity_policies(self) -> Iterator[tuple[str, Any]]:
        """Yields identity policies with the resource that contains them."""
        for role, properties in self.of("AWS::IAM::Role"):
            for policy in properties.get("Policies", []):
                yield role, policy["PolicyDocument"]
        for kind, fields in _POLICIES.items():
            if kind.startswith("AWS::IAM::"):
                for name, properties in self.of(kind):
                    yield from ((name, properties[field]) for field in fields)

    def rights(self, role: str) -> list[Statement]:
        """Returns the statements of a role, inline and in attached policies of this template."""
        own = [
            each for name, document in self.identity_policies() if name == role for each in _statements(role, document)
        ]
        for name, properties in self.of("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            if {"Ref": role} in properties.get("Roles", []):
                own += _statements(name, properties["PolicyDocument"])
        for name, properties in self.of("AWS::IAM::RolePolicy"):
            if properties.get("RoleName") == {"Ref": role}:
                own += _statements(name, properties["PolicyDocument"])
        return own

    def trust(self, role: str) -> list[Statement]:
        document = self.resources[role]["Properties"]["AssumeRolePolicyDocument"]
        return list(_statements(role, document, trust=True))


Guard = Callable[[Template], Iterable[str]]


def complaints(guard: Guard, variants: Iterable[Template]) -> list[str]:
    """Returns a guard's complaints under all combinations of conditions."""
    return sorted({f"{variant.file}: {each}" for variant in variants for each in guard(variant)})


def notices(guard: Guard, variants: Iterable[Template], blames: str) -> bool:
    """Reports whether a guard blames `blames` under any combination of conditions."""
    return any(blames in f"{variant.file}: {each}" for variant in variants for each in guard(variant))


# Conditions of resources and statements that no other condition changes.
_ALONE = ("HasEndpoint", "Traced", "Waf", "Guarded", "ModelKey")


def variants(file: str, expanded: dict[str, Any]) -> Iterator[Template]:
    """Yields the template under every combination of its conditions. Those of `_ALONE` are all true, all false, or one
    of them is true.
    """
    names = [each for each in expanded.get("Conditions", {}) if each not in _ALONE]
    alone = [each for each in expanded.get("Conditions", {}) if each in _ALONE]
    settings = [dict.fromkeys(alone, False), *({each: each == name for each in alone} for name in alone)]
    if len(alone) > 1:
        settings.append(dict.fromkeys(alone, True))
    for setting, values in itertools.product(settings, itertools.product((True, False), repeat=len(names))):
        conditions = dict(zip(names, values, strict=True)) | setting
        yield Template(file, _decide(expanded["Resources"], conditions), conditions)


def _decide(value: Any, conditions: dict[str, bool]) -> Any:
    if isinstance(value, list):
        return [each for each in (_decide(item, conditions) for item in value) if each != _NO_VALUE]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        condition, if_true, if_false = value["Fn::If"]
        return _decide(if_true if conditions[condition] else if_false, conditions)
    decided = {key: _decide(item, conditions) for key, item in value.items()}
    return {key: item for key, item in decided.items() if item != _NO_VALUE}


def _statements(resource: str, document: Any, *, trust: bool = False) -> Iterator[Statement]:
    for body in as_list((document or {}).get("Statement")):
        yield Statement(resource, trust, body)


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """Returns a value as one line; `!GetAtt X.Arn` and `!Sub '${X.Arn}'` give the same text."""
    if isinstance(value, dict) and set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
        return value["Fn::Sub"].replace("${!", "${")
    if isinstance(value, dict) and set(value) == {"Fn::GetAtt"}:
        return "${" + ".".join(as_list(value["Fn::GetAtt"])) + "}"
    if isinstance(value, dict) and set(value) == {"Ref"}:
        return "${" + value["Ref"] + "}"
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def names(value: Any) -> set[str]:
    """Returns the logical ids and parameters that a value refers to."""
    if isinstance(value, list):
        return set().union(*map(names, value)) if value else set()
    if isinstance(value, dict):
        if set(value) == {"Ref"}:
            return {value["Ref"]}
        if set(value) == {"Fn::GetAtt"}:
            return {as_list(value["Fn::GetAtt"])[0].split(".")[0]}
        if set(value) == {"Fn::Sub"}:
            return names(list(value.values())) | _substituted(value["Fn::Sub"])
        return names(list(value.values()))
    return set()


def _substituted(value: Any) -> set[str]:
    pattern = value if isinstance(value, str) else value[0]
    pieces = (piece.split("}")[0] for piece in pattern.split("${")[1:])
    return {piece.split(".")[0] for piece in pieces if not piece.startswith("!")}
