"""An operator's subscription to the events of a tier."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .poll import until
from .stack import LocalStack

_SECONDS = 60.0


class Subscriber:
    """A rule on the tier's event bus, and the queue that it sends to."""

    def __init__(self, stack: LocalStack, queue: str) -> None:
        self._stack, self._queue = stack, queue
        self._seen: list[dict[str, Any]] = []

    def of(self, document: str) -> list[dict[str, Any]]:
        """Returns the events of a document that arrived so far."""
        sqs = self._stack.account.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                self._seen.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return [each for each in self._seen if each["detail"]["document"] == document]

    def wait_for(self, document: str, count: int = 1) -> list[dict[str, Any]]:
        """Returns the events of a document when there are at least `count`. Runs the scheduler."""

        def look() -> list[dict[str, Any]]:
            self._stack.sweep()
            return self.of(document)

        return until(look, lambda seen: len(seen) >= count, f"{count} events of {document}", _SECONDS)


@contextmanager
def subscribed(stack: LocalStack, name: str) -> Iterator[Subscriber]:
    """Subscribes to the basic tier's events while the context lasts."""
    sqs, events = stack.account.client("sqs"), stack.account.client("events")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = {"EventBusName": stack.outputs["BasicEventBus"]}
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["bulkhead"]}), **bus)
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}], **bus)
    try:
        yield Subscriber(stack, queue)
    finally:
        events.remove_targets(Rule=name, Ids=["queue"], **bus)
        events.delete_rule(Name=name, **bus)
        sqs.delete_queue(QueueUrl=queue)
