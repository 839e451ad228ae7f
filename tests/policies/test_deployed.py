"""The policies in force are the policies of the templates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.policies.deployed import Deployment, Policies, as_written, deployments, in_force
from tools.devstack.stack import STACK_NAME, LocalStack

pytestmark = pytest.mark.after_everything


@pytest.fixture(scope="module")
def written(stacks: list[Deployment]) -> Policies:
    return as_written(stacks)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _normalized(value: Any) -> Any:
    """Returns a policy with one-element lists replaced by their element, and other lists sorted."""
    if isinstance(value, list):
        found = [_normalized(each) for each in value]
        return found[0] if len(found) == 1 else sorted(found, key=_text)
    if isinstance(value, dict):
        return {key: _normalized(each) for key, each in value.items()}
    return value


def test_every_role_is_deployed(policies: Policies, written: Policies) -> None:
    assert set(policies.roles) == set(written.roles)
    assert len(policies.roles) >= 10, sorted(policies.roles)


def test_roles_trust_the_principals_of_the_template(policies: Policies, written: Policies) -> None:
    for name, role in policies.roles.items():
        assert _normalized(role.trust) == _normalized(written.roles[name].trust), name


def test_roles_have_the_rights_of_the_template(policies: Policies, written: Policies) -> None:
    for name, role in policies.roles.items():
        expected = written.roles[name].identity
        assert set(role.identity) == set(expected), name
        for policy, document in role.identity.items():
            # The template knows AWS managed policies only by ARN.
            if not policy.startswith("arn:"):
                assert _normalized(document) == _normalized(expected[policy]), f"{name}: {policy}"


def test_keys_and_buckets_have_the_policies_of_the_template(policies: Policies, written: Policies) -> None:
    assert policies.keys and policies.buckets
    assert {name: _normalized(each) for name, each in policies.keys.items()} == {
        name: _normalized(each) for name, each in written.keys.items()
    }
    assert {name: _normalized(each) for name, each in policies.buckets.items()} == {
        name: _normalized(each) for name, each in written.buckets.items()
    }


def test_other_tiers_match_their_templates(stack: LocalStack) -> None:
    """Checks the second pooled tier and every silo that a test has deployed."""
    others = [deployments(stack.account, leave_out={"Basic"})]
    others += [
        deployments(stack.account, template="infra/silo.yaml", stack=f"{STACK_NAME}-{name}-{silo['Tenant']}")
        for name, silo in stack.silos.items()
    ]
    for stacks in others:
        found, expected = in_force(stack.account, stacks), as_written(stacks)
        test_every_role_is_deployed(found, expected)
        test_roles_trust_the_principals_of_the_template(found, expected)
        test_roles_have_the_rights_of_the_template(found, expected)
        test_keys_and_buckets_have_the_policies_of_the_template(found, expected)
    assert stack.silos, "no test has deployed a silo: run these tests with all others"


@pytest.fixture
def widened(stack: LocalStack, names: dict[str, str]) -> Iterator[str]:
    """Gives a role another right, without the template."""
    iam, role = stack.account.client("iam"), next(name for name, logical in names.items() if logical == "InferenceRole")
    allow = {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_role_policy(RoleName=role, PolicyName="by-hand", PolicyDocument=document)
    yield "InferenceRole"
    iam.delete_role_policy(RoleName=role, PolicyName="by-hand")


def test_manual_change_is_detected(
    stack: LocalStack, stacks: list[Deployment], written: Policies, widened: str
) -> None:
    found = in_force(stack.account, stacks)
    with pytest.raises(AssertionError, match=widened):
        test_roles_have_the_rights_of_the_template(found, written)
