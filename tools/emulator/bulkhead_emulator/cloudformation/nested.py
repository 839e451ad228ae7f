"""Nested stacks: transforms, and attributes that survive updates.

AWS (AWS::Serverless::Application, using-cfn-nested-stacks): CloudFormation applies the transforms of a
nested template, too, if the root operation has CAPABILITY_AUTO_EXPAND. A resource that an update
does not touch keeps its attributes; MiniStack forgets them inside nested stacks.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from ministack.services.cloudformation import _stacks, engine, handlers, provisioners

from ..patch import replace

_Nested = tuple[str, list[dict]]
_nested: ContextVar[_Nested | None] = ContextVar("nested_stack_being_deployed", default=None)


def install() -> None:
    global _parse_template, _deploy, _update_resource
    _parse_template = replace(engine, "_parse_template", parse_template)
    _deploy = replace(provisioners, "_cfn_nested_stack_deploy", deploy)
    _update_resource = replace(provisioners, "_update_resource", update_resource)


_parse_template: Any = None
_deploy: Any = None
_update_resource: Any = None


def deploy(logical_id: str, props: dict, parent: str, **options: Any) -> tuple:
    parameters = props.get("Parameters") or {}
    given = [{"Key": name, "Value": str(value)} for name, value in parameters.items()]
    token = _nested.set((parent, given))
    try:
        return _deploy(logical_id, props, parent, **options)
    finally:
        _nested.reset(token)


def parse_template(body: str) -> dict:
    template = _parse_template(body)
    nested = _nested.get()
    if nested is None:
        return template
    _nested.set(None)
    parent, parameters = nested
    if handlers._uses_macro(template) and "CAPABILITY_AUTO_EXPAND" not in provisioners._parent_capabilities(parent):
        raise ValueError(handlers._insufficient_capabilities_message(["CAPABILITY_AUTO_EXPAND"]))
    expanded = engine._apply_transforms(template, parameters)
    if isinstance(expanded, engine._TransformFailed):
        raise ValueError(expanded.error)
    return expanded


def update_resource(
    resource_type: str,
    physical_id: str,
    old: dict,
    new: dict,
    stack: str,
    logical_id: str | None = None,
    old_attrs: dict | None = None,
) -> tuple:
    if old_attrs is None:
        recorded = ((_stacks.get(stack) or {}).get("_resources") or {}).get(logical_id) or {}
        old_attrs = recorded.get("Attributes")
    return _update_resource(resource_type, physical_id, old, new, stack, logical_id, old_attrs)
