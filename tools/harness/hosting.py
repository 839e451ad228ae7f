"""The deployed functions behind the harness: their settings, and sessions of their own roles."""

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

# The function's name in the harness and its folder of target/lambda: the stack's output that names it.
OUTPUTS = {
    "authorizer": "BasicAuthorizerFunction",
    "templates": "BasicTemplatesFunction",
    "documents": "BasicDocumentsFunction",
    "inference": "BasicInferenceFunction",
    "intake": "BasicIntakeFunction",
    "dispatch": "BasicDispatchFunction",
    "extraction": "BasicExtractionFunction",
    "ingestion": "BasicIngestionFunction",
    "release": "BasicReleaseFunction",
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
    """Each function as it is deployed, under a session of its own execution role.

    `changes` replace fields of every :class:`Hosted`; `timeout` is left as deployed unless given.
    """
    with ExitStack() as lent:
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
                    credentials=lent.enter_context(_lent_role(stack, found["Role"])),
                ),
                **changes,
            )
        if names == tuple(OUTPUTS):
            functions["claims"] = _of_no_stack("claims", functions["authorizer"])
        yield functions


def _of_no_stack(name: str, like: Hosted) -> Hosted:
    """A function that is not deployed here, as only a stack with a user pool has it. It calls nothing."""
    bootstrap = ROOT / "target" / "lambda" / name / "bootstrap"
    return replace(like, bootstrap=bootstrap, isolation="NONE", environment={"TIER": "none"})


def with_variables(function: Hosted, **variables: str) -> Hosted:
    """The function with some of its variables changed."""
    return replace(function, environment={**function.environment, **variables})


@contextmanager
def _lent_role(stack: LocalStack, arn: str) -> Iterator[Credentials]:
    """A session of an execution role, which otherwise trusts Lambda alone.

    The trust is as it was before anything runs: the session outlives it.
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
    """The stack's own way from a stored object to an index, off: the harness goes it instead."""
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
    """What lies on the queue, as an event source mapping would hand it over; taken off it."""
    sqs, queue = stack.account.client("sqs"), stack.outputs["BasicQueueUrl"]
    taken = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=0).get(
        "Messages", []
    )
    for each in taken:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
    return taken


def sealed_job(message: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """The tenant in whose group a message came, and the job as it travels."""
    return message["Attributes"]["MessageGroupId"], json.loads(message["Body"])


def connected(functions: Mapping[str, Hosted], port: int | None = None) -> dict[str, Any]:
    """Functions of one harness whose `dispatch` finds its workers there, as options of `Harness`.

    It calls nothing but Lambda, so its endpoint for everything can be the harness.
    """
    port = port or free_port()
    dispatch = with_variables(
        functions["dispatch"],
        AWS_ENDPOINT_URL_LAMBDA=f"http://127.0.0.1:{port}",
        RELEASE_FUNCTION="release",
        WORKER_FUNCTION="ingestion",
    )
    return {"functions": {**functions, "dispatch": dispatch}, "port": port}
