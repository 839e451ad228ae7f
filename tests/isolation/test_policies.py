"""The conditions of the deployed tenant policy.

`ForAllValues` is true for a request without the key. Without a `Null` check, a statement for one partition
also allows a Scan as soon as the action is added.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.devstack.aws import Account, Tenant, error_code
from tools.devstack.stack import LocalStack

POLICY = "tenant-data"
SCAN_GRANT = "careless-change"


@pytest.fixture(scope="module")
def role(stack: LocalStack) -> str:
    return stack.outputs["BasicTenantRole"].rsplit("/", 1)[-1]


@pytest.fixture(scope="module")
def statements(stack: LocalStack, role: str) -> list[dict[str, Any]]:
    """The deployed policy of the tenant role."""
    policy = stack.account.client("iam").get_role_policy(RoleName=role, PolicyName=POLICY)
    document = policy["PolicyDocument"]
    return (json.loads(document) if isinstance(document, str) else document)["Statement"]


def _keys(statement: dict[str, Any], operator: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, conditions in statement.get("Condition", {}).items():
        if name.lower().startswith(operator):
            found |= conditions
    return found


def test_every_for_all_values_has_a_null_check(statements: list[dict[str, Any]]) -> None:
    checked = 0
    for statement in statements:
        for key in _keys(statement, "forallvalues:"):
            assert _keys(statement, "null").get(key) == "false", (
                f"{statement['Sid']}: ForAllValues over {key} without Null is true when the key is absent"
            )
            checked += 1
    assert checked, "no statement with ForAllValues: adapt this test to the policy"


def test_every_allow_names_the_sessions_tenant(statements: list[dict[str, Any]]) -> None:
    """Except the statements for the models, which hold no tenant data. They name each model."""
    for statement in statements:
        if statement["Effect"] != "Allow":
            continue
        named = {
            name: [value] if isinstance(value := statement[name], str) else value for name in ("Action", "Resource")
        }
        if all(action.startswith("bedrock:") for action in named["Action"]):
            assert all("*" not in resource for resource in named["Resource"]), f"{statement['Sid']} names any model"
        else:
            scoped = {"Resource": statement["Resource"], "Condition": statement.get("Condition", {})}
            assert "${aws:PrincipalTag/TenantId}" in json.dumps(scoped), f"{statement['Sid']} names no tenant"


@pytest.fixture
def scan_is_granted(stack: LocalStack, role: str, statements: list[dict[str, Any]]) -> Iterator[None]:
    """Adds Scan to the statement for the tenant's partition."""
    changed = next(each for each in statements if each["Sid"] == "OwnPartition") | {"Action": "dynamodb:Scan"}
    iam = stack.account.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [changed]})
    iam.put_role_policy(RoleName=role, PolicyName=SCAN_GRANT, PolicyDocument=document)
    yield
    iam.delete_role_policy(RoleName=role, PolicyName=SCAN_GRANT)


def test_null_check_denies_a_scan_even_if_scan_is_granted(
    stack: LocalStack, scan_is_granted: None, bicycles: Tenant, bicycles_session: Account
) -> None:
    def scan() -> str:
        try:
            found = bicycles_session.client("dynamodb").scan(TableName=stack.outputs["DataTable"])
        except ClientError as error:
            return error_code(error)
        return f"{found['Count']} items of {len({item['pk']['S'] for item in found['Items']})} tenants"

    assert scan() == "AccessDeniedException", "a Scan has no leading keys and was allowed"
