"""`Idempotency-Key`: a repeated request gets the answer of the first one and changes nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from openai import OpenAI

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Answer, Api
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

PAGE = {"title": "Ferry", "content_type": "text/plain", "content": "The ferry leaves at seven."}
REPLAYED = "idempotency-replayed"
REUSED = "urn:bulkhead:problem:idempotency-key-reused"


def marked(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def repeated(api: Api, method: str, path: str, body: Any = None, **headers: str) -> tuple[Answer, Answer]:
    """Sends a request twice with one key, and checks that the second answer repeats the first one."""
    sent = {**marked(), **headers}
    first, second = (api.call(method, path, body, headers=sent) for _ in range(2))
    assert (first.status, first.body) == (second.status, second.body), f"{first.text} {second.text}"
    assert REPLAYED not in first.headers and second.headers[REPLAYED] == "true", path
    for name in ("content-type", "etag"):
        assert first.headers.get(name) == second.headers.get(name), path
    assert second.headers["cache-control"] == "no-store"
    return first, second


def stored(stack: LocalStack, tenant: Tenant) -> list[dict[str, Any]]:
    return [item for item in Target.of(stack, tenant).items if item["sk"]["S"].startswith("IDEMPOTENCY#")]


def test_document_is_created_once(api: Api) -> None:
    first, _ = repeated(api, "POST", "/v1/documents", PAGE)
    assert first.status == 202
    same = [each for each in api.get("/v1/documents").expect(200)["documents"] if each["id"] == first.json["id"]]
    assert len(same) == 1
    before = len(api.get("/v1/documents").expect(200)["documents"])
    results = repeated(api, "POST", "/v1/documents/batch", {"documents": [PAGE, PAGE]})[0].expect(200)["results"]
    assert [each["status"] for each in results] == [202, 202]
    assert len(api.get("/v1/documents").expect(200)["documents"]) == before + 2


def test_every_method_that_writes_is_repeated(api: Api) -> None:
    saved, _ = repeated(api, "PUT", "/v1/templates/once", {"body": "One."})
    assert (saved.status, saved.json["version"]) == (201, 1)
    labelled = {"If-None-Match": "*"}
    moved, _ = repeated(api, "PUT", "/v1/templates/once/labels/production", {"version": 1}, **labelled)
    assert moved.status == 201 and moved.headers["etag"]
    made = api.add_document("Patched", "A page.")["id"]
    patched, _ = repeated(api, "PATCH", f"/v1/documents/{made}", {"title": "Patched once"})
    assert patched.json["revision"] == 2
    deleted, _ = repeated(api, "DELETE", f"/v1/documents/{made}")
    assert (deleted.status, deleted.body) == (204, b"")
    # Without the key, the repeat is a new request.
    problem(api.delete(f"/v1/documents/{made}"), 404)


def test_refusal_is_repeated_with_its_request_id(api: Api) -> None:
    for method, path, body, status in (
        ("PUT", "/v1/templates/Wrong", {"body": "x"}, 400),
        ("DELETE", "/v1/templates/missing", None, 404),
        ("PUT", "/v1/templates/wrong", {"body": "{{ a | uper }}"}, 422),
        ("POST", "/v1/chat/completions", {"model": "default", "messages": []}, 422),
    ):
        first, second = repeated(api, method, path, body)
        assert first.status == status and problem(second, status)["request_id"] == first.json["request_id"]
        assert second.headers["x-request-id"] != second.json["request_id"]


def test_question_is_answered_once(api: Api) -> None:
    api.save_template("plain", "Answer from the passages.")
    asked = {"template": "plain", "question": "When does the ferry leave?"}
    first, _ = repeated(api, "POST", "/v1/inference", asked)
    assert first.expect(200)["id"]
    # The control: without a key, each question has another record.
    assert len({api.post("/v1/inference", asked).expect(200)["id"] for _ in range(2)}) == 2


def test_stream_is_repeated_with_all_its_events(api: Api) -> None:
    api.save_template("plain", "Answer from the passages.")
    asked = {"template": "plain", "question": "When does the ferry leave?"}
    first, _ = repeated(api, "POST", "/v1/inference/stream", asked)
    assert first.headers["content-type"] == "text/event-stream"
    assert first.text.startswith("event: start\n") and "event: done\n" in first.text
    refused, _ = repeated(api, "POST", "/v1/inference/stream", {**asked, "template": "absent"})
    problem(refused, 404)


@pytest.mark.parametrize("stream", [False, True])
def test_client_of_openai_may_send_a_key(api: Api, stream: bool) -> None:
    client = OpenAI(base_url=f"{api.base}/v1", api_key=api.token, max_retries=0)
    headers = marked()
    ids = set()
    for _ in range(2):
        found: Any = client.chat.completions.create(
            model="default", messages=[{"role": "user", "content": "Hello"}], stream=stream, extra_headers=headers
        )
        ids |= {each.id for each in found} if stream else {found.id}
    assert len(ids) == 1
    chat = {"model": "default", "messages": [{"role": "user", "content": "Hello"}]}
    again, _ = repeated(api, "POST", "/v1/chat/completions", {**chat, "stream": stream})
    assert again.text.endswith("data: [DONE]\n\n") == stream


def test_key_of_another_request_is_refused(stack: LocalStack, tenant: Tenant, api: Api) -> None:
    path, headers = "/v1/templates/reused", marked()
    api.put(path, {"body": "One."}, headers=headers).expect(201)
    other = stack.api(token=stack.issuer.sign({**stack.issuer.claims(tenant.id), "sub": "another-person"}))
    for answer in (
        api.put(path, {"body": "Two."}, headers=headers),
        api.put(f"{path}-too", {"body": "One."}, headers=headers),
        api.put(f"{path}?q=1", {"body": "One."}, headers=headers),
        api.delete(path, headers=headers),
        api.post("/v1/documents", PAGE, headers=headers),
        other.put(path, {"body": "One."}, headers=headers),
    ):
        assert problem(answer, 422)["type"] == REUSED
    # The same request is still repeated, also with the key in quotes, as the draft of the standard writes it.
    quoted = {"Idempotency-Key": f'"{headers["Idempotency-Key"]}"'}
    assert api.put(path, {"body": "One."}, headers=quoted).headers[REPLAYED] == "true"
    assert api.get(path).expect(200)["version"] == 1


@pytest.mark.parametrize("key", ["a b", "a\\b", '"', '""', '"a', "x" * 256, '"' + "x" * 256 + '"'])
def test_malformed_key_is_refused(api: Api, key: str) -> None:
    refused = problem(api.put("/v1/templates/malformed", {"body": "x"}, headers={"Idempotency-Key": key}), 400)
    assert refused["detail"].startswith("`Idempotency-Key`: an idempotency key is 1 to 255 visible ASCII characters")
    assert api.get("/v1/templates/malformed").status == 404


def test_request_that_changes_nothing_ignores_a_key(stack: LocalStack, tenant: Tenant, api: Api) -> None:
    before, headers = len(stored(stack, tenant)), {"Idempotency-Key": "not a key"}
    api.save_template("ignoring", "Hello.")
    for _ in range(2):
        for answer in (
            api.get("/v1/templates", headers=headers),
            api.post("/v1/templates/ignoring/render", {"variables": {}}, headers=headers),
            api.post("/v1/embeddings", {"model": "default", "input": "a"}, headers=headers),
            api.post("/v1/search", {"question": "ferry"}, headers=headers),
        ):
            assert answer.status == 200 and REPLAYED not in answer.headers, answer.text
    assert len(stored(stack, tenant)) == before


def test_secret_of_an_api_key_is_not_kept(stack: LocalStack, tenant: Tenant, api: Api) -> None:
    headers, body = marked(), {"name": "Robot", "role": "reader"}
    made = api.post("/v1/keys", body, headers=headers).expect(201)
    refused = problem(api.post("/v1/keys", body, headers=headers), 409)
    assert refused["type"] == "urn:bulkhead:problem:answer-not-kept"
    assert [each["id"] for each in api.get("/v1/keys").expect(200)["keys"]] == [made["id"]]
    rotating, path = marked(), f"/v1/keys/{made['id']}/rotate"
    api.post(path, {}, headers=rotating).expect(200)
    problem(api.post(path, {}, headers=rotating), 409)
    api.delete(f"/v1/keys/{made['id']}").expect(204)


def test_long_answer_is_not_kept(api: Api) -> None:
    """Each quote needs escapes, in the answer and in the item."""
    page = {**PAGE, "title": '"' * 200, "metadata": {"a": '"' * 400, "b": '"' * 300}}
    documents, headers = [{**page, "external_id": f"long:{n}"} for n in range(100)], marked()
    api.post("/v1/documents/batch", {"documents": documents}, headers=headers).expect(200)
    again = problem(api.post("/v1/documents/batch", {"documents": documents}, headers=headers), 409)
    assert again["type"] == "urn:bulkhead:problem:answer-not-kept"
    assert api.get("/v1/external-ids/long:99").expect(200)["revision"] == 1


def test_key_is_known_for_a_day(stack: LocalStack, tenant: Tenant, api: Api, expire: Callable[[str], None]) -> None:
    """DynamoDB deletes expired items late; the function does not wait for it."""
    path, headers = "/v1/templates/expiring", marked("a-key-that-expires")
    api.put(path, {"body": "One."}, headers=headers).expect(201)
    api.put(path, {"body": "One."}, headers=headers).expect(201)
    expire("expires_at")
    # Also for another request.
    later = api.put(path, {"body": "Two."}, headers=headers)
    assert later.expect(200)["version"] == 2 and REPLAYED not in later.headers
    assert api.put(path, {"body": "Two."}, headers=headers).headers[REPLAYED] == "true"


@pytest.fixture
def expire(stack: LocalStack, tenant: Tenant) -> Callable[[str], None]:
    """Returns a function that sets a time of the tenant's newest request into the past."""
    before = {item["sk"]["S"] for item in stored(stack, tenant)}

    def change(attribute: str) -> None:
        (item,) = (each for each in stored(stack, tenant) if each["sk"]["S"] not in before)
        item[attribute] = {"N": "1000"}
        stack.account.client("dynamodb").put_item(TableName=stack.outputs["DataTable"], Item=item)

    return change


def test_stored_request_shows_neither_key_nor_texts(stack: LocalStack, tenant: Tenant, api: Api) -> None:
    headers = marked("contract-of-the-harbour")
    api.put("/v1/templates/hidden", {"body": "The harbour's own words."}, headers=headers).expect(201)
    items = stored(stack, tenant)
    text = json.dumps(items, default=lambda value: bytes(value).decode("latin-1"))
    assert items and "harbour" not in text and "own words" not in text
    assert {name for item in items for name in item} == {"pk", "sk", "token", "lease_until", "expires_at", "sealed"}


def test_calls_without_a_key_store_nothing(stack: LocalStack, new_tenant: Callable[[str], Tenant]) -> None:
    tenant = new_tenant("Without keys")
    api = stack.api(tenant)
    api.save_template("plain", "Hello.")
    api.add_document("Ferry", "A page.")
    api.ask("When?", "plain")
    assert stored(stack, tenant) == []
