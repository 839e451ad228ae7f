"""`dynamodb:LeadingKeys` on a table shared by all tenants, with a policy that also refuses its absence."""

from __future__ import annotations

from typing import Any

import pytest

from bulkhead_emulator.tests.support.cloud import ACCOUNT, Cloud, allow, denied, unique

OWN, OTHER = "TENANT#acme", "TENANT#other"


@pytest.fixture(scope="module")
def table(cloud: Cloud) -> Any:
    name, dynamodb = unique("pooled"), cloud.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": a, "AttributeType": "S"} for a in ("pk", "sk", "gpk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-gpk",
                "Projection": {"ProjectionType": "ALL"},
                "KeySchema": [{"AttributeName": "gpk", "KeyType": "HASH"}],
            }
        ],
    )
    for partition in (OWN, OTHER):
        dynamodb.put_item(TableName=name, Item=item(partition, gpk={"S": partition}))
    return name


@pytest.fixture(scope="module")
def acme(cloud: Cloud, table: Any) -> Any:
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}"
    return cloud.tenant(
        "acme",
        allow(
            "dynamodb:*",
            [arn, arn + "/index/*"],
            Condition={
                "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["TENANT#${aws:PrincipalTag/TenantId}"]},
                "Null": {"dynamodb:LeadingKeys": "false"},
            },
        ),
    ).client("dynamodb")


def item(partition: Any, sort: str = "1", **more: Any) -> Any:
    return {"pk": {"S": partition}, "sk": {"S": sort}, **more}


@pytest.mark.extension
@pytest.mark.parametrize("operation", ["get_item", "delete_item"])
def test_item_reads_and_deletes(acme: Any, table: Any, operation: str) -> None:
    call = getattr(acme, operation)
    assert not denied(call, TableName=table, Key=item(OWN, "none"))
    assert denied(call, TableName=table, Key=item(OTHER, "none"))


@pytest.mark.extension
def test_item_writes(acme: Any, table: Any) -> None:
    assert not denied(acme.put_item, TableName=table, Item=item(OWN, "2"))
    assert denied(acme.put_item, TableName=table, Item=item(OTHER, "2"))
    update = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "x"}}}
    assert not denied(acme.update_item, TableName=table, Key=item(OWN, "2"), **update)
    assert denied(acme.update_item, TableName=table, Key=item(OTHER, "2"), **update)


@pytest.mark.extension
@pytest.mark.parametrize(
    "expression, names",
    [
        ("pk = :pk", {}),
        ("#k = :pk", {"#k": "pk"}),
        ("(pk=:pk) AND begins_with(sk, :sk)", {}),
        ("begins_with(sk, :sk) AND #k = :pk", {"#k": "pk"}),
    ],
)
def test_query(acme: Any, table: Any, expression: str, names: Any) -> None:
    def query(partition: Any) -> Any:
        values = {":pk": {"S": partition}, **({":sk": {"S": "1"}} if ":sk" in expression else {})}
        return denied(
            acme.query,
            TableName=table,
            KeyConditionExpression=expression,
            ExpressionAttributeValues=values,
            **({"ExpressionAttributeNames": names} if names else {}),
        )

    assert not query(OWN)
    assert query(OTHER)


