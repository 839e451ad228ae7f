"""Events of documents while the event bus or the scheduler fails: each arrives, with one id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.devstack.subscriber import Subscriber, subscribed
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import DropAfter, DropBefore, Fail

Ready = Callable[..., list[dict[str, Any]]]
SECONDS = 60.0
# The scheduler publishes with its own role.
PUBLISH: dict[str, Any] = {"service": "events", "action": "PutEvents", "session": ""}


@pytest.fixture(scope="module")
def events(stack: LocalStack) -> Iterator[Subscriber]:
    with subscribed(stack, "faults-of-events") as subscriber:
        yield subscriber


def outbox(stack: LocalStack, tenant: Tenant) -> list[str]:
    return [key for key in Target.of(stack, tenant).sort_keys() if key.startswith("EVENT#")]


@pytest.mark.parametrize(
    "effect", [Fail("InternalException", 500), DropBefore()], ids=lambda effect: type(effect).__name__
)
def test_event_waits_until_the_bus_works(
    stack: LocalStack, faults: Faults, new_tenant: Callable[..., Tenant], ready: Ready, events: Subscriber, effect: Any
) -> None:
    tenant = new_tenant("Events wait")
    api = stack.api(tenant)
    with faults.rule(effect, **PUBLISH) as rule:
        made = api.add_document("Ferry", "A page.")["id"]
        ready(api, made)
        # More than one sweep tries, so the tenant stays in the backlog.
        until(lambda: rule.hits, lambda hits: hits >= 8, "several sweeps fail", SECONDS)
        assert len(outbox(stack, tenant)) == 1 and events.of(made) == []
        # Jobs are not delayed.
        ready(api, api.add_document("Harbour", "Another page.")["id"])
    assert len(events.wait_for(made)) == 1
    until(lambda: outbox(stack, tenant), lambda left: not left, "the events are removed", SECONDS)


def test_event_with_a_lost_answer_arrives_again_with_the_same_id(
    stack: LocalStack, faults: Faults, new_tenant: Callable[..., Tenant], ready: Ready, events: Subscriber
) -> None:
    tenant = new_tenant("Events repeated")
    api = stack.api(tenant)
    with faults.rule(DropAfter(), **PUBLISH):
        made = api.add_document("Ferry", "A page.")["id"]
        ready(api, made)
        events.wait_for(made, 2)
    until(lambda: outbox(stack, tenant), lambda left: not left, "the event is removed", SECONDS)
    assert len({each["detail"]["id"] for each in events.of(made)}) == 1


def test_published_event_that_cannot_be_removed_is_published_again(
    stack: LocalStack, faults: Faults, new_tenant: Callable[..., Tenant], ready: Ready, events: Subscriber
) -> None:
    """A scheduler that crashes after the publication leaves the same state."""
    tenant = new_tenant("Events not removed")
    api = stack.api(tenant)
    with faults.rule(Fail("InternalServerError"), service="dynamodb", action="DeleteItem", session=tenant.id):
        made = api.add_document("Ferry", "A page.")["id"]
        ready(api, made)
        events.wait_for(made, 2)
        assert len(outbox(stack, tenant)) == 1
    until(lambda: outbox(stack, tenant), lambda left: not left, "the event is removed", SECONDS)
    assert len({each["detail"]["id"] for each in events.of(made)}) == 1
