"""REST API: tenant header, authorizer, gateway responses, proxy events. One tier stack, deployed by SAM."""

from __future__ import annotations

import contextlib
import http.client as http_client
import itertools
import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkhead_emulator.tests.support import http
from bulkhead_emulator.tests.support.cloud import ACCOUNT, Cloud
from bulkhead_emulator.tests.support.process import eventually
from bulkhead_emulator.tests.support.stack import deploy, prepare

ACME = {"Authorization": "allow acme"}
_counted = itertools.count(1)


@pytest.fixture(scope="module")
def tier(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = prepare(tmp_path_factory.mktemp("tier"))
    return deploy(
        cloud,
        directory,
        "tier.yaml",
        "tier",
        Tier="test",
        Endpoint=cloud.address,
        Message="first",
        TableArn=f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/x",
        Reserved="2",
        Isolation="PER_TENANT",
    )


@pytest.fixture(scope="module")
def url(tier: Any) -> Any:
    return tier["Url"]


def tenant_call(url: str, body: Any = None, path: str = "/work", **headers: Any) -> Any:
    return http.call("POST", url + path, body or {}, **{**ACME, **headers})


@pytest.mark.extension
def test_invocation_has_the_authorizers_tenant(url: str) -> None:
    answer = tenant_call(url)
    assert answer.status == 200 and answer.json()["tenant"] == "acme"
    assert tenant_call(url, Authorization="allow other").json()["tenant"] == "other"


@pytest.mark.extension
def test_client_cannot_choose_the_tenant(url: str) -> None:
    for name in ("X_Amz_Tenant_Id", "x_amz_tenant_id", "X_AMZ_TENANT_ID"):
        answer = tenant_call(url, **{name: "other"}).json()
        assert answer["tenant"] == "acme"
        assert {k.lower(): v for k, v in answer["event"]["headers"].items()}["x-amz-tenant-id"] == "other"
    assert http.call("POST", url + "/work?X-Amz-Tenant-Id=other", {}, **ACME).json()["tenant"] == "acme"


@pytest.mark.extension
def test_without_a_mapping_there_is_no_tenant(url: str) -> None:
    answer = tenant_call(url, path="/unmapped", X_Amz_Tenant_Id="other")
    assert (answer.status, answer.json()["code"]) == (503, "busy")
    answer = http.call("POST", url + "/plain", {}, X_Amz_Tenant_Id="other")
    assert answer.status == 200 and answer.json()["tenant"] is None


@pytest.mark.extension
def test_refuses_an_empty_tenant(url: str) -> None:
    answer = tenant_call(url, Authorization="allow ")
    assert answer.status in (401, 503)


@pytest.mark.extension
def test_missing_identity_source(url: str) -> None:
    answer = http.call("POST", url + "/work", {})
    assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    body = answer.json()
    assert body["code"] == "unauthorized" and body["message"] == "Unauthorized"
    assert body["request"] == answer.headers["x-amzn-RequestId"]


@pytest.mark.extension
def test_authorizer_says_unauthorized(url: str) -> None:
    assert tenant_call(url, Authorization="error Unauthorized").json()["code"] == "unauthorized"


@pytest.mark.extension
@pytest.mark.parametrize("message", ["unauthorized", "Unauthorized!", "boom"])
def test_other_authorizer_errors_are_500(url: str, message: Any) -> None:
    answer = tenant_call(url, Authorization=f"error {message}")
    assert (answer.status, answer.json()) == (500, {"code": "server", "type": "AUTHORIZER_FAILURE"})


@pytest.mark.extension
def test_malformed_authorizer_answer(url: str) -> None:
    answer = tenant_call(url, Authorization="malformed x")
    assert (answer.status, answer.json()["code"]) == (500, "server")


@pytest.mark.extension
def test_authorizer_denies(url: str) -> None:
    answer = tenant_call(url, Authorization="deny acme")
    assert answer.status == 403 and answer.json()["code"] == "forbidden"
    assert "explicit deny" in answer.json()["message"]


@pytest.mark.extension
def test_cached_policy_applies_to_the_next_method(url: str) -> None:
    token = {"Authorization": "exact acme"}
    assert http.call("POST", url + "/work", {}, **token).status == 200
    other = http.call("GET", url + "/work/1", **token)
    assert (other.status, other.json()["code"]) == (403, "forbidden")


def test_authorizer_results_are_cached_by_identity_source(url: str) -> None:
    def issued(tenant: Any) -> Any:
        answer = http.call("POST", url + "/work", {}, Authorization=f"allow {tenant}")
        return answer.json()["event"]["requestContext"]["authorizer"]["issued"]

    first = issued("cached")
    assert issued("cached") == first
    assert issued("cached2") != first


def test_authorizer_context_is_strings(url: str) -> None:
    context = tenant_call(url).json()["event"]["requestContext"]["authorizer"]
    found = [context[name] for name in ("tenantId", "number", "flag", "principalId")]
    assert found == ["acme", "7", "true", "acme"]


@pytest.mark.extension
def test_unknown_route_uses_the_default_response(url: str) -> None:
    answer = http.call("GET", url + "/nowhere")
    assert (answer.status, answer.json()) == (403, {"code": "client", "type": "MISSING_AUTHENTICATION_TOKEN"})
    assert http.call("PUT", url + "/work", {}).status == 403


@pytest.mark.extension
def test_throttled_function_is_an_integration_failure(url: str) -> None:
    """Two executions are reserved. AWS's default is 500; the template sets 503 and Retry-After."""
    tenant_call(url)
    outcomes = []
    callers = [threading.Thread(target=lambda n=n: outcomes.append(tenant_call(url, {"sleep": 1}))) for n in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(o.status for o in outcomes) == [200, 200, 503, 503]
    busy = next(o for o in outcomes if o.status == 503)
    assert busy.headers["Retry-After"] == "1" and busy.json()["code"] == "busy"
    assert busy.json()["request"] == busy.headers["x-amzn-RequestId"]


@pytest.mark.extension
@pytest.mark.parametrize(
    "body",
    [
        {"fail": "secret detail"},
        {"raw": "no object"},
        {"raw": {"message": "x"}},
        {"raw": {"statusCode": "x"}},
        {"raw": {"statusCode": 200, "body": {"a": 1}}},
        {"exit": 1},
    ],
)
def test_function_errors_and_malformed_answers_are_502(url: str, body: Any) -> None:
    answer = http.call("POST", url + "/plain", body)
    assert (answer.status, answer.json()) == (502, {"code": "server", "type": "DEFAULT_5XX"})


@pytest.mark.extension
def test_integration_timeout(url: str) -> None:
    answer = http.call("POST", url + "/brief", {"sleep": 3})
    assert (answer.status, answer.json()) == (504, {"code": "server", "type": "INTEGRATION_TIMEOUT"})


@pytest.mark.extension
def test_function_policy_must_allow_the_api(url: str) -> None:
    answer = http.call("POST", url + "/unpermitted", {})
    assert (answer.status, answer.json()["code"]) == (500, "server")


@pytest.mark.extension
def test_payload_limits(url: str) -> None:
    over_gateway = http.call("POST", url + "/plain", b"x" * (10 * 1024 * 1024 + 1))
    over_lambda = http.call("POST", url + "/plain", b"x" * (6 * 1024 * 1024))
    for answer in (over_gateway, over_lambda):
        assert (answer.status, answer.json()) == (413, {"code": "client", "type": "REQUEST_TOO_LARGE"})


@pytest.mark.extension
def test_proxy_event(url: str, tier: Any) -> None:
    answer = http.call("POST", url + "/plain?a=1&a=2&b=%20x", {"k": "v"}, X_Forwarded_For="6.6.6.6", User_Agent="test")
    event = answer.json()["event"]
    context = event["requestContext"]
    assert event["queryStringParameters"]["b"] == " x" and event["multiValueQueryStringParameters"]["a"] == ["1", "2"]
    assert json.loads(event["body"]) == {"k": "v"} and event["isBase64Encoded"] is False
    assert context["requestId"] == answer.headers["x-amzn-RequestId"]
    assert (context["resourcePath"], context["httpMethod"], context["stage"]) == ("/plain", "POST", "v1")
    assert (context["path"], context["accountId"]) == ("/v1/plain", ACCOUNT)
    assert context["apiId"] == url.split("/")[4]
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-for"] == "6.6.6.6, 127.0.0.1"
    assert "version" not in event


@pytest.mark.extension
def test_mock_integration_answers_preflights(url: str) -> None:
    answer = http.call("OPTIONS", url + "/plain")
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, "https://example.org")


@pytest.mark.extension
def test_any_method_gets_what_no_other_method_of_the_resource_does(url: str) -> None:
    event = http.call("PATCH", url + "/plain", {}).json()["event"]
    assert (event["httpMethod"], event["resource"]) == ("PATCH", "/plain")
    assert http.call("OPTIONS", url + "/plain").status == 204
    assert http.call("PATCH", url + "/brief", {}).status in (403, 404)


@pytest.mark.extension
def test_binary_media_type_is_base64_for_a_proxy_and_no_text_for_a_template(url: str) -> None:
    binary = {"Content_Type": "application/octet-stream"}
    event = http.call("POST", url + "/plain", b"\xff\x00", **binary).json()["event"]
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)
    assert http.call("OPTIONS", url + "/plain", **binary).status == 500
    assert http.call("OPTIONS", url + "/converted", **binary).status == 204


