"""The call took effect and its answer was lost: done once all the same, and nothing half-done stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.judging import busy
from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import DropAfter, Fail

Ready = Callable[..., list[dict[str, Any]]]
DOCUMENT = {"title": "Ferry", "content_type": "text/plain", "content": "The ferry leaves at seven."}


@pytest.fixture
def tenant(newcomer: Callable[..., Tenant]) -> Tenant:
    return newcomer("Of lost answers")


@pytest.fixture
def api(stack: LocalStack, tenant: Tenant) -> Api:
    return stack.api(tenant)


def test_a_save_whose_answer_was_lost_is_one_version(faults: Faults, tenant: Tenant, api: Api) -> None:
    lost: dict[str, Any] = {"service": "dynamodb", "action": "TransactWriteItems", "session": tenant.id, "count": 1}
    for version, status in ((1, 201), (2, 200)):
        with faults.rule(DropAfter(), **lost) as rule:
            saved = api.put("/v1/templates/once", {"body": f"Text {version}."})
            assert rule.hits == 1
        assert (saved.status, saved.json.get("version")) == (status, version), saved.text
    for version in (1, 2):
        found = api.get(f"/v1/templates/once?version={version}").expect(200)
        assert found["body"] == f"Text {version}."


def test_a_document_whose_answers_were_lost_is_taken_in_once(
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


def test_an_upload_whose_answer_was_lost_is_prepared_once(
    faults: Faults, tenant: Tenant, api: Api, ready: Ready
) -> None:
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
def test_an_onboarding_whose_answer_was_lost_is_one_tenant(stack: LocalStack, faults: Faults, action: str) -> None:
    """The registry is written by the function's own role."""
    with faults.rule(DropAfter(), service="dynamodb", action=action, session="", count=1) as rule:
        answer = stack.control("onboard", display_name="Of lost answers")
        assert rule.hits == 1
    assert answer.get("status") == "active", answer


def test_a_document_that_could_not_be_stored_leaves_nothing(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api
) -> None:
    with faults.rule(Fail("ServiceUnavailable"), service="s3", action="PutObject", session=tenant.id):
        busy(api.post("/v1/documents", DOCUMENT))
    assert api.get("/v1/documents").expect(200)["documents"] == []
    left = Target.of(stack, tenant)
    assert not left.objects, left.objects
    assert not [each for each in left.sort_keys() if each.startswith("DOCUMENT#")], left.sort_keys()


def test_a_model_whose_answer_was_lost_is_not_asked_again(faults: Faults, tenant: Tenant, api: Api) -> None:
    """It would be billed again."""
    api.save_template("plain", "Answer from the passages.")
    with faults.rule(DropAfter(), service="bedrock-runtime", action="Converse", session=tenant.id) as rule:
        busy(api.post("/v1/inference", {"template": "plain", "question": "When?"}))
        assert rule.hits == 1
    api.ask("When?", "plain")
