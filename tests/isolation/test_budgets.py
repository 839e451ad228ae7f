"""A neighbour reads and changes no ledger of tokens and money, and no record of usage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tools.attacks.target import refusal
from tools.devstack.aws import Account, Tenant
from tools.devstack.stack import LocalStack

Call = Callable[[Account, str, Tenant], Any]


def _key(tenant: Tenant, sort: str = "BUDGET") -> dict[str, Any]:
    return {"pk": {"S": tenant.partition}, "sk": {"S": sort}}


def _read(session: Account, table: str, victim: Tenant) -> Any:
    return session.client("dynamodb").get_item(TableName=table, Key=_key(victim))["Item"]


def _query(session: Account, table: str, victim: Tenant) -> Any:
    found = session.client("dynamodb").query(
        TableName=table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": victim.partition}, ":sk": {"S": "USAGE#"}},
    )["Items"]
    assert found
    return found


def _raise(session: Account, table: str, victim: Tenant) -> Any:
    """Adds to the ledger, so that its owner's calls are refused."""
    return session.client("dynamodb").update_item(
        TableName=table,
        Key=_key(victim),
        UpdateExpression="ADD day_tokens :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
    )


def _settle(session: Account, table: str, victim: Tenant) -> Any:
    """Books usage to another tenant."""
    add = {
        "TableName": table,
        "Key": _key(victim, "USAGE#2026-01-01#inference#m#"),
        "UpdateExpression": "ADD calls :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    return session.client("dynamodb").transact_write_items(TransactItems=[{"Update": add}])


def _lift(session: Account, table: str, victim: Tenant) -> Any:
    """Changes the budget itself."""
    return session.client("dynamodb").update_item(
        TableName=table,
        Key=_key(victim, "PROFILE"),
        UpdateExpression="SET budget = :none",
        ExpressionAttributeValues={":none": {"M": {}}},
    )


@pytest.fixture(scope="module")
def victim(stack: LocalStack) -> Tenant:
    tenant = stack.onboard("Budget of the victim")
    stack.api(tenant).post("/v1/embeddings", {"model": "default", "input": "ferry"}).expect(200)
    return tenant


@pytest.mark.parametrize("call", [_read, _query, _raise, _settle, _lift], ids=lambda call: call.__name__)
def test_neighbour_is_refused(stack: LocalStack, victim: Tenant, bicycles_session: Account, call: Call) -> None:
    table = stack.outputs["DataTable"]
    # The control: the same call by the owner.
    call(stack.session(victim), table, victim)
    refusal(call.__name__, lambda: call(bicycles_session, table, victim))