def test_path_parameters(url: str) -> None:
    event = http.call("GET", url + "/files/report%201.pdf").json()["event"]
    assert event["pathParameters"] == {"name": "report 1.pdf"} and event["resource"] == "/files/{name}"


def test_addressing_by_host_name(cloud: Cloud, url: str) -> None:
    api = url.split("/")[4]
    host = cloud.address.replace("http://127.0.0.1", f"{api}.execute-api.localhost")
    assert http.call("POST", f"{cloud.address}/v1/plain", {}, Host=host).status == 200


@contextlib.contextmanager
def throttled(cloud: Cloud, url: str, method: str, rate: str, burst: str) -> Iterator[None]:
    """Limits a method of the stage, or every method with `*/*`."""
    client, api = cloud.client("apigateway"), url.split("/")[4]

    def change(*operations: dict[str, str]) -> None:
        client.update_stage(restApiId=api, stageName="v1", patchOperations=operations)

    change(
        {"op": "replace", "path": f"/{method}/throttling/rateLimit", "value": rate},
        {"op": "replace", "path": f"/{method}/throttling/burstLimit", "value": burst},
    )
    try:
        yield
    finally:
        change({"op": "remove", "path": f"/{method}"})


def test_throttling_of_a_method(cloud: Cloud, url: str) -> None:
    with throttled(cloud, url, "~1brief/POST", "0", "0"):
        answer = http.call("POST", url + "/brief", {})
        assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (429, "TooManyRequestsException")
    eventually(lambda: http.call("POST", url + "/brief", {}).status == 200)


