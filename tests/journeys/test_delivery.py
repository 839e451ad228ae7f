"""The queue delivers twice, late, and sometimes nonsense. Documents must not notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack

# Deliveries until the dead-letter queue, each after the queue's visibility timeout.
DEAD_SECONDS = 180.0


def created_event(stack: LocalStack, key: str, size: int) -> dict[str, Any]:
    """What EventBridge hands to intake when S3 created an object."""
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
def indexed(stack: LocalStack, tenant: Tenant, api: Api, ready: Callable[..., Any]) -> dict[str, Any]:
    """A document of two chunks or more, ready."""
    text = "\n\n".join(f"Paragraph {n}. " + "The lamp room is cold. " * 60 for n in range(4))
    return ready(api, api.add_document("Lamp room", text)["id"])[0]


def test_a_delivery_that_comes_again_changes_nothing(
    stack: LocalStack, tenant: Tenant, api: Api, indexed: dict[str, Any]
) -> None:
    before = Target.of(stack, tenant)
    key = next(each for each in before.objects if indexed["id"] in each)
    for _ in range(3):
        event = created_event(stack, key, indexed["bytes"])
        stack.account.invoke(stack.outputs["BasicIntakeFunction"], event)
    _until_drained(stack)
    again = api.get(f"/v1/documents/{indexed['id']}").expect(200)
    assert again["status"] == "ready" and again["chunks"] == indexed["chunks"], again
    assert sorted(Target.of(stack, tenant).vectors) == sorted(before.vectors), "vectors were added"


def test_a_job_for_a_document_that_was_deleted_leaves_nothing_behind(
    stack: LocalStack, tenant: Tenant, api: Api, indexed: dict[str, Any]
) -> None:
    key = next(each for each in Target.of(stack, tenant).objects if indexed["id"] in each)
    api.delete(f"/v1/documents/{indexed['id']}").expect(204)
    stack.account.invoke(stack.outputs["BasicIntakeFunction"], created_event(stack, key, 10))
    _until_drained(stack)
    left = Target.of(stack, tenant)
    assert not [each for each in left.vectors if indexed["id"] in each], "a deleted document is indexed"
    mark = left.item(f"DOCUMENT#{indexed['id']}")
    assert mark["status"] == {"S": "deleted"} and not mark.keys() & {"sealed", "last_error", "waiting_reason"}, (
        f"only the mark of a deleted document may stay, without its text: {mark}"
    )


def test_an_object_outside_the_layout_is_left_alone(stack: LocalStack, tenant: Tenant) -> None:
    before = Target.of(stack, tenant)
    for key in ("stray", "t/", f"t/{tenant.id}", f"t/{tenant.id}/documents/x/source", "t/../x/source"):
        try:
            stack.account.invoke(stack.outputs["BasicIntakeFunction"], created_event(stack, key, 1))
        except Exception as refused:  # noqa: BLE001 - a refusal is as good as silence here
            assert "FunctionError" not in repr(refused)
    _until_drained(stack)
    assert Target.of(stack, tenant).sort_keys() == before.sort_keys()


@pytest.fixture(scope="session")
def poison(stack: LocalStack) -> str:
    """A message that nobody understands, circulating from now on in the group of its tenant.

    Comes after the tests that wait for an empty queue: for a minute it will not be empty again.
    """
    tenant = stack.onboard("Poisoned")
    body = f"poison in the group of {tenant.id}"
    stack.account.client("sqs").send_message(
        QueueUrl=stack.outputs["BasicQueueUrl"], MessageBody=body, MessageGroupId=tenant.id
    )
    return body


def test_good_documents_go_on_while_a_poison_message_circulates(
    stack: LocalStack, poison: str, ready: Callable[..., Any]
) -> None:
    poisoned = Tenant(poison.rsplit(" ", 1)[1], "Poisoned", "", "", "")
    neighbour = stack.onboard("Neighbour of the poisoned")
    for tenant in (poisoned, neighbour):
        api = stack.api(tenant)
        ready(api, api.add_document("Good", "The gauge glass is polished daily.")["id"])


@pytest.mark.after_everything
def test_a_poison_message_ends_in_the_dead_letter_queue(stack: LocalStack, poison: str) -> None:
    """Judged last: five deliveries take their time, and the other tests need not wait for them."""
    sqs = stack.account.client("sqs")
    seen: set[str] = set()

    def buried() -> set[str]:
        answer = sqs.receive_message(
            QueueUrl=stack.outputs["BasicDeadLetterQueueUrl"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=30,
            WaitTimeSeconds=0,
        )
        seen.update(each["Body"] for each in answer.get("Messages", []))
        return seen

    until(buried, lambda found: poison in found, "the poison is buried", DEAD_SECONDS, every=0.5)


def _until_drained(stack: LocalStack) -> None:
    """Wait until the queue is empty and nothing is being worked on."""
    until(stack.messages, lambda waiting: waiting == 0, "the queue is drained", 60.0)
