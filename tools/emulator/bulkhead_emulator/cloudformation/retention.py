"""What nested stacks keep: policies of their resources, and the rollback of a failed creation.

AWS (aws-attribute-deletionpolicy, using-cfn-nested-stacks, stack-failure-options): a nested stack follows the
policies of its resources, as a root stack does. `RetainExceptOnCreate` keeps a resource, but not in the rollback
of the operation that created it. A failed nested stack rolls back with its root, and a resource that cannot be
deleted fails the deletion of all stacks above it. MiniStack deletes every resource of a nested stack, ignores
failures there, and leaves what a failed nested stack created.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from ministack.services.cloudformation import _stacks, engine, provisioners, stacks

from ..patch import replace, replace_provisioner

_TYPE = "AWS::CloudFormation::Stack"

_rolling_back: ContextVar[bool] = ContextVar("stack_operation_is_rolled_back", default=False)


def install() -> None:
    global _roll_back, _policy
    _roll_back = replace(stacks, "_roll_back_operation", roll_back)
    _policy = replace(stacks, "_resource_policy", policy)
    replace_provisioner(_TYPE, "create", _creating)
    replace_provisioner(_TYPE, "delete", lambda _: delete)


_roll_back: Any = None
_policy: Any = None


async def roll_back(*operation: Any, **options: Any) -> None:
    token = _rolling_back.set(True)
    try:
        await _roll_back(*operation, **options)
    finally:
        _rolling_back.reset(token)


def policy(definition: dict | None, attribute: str, *context: Any) -> str:
    found = _policy(definition, attribute, *context)
    exempt = attribute == "DeletionPolicy" and found == "RetainExceptOnCreate" and _rolling_back.get()
    return "Delete" if exempt else found


def _creating(create: Any) -> Any:
    def create_stack(logical_id: str, props: dict, parent: str) -> tuple:
        before = set(_stacks)
        try:
            return create(logical_id, props, parent)
        except Exception:
            failed = [name for name in _stacks if name not in before and _is_child(name, parent, logical_id)]
            if failed and _rolls_back(parent):
                _undo(failed[0])
            raise

    return create_stack


def _is_child(name: str, parent: str, logical_id: str) -> bool:
    return _stacks[name].get("_parent_stack_name") == parent and name.startswith(f"{parent}-{logical_id}-")


def _rolls_back(name: str) -> bool:
    """Reports whether the root of a stack rolls back after a failure. MiniStack marks every nested stack."""
    stack = _stacks[name]
    while stack.get("_parent_stack_name"):
        stack = _stacks[stack["_parent_stack_name"]]
    return not stack.get("DisableRollback")


def _undo(child: str) -> None:
    token = _rolling_back.set(True)
    try:
        left = _delete_resources(_stacks[child])
    finally:
        _rolling_back.reset(token)
    _set_status(_stacks[child], "ROLLBACK_FAILED" if left else "ROLLBACK_COMPLETE", _reason(left))


def delete(physical_id: str, props: dict) -> None:
    stack = _stacks.get(provisioners._nested_stack_lookup_name(physical_id))
    if not stack or stack["StackStatus"] == "DELETE_COMPLETE":
        return
    left = _delete_resources(stack)
    _set_status(stack, "DELETE_FAILED" if left else "DELETE_COMPLETE", _reason(left))
    if left:
        raise ValueError(f"Embedded stack {stack['StackId']} was not successfully deleted: {_reason(left)}")


def _reason(left: list[str]) -> str:
    return f"The following resource(s) failed to delete: [{', '.join(sorted(left))}]." if left else ""


def _set_status(stack: dict, status: str, reason: str) -> None:
    stack["StackStatus"], stack["StackStatusReason"] = status, reason
    stacks._add_event(stack["StackId"], stack["StackName"], stack["StackName"], _TYPE, status, reason, stack["StackId"])


def _delete_resources(stack: dict) -> list[str]:
    """Deletes or keeps each resource by its policy. Returns the resources that cannot be deleted."""
    resources, template, conditions = stack["_resources"], stack["_template"], stack["_conditions"]
    definitions = template.get("Resources", {})
    ordered = engine._topological_sort(definitions, conditions)
    left = []
    for logical_id in reversed([*ordered, *(each for each in resources if each not in ordered)]):
        if logical_id not in resources:
            continue
        found = resources[logical_id]
        kind, physical_id = found["ResourceType"], found["PhysicalResourceId"]
        kept = (
            stacks._resource_policy(
                definitions.get(logical_id),
                "DeletionPolicy",
                resources,
                stack["_resolved_params"],
                conditions,
                template.get("Mappings", {}),
                stack["StackName"],
                stack["StackId"],
            )
            in provisioners._RETAINING_POLICIES
        )
        status, reason = ("DELETE_SKIPPED" if kept else "DELETE_COMPLETE"), ""
        if not kept:
            try:
                provisioners._delete_resource(kind, physical_id, found["Properties"], stack["StackName"], logical_id)
            except Exception as error:  # noqa: BLE001 - MiniStack's handlers raise exceptions of every type
                status, reason = "DELETE_FAILED", str(error)
                found["ResourceStatus"], found["ResourceStatusReason"] = status, reason
                left.append(logical_id)
        stacks._add_event(stack["StackId"], stack["StackName"], logical_id, kind, status, reason, physical_id)
        if status != "DELETE_FAILED":
            del resources[logical_id]
    return left
