"""`dynamodb:LeadingKeys`: the partition keys of a request.

AWS (specifying-conditions, Service Authorization Reference): item operations and Query carry the key; for a
secondary index it is the *index's* partition key. Scan and PartiQL statements carry no key here, so a policy
with `Null: {dynamodb:LeadingKeys: false}` refuses them. A transaction is authorised per item as single actions,
a batch per table.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb

from .patch import replace

_TRANSACTION_ACTIONS = {
    "Get": "dynamodb:GetItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
_PARTIQL_VERBS = {
    "select": "dynamodb:PartiQLSelect",
    "insert": "dynamodb:PartiQLInsert",
    "update": "dynamodb:PartiQLUpdate",
    "delete": "dynamodb:PartiQLDelete",
}
_EQUALITY = re.compile(r"([#\w.\-]+)\s*=\s*(:\w+)")
_PARTIQL_TABLE = re.compile(
    r"""(?is)^\s*(?:select\b.*?\bfrom|insert\s+into|update|delete\s+from)\s+"?([\w.\-]+)"?"""
    r"""(?:\s*\.\s*"?([\w.\-]+)"?)?"""
)


class TableArn(str):
    """A table or index ARN with the partition keys of the request."""

    leading_keys: list[str] | None

    def __new__(cls, arn: str, leading_keys: list[str] | None) -> TableArn:
        made = super().__new__(cls, arn)
        made.leading_keys = leading_keys
        return made


def install() -> None:
    global _enforce, _extract_iam_action
    replace(iam_actions, "dynamodb_resource_arns", resource_arns)
    replace(iam_actions, "dynamodb_transaction_checks", transaction_checks)
    _extract_iam_action = replace(iam_actions, "extract_iam_action", extract_iam_action)
    _enforce = replace(iam_evaluator, "enforce", enforce)


_enforce: Any = None
_extract_iam_action: Any = None


def enforce(
    access_key: str,
    action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:
    """Calls MiniStack's check with the leading keys of the resource."""
    keys = getattr(resource_arn, "leading_keys", None)
    if keys is not None:
        service_context = {
            **(service_context or {}),
            "dynamodb:LeadingKeys": keys,
            "dynamodb:FirstPartitionKeyValues": keys,
        }
    return _enforce(access_key, action, service, region, resource_arn=resource_arn, service_context=service_context)


def extract_iam_action(service: str, *arguments: Any, **options: Any) -> str | None:
    """Returns the action of a PartiQL statement, which depends on its verb."""
    action = _extract_iam_action(service, *arguments, **options)
    if action == "dynamodb:ExecuteStatement":
        body = _json(arguments[3] if len(arguments) > 3 else options.get("body"))
        verb = str(body.get("Statement", "")).split(None, 1)
        return _PARTIQL_VERBS.get(verb[0].lower() if verb else "", "dynamodb:PartiQLSelect")
    return action


def resource_arns(body: bytes, region: str, account_id: str) -> list[TableArn]:
    """Returns every table or index of a request with its partition keys."""
    request = _json(body)
    table = request.get("TableName")
    if isinstance(table, str) and table:
        index = request.get("IndexName")
        suffix = f"/index/{index}" if isinstance(index, str) and index else ""
        arn = iam_actions._dynamodb_table_arn(table, region, account_id) + suffix
        return [TableArn(arn, _single(table, request))]
    if isinstance(request.get("Statement"), str):
        return [_partiql_arn(request["Statement"], region, account_id)]
    items = request.get("RequestItems")
    return [
        TableArn(iam_actions._dynamodb_table_arn(name, region, account_id), _batch(name, entry))
        for name, entry in (items.items() if isinstance(items, dict) else ())
        if isinstance(name, str) and name
    ]


