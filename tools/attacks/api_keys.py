"""Attacks on the table of API keys: calls on another tenant's partition."""

from __future__ import annotations

from typing import Any

from tools.devstack.aws import Account

from .target import Operation, Target

PROBE = "KEY#0000000000000000"


def _probe(target: Target) -> dict[str, Any]:
    return {"pk": {"S": target.tenant.partition}, "sk": {"S": PROBE}}


def _own_probe(target: Target) -> dict[str, Any]:
    """Returns the attacker's item of a mixed request, which must be refused as a whole."""
    return {"pk": {"S": target.tenant.partition}, "sk": {"S": PROBE + "-own"}}


def _delete_probes(session: Account, own: Target) -> None:
    for key in (_probe(own), _own_probe(own)):
        session.client("dynamodb").delete_item(TableName=own.api_keys, Key=key)


def _key(name: str, call: Any, action: str | None = None, **more: Any) -> Operation:
    return Operation("api-keys", name, f"dynamodb:{action or name}", call, **more)


API_KEYS = (
    _key("GetItem", lambda s, v, o: s.client("dynamodb").get_item(TableName=v.api_keys, Key=_probe(v))),
    _key(
        "Query",
        lambda s, v, o: s.client("dynamodb").query(
            TableName=v.api_keys,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": v.tenant.partition}},
        ),
    ),
    _key(
        "PutItem",
        lambda s, v, o: s.client("dynamodb").put_item(TableName=v.api_keys, Item=_probe(v)),
        undo=_delete_probes,
    ),
    _key(
        "UpdateItem",
        lambda s, v, o: s.client("dynamodb").update_item(
            TableName=v.api_keys,
            Key=_probe(v),
            UpdateExpression="SET key_role = :r",
            ExpressionAttributeValues={":r": {"S": "admin"}},
        ),
        undo=_delete_probes,
    ),
    _key("DeleteItem", lambda s, v, o: s.client("dynamodb").delete_item(TableName=v.api_keys, Key=_probe(v))),
    _key(
        "TransactWriteItems-mixed",
        lambda s, v, o: s.client("dynamodb").transact_write_items(
            TransactItems=[
                {"Put": {"TableName": v.api_keys, "Item": _own_probe(o)}},
                {"Put": {"TableName": v.api_keys, "Item": _probe(v)}},
            ]
        ),
        "PutItem",
        undo=_delete_probes,
    ),
    _key("Scan", lambda s, v, o: s.client("dynamodb").scan(TableName=v.api_keys), owner_may=False),
)
