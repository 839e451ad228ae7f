"""The record of IAM's decisions."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkhead_emulator.tests.support.cloud import ACCOUNT, Cloud, allow, denied, deny, policy, unique
from bulkhead_emulator.tests.support.process import Emulator

TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/"


@pytest.fixture(scope="module")
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An emulator that records its decisions, and the file."""
    file = tmp_path_factory.mktemp("record") / "judgements.jsonl"
    bare = request.config.getoption("--bare", default=False)
    emulator = Emulator.start(bare=bare, judgements=None if bare else str(file))
    yield Cloud(emulator.address), file
    emulator.stop()


@pytest.fixture
def since(recorded: Any) -> Any:
    """Returns a function that reads the decisions about a principal, and all documents."""
    _, file = recorded

    def read(principal: Any) -> Any:
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return (
            [each for each in lines if each["kind"] != "document" and principal in each["principal"]],
            {each["digest"]: each["document"] for each in lines if each["kind"] == "document"},
        )

    return read


@pytest.fixture(scope="module")
def table(recorded: Any) -> Any:
    name = unique("judged")
    recorded[0].client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    return name


@pytest.mark.extension
def test_records_a_decision_with_its_inputs(recorded: Any, since: Any, table: Any) -> None:
    statement = allow(
        "dynamodb:GetItem",
        TABLE + table,
        Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["T#${aws:PrincipalTag/TenantId}"]}},
    )
    session = recorded[0].tenant("judged", statement)
    get = session.client("dynamodb").get_item
    assert not denied(get, TableName=table, Key={"pk": {"S": "T#judged"}})
    assert denied(get, TableName=table, Key={"pk": {"S": "T#other"}})
    (own, other), documents = since("/judged")
    assert (own["verdict"], other["verdict"]) == ("Allow", "ImplicitDeny")
    assert other["context"]["dynamodb:leadingkeys"] == ["T#other"]
    for each in (own, other):
        assert (each["kind"], each["service"], each["action"], each["resource"], each["tags"]) == (
            "call",
            "dynamodb",
            "dynamodb:GetItem",
            TABLE + table,
            {"tenantid": "judged"},
        )
        assert each["principal"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{each['role']}/judged"
        assert documents[each["identity"]]["p"]["Statement"] == [statement]


@pytest.mark.extension
def test_each_part_of_a_transaction_is_a_decision(recorded: Any, since: Any, table: Any) -> None:
    session = recorded[0].tenant("parts", allow(["dynamodb:PutItem", "dynamodb:DeleteItem"]))
    session.client("dynamodb").transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table, "Item": {"pk": {"S": "a"}}}},
            {"Delete": {"TableName": table, "Key": {"pk": {"S": "b"}}}},
        ]
    )
    judged = [(each["action"], each["context"]["dynamodb:leadingkeys"]) for each in since("/parts")[0]]
    assert judged == [("dynamodb:PutItem", ["a"]), ("dynamodb:DeleteItem", ["b"])]


@pytest.mark.extension
def test_records_the_resource_policy(recorded: Any, since: Any) -> None:
    cloud, bucket = recorded[0], unique("judged-bucket")
    cloud.client("s3").create_bucket(Bucket=bucket)
    statement = deny("s3:PutObject", f"arn:aws:s3:::{bucket}/*", Principal="*")
    cloud.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy(statement))
    session = cloud.tenant("writer", allow("s3:PutObject"))
    assert denied(session.client("s3").put_object, Bucket=bucket, Key="x", Body=b"a secret")
    (judged,), documents = since("/writer")
    assert judged["verdict"] == "Deny"
    assert documents[judged["resource_policy"]]["Statement"] == [statement]


@pytest.mark.extension
def test_records_a_changed_policy(recorded: Any, since: Any, table: Any) -> None:
    cloud = recorded[0]
    role = cloud.role(allow("dynamodb:Scan"), name=unique("changing"))
    scan = cloud.assume(role, session="changing").client("dynamodb").scan
    assert not denied(scan, TableName=table)
    cloud.client("iam").put_role_policy(
        RoleName=role.rpartition("/")[2], PolicyName="p", PolicyDocument=policy(allow("dynamodb:ListTables"))
    )
    assert denied(scan, TableName=table)
    (before, after), documents = since("/changing")
    assert [documents[each["identity"]]["p"]["Statement"][0]["Action"] for each in (before, after)] == [
        "dynamodb:Scan",
        "dynamodb:ListTables",
    ]


@pytest.mark.extension
def test_trust_is_a_separate_decision(recorded: Any, since: Any) -> None:
    cloud = recorded[0]
    both = ["sts:AssumeRole", "sts:TagSession"]
    role = cloud.role(
        trust=allow(
            both,
            None,
            Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            Condition={"StringEquals": {"sts:RoleSessionName": "welcome"}},
        )
    )
    caller = cloud.assume(cloud.role(allow(both, role)), session="asking").client("sts")
    tag = [{"Key": "TenantId", "Value": "acme"}]
    assert not denied(caller.assume_role, RoleArn=role, RoleSessionName="welcome", Tags=tag)
    assert denied(caller.assume_role, RoleArn=role, RoleSessionName="stranger", Tags=tag)
    judged, documents = since("/asking")
    assert [
        (each["kind"], each["action"], each["verdict"], each["context"].get("sts:rolesessionname")) for each in judged
    ] == [
        ("call", "sts:AssumeRole", "Allow", "welcome"),
        ("call", "sts:TagSession", "Allow", "welcome"),
        ("trust", "sts:AssumeRole", "Allow", "welcome"),
        ("trust", "sts:TagSession", "Allow", "welcome"),
        ("call", "sts:AssumeRole", "Allow", "stranger"),
        ("call", "sts:TagSession", "Allow", "stranger"),
        ("trust", "sts:AssumeRole", "ImplicitDeny", "stranger"),
    ]
    assert judged[2]["context"]["aws:requesttag/tenantid"] == "acme"
    assert documents[judged[2]["resource_policy"]]["Statement"][0]["Condition"]


@pytest.mark.extension
def test_records_that_a_session_policy_took_part(recorded: Any, since: Any, table: Any) -> None:
    cloud = recorded[0]
    role, narrow = cloud.role(allow("dynamodb:*")), policy(allow("dynamodb:GetItem"))
    session = cloud.assume(role, session="narrowed", Policy=narrow)
    assert denied(session.client("dynamodb").scan, TableName=table)
    assert [each["limited"] for each in since("/narrowed")[0]] == [True]


@pytest.mark.extension
def test_record_contains_no_secrets(recorded: Any, since: Any, table: Any) -> None:
    cloud, file = recorded
    session = cloud.tenant("discreet", allow(["dynamodb:PutItem", "kms:*", "s3:PutObject"]))
    session.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "a"}, "text": {"S": "a private matter"}})
    key = cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    session.client("kms").encrypt(KeyId=key, Plaintext=b"a private matter")
    url = session.client("s3").generate_presigned_url("put_object", Params={"Bucket": "none", "Key": "x"})
    assert "Signature" in url and len(since("/discreet")[0]) == 2
    text = file.read_text()
    secrets = [*session.credentials.values(), "a private matter", "YSBwcml2YXRlIG1hdHRlcg"]
    assert [each for each in secrets if each in text] == []


def test_ministack_alone_refuses_to_record(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bulkhead_emulator", "--port", "1", "--bare", "--judgements", str(tmp_path / "x")]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 2 and "extension" in refused.stderr
    assert not list(tmp_path.iterdir())
