"""Errors of functions, authorizer and gateway have the same form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.devstack.client import Api
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

CALLS = [
    ("GET", "/v1/templates", 200),
    ("GET", "/v1/templates/missing", 404),
    ("GET", "/v1/documents?limit=x", 400),
    ("GET", "/v1/openapi.json", 200),
]


def test_missing_token_gets_401(stack: LocalStack) -> None:
    answer = stack.api().get("/v1/templates")
    problem(answer, 401)
    assert "www-authenticate" in answer.headers, "RFC 9110 requires a challenge with a 401"


def test_bad_token_gets_401(stack: LocalStack) -> None:
    problem(stack.api(token="nonsense").get("/v1/templates"), 401)


def test_token_without_a_tenant_gets_403(stack: LocalStack) -> None:
    problem(stack.api(token=stack.issuer.mint(None)).get("/v1/templates"), 403)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/v2/templates", "/v1/templates/a/b/c"])
def test_unknown_route_gets_a_problem(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.status in (403, 404), f"{path}: {answer.status} {answer.text}"
    problem(answer, answer.status)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/v1/templates/a", "GET, PUT, DELETE"),
        ("POST", "/v1/templates/a", "GET, PUT, DELETE"),
        ("DELETE", "/v1/inference", "POST"),
        ("PUT", "/v1/dead-letters/redrive", "POST"),
    ],
)
def test_other_method_gets_405_with_the_allowed_methods(api: Api, method: str, path: str, allowed: str) -> None:
    answer = api.call(method, path, {} if method != "DELETE" else None)
    problem(answer, 405)
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Caf\u00e9".encode("latin-1"), id="Latin-1"),
        pytest.param(b"\xc0\xaf", id="overlong"),
        pytest.param(b"\xed\xa0\x80", id="raw surrogate"),
        pytest.param(rb"\ud800", id="lone surrogate"),
        pytest.param(b"\xff\xfe", id="byte order mark of UTF-16"),
    ],
)
def test_body_that_is_not_utf8_is_refused(api: Api, text: bytes) -> None:
    """API Gateway must not replace bytes before the function sees them."""
    raw = b'{"body": "' + text + b'"}'
    answer = api.put("/v1/templates/bytes", raw=raw)
    assert problem(answer, 400)["detail"].startswith("`body`:")
    assert api.get("/v1/templates/bytes").status == 404


def test_text_is_stored_unaltered(api: Api) -> None:
    """The control: what is UTF-8 comes back as it was."""
    text = "Caf\u00e9 \u2028 \U0001f6a2 \ufffd \u0000 end"
    api.put("/v1/templates/unaltered", raw=json.dumps({"body": text}, ensure_ascii=False).encode()).expect(200, 201)
    assert api.get("/v1/templates/unaltered").expect(200)["body"] == text


def test_body_beyond_the_gateway_limit_gets_413(api: Api) -> None:
    problem(api.put("/v1/templates/huge", raw=b"x" * (10 * 1024 * 1024 + 1)), 413)


@pytest.mark.parametrize(("method", "path", "status"), CALLS)
def test_no_answer_may_be_cached(api: Api, method: str, path: str, status: int) -> None:
    answer = api.call(method, path)
    assert answer.status == status, answer.text
    assert answer.headers.get("cache-control") == "no-store", f"{path}: {answer.headers}"


def test_every_answer_has_its_own_request_id(api: Api) -> None:
    seen = [problem(api.get("/v1/templates/missing"), 404)["request_id"] for _ in range(3)]
    assert len(set(seen)) == 3, f"request ids repeat: {seen}"


def test_errors_reveal_no_other_tenant(stack: LocalStack, api: Api, tenant: Any) -> None:
    absent = problem(api.get("/v1/documents/" + "0" * 32), 404)
    malformed = api.get("/v1/documents/xyz")
    assert absent["type"] == "urn:bulkhead:problem:not-found", absent
    assert malformed.status in (400, 404)


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("", {"X-Forwarded-Proto": "::"}),
        ("", {"X-Forwarded-Proto": "a b"}),
        ("", {"X-Forwarded-Proto": "https, http"}),
        ("", {"Accept": '"<>{}|\\^`'}),
        ("?limit=%00%ff%7B%20%0A", {}),
        ("?limit=1&cursor=%E2%80%AE%F0%9F%90%9A%7C%5E", {}),
        ("?%20%7B%7D=%25%25%25", {}),
    ],
)
def test_unusual_headers_and_queries_are_answered(api: Api, query: str, headers: dict[str, str]) -> None:
    """No client input may end the process: its tenant would lose the environment."""
    for _ in range(2):
        answer = api.get(f"/v1/templates{query}", headers=headers)
        assert answer.status in (200, 400), f"{answer.status}: {answer.text}"
