"""A table that is restored from a backup has another name. Its sealed values open there, and only for their tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

RESTORED = "restored-from-a-backup"
# The local AWS replaces the functions during the update, so their reservations count twice against the account.
SMALL = {
    f"{tier}{name}Concurrency": "15"
    for tier in ("Basic", "Premium")
    for name in (
        "Authorizer",
        "Templates",
        "Documents",
        "Inference",
        "Intake",
        "Dispatch",
        "Ingestion",
        "Scheduler",
        "Extraction",
    )
}
QUESTION = "When does the ferry leave?"


@pytest.fixture(scope="module")
def separate(deployed: Callable[..., AbstractContextManager[LocalStack]]) -> Iterator[LocalStack]:
    """A separate stack, because the test changes the table of all its tenants."""
    with deployed("restore", parameters=SMALL) as stack:
        yield stack


def _with_data(stack: LocalStack, name: str, ready: Callable[..., Any]) -> tuple[Tenant, Api]:
    tenant = stack.onboard(name)
    api = stack.api(tenant)
    api.save_template("plain", f"Answer from the passages, for {name}.")
    ready(api, api.add_document(f"Ferry of {name}", "The ferry leaves at seven.")["id"])
    return tenant, api


def _restore(stack: LocalStack) -> None:
    """Copies the table to a new one, as a restore does, and empties the old one."""
    dynamodb, table = stack.account.client("dynamodb"), stack.outputs["DataTable"]
    form = dynamodb.describe_table(TableName=table)["Table"]
    dynamodb.create_table(
        TableName=RESTORED,
        BillingMode="PAY_PER_REQUEST",
        **{name: form[name] for name in ("AttributeDefinitions", "KeySchema")},
    )
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            dynamodb.put_item(TableName=RESTORED, Item=item)
            dynamodb.delete_item(TableName=table, Key={name: item[name] for name in ("pk", "sk")})


def _seen(api: Api) -> tuple[Any, Any, Any]:
    """Returns what the tenant reads: a template, its documents and an answer."""
    answer = api.ask(QUESTION, "plain")
    return (
        api.get("/v1/templates/plain").expect(200),
        api.get("/v1/documents").expect(200),
        (answer["answer"], answer["citations"]),
    )


def test_every_value_opens_in_a_restored_table(separate: LocalStack, ready: Callable[..., Any]) -> None:
    clinic, clinic_api = _with_data(separate, "Clinic", ready)
    bicycles, bicycles_api = _with_data(separate, "Bicycles", ready)
    before = _seen(clinic_api), _seen(bicycles_api)
    _restore(separate)
    separate.deploy(RestoredDataTable=RESTORED)
    assert separate.outputs["DataTable"] == RESTORED
    assert (_seen(separate.api(clinic)), _seen(separate.api(bicycles))) == before
    # New values are written to the restored table.
    separate.api(clinic).save_template("later", "Saved after the restore.")
    # The attack: values of A, moved to B's partition of the restored table.
    dynamodb = separate.account.client("dynamodb")
    for sort in ("TEMPLATE#later", "VERSION#later#00000001"):
        item = dynamodb.get_item(TableName=RESTORED, Key={"pk": {"S": clinic.partition}, "sk": {"S": sort}})["Item"]
        dynamodb.put_item(TableName=RESTORED, Item={**item, "pk": {"S": bicycles.partition}})
    answer = separate.api(bicycles).get("/v1/templates/later")
    problem(answer, 500)
    assert "Saved after" not in answer.text
    # The control: the same values open for their tenant.
    assert separate.api(clinic).get("/v1/templates/later").expect(200)["body"] == "Saved after the restore."
