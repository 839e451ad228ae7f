"""Attacks on DynamoDB: calls on another tenant's partition, some of them mixed with the attacker's items."""

from __future__ import annotations

from typing import Any

from tools.devstack.aws import Account

from .target import Operation, Target

PROBE = "PROBE#intrusion"


def _probe_key(target: Target) -> dict[str, Any]:
    return {"pk": {"S": target.tenant.partition}, "sk": {"S": PROBE}}


def _own_probe(target: Target) -> dict[str, Any]:
    """Returns the attacker's item of a mixed request, which must be refused as a whole."""
    return {"pk": {"S": target.tenant.partition}, "sk": {"S": PROBE + "-own"}}


def _delete_probe(session: Account, own: Target) -> None:
    for key in (_probe_key(own), _own_probe(own)):
        session.client("dynamodb").delete_item(TableName=own.table, Key=key)


def _query(session: Account, victim: Target, **more: Any) -> Any:
    return session.client("dynamodb").query(
        TableName=victim.table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": victim.tenant.partition}},
        **more,
    )


def _transact_write(session: Account, victim: Target, *entries: dict[str, Any]) -> Any:
    return session.client("dynamodb").transact_write_items(TransactItems=list(entries))


def _table(name: str, call: Any, action: str | None = None, **more: Any) -> Operation:
    return Operation("table", name, f"dynamodb:{action or name}", call, **more)


TABLE = (
    _table("GetItem", lambda s, v, o: s.client("dynamodb").get_item(TableName=v.table, Key=v.key())),
    _table(
        "BatchGetItem",
        lambda s, v, o: s.client("dynamodb").batch_get_item(RequestItems={v.table: {"Keys": [v.key("VERSION#")]}}),
        owner_may=False,
    ),
    _table(
        "BatchGetItem-mixed",
        lambda s, v, o: s.client("dynamodb").batch_get_item(
            RequestItems={v.table: {"Keys": [o.key("TEMPLATE#"), v.key("VERSION#")]}}
        ),
        "BatchGetItem",
        owner_may=False,
    ),
    _table("Query", lambda s, v, o: _query(s, v)),
    _table("Query-count", lambda s, v, o: _query(s, v, Select="COUNT"), "Query"),
    _table(
        "PutItem",
        lambda s, v, o: s.client("dynamodb").put_item(TableName=v.table, Item=_probe_key(v)),
        undo=_delete_probe,
    ),
    _table(
        "UpdateItem",
        lambda s, v, o: s.client("dynamodb").update_item(
            TableName=v.table,
            Key=_probe_key(v),
            UpdateExpression="SET note = :n",
            ExpressionAttributeValues={":n": {"S": "was here"}},
        ),
        undo=_delete_probe,
    ),
    _table(
        "DeleteItem",
        lambda s, v, o: s.client("dynamodb").delete_item(TableName=v.table, Key=_probe_key(v)),
    ),
    _table(
        "BatchWriteItem-mixed",
        lambda s, v, o: s.client("dynamodb").batch_write_item(
            RequestItems={
                v.table: [
                    {"PutRequest": {"Item": _own_probe(o)}},
                    {"PutRequest": {"Item": _probe_key(v)}},
                ]
            }
        ),
        "BatchWriteItem",
        owner_may=False,
    ),
    _table(
        "TransactGetItems-mixed",
        lambda s, v, o: s.client("dynamodb").transact_get_items(
            TransactItems=[
                {"Get": {"TableName": v.table, "Key": o.key("TEMPLATE#")}},
                {"Get": {"TableName": v.table, "Key": v.key("VERSION#")}},
            ]
        ),
        "GetItem",
    ),
    _table(
        "TransactWriteItems-mixed",
        lambda s, v, o: _transact_write(
            s,
            v,
            {"Put": {"TableName": v.table, "Item": _own_probe(o)}},
            {"Put": {"TableName": v.table, "Item": _probe_key(v)}},
        ),
        "PutItem",
        undo=_delete_probe,
    ),
    _table(
        "ConditionCheck-oracle",
        lambda s, v, o: _transact_write(
            s,
            v,
            {"Put": {"TableName": v.table, "Item": _own_probe(o)}},
            {
                "ConditionCheck": {
                    "TableName": v.table,
                    "Key": v.key("VERSION#"),
                    "ConditionExpression": "attribute_exists(pk)",
                }
            },
        ),
        "ConditionCheckItem",
        owner_may=False,
    ),
    _table("Scan", lambda s, v, o: s.client("dynamodb").scan(TableName=v.table), owner_may=False),
    _table(
        "PartiQL-Select",
        lambda s, v, o: s.client("dynamodb").execute_statement(
            Statement=f'SELECT * FROM "{v.table}" WHERE pk = ?',
            Parameters=[{"S": v.tenant.partition}],
        ),
        "PartiQLSelect",
        owner_may=False,
    ),
    _table(
        "registry-GetItem",
        lambda s, v, o: s.client("dynamodb").get_item(TableName=v.registry, Key={"tenant": {"S": v.tenant.id}}),
        "GetItem",
        owner_may=False,
    ),
    _table(
        "registry-Scan",
        lambda s, v, o: s.client("dynamodb").scan(TableName=v.registry),
        "Scan",
        owner_may=False,
    ),
)
