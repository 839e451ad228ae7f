"""What nested stacks keep: policies of their resources, and the rollback of a failed operation.

AWS (aws-attribute-deletionpolicy, aws-attribute-updatereplacepolicy, using-cfn-nested-stacks,
stack-failure-options): a nested stack follows the policies of its resources, as a root stack does.
`RetainExceptOnCreate` keeps a resource, but not in the rollback of the operation that created it. A replaced
resource is deleted after the root's update, so a rollback brings it back. A failed nested stack rolls back with its
root, and a resource that cannot be deleted fails the deletion of all stacks above it. MiniStack deletes every
resource of a nested stack and replaced resources at once, ignores failures there, and leaves what a failed nested
stack created. A table with another key gets another name; MiniStack empties the table instead.
"""

from __future__ import annotations

import copy
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ministack.services.cloudformation import _stacks, changesets, engine, handlers, provisioners, stacks

from ..patch import replace, replace_provisioner

_TYPE = "AWS::CloudFormation::Stack"

_TABLE = "AWS::DynamoDB::Table"
_KEYS = ("KeySchema", "LocalSecondaryIndexes")


@dataclass
class Operation:
    """One operation of a root stack."""

    # Deletions of replaced resources in nested stacks.
    clean_up: list[Any] = field(default_factory=list)
    # The resources of each nested stack before its update.
    before: dict[str, dict] = field(default_factory=dict)
    reverted: set[str] = field(default_factory=set)


_operation: ContextVar[Operation | None] = ContextVar("root_operation", default=None)
_rolling_back: ContextVar[bool] = ContextVar("stack_operation_is_rolled_back", default=False)


def install() -> None:
    global _roll_back, _policy, _operate, _delete_replaced
    _roll_back = replace(stacks, "_roll_back_operation", roll_back)
    _policy = replace(stacks, "_resource_policy", policy)
    _operate = stacks._deploy_stack_async
    for module in (handlers, changesets, stacks):
        replace(module, "_deploy_stack_async", operate)
    _delete_replaced = replace(provisioners, "_delete_predecessor", delete_replaced)
    replace_provisioner(_TABLE, "update", _updating_table)
    replace_provisioner(_TYPE, "update", _updating)
    replace_provisioner(_TYPE, "create", _creating)
    replace_provisioner(_TYPE, "delete", lambda _: delete)


_roll_back: Any = None
_policy: Any = None
_operate: Any = None
_delete_replaced: Any = None


async def operate(name: str, *arguments: Any, **options: Any) -> None:
    operation = Operation()
    token = _operation.set(operation)
    try:
        await _operate(name, *arguments, **options)
    finally:
        _operation.reset(token)
    if _stacks[name]["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        for delete_one, given, named in operation.clean_up:
            delete_one(*given, **named)


def delete_replaced(delete_one: Any, *arguments: Any, **options: Any) -> None:
    operation = _operation.get()
    waits = operation is not None and not _rolling_back.get() and not provisioners._RETAIN_REPLACED.get()
    if operation is not None and waits and provisioners._DEFERRED_PREDECESSOR_DELETES.get() is None:
        operation.clean_up.append((delete_one, arguments, options))
    else:
        _delete_replaced(delete_one, *arguments, **options)


def _updating_table(update: Any) -> Any:
    def update_table(physical_id: str, old: dict, new: dict, stack: str, logical_id: str | None = None) -> tuple:
        if old.get("TableName") or all(old.get(each) == new.get(each) for each in _KEYS):
            return update(physical_id, old, new, stack, logical_id)
        return provisioners._replace_resource(_TABLE, physical_id, old, new, stack, logical_id)

    return update_table


def _updating(update: Any) -> Any:
    def update_stack(physical_id: str, old: dict, new: dict, parent: str) -> tuple:
        name, operation = provisioners._nested_stack_lookup_name(physical_id), _operation.get()
        if operation is None or name not in _stacks:
            return update(physical_id, old, new, parent)
        if not _rolling_back.get():
            operation.before.setdefault(name, copy.deepcopy(_stacks[name]["_resources"]))
            return update(physical_id, old, new, parent)
        operation.reverted.add(name)
        _bring_back(_stacks[name], operation.before.get(name, {}))
        answer = update(physical_id, old, new, parent)
        for each in list(_stacks[name]["_resources"].values()):
            inner = provisioners._nested_stack_lookup_name(each["PhysicalResourceId"])
            if each["ResourceType"] == _TYPE and inner in operation.before.keys() - operation.reverted:
                update_stack(each["PhysicalResourceId"], each["Properties"], each["Properties"], name)
        return answer

    return update_stack


def _bring_back(stack: dict, before: dict) -> None:
    """Deletes the resources that replaced others, and records the replaced ones again."""
    for logical_id, old in before.items():
        found = stack["_resources"].get(logical_id)
        if found and found["PhysicalResourceId"] != old["PhysicalResourceId"]:
            kind, physical_id, properties = found["ResourceType"], found["PhysicalResourceId"], found["Properties"]
            provisioners._delete_resource(kind, physical_id, properties, stack["StackName"], logical_id)
            stack["_resources"][logical_id] = old


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