def transaction_checks(action: str, body: bytes, region: str, account_id: str) -> list[tuple[str, TableArn]]:
    """Returns the single actions of a transaction, each with table and key."""
    request = _json(body)
    if action in ("dynamodb:ExecuteTransaction", "dynamodb:BatchExecuteStatement"):
        return _partiql_checks(request, region, account_id)
    if action not in ("dynamodb:TransactWriteItems", "dynamodb:TransactGetItems"):
        return []
    checks = []
    for item in _dicts(request.get("TransactItems")):
        for member, detail in item.items():
            table = detail.get("TableName") if isinstance(detail, dict) else None
            if member in _TRANSACTION_ACTIONS and isinstance(table, str) and table:
                arn = iam_actions._dynamodb_table_arn(table, region, account_id)
                key = _partition_key(table, detail.get("Key") or detail.get("Item"))
                checks.append((_TRANSACTION_ACTIONS[member], TableArn(arn, key)))
    return checks


def _partiql_checks(request: dict, region: str, account_id: str) -> list[tuple[str, TableArn]]:
    checks = []
    for entry in _dicts(request.get("TransactStatements") or request.get("Statements")):
        statement = str(entry.get("Statement", ""))
        verb = statement.split(None, 1)[0].lower() if statement.strip() else ""
        checks.append((_PARTIQL_VERBS.get(verb, "dynamodb:PartiQLSelect"), _partiql_arn(statement, region, account_id)))
    return checks


def _partiql_arn(statement: str, region: str, account_id: str) -> TableArn:
    found = _PARTIQL_TABLE.match(statement)
    if not found:
        return TableArn("*", None)
    arn = iam_actions._dynamodb_table_arn(found.group(1), region, account_id)
    return TableArn(f"{arn}/index/{found.group(2)}" if found.group(2) else arn, None)


def _single(table: str, request: dict) -> list[str] | None:
    for member in ("Key", "Item"):
        if isinstance(request.get(member), dict):
            return _partition_key(table, request[member])
    index = request.get("IndexName")
    attribute = _index_hash(table, index) if index else _table_hash(table)
    if attribute is None:
        return None
    if isinstance(request.get("KeyConditionExpression"), str):
        return _expression_keys(request, attribute)
    condition = (request.get("KeyConditions") or {}).get(attribute)
    if isinstance(condition, dict) and condition.get("ComparisonOperator") == "EQ":
        return [_text(value) for value in condition.get("AttributeValueList") or []] or None
    return None


def _expression_keys(request: dict, attribute: str) -> list[str] | None:
    names = request.get("ExpressionAttributeNames") or {}
    values = request.get("ExpressionAttributeValues") or {}
    found = [
        _text(values[placeholder])
        for name, placeholder in _EQUALITY.findall(request["KeyConditionExpression"])
        if names.get(name, name) == attribute and placeholder in values
    ]
    return found or None


def _batch(table: str, entry: Any) -> list[str] | None:
    if isinstance(entry, dict):
        keys = _dicts(entry.get("Keys"))
    else:
        keys = [
            (write.get("PutRequest") or {}).get("Item") or (write.get("DeleteRequest") or {}).get("Key") or {}
            for write in _dicts(entry)
        ]
    found = [value for key in keys for value in _partition_key(table, key) or []]
    return found or None


def _partition_key(table: str, attributes: Any) -> list[str] | None:
    attribute = _table_hash(table)
    value = attributes.get(attribute) if isinstance(attributes, dict) and attribute else None
    return None if value is None else [_text(value)]


def _table(name: str) -> dict:
    return dynamodb._tables.get(name.rsplit(":table/", maxsplit=1)[-1] if name.startswith("arn:") else name) or {}


def _table_hash(table: str) -> str | None:
    return _hash_of(_table(table).get("KeySchema"))


def _index_hash(table: str, index: str) -> str | None:
    record = _table(table)
    for candidate in _dicts(record.get("GlobalSecondaryIndexes")) + _dicts(record.get("LocalSecondaryIndexes")):
        if candidate.get("IndexName") == index:
            return _hash_of(candidate.get("KeySchema"))
    return None


def _hash_of(schema: Any) -> str | None:
    return next((key["AttributeName"] for key in _dicts(schema) if key.get("KeyType") == "HASH"), None)


def _text(value: Any) -> str:
    return str(next(iter(value.values()))) if isinstance(value, dict) and value else str(value)


def _dicts(value: Any) -> list[dict]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _json(body: Any) -> dict:
    try:
        loaded = json.loads(body or b"{}")
    except (ValueError, TypeError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
