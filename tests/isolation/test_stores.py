"""Attacks with a tenant's AWS session on another tenant's data: every operation on every store.

Each operation must first work for the owner, so that a refusal is not caused by a broken call. Afterwards the
victim's data must be unchanged.
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
def victim_is_unchanged(stack: LocalStack, clinic: Tenant) -> Iterator[None]:
    """Asserts that the attacks of this module do not change the victim's data."""
    before = Target.of(stack, clinic)
    yield
    after = Target.of(stack, clinic)
    assert after.items == before.items, "an attack changed the victim's items"
    assert after.objects == before.objects, "an attack changed the victim's objects"
    assert after.vectors == before.vectors, "an attack changed the victim's vectors"


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_other_tenants_session_is_refused(
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


# The operator may manage queues and roles, but must not read a tenant's data.
@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.store != "elsewhere"], ids=str)
def test_operator_without_a_tenants_session_is_refused(
    operation: Operation, operator: Account, clinic_target: Target, bicycles_target: Target
) -> None:
    call = lambda: operation.call(operator, clinic_target, bicycles_target)  # noqa: E731
    refusal(f"{operation} by the operator's role", call, DENIED)


def _granted(stack: LocalStack) -> list[dict[str, Any]]:
    """Returns the Allow statements of the tenant role."""
    iam = stack.account.client("iam")
    role = stack.outputs["BasicTenantRole"].rsplit("/", 1)[-1]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert not attached, f"the tenant role has managed policies, which this test does not read: {attached}"
    statements: list[dict[str, Any]] = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        statements += document["Statement"]
    return [each for each in statements if each["Effect"] == "Allow"]


def _actions(statement: dict[str, Any]) -> list[str]:
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def test_every_granted_action_is_attacked(stack: LocalStack) -> None:
    attacked = {operation.action for operation in OPERATIONS}
    # A model call reads no tenant's data: it gets all text with the request.
    without_tenant_data = {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}
    for statement in _granted(stack):
        for action in _actions(statement):
            assert "*" not in action, f"a wildcard grants unlisted actions: {action}"
            assert action in attacked | without_tenant_data, f"{action} is granted but not attacked"


def test_tenant_role_has_no_wildcard_resource(stack: LocalStack) -> None:
    for statement in _granted(stack):
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            assert resource != "*", f"granted on every resource: {statement}"


def test_tenant_session_may_call_only_the_allowed_models(clinic_session: Account) -> None:
    bedrock = clinic_session.client("bedrock-runtime")
    message = [{"role": "user", "content": [{"text": "hello"}]}]
    refusal(
        "another model",
        lambda: bedrock.converse(modelId="meta.llama3-70b-instruct-v1:0", messages=message),
    )
