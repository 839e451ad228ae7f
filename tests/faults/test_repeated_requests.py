"""Requests with an `Idempotency-Key` that are repeated while the first one runs, fails or loses its answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.faults.judging import assert_unavailable
from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Cut, Delay, DropAfter, DropBefore, Fail

REPLAYED = "idempotency-replayed"
IN_PROGRESS = "urn:bulkhead:problem:in-progress"
DOCUMENT = {"title": "Ferry", "content_type": "text/plain", "content": "The ferry leaves at seven."}
ASKED = {"template": "plain", "question": "When does the ferry leave?"}
# The longest time that a call may take.
LEASE = 35


@pytest.fixture
def tenant(new_tenant: Callable[..., Tenant]) -> Tenant:
    return new_tenant("Repeated requests")


@pytest.fixture
def api(stack: LocalStack, tenant: Tenant) -> Api:
    api = stack.api(tenant)
    api.save_template("plain", "Answer from the passages.")
    return api


def marked(key: str = "one") -> dict[str, str]:
    return {"Idempotency-Key": key}


def on(tenant: Tenant, service: str, action: str, **more: Any) -> dict[str, Any]:
    return {"service": service, "action": action, "session": tenant.id, **more}


def item(stack: LocalStack, tenant: Tenant) -> dict[str, Any]:
    return Target.of(stack, tenant).item("IDEMPOTENCY#")


def end_lease(stack: LocalStack, tenant: Tenant) -> None:
    """Changes the stored time, so that the test does not wait."""
    ended = {**item(stack, tenant), "lease_until": {"N": "1000"}}
    stack.account.client("dynamodb").put_item(TableName=stack.outputs["DataTable"], Item=ended)


def test_repeat_waits_until_the_first_request_ends(faults: Faults, tenant: Tenant, api: Api) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        faults.rule(Delay(4_000), **on(tenant, "bedrock-runtime", "Converse")) as rule,
    ):
        first = pool.submit(api.post, "/v1/inference", ASKED, headers=marked())
        until(lambda: rule.matched, lambda matched: matched == 1, "the first request asks the model")
        again = api.post("/v1/inference", ASKED, headers=marked())
        assert not first.done(), "the first request ended; the test proves nothing"
        assert problem(again, 409)["type"] == IN_PROGRESS
        assert 1 <= int(again.headers["retry-after"]) <= LEASE
        other = api.post("/v1/inference", {**ASKED, "question": "Why?"}, headers=marked())
        assert problem(other, 422)["type"] == "urn:bulkhead:problem:idempotency-key-reused"
        answer = first.result()
        repeated = api.post("/v1/inference", ASKED, headers=marked())
        assert answer.status == 200 and repeated.body == answer.body and rule.matched == 1
    assert repeated.headers[REPLAYED] == "true"


def test_one_of_many_requests_at_once_takes_effect(tenant: Tenant, api: Api) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api.post("/v1/documents", DOCUMENT, headers=marked()), range(6)))
    assert {each.status for each in answers} <= {202, 409}, [each.text for each in answers]
    assert len({each.json["id"] for each in answers if each.status == 202}) == 1
    assert len(api.get("/v1/documents").expect(200)["documents"]) == 1


@pytest.mark.parametrize("effect", [Fail("ThrottlingException"), DropAfter()], ids=lambda effect: type(effect).__name__)
def test_unavailable_service_is_asked_again(faults: Faults, tenant: Tenant, api: Api, effect: Any) -> None:
    with faults.rule(effect, **on(tenant, "bedrock-runtime", "Converse")):
        assert_unavailable(api.post("/v1/inference", ASKED, headers=marked()))
    answer = api.post("/v1/inference", ASKED, headers=marked())
    assert answer.status == 200 and REPLAYED not in answer.headers


def test_stream_that_broke_off_is_written_again(faults: Faults, tenant: Tenant, api: Api) -> None:
    path = "/v1/inference/stream"
    with faults.rule(Cut(400), **on(tenant, "bedrock-runtime", "ConverseStream")):
        assert "event: error\n" in api.post(path, ASKED, headers=marked()).text
    whole = api.post(path, ASKED, headers=marked())
    assert whole.text.startswith("event: start\n") and "event: done\n" in whole.text and REPLAYED not in whole.headers
    repeated = api.post(path, ASKED, headers=marked())
    assert repeated.body == whole.body and repeated.headers[REPLAYED] == "true"


@pytest.mark.parametrize("skip", [0, 1], ids=["begin", "keep"])
def test_lost_answer_of_the_table_changes_nothing(faults: Faults, tenant: Tenant, api: Api, skip: int) -> None:
    """Each write recognises its earlier attempt."""
    path = "/v1/templates/lost"
    with faults.rule(DropAfter(), **on(tenant, "dynamodb", "PutItem", skip=skip, count=1)) as rule:
        first = api.put(path, {"body": "One."}, headers=marked())
        assert rule.hits == 1
    assert first.expect(201)["version"] == 1
    repeated = api.put(path, {"body": "One."}, headers=marked())
    assert (repeated.body, repeated.headers[REPLAYED]) == (first.body, "true")


def test_request_that_cannot_be_begun_has_no_effect(faults: Faults, tenant: Tenant, api: Api) -> None:
    with faults.rule(Fail("InternalServerError"), **on(tenant, "dynamodb", "PutItem")):
        assert_unavailable(api.put("/v1/templates/begun", {"body": "One."}, headers=marked()))
    problem(api.get("/v1/templates/begun"), 404)
    api.put("/v1/templates/begun", {"body": "One."}, headers=marked()).expect(201)


def test_crash_before_the_answer_is_kept_frees_the_key_after_the_lease(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api
) -> None:
    """The request is then handled twice. Where the name is the caller's, there is still one document."""
    path = "/v1/external-ids/ferry:1"
    with faults.rule(DropBefore(), **on(tenant, "dynamodb", "PutItem", skip=1)) as rule:
        # The first call begins the request, the second one keeps the answer; a transaction writes the document.
        first = api.put(path, DOCUMENT, headers=marked()).expect(202)
        assert rule.hits >= 1
    waiting = api.put(path, DOCUMENT, headers=marked())
    assert problem(waiting, 409)["type"] == IN_PROGRESS and 1 <= int(waiting.headers["retry-after"]) <= LEASE
    end_lease(stack, tenant)
    # Another request still may not use the key.
    problem(api.put(path, {**DOCUMENT, "title": "Other"}, headers=marked()), 422)
    again = api.put(path, DOCUMENT, headers=marked())
    assert REPLAYED not in again.headers
    assert again.expect(202)["id"] == first["id"]
    assert len(api.get("/v1/documents").expect(200)["documents"]) == 1
    assert api.put(path, DOCUMENT, headers=marked()).headers[REPLAYED] == "true"


def test_late_answer_does_not_replace_the_one_of_a_later_call(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api
) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        faults.rule(Delay(4_000), **on(tenant, "bedrock-runtime", "Converse", count=1)) as rule,
    ):
        slow = pool.submit(api.post, "/v1/inference", ASKED, headers=marked())
        until(lambda: rule.matched, lambda matched: matched == 1, "the first request asks the model")
        end_lease(stack, tenant)
        later = api.post("/v1/inference", ASKED, headers=marked())
        assert not slow.done(), "the first request ended; the test proves nothing"
        assert slow.result().status == later.status == 200 and slow.result().body != later.body
    assert api.post("/v1/inference", ASKED, headers=marked()).body == later.body
