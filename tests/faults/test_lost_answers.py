"""The call took effect and its answer was lost: it still takes effect once, and leaves nothing half-done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.judging import assert_unavailable
from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import DropAfter, Fail

Ready = Callable[..., list[dict[str, Any]]]
DOCUMENT = {"title": "Ferry", "content_type": "text/plain", "content": "The ferry leaves at seven."}


@pytest.fixture
def tenant(new_tenant: Callable[..., Tenant]) -> Tenant:
    return new_tenant("Lost answers")


@pytest.fixture
def api(stack: LocalStack, tenant: Tenant) -> Api:
    return stack.api(tenant)


def test_save_with_lost_answer_makes_one_version(faults: Faults, tenant: Tenant, api: Api) -> None:
    lost: dict[str, Any] = {"service": "dynamodb", "action": "TransactWriteItems", "session": tenant.id, "count": 1}
    for version, status in ((1, 201), (2, 200)):
        with faults.rule(DropAfter(), **lost) as rule:
            saved = api.put("/v1/templates/once", {"body": f"Text {version}."})
            assert rule.hits == 1
        assert (saved.status, saved.json.get("version")) == (status, version), saved.text
    for version in (1, 2):
        found = api.get(f"/v1/templates/once?version={version}").expect(200)
        assert found["body"] == f"Text {version}."


def test_document_with_lost_answers_is_added_once(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, ready: Ready
) -> None:
    lost: dict[str, Any] = {"session": tenant.id, "count": 1}
    with (
        faults.rule(DropAfter(), service="dynamodb", action="PutItem", **lost) as recorded,
        faults.rule(DropAfter(), service="s3", action="PutObject", **lost) as stored,
    ):
        made = api.post("/v1/documents", DOCUMENT).expect(202)
        assert recorded.hits == stored.hits == 1
    ready(api, made["id"])
    listed = api.get("/v1/documents").expect(200)["documents"]
    assert [each["id"] for each in listed] == [made["id"]]
    assert len(Target.of(stack, tenant).objects) == 1


def test_upload_with_lost_answer_is_prepared_once(faults: Faults, tenant: Tenant, api: Api, ready: Ready) -> None:
    content = DOCUMENT["content"].encode()
    body = {"title": "Ferry", "content_type": "text/plain", "bytes": len(content)}
    with faults.rule(DropAfter(), service="dynamodb", action="PutItem", session=tenant.id, count=1) as rule:
        made = api.post("/v1/documents/uploads", body).expect(201)
        assert rule.hits == 1
    assert len(api.get("/v1/documents").expect(200)["documents"]) == 1
    slot = made["upload"]
    assert send("PUT", slot["url"], content, slot["headers"]).status == 200
    ready(api, made["document"]["id"])


@pytest.mark.parametrize("action", ["PutItem", "UpdateItem"])
def test_onboarding_with_lost_answer_makes_one_tenant(stack: LocalStack, faults: Faults, action: str) -> None:
    """The function's own role writes the registry."""
    with faults.rule(DropAfter(), service="dynamodb", action=action, session="", count=1) as rule:
        answer = stack.control("onboard", display_name="Lost answers")
        assert rule.hits == 1
    assert answer.get("status") == "active", answer


def test_document_that_cannot_be_stored_leaves_nothing(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api
) -> None:
    with faults.rule(Fail("ServiceUnavailable"), service="s3", action="PutObject", session=tenant.id):
        assert_unavailable(api.post("/v1/documents", DOCUMENT))
    assert api.get("/v1/documents").expect(200)["documents"] == []
    remaining = Target.of(stack, tenant)
    assert not remaining.objects, remaining.objects
    # The mark of the deletion lets a late event clean up.
    marks = [item for item in remaining.items if item["sk"]["S"].startswith("DOCUMENT#")]
    assert [mark["status"]["S"] for mark in marks] == ["deleted"] and "sealed" not in marks[0], marks


def test_model_with_lost_answer_is_not_called_again(faults: Faults, tenant: Tenant, api: Api) -> None:
    """A second call would be billed again."""
    api.save_template("plain", "Answer from the passages.")
    with faults.rule(DropAfter(), service="bedrock-runtime", action="Converse", session=tenant.id) as rule:
        assert_unavailable(api.post("/v1/inference", {"template": "plain", "question": "When?"}))
        assert rule.hits == 1
    api.ask("When?", "plain")
