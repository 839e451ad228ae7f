"""Runs deployed functions in the harness, with their settings and sessions of their execution roles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from tools.devstack.aws import Credentials
from tools.devstack.changes import queue_stopped
from tools.devstack.process import ROOT, free_port
from tools.devstack.stack import LocalStack

from .driver import Hosted

# The function's name in the harness and in target/lambda, with the stack output that names it.
OUTPUTS = {
    "authorizer": "BasicAuthorizerFunction",
    "templates": "BasicTemplatesFunction",
    "documents": "BasicDocumentsFunction",
    "inference": "BasicInferenceFunction",
    "intake": "BasicIntakeFunction",
    "dispatch": "BasicDispatchFunction",
    "extraction": "BasicExtractionFunction",
    "ingestion": "BasicIngestionFunction",
    "scheduler": "BasicSchedulerFunction",
    "control": "BasicControlFunction",
}
_ROOT_MAY = {
    "Sid": "Harness",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
    "Action": "sts:AssumeRole",
}


@contextmanager
def hosted(stack: LocalStack, names: tuple[str, ...] = tuple(OUTPUTS), **changes: Any) -> Iterator[dict[str, Hosted]]:
    """Yields the configurations of deployed functions, each with a session of its execution role.

    `changes` replace fields of every :class:`Hosted`.
    """
    with ExitStack() as sessions:
        functions = {}
        for name in names:
            found = stack.account.client("lambda").get_function_configuration(FunctionName=stack.outputs[OUTPUTS[name]])
            reserved = stack.account.client("lambda").get_function_concurrency(
                FunctionName=stack.outputs[OUTPUTS[name]]
            )
            functions[name] = replace(
                Hosted(
                    bootstrap=ROOT / "target" / "lambda" / name / "bootstrap",
                    isolation=(found.get("TenancyConfig") or {}).get("TenantIsolationMode", "NONE"),
                    reserved=reserved.get("ReservedConcurrentExecutions", 10),
                    timeout=found["Timeout"],
                    memory=found["MemorySize"],
                    environment=found["Environment"]["Variables"],
                    credentials=sessions.enter_context(_role_session(stack, found["Role"])),
                ),
                **changes,
            )
        if names == tuple(OUTPUTS):
            functions["claims"] = _not_deployed("claims", functions["authorizer"])
        yield functions


def _not_deployed(name: str, like: Hosted) -> Hosted:
    """Returns a function that only a stack with a user pool has. It makes no call."""
    bootstrap = ROOT / "target" / "lambda" / name / "bootstrap"
    return replace(like, bootstrap=bootstrap, isolation="NONE", environment={"TIER": "none"})


def with_variables(function: Hosted, **variables: str) -> Hosted:
    """Returns the function with changed variables."""
    return replace(function, environment={**function.environment, **variables})


@contextmanager
def _role_session(stack: LocalStack, arn: str) -> Iterator[Credentials]:
    """Yields a session of an execution role, whose trust policy otherwise allows only Lambda.

    The trust policy is restored before a function runs; the session stays valid.
    """
    iam = stack.account.client("iam")
    name = arn.rpartition("/")[2]
    before = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    widened = {**before, "Statement": [*before["Statement"], _ROOT_MAY]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(widened))
    try:
        credentials = stack.account.assume(arn, "harness").credentials
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(before))
    yield credentials


@contextmanager
def pipeline_paused(stack: LocalStack) -> Iterator[None]:
    """Stops the stack's ingestion pipeline, so that the harness can run it."""
    events = stack.account.client("events")
    intake = stack.outputs["BasicIntakeFunction"]
    rules = [
        rule["Name"]
        for rule in events.list_rules()["Rules"]
        for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if target["Arn"].endswith(f":{intake}")
    ]
    assert len(rules) == 1, f"rules {rules}"
    with queue_stopped(stack):
        events.disable_rule(Name=rules[0])
        try:
            yield
        finally:
            events.enable_rule(Name=rules[0])


def take_jobs(stack: LocalStack) -> list[dict[str, Any]]:
    """Receives and deletes up to ten messages of the queue, as an event source mapping does."""
    sqs, queue = stack.account.client("sqs"), stack.outputs["BasicQueueUrl"]
    taken = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=0).get(
        "Messages", []
    )
    for each in taken:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
    return taken


def work_of(message: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Returns the tenant of a message, which is its group, and its job or stored object."""
    return message["Attributes"]["MessageGroupId"], json.loads(message["Body"])


def connected(functions: Mapping[str, Hosted], port: int | None = None) -> dict[str, Any]:
    """Returns options of `Harness` in which `dispatch` calls its workers through the harness."""
    port = port or free_port()
    dispatch = with_variables(
        functions["dispatch"],
        AWS_ENDPOINT_URL_LAMBDA=f"http://127.0.0.1:{port}",
        SCHEDULER_FUNCTION="scheduler",
        WORKER_FUNCTION="ingestion",
    )
    return {"functions": {**functions, "dispatch": dispatch}, "port": port}
