"""A tenant's AWS session against another tenant's data: every operation on every store.

Each operation first works for its owner, so that the refusal is about the tenant and not about a
broken call; afterwards the victim's data is compared with what it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tools.attacks import DENIED, OPERATIONS, Operation, Target, refusal
from tools.devstack.aws import Account, Tenant
from tools.devstack.stack import LocalStack


@pytest.fixture(scope="module", autouse=True)
def unchanged(stack: LocalStack, clinic: Tenant) -> Iterator[None]:
    """The victim's data before and after all attacks of this module."""
    before = Target.of(stack, clinic)
    yield
    after = Target.of(stack, clinic)
    assert after.items == before.items, "an attack changed the victim's items"
    assert after.objects == before.objects, "an attack changed the victim's objects"
    assert after.vectors == before.vectors, "an attack changed the victim's vectors"


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_another_tenants_session_is_refused(
    operation: Operation,
    clinic_session: Account,
    bicycles_session: Account,
    clinic_target: Target,
    bicycles_target: Target,
) -> None:
    operation.control(clinic_session, clinic_target)
    operation.attack(bicycles_session, clinic_target, bicycles_target)


@pytest.fixture(scope="module")
def operator(stack: LocalStack) -> Account:
    return stack.operator()


# The operator may look after queues and roles; what it must not do is read a tenant's data.
@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.store != "elsewhere"], ids=str)
def test_the_operator_without_a_tenants_session_is_refused(
    operation: Operation, operator: Account, clinic_target: Target, bicycles_target: Target
) -> None:
    call = lambda: operation.call(operator, clinic_target, bicycles_target)  # noqa: E731
    refusal(f"{operation} by the operator's role", call, DENIED)


def _granted(stack: LocalStack) -> list[dict[str, Any]]:
    """The statements that allow the tenant role something."""
    iam = stack.account.client("iam")
    role = stack.outputs["BasicTenantRole"].rsplit("/", 1)[-1]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert not attached, f"the tenant role has managed policies, which nobody reads here: {attached}"
    statements: list[dict[str, Any]] = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        statements += document["Statement"]
    return [each for each in statements if each["Effect"] == "Allow"]


def _actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def test_every_action_the_tenant_role_is_granted_is_attacked_here(stack: LocalStack) -> None:
    attacked = {operation.action for operation in OPERATIONS}
    # A model call reads no tenant's data: the text comes with the request and goes with the answer.
    harmless = {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}
    for statement in _granted(stack):
        for action in _actions(statement):
            assert "*" not in action, f"a wildcard grants what nobody listed: {action}"
            assert action in attacked | harmless, f"{action} is granted and never attacked"


def test_the_tenant_role_is_granted_no_action_on_everything(stack: LocalStack) -> None:
    for statement in _granted(stack):
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            assert resource != "*", f"granted on every resource: {statement}"


def test_a_tenants_session_may_ask_the_allowed_models_only(clinic_session: Account) -> None:
    bedrock = clinic_session.client("bedrock-runtime")
    message = [{"role": "user", "content": [{"text": "hello"}]}]
    refusal(
        "another model",
        lambda: bedrock.converse(modelId="meta.llama3-70b-instruct-v1:0", messages=message),
    )
