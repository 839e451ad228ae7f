"""Which resources an update replaces, creates or removes, by the parameter that changed.

Follows a parameter through references, conditions and nested stacks to properties that CloudFormation's schemas
call create-only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from tests.infrastructure.guards.template import as_list, names

_STACK = "AWS::CloudFormation::Stack"
_REGION = "us-east-1"
# Expanded templates by file.
Templates = Mapping[str, dict[str, Any]]


@dataclass(frozen=True, order=True)
class Effect:
    """One resource that an update replaces because of `property`, or creates or removes because of a condition."""

    file: str
    resource: str
    kind: str
    property: str

    def __str__(self) -> str:
        return f"{self.file}: {self.resource} ({self.kind}, {self.property})"


def effects(templates: Templates, file: str, parameter: str) -> set[Effect]:
    """Returns what an update of one parameter of a root template replaces, creates or removes."""
    found, _ = _follow(templates, file, frozenset({parameter}))
    return found


@cache
def create_only(kind: str) -> frozenset[str]:
    """Returns the top-level properties of a resource type whose change requires a replacement."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema
    paths = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    return frozenset(path.removeprefix("/properties/").split("/")[0] for path in paths)


def _follow(templates: Templates, file: str, parameters: frozenset[str]) -> tuple[set[Effect], set[str]]:
    """Returns the effects of changed parameters on one stack, and the outputs that change."""
    template = templates[file]
    changed = _Changed(template, parameters)
    found: set[Effect] = set()
    # Repeats until no reference to a replaced resource adds a replacement.
    while True:
        before = changed.size()
        for name, resource in template["Resources"].items():
            found |= set(_on_resource(templates, file, name, resource, changed))
        if changed.size() == before:
            break
    outputs = template.get("Outputs", {})
    return found, {name for name, output in outputs.items() if changed.affects(output.get("Value"))}


def _on_resource(
    templates: Templates, file: str, name: str, resource: dict[str, Any], changed: _Changed
) -> Iterator[Effect]:
    kind, properties = resource["Type"], resource.get("Properties", {})
    if resource.get("Condition") in changed.conditions:
        changed.replaced.add(name)
        yield Effect(file, name, kind, "Condition")
    if kind == _STACK:
        handed = properties.get("Parameters", {})
        given = frozenset(each for each, value in handed.items() if changed.affects(value))
        inner, outputs = _follow(templates, nested(templates, properties["TemplateURL"]), given)
        changed.outputs |= {f"{name}.Outputs.{each}" for each in outputs}
        yield from inner
        return
    for each in sorted(create_only(kind) & set(properties)):
        if changed.affects(properties[each]):
            changed.replaced.add(name)
            yield Effect(file, name, kind, each)


def nested(templates: Templates, url: str) -> str:
    """Returns the file of a nested template. `expand` keeps the file's name."""
    (file,) = [each for each in templates if PurePosixPath(each).name == PurePosixPath(url).name]
    return file


class _Changed:
    """What changes in one stack: parameters, conditions, replaced resources, outputs of nested stacks."""

    def __init__(self, template: dict[str, Any], parameters: frozenset[str]) -> None:
        self.parameters, self.replaced, self.outputs = parameters, set[str](), set[str]()
        self._declared = template.get("Conditions", {})
        self.conditions = {name for name in self._declared if self._depends(name)}

    def size(self) -> tuple[int, int]:
        return len(self.replaced), len(self.outputs)

    def affects(self, value: Any) -> bool:
        """Reports whether the value of a property changes."""
        if isinstance(value, list):
            return any(map(self.affects, value))
        if not isinstance(value, dict):
            return False
        if set(value) == {"Fn::If"}:
            condition, *cases = value["Fn::If"]
            return condition in self.conditions or any(map(self.affects, cases))
        if set(value) == {"Fn::GetAtt"}:
            attribute = ".".join(as_list(value["Fn::GetAtt"]))
            return attribute in self.outputs or attribute.split(".")[0] in self.replaced
        if set(value) == {"Ref"} or set(value) == {"Fn::Sub"}:
            return bool(names(value) & (self.parameters | self.replaced))
        return any(map(self.affects, value.values()))

    def _depends(self, condition: str) -> bool:
        declared = self._declared[condition]
        return bool(names(declared) & self.parameters) or any(map(self._depends, _conditions(declared)))


def _conditions(value: Any) -> Iterator[str]:
    """Yields the conditions that a condition refers to."""
    if isinstance(value, list):
        for each in value:
            yield from _conditions(each)
    elif isinstance(value, dict):
        if set(value) == {"Condition"}:
            yield value["Condition"]
        else:
            yield from _conditions(list(value.values()))
