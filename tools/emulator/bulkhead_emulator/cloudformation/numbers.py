"""Converts numbers that are given as text.

A parameter's value is text even if its type is Number. CloudFormation converts it to the type in the resource's
schema, for example in `Timeout: !Ref Seconds`. MiniStack keeps the text and later compares it with numbers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..patch import replace_provisioner

_NUMBERS = {
    "AWS::Lambda::Function": {"Timeout", "MemorySize", "ReservedConcurrentExecutions"},
    "AWS::Lambda::EventSourceMapping": {"BatchSize", "MaximumBatchingWindowInSeconds", "MaximumConcurrency"},
    "AWS::Lambda::EventInvokeConfig": {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"},
    "AWS::SQS::Queue": {"DelaySeconds", "MessageRetentionPeriod", "VisibilityTimeout", "maxReceiveCount"},
}


def install() -> None:
    for resource_type in _NUMBERS:
        replace_provisioner(resource_type, "create", partial(_on_create, resource_type=resource_type))
        replace_provisioner(resource_type, "update", partial(_on_update, resource_type=resource_type))


def convert(value: Any, numbers: set[str], key: str = "") -> Any:
    """Returns ``value`` with the text of every property in ``numbers`` converted to a number."""
    if isinstance(value, dict):
        return {name: convert(part, numbers, name) for name, part in value.items()}
    if isinstance(value, list):
        return [convert(part, numbers, key) for part in value]
    return int(value) if key in numbers and isinstance(value, str) and value.lstrip("-").isdigit() else value


def _on_create(create: Any, resource_type: str) -> Any:
    def create_resource(logical_id: str, props: dict, stack: str) -> tuple:
        return create(logical_id, convert(props, _NUMBERS[resource_type]), stack)

    return create_resource


def _on_update(update: Any, resource_type: str) -> Any:
    def update_resource(physical_id: str, old: dict, new: dict, *more: Any) -> tuple:
        return update(physical_id, old, convert(new, _NUMBERS[resource_type]), *more)

    return update_resource