@pytest.mark.extension
def test_legacy_key_conditions(acme: Any, table: Any) -> None:
    def query(partition: Any) -> Any:
        return denied(
            acme.query,
            TableName=table,
            KeyConditions={"pk": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": partition}]}},
        )

    assert not query(OWN)
    assert query(OTHER)


@pytest.mark.extension
def test_index_query_uses_the_indexs_key(acme: Any, table: Any) -> None:
    def query(partition: Any) -> Any:
        return denied(
            acme.query,
            TableName=table,
            IndexName="by-gpk",
            KeyConditionExpression="gpk = :g",
            ExpressionAttributeValues={":g": {"S": partition}},
        )

    assert not query(OWN)
    assert query(OTHER)


@pytest.mark.extension
def test_batches_must_stay_inside_the_tenant(acme: Any, table: Any) -> None:
    def get(*partitions: Any) -> Any:
        return denied(acme.batch_get_item, RequestItems={table: {"Keys": [item(p) for p in partitions]}})

    def write(*partitions: Any) -> Any:
        return denied(
            acme.batch_write_item,
            RequestItems={table: [{"PutRequest": {"Item": item(p, f"b{n}")}} for n, p in enumerate(partitions)]},
        )

    def erase(*partitions: Any) -> Any:
        return denied(
            acme.batch_write_item,
            RequestItems={table: [{"DeleteRequest": {"Key": item(p, f"b{n}")}} for n, p in enumerate(partitions)]},
        )

    for batch in (get, write, erase):
        assert not batch(OWN)
        assert batch(OTHER)
    assert get(OWN, OTHER)
    assert write(OWN, OTHER)


@pytest.mark.extension
def test_transactions_must_stay_inside_the_tenant(acme: Any, table: Any) -> None:
    def check(partition: Any) -> Any:
        return {
            "ConditionCheck": {
                "TableName": table,
                "Key": item(partition),
                "ConditionExpression": "attribute_exists(pk)",
            }
        }

    def put(partition: Any) -> Any:
        return {"Put": {"TableName": table, "Item": item(partition, "t")}}

    def write(*items: Any) -> Any:
        return denied(acme.transact_write_items, TransactItems=list(items))

    assert not write(put(OWN), check(OWN))
    assert write(put(OTHER))
    assert write(put(OWN), check(OTHER))
    assert not denied(acme.transact_get_items, TransactItems=[{"Get": {"TableName": table, "Key": item(OWN)}}])
    assert denied(acme.transact_get_items, TransactItems=[{"Get": {"TableName": table, "Key": item(OTHER)}}])


@pytest.mark.extension
def test_transaction_items_are_authorised_as_single_actions(cloud: Cloud, table: Any) -> None:
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}"
    own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [OWN]}, "Null": {"dynamodb:LeadingKeys": "false"}}
    session = cloud.tenant("acme", allow("dynamodb:PutItem", arn, Condition=own)).client("dynamodb")
    put = {"Put": {"TableName": table, "Item": item(OWN, "t")}}
    other = {"ConditionCheck": {"TableName": table, "Key": item(OWN), "ConditionExpression": "attribute_exists(pk)"}}
    assert not denied(session.transact_write_items, TransactItems=[put])
    assert denied(session.transact_write_items, TransactItems=[put, other])


def test_scan_and_partiql_carry_no_leading_keys(acme: Any, table: Any) -> None:
    assert denied(acme.scan, TableName=table)
    assert denied(acme.scan, TableName=table, IndexName="by-gpk")
    select = f"SELECT * FROM \"{table}\" WHERE pk = '{OWN}'"
    assert denied(acme.execute_statement, Statement=select)
    assert denied(acme.batch_execute_statement, Statements=[{"Statement": select}])
    assert denied(
        acme.execute_transaction,
        TransactStatements=[{"Statement": f"UPDATE \"{table}\" SET a=1 WHERE pk='{OTHER}' AND sk='1'"}],
    )


def test_for_all_values_without_null_check_allows_a_scan(cloud: Cloud, table: Any) -> None:
    """AWS: `ForAllValues` is true if the key is absent. The emulator must not be stricter than AWS."""
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}"
    session = cloud.tenant(
        "acme", allow("dynamodb:*", arn, Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [OWN]}})
    ).client("dynamodb")
    assert not denied(session.scan, TableName=table)


@pytest.mark.extension
def test_partiql_is_authorised_by_its_verb_on_its_table(cloud: Cloud, table: Any) -> None:
    arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table}"
    session = cloud.tenant("acme", allow("dynamodb:PartiQLSelect", arn)).client("dynamodb")
    assert not denied(session.execute_statement, Statement=f"SELECT * FROM \"{table}\" WHERE pk='{OWN}'")
    assert denied(session.execute_statement, Statement=f"DELETE FROM \"{table}\" WHERE pk='{OWN}' AND sk='zz'")
