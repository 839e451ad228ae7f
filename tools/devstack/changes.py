"""Temporary changes of a deployed stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .stack import LocalStack


@contextmanager
def queue_stopped(stack: LocalStack) -> Iterator[None]:
    """Stops the basic tier's queue: accepted jobs stay queued."""
    functions = stack.account.client("lambda")
    (mapping,) = functions.list_event_source_mappings(FunctionName=stack.outputs["BasicDispatchFunction"])[
        "EventSourceMappings"
    ]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@contextmanager
def configured(stack: LocalStack, function: str, timeout: int | None = None, **variables: str) -> Iterator[None]:
    """Changes a function's time-out or variables; the function starts new environments."""
    functions = stack.account.client("lambda")
    before = functions.get_function_configuration(FunctionName=function)

    def configure(seconds: int, variables: dict[str, str]) -> None:
        functions.update_function_configuration(
            FunctionName=function, Timeout=seconds, Environment={"Variables": variables}
        )

    given = before["Environment"]["Variables"]
    configure(timeout or before["Timeout"], given | variables)
    try:
        yield
    finally:
        configure(before["Timeout"], given)
