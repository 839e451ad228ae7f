"""Events of documents on the tier's event bus: each change once, with ids and no text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.stack import LocalStack
from tools.devstack.subscriber import Subscriber, subscribed

Ready = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def events(stack: LocalStack) -> Iterator[Subscriber]:
    with subscribed(stack, "journey-of-events") as subscriber:
        yield subscriber


def outbox(stack: LocalStack, tenant: Tenant) -> list[str]:
    return [key for key in Target.of(stack, tenant).sort_keys() if key.startswith("EVENT#")]


def test_ready_document_has_one_event_for_each_revision(
    stack: LocalStack, tenant: Tenant, api: Api, ready: Ready, events: Subscriber
) -> None:
    made = api.add_document("Secret title", "The ferry's own words.", metadata={"case": "secret-case"})["id"]
    ready(api, made)
    (event,) = events.wait_for(made)
    assert (event["source"], event["detail-type"]) == ("bulkhead", "document.ready")
    detail = event["detail"]
    assert set(detail) == {"id", "type", "tenant", "document", "revision", "occurred_at"}
    assert (detail["type"], detail["tenant"], detail["revision"]) == ("document.ready", tenant.id, 1)
    assert "ecret" not in json.dumps(event) and "ferry" not in json.dumps(event)
    replaced = {"title": "Secret title", "content_type": "text/plain", "content": "Other words."}
    api.put(f"/v1/documents/{made}", replaced).expect(202)
    found = events.wait_for(made, 2)
    assert [each["detail"]["revision"] for each in found] == [1, 2] and len({e["detail"]["id"] for e in found}) == 2
    # Published events are removed, and further sweeps publish nothing.
    assert outbox(stack, tenant) == [] and len(events.of(made)) == 2


def test_unreadable_document_has_an_event_with_a_reason(
    stack: LocalStack, tenant: Tenant, api: Api, ready: Ready, events: Subscriber
) -> None:
    content = b"no PDF, and the words of its owner"
    about = {"title": "Broken", "content_type": "application/pdf", "bytes": len(content)}
    slot = api.post("/v1/documents/uploads", about).expect(201)
    made = slot["document"]["id"]
    assert send("PUT", slot["upload"]["url"], content, slot["upload"]["headers"]).status == 200
    ready(api, made, status="dead")
    (event,) = events.wait_for(made)
    detail = event["detail"]
    assert event["detail-type"] == "document.failed" and detail["tenant"] == tenant.id
    assert (detail["reason"], detail["revision"]) == ("unreadable", 1)
    assert "owner" not in json.dumps(event) and "PDF" not in json.dumps(event)


def test_deleted_document_has_no_event(api: Api, ready: Ready, events: Subscriber) -> None:
    gone, made = (api.add_document(title, "A page.")["id"] for title in ("Gone", "Stays"))
    api.delete(f"/v1/documents/{gone}").expect(204)
    ready(api, made)
    events.wait_for(made)
    # The document may have been ready before its deletion; it has no second event then.
    assert len(events.of(gone)) <= 1
