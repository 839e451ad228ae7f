"""A model refuses an input: the tenant's mistake, unless the message is about the configuration."""

from __future__ import annotations

import pytest

from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Fail

QUESTION = {"template": "plain", "question": "When?"}


def _faults_of(stack: LocalStack, tenant: Tenant) -> int:
    """Returns how often the functions counted a fault for the tenant."""
    lines = [line for _, line in stack.log_lines(stack.outputs["BasicFunctionLog"]) if tenant.id in line]
    return sum('"Fault":1' in line.replace(" ", "") for line in lines)


def _refused(message: str) -> Fail:
    return Fail("ValidationException", message=message)


@pytest.mark.parametrize(
    ("action", "message", "words"),
    [
        ("Converse", "Input is too long for requested model.", "too long for the model"),
        (
            "Converse",
            "The model returned the following errors: prompt is too long: 208310 tokens > 200000 maximum",
            "too long",
        ),
        ("Converse", "The text field in the ContentBlock object at messages.0.content.1 is blank.", "does not accept"),
        ("InvokeModel", "400 Bad Request: Too many input tokens. Max input tokens: 8192", "too long for the model"),
    ],
)
def test_refused_input_is_the_tenants_mistake(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, action: str, message: str, words: str
) -> None:
    api.save_template("plain", "Answer from the passages.")
    with faults.rule(_refused(message), service="bedrock-runtime", action=action, session=tenant.id) as rule:
        problem(api.post("/v1/inference", QUESTION), 422, words)
        assert rule.hits == 1, "a refused input is not sent again"
    api.ask("When?", "plain")
    assert _faults_of(stack, tenant) == 0


@pytest.mark.parametrize(
    "message",
    [
        "The provided model identifier is invalid.",
        "Invocation of model ID x with on-demand throughput isn’t supported. Retry with an inference profile.",
    ],
)
def test_wrong_model_is_a_fault_of_the_service(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, message: str
) -> None:
    """The control: the operator's alarm rings if the model is misconfigured."""
    api.save_template("plain", "Answer from the passages.")
    with faults.rule(_refused(message), service="bedrock-runtime", action="Converse", session=tenant.id):
        problem(api.post("/v1/inference", QUESTION), 500)
    until(lambda: _faults_of(stack, tenant), lambda count: count >= 1, "the fault is counted")