@pytest.mark.extension
def test_throttled_request_invokes_no_authorizer(cloud: Cloud, url: str) -> None:
    # An authorizer that fails shows whether it was invoked.
    assert tenant_call(url, Authorization="error throttled").status == 500
    with throttled(cloud, url, "*/*", "0", "0"):
        answer = tenant_call(url, Authorization="error throttled")
        assert (answer.status, answer.json()["type"]) == (429, "THROTTLED")
        assert tenant_call(url, Authorization="").status == 429
    assert tenant_call(url).status == 200


@pytest.mark.extension
def test_stage_throttle_counts_each_method_for_all_callers(cloud: Cloud, url: str) -> None:
    with throttled(cloud, url, "*/*", "0.001", "1"):
        assert [tenant_call(url, Authorization=f"allow {caller}").status for caller in ("acme", "other")] == [200, 429]
        # A method that serves all verbs is one method.
        assert [http.call(verb, url + "/plain", {}).status for verb in ("PUT", "PATCH")] == [200, 429]
        assert http.call("POST", url + "/plain", {}).status == 200


@pytest.mark.extension
def test_streamed_responses_arrive_while_they_are_written(url: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    body = json.dumps({"stream": ["data: one\n\n", "data: two\n\n"], "wait_for": str(gate)}).encode()
    request = urllib.request.Request(url + "/stream", body, ACME, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert (answer.status, answer.headers["content-type"]) == (201, "text/event-stream")
        assert answer.readline() == b"data: one\n"
        gate.touch()
        assert answer.read() == b"\ndata: two\n\n"


@pytest.mark.extension
def test_incomplete_stream_is_detectable(url: str) -> None:
    body = json.dumps({"stream": ["one"], "break": True}).encode()
    request = urllib.request.Request(url + "/stream", body, ACME, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer, pytest.raises(http_client.IncompleteRead):
        answer.read()


@pytest.mark.extension
@pytest.mark.parametrize("body, status", [({}, 500), ({"fail": "x"}, 502), ({"exit": 1}, 502)])
def test_missing_stream_is_an_error(url: str, body: Any, status: Any) -> None:
    answer = http.call("POST", url + "/stream", body, **ACME)
    assert (answer.status, answer.json()["code"]) == (status, "server")


@pytest.mark.extension
def test_stream_behind_a_buffered_integration_has_no_body(url: str) -> None:
    answer = http.call("POST", url + "/work", {"stream": ["one"]}, **ACME)
    assert (answer.status, answer.body) == (201, b"")


def usage_key(tenant: str) -> str:
    return f"usage-key-of-tenant-{tenant}"


@pytest.fixture
def counted(cloud: Cloud, tier: Any) -> str:
    """The Authorization header of a tenant in the usage plan."""
    gateway, tenant = cloud.client("apigateway"), f"counted{next(_counted)}"
    key = gateway.create_api_key(name=tenant, value=usage_key(tenant), enabled=True)["id"]
    gateway.create_usage_plan_key(usagePlanId=tier["Plan"], keyId=key, keyType="API_KEY")
    return f"allow {tenant}"


@pytest.mark.extension
def test_usage_plan_counts_by_the_authorizers_key(url: str, counted: Any) -> None:
    statuses = [http.call("POST", url + "/counted", {}, Authorization=counted).status for _ in range(8)]
    assert statuses[0] == 200 and 429 in statuses, statuses
    # A method that requires no key is not counted.
    assert http.call("POST", url + "/plain", {}, Authorization=counted).status == 200


@pytest.mark.extension
def test_ignores_a_key_that_the_client_sends(cloud: Cloud, url: str, counted: Any) -> None:
    known = usage_key(counted.removeprefix("allow "))
    answer = http.call("POST", url + "/counted", {}, Authorization="allow unknown", X_Api_Key=known)
    assert answer.status == 403 and answer.json()["type"] == "INVALID_API_KEY"
    assert http.call("POST", url + "/counted", {}, Authorization=counted, X_Api_Key="x" * 20).status == 200


@pytest.mark.extension
def test_keys_are_unique(cloud: Cloud, tier: Any) -> None:
    gateway, tenant = cloud.client("apigateway"), f"counted{next(_counted)}"
    key = gateway.create_api_key(name=tenant, value=usage_key(tenant), enabled=True)["id"]
    with pytest.raises(gateway.exceptions.ConflictException):
        gateway.create_api_key(name=tenant, value=usage_key(tenant), enabled=True)
    gateway.create_usage_plan_key(usagePlanId=tier["Plan"], keyId=key, keyType="API_KEY")
    with pytest.raises(gateway.exceptions.ConflictException):
        gateway.create_usage_plan_key(usagePlanId=tier["Plan"], keyId=key, keyType="API_KEY")
