"""Repeated, late and malformed messages do not affect documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack

# Enough for all deliveries before the dead letter queue, each after the visibility timeout.
DEAD_LETTER_SECONDS = 180.0


def created_event(stack: LocalStack, key: str, size: int) -> dict[str, Any]:
    """Returns the event that EventBridge sends to intake for a new S3 object."""
    return {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{stack.outputs['BasicBucket']}"],
        "detail": {
            "version": "0",
            "bucket": {"name": stack.outputs["BasicBucket"]},
            "object": {"key": key, "size": size, "etag": "0" * 32, "sequencer": "00"},
            "request-id": "0",
            "requester": "000000000000",
            "reason": "PutObject",
        },
    }


@pytest.fixture
def indexed_document(stack: LocalStack, tenant: Tenant, api: Api, ready: Callable[..., Any]) -> dict[str, Any]:
    """A ready document with at least two passages."""
    text = "\n\n".join(f"Paragraph {n}. " + "The lamp room is cold. " * 60 for n in range(4))
    return ready(api, api.add_document("Lamp room", text)["id"])[0]


def test_repeated_event_changes_nothing(
    stack: LocalStack, tenant: Tenant, api: Api, indexed_document: dict[str, Any]
) -> None:
    before = Target.of(stack, tenant)
    key = next(each for each in before.objects if indexed_document["id"] in each)
    for _ in range(3):
        event = created_event(stack, key, indexed_document["bytes"])
        stack.account.invoke(stack.outputs["BasicIntakeFunction"], event)
    _wait_until_queue_is_empty(stack)
    again = api.get(f"/v1/documents/{indexed_document['id']}").expect(200)
    assert again["status"] == "ready" and again["chunks"] == indexed_document["chunks"], again
    assert sorted(Target.of(stack, tenant).vectors) == sorted(before.vectors), "vectors were added"


def test_event_for_a_deleted_document_leaves_nothing(
    stack: LocalStack, tenant: Tenant, api: Api, indexed_document: dict[str, Any]
) -> None:
    key = next(each for each in Target.of(stack, tenant).objects if indexed_document["id"] in each)
    api.delete(f"/v1/documents/{indexed_document['id']}").expect(204)
    stack.account.invoke(stack.outputs["BasicIntakeFunction"], created_event(stack, key, 10))
    _wait_until_queue_is_empty(stack)
    remaining = Target.of(stack, tenant)
    assert not [each for each in remaining.vectors if indexed_document["id"] in each], "a deleted document is indexed"
    tombstone = remaining.item(f"DOCUMENT#{indexed_document['id']}")
    assert tombstone["status"] == {"S": "deleted"} and not tombstone.keys() & {
        "sealed",
        "last_error",
        "waiting_reason",
    }, f"only the tombstone may stay, without text: {tombstone}"


def test_object_outside_the_layout_is_ignored(stack: LocalStack, tenant: Tenant) -> None:
    before = Target.of(stack, tenant)
    for key in ("stray", "t/", f"t/{tenant.id}", f"t/{tenant.id}/documents/x/source", "t/../x/source"):
        try:
            stack.account.invoke(stack.outputs["BasicIntakeFunction"], created_event(stack, key, 1))
        except Exception as refused:  # noqa: BLE001 - a refusal is also correct
            assert "FunctionError" not in repr(refused)
    _wait_until_queue_is_empty(stack)
    assert Target.of(stack, tenant).sort_keys() == before.sort_keys()


@pytest.fixture(scope="session")
def poison(stack: LocalStack) -> str:
    """Sends a message that no worker can read, in the group of a tenant.

    Runs after the tests that wait for an empty queue: the queue is not empty again for a minute.
    """
    tenant = stack.onboard("Poisoned")
    body = f"poison in the group of {tenant.id}"
    stack.account.client("sqs").send_message(
        QueueUrl=stack.outputs["BasicQueueUrl"], MessageBody=body, MessageGroupId=tenant.id
    )
    return body


def test_poison_message_does_not_stop_other_documents(
    stack: LocalStack, poison: str, ready: Callable[..., Any]
) -> None:
    poisoned = Tenant(poison.rsplit(" ", 1)[1], "Poisoned", "", "", "")
    neighbour = stack.onboard("Neighbour of the poisoned")
    for tenant in (poisoned, neighbour):
        api = stack.api(tenant)
        ready(api, api.add_document("Good", "The gauge glass is polished daily.")["id"])


@pytest.mark.after_everything
def test_poison_message_reaches_the_dead_letter_queue(stack: LocalStack, poison: str) -> None:
    """Runs last, so that no other test waits for the five deliveries."""
    sqs = stack.account.client("sqs")
    seen: set[str] = set()

    def dead_letters() -> set[str]:
        answer = sqs.receive_message(
            QueueUrl=stack.outputs["BasicDeadLetterQueueUrl"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=30,
            WaitTimeSeconds=0,
        )
        seen.update(each["Body"] for each in answer.get("Messages", []))
        return seen

    until(
        dead_letters,
        lambda found: poison in found,
        "the poison message is a dead letter",
        DEAD_LETTER_SECONDS,
        every=0.5,
    )


def _wait_until_queue_is_empty(stack: LocalStack) -> None:
    """Waits until no message is in the queue or in flight."""
    until(stack.messages, lambda waiting: waiting == 0, "the queue is empty", 60.0)
