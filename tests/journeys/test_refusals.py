"""Provokes every error answer on the deployed functions, checks it, and documents it in docs/refusals.md.

`UPDATE_REFUSALS=1 python -m pytest tests/journeys/test_refusals.py` rewrites the table; review the difference.
Uses a separate stack with an allowed origin, the fault proxy and a silo without CORS.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from functools import cache
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from tools.attacks.forged_keys import in_seconds, rekeyed
from tools.attacks.forged_tokens import BAD_TOKENS, changed
from tools.devstack.aws import REGION, Tenant
from tools.devstack.changes import configured
from tools.devstack.client import Answer, Api, send
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.process import ROOT
from tools.devstack.stack import STAGE, LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Delay, DropBefore, Effect, Fail

DOCUMENT = ROOT / "docs" / "refusals.md"
BEGIN = "<!-- written by tests/journeys/test_refusals.py -->"
END = "<!-- until here -->"
ORIGIN = "https://app.example.com"
SILO = "acme"
MICROSECONDS = 1_000_000

# Gateway responses that no test provokes, with the reason.
NOT_PROVOKED = {
    "WAF_FILTERED": "needs a web ACL (`WebAclArn`); the local AWS accepts web ACLs and filters nothing",
    "INVALID_SIGNATURE": "API Gateway's answer to a malformed AWS signature; no method here accepts one",
    "RESOURCE_NOT_FOUND": "documented by API Gateway; for a path without a route it answers "
    "`MISSING_AUTHENTICATION_TOKEN`, with the same text",
    "UNSUPPORTED_MEDIA_TYPE": "only for integrations that limit media types; all here accept any, and "
    "the functions refuse with the same answer",
    "DEFAULT_4XX": "for other refusals of API Gateway",
}


@dataclass(frozen=True)
class Refusal:
    """An error answer and its cause."""

    cause: str
    answer: Answer
    # The expected gateway response; `None` for an answer of a function.
    gateway: str | None = None
    # The allowed `Retry-After` if it depends on the time of the request.
    wait: range | None = None
    origin: str | None = ORIGIN

    @property
    def stable_parts(self) -> tuple[int, str, str, str]:
        """The parts that are equal for equal requests: status, type, title, detail."""
        body = self.answer.json
        return self.answer.status, body["type"], body["title"], body["detail"]


# ── the deployment ────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Deployment:
    """The stack, and temporary changes to it."""

    stack: LocalStack

    @property
    def faults(self) -> Faults:
        return self.stack.faults

    def function(self, name: str) -> str:
        return self.stack.tier("basic")[f"{name}Function"]

    def new_tenant(self, name: str = "Refused", **more: Any) -> tuple[Tenant, Api]:
        """Onboards a tenant that no environment and no cache knows."""
        tenant = self.stack.onboard(name, **more)
        return tenant, self.stack.api(tenant)

    def call_of_new_tenant(self) -> Answer:
        """Makes a call of a tenant that is not in the gateway's cache."""
        return self.new_tenant()[1].get(TEMPLATES)

    @contextmanager
    def with_concurrency(self, function: str, executions: int) -> Iterator[None]:
        """Sets the reserved concurrency of a function."""
        functions, named = self.stack.account.client("lambda"), {"FunctionName": self.function(function)}
        before = functions.get_function_concurrency(**named)["ReservedConcurrentExecutions"]
        functions.put_function_concurrency(**named, ReservedConcurrentExecutions=executions)
        try:
            yield
        finally:
            functions.put_function_concurrency(**named, ReservedConcurrentExecutions=before)

    def configured(self, function: str, timeout: int | None = None, **variables: str) -> AbstractContextManager[None]:
        """Gives a function another timeout or other variables, in new environments."""
        return configured(self.stack, self.function(function), timeout, **variables)

    @property
    def plan(self) -> dict[str, Any]:
        """The basic tier's usage plan."""
        plans = self.stack.account.client("apigateway").get_usage_plans()["items"]
        return next(plan for plan in plans if plan["name"] == f"bulkhead-{STAGE}-basic")

    @contextmanager
    def with_usage_plan(self, during: dict[str, str | None], after: dict[str, str | None]) -> Iterator[None]:
        """Sets members of the usage plan by path, `during` the context and `after` it; `None` removes a member."""
        gateway, plan = self.stack.account.client("apigateway"), self.plan["id"]

        def change(members: dict[str, str | None]) -> None:
            gateway.update_usage_plan(
                usagePlanId=plan,
                patchOperations=[
                    {"op": "remove", "path": path} if value is None else {"op": "replace", "path": path, "value": value}
                    for path, value in members.items()
                ],
            )

        change(during)
        try:
            yield
        finally:
            change(after)

    @contextmanager
    def with_method_limit(self, limit: int) -> Iterator[None]:
        """Limits each method of the API for all callers together."""
        gateway, named = self.stack.account.client("apigateway"), {"restApiId": self.stack.outputs["BasicApiId"]}
        before = gateway.get_stage(**named, stageName="api")["methodSettings"]["*/*"]

        def change(rate: float, burst: int) -> None:
            limits = {"/*/*/throttling/rateLimit": rate, "/*/*/throttling/burstLimit": burst}
            operations = [{"op": "replace", "path": path, "value": str(value)} for path, value in limits.items()]
            gateway.update_stage(**named, stageName="api", patchOperations=operations)

        change(limit, limit)
        try:
            yield
        finally:
            change(before["throttlingRateLimit"], before["throttlingBurstLimit"])

    @contextmanager
    def with_integration(self, path: str, member: str, value: str) -> Iterator[None]:
        """Changes the integration of a route's `GET`: its timeout (`timeoutInMillis`) or function (`uri`)."""
        gateway, api = self.stack.account.client("apigateway"), self.stack.tier("basic")["ApiId"]
        resources = gateway.get_resources(restApiId=api, limit=500)["items"]
        resource = next(each["id"] for each in resources if each["path"] == path)
        route = {"restApiId": api, "resourceId": resource, "httpMethod": "GET"}
        before = str(gateway.get_integration(**route)[member])

        def change(value: str) -> None:
            changed = {"op": "replace", "path": f"/{member}", "value": value}
            gateway.update_integration(**route, patchOperations=[changed])

        change(value)
        try:
            yield
        finally:
            change(before)


@pytest.fixture(scope="module")
def deployment(deployed: Callable[..., AbstractContextManager[LocalStack]]) -> Iterator[Deployment]:
    if "BULKHEAD_STACK" in os.environ:
        pytest.skip("needs an origin and the fault proxy: run this without BULKHEAD_STACK")
    with deployed("refusals", faults=True, parameters={"CorsOrigin": ORIGIN}) as stack:
        stack.deploy_silo(SILO, uuid.uuid4().hex)
        yield Deployment(stack)


# ── callers ───────────────────────────────────────────────────────────────────

KEYS = "/v1/keys"
TEMPLATES, DOCUMENTS, UPLOADS, INFERENCE = (
    "/v1/templates",
    "/v1/documents",
    "/v1/documents/uploads",
    "/v1/inference",
)


def without_tenant(deployment: Deployment) -> Iterator[Refusal]:
    """Requests whose tenant is not known."""
    tenant, api = deployment.new_tenant()
    issuer, anonymous = deployment.stack.issuer, deployment.stack.api()
    yield Refusal("no token", anonymous.get(TEMPLATES), "UNAUTHORIZED")
    for header in ("Bearer", "Basic dGVzdDp0ZXN0", api.token or ""):
        answer = anonymous.get(TEMPLATES, headers={"Authorization": header})
        yield Refusal("another form of `Authorization`", answer, "UNAUTHORIZED")
    for bad in BAD_TOKENS:
        answer = deployment.stack.api(token=bad.forge(issuer, tenant.id)).get(TEMPLATES)
        refused_by = "UNAUTHORIZED" if bad.status == 401 else "ACCESS_DENIED"
        yield Refusal(f"a token: {bad.what}", answer, refused_by)
    yield from refused_keys(deployment, tenant, api)
    identity = deployment.stack.api(token=changed(issuer, tenant.id, token_use="id"))
    yield Refusal("a token: an ID token", identity.get(TEMPLATES), "UNAUTHORIZED")


def refused_keys(deployment: Deployment, tenant: Tenant, api: Api) -> Iterator[Refusal]:
    """API keys that are not valid, each new to the gateway's cache."""

    def create(**more: str) -> tuple[str, str]:
        made = api.post(KEYS, {"name": "Refused", "role": "reader", **more}).expect(201)
        return made["id"], made["key"]

    def use(key: str) -> Answer:
        return deployment.stack.api(token=key).get(TEMPLATES)

    identity, key = create()
    yield Refusal("an API key: with a typing error", use(key[:-1] + ("0" if key[-1] != "0" else "1")), "UNAUTHORIZED")
    yield Refusal("an API key: truncated", use(key[:-8]), "UNAUTHORIZED")
    yield Refusal("an API key: of another stage", use(rekeyed(key, stage="prod")), "UNAUTHORIZED")
    yield Refusal("an API key: never created", use(rekeyed(key, secret="0" * 64)), "UNAUTHORIZED")
    api.post(f"{KEYS}/{identity}/rotate", {}).expect(200)
    yield Refusal("an API key: replaced", use(key), "UNAUTHORIZED")
    identity, key = create()
    api.delete(f"{KEYS}/{identity}").expect(204)
    yield Refusal("an API key: deleted", use(key), "UNAUTHORIZED")
    _, key = create(expires_at=in_seconds(2))
    # No call before: the authorizer's answer would stay valid for its cache time.
    time.sleep(2.1)
    yield Refusal("an API key: expired", use(key), "UNAUTHORIZED")


def not_served(deployment: Deployment) -> Iterator[Refusal]:
    """Requests of tenants that are not served, or not by this stack."""
    stack = deployment.stack
    suspended, api = deployment.new_tenant("Suspended")
    key = api.post(KEYS, {"name": "Suspended", "role": "reader"}).expect(201)["key"]
    stack.control("suspend", tenant=suspended.id)
    # Another token than before, because API Gateway caches the answer for a token.
    api = stack.api(token=changed(stack.issuer, suspended.id, jti="1"))
    yield Refusal("a tenant: suspended", api.get(TEMPLATES), "ACCESS_DENIED")
    yield Refusal("a tenant: suspended, with an API key", stack.api(token=key).get(TEMPLATES), "ACCESS_DENIED")
    with deployment.faults.rule(Fail("AccessDeniedException"), service="s3vectors", action="CreateIndex"):
        begun = stack.control("onboard", display_name="Begun")["error"]["message"]
    begun_id = re.search(r"[0-9a-f]{32}", begun)
    assert begun_id, begun
    api = stack.api(token=stack.issuer.mint(begun_id[0]))
    yield Refusal("a tenant: onboarding interrupted", api.get(TEMPLATES), "ACCESS_DENIED")
    premium, _ = deployment.new_tenant("Premium", tier="premium")
    api = stack.api(token=stack.issuer.mint(premium.id))
    yield Refusal("a tenant: of another tier, with a token for this tier", api.get(TEMPLATES), "ACCESS_DENIED")
    pooled, _ = deployment.new_tenant("Pooled")
    api = Api(stack.address(SILO), stack.issuer.mint(pooled.id, SILO))
    yield Refusal("a tenant: not the tenant of the silo", api.get(TEMPLATES), "ACCESS_DENIED", origin=None)

    erased, api = deployment.new_tenant("Erased")
    key = {"pk": {"S": erased.partition}, "sk": {"S": "PROFILE"}}
    stack.account.client("dynamodb").delete_item(TableName=stack.outputs["DataTable"], Key=key)
    yield Refusal("a tenant without a profile saves a template", api.put(f"{TEMPLATES}/plain", {"body": "x"}))
    with deployment.configured("Templates", TENANT_ISOLATION="NONE"):
        yield Refusal("the configured isolation mode differs from the deployed one", deployment.call_of_new_tenant())


# ── requests ──────────────────────────────────────────────────────────────────

QUESTION = {"template": "greeting", "question": "Why?", "variables": {"name": "Ines"}}
CHAT = {"template": "greeting", "variables": {"name": "Ines"}}
SAID, ANSWERED = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}
CHATS, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
COMPLETION = {"model": "default", "messages": [SAID]}
CALLED = {"role": "assistant", "tool_calls": [{"id": "1", "name": "tide", "input": {}}]}
RETURNED = {"role": "tool", "tool_call_id": "1", "content": "High."}
TOOL = {"name": "tide", "input_schema": {"type": "object"}}
JSON_OUTPUT = {"schema": {"type": "object", "properties": {"days": {"type": "integer"}}}}
FILTER = {"retrieval": {"filter": {"year": {"$near": 2026}}}}
DECLARED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
LABELS, FIRST, CREATE = f"{TEMPLATES}/greeting/labels", {"version": 1}, {"If-None-Match": "*"}
TEXT = {"title": "Hours", "content_type": "text/plain", "content": "Closed at noon."}
SIZE = {"title": "Hours", "content_type": "text/plain", "bytes": 9}
SAVED = {
    "greeting": "Dear {{ name }}",
    "sum": "{{ name + 1 }}",
    "loop": "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "long": "{% for a in range(3000) %}{{ text }}{% endfor %}",
}
DEEP = b'{"template": "greeting", "question": "Why?", "variables": {"a": ' + b"[" * 200 + b"]" * 200 + b"}}"

# Cause, method, path, and further arguments of the call.
INVALID_REQUESTS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("`limit=0`", "GET", f"{TEMPLATES}?limit=0", {}),
    ("`limit` twice", "GET", f"{DOCUMENTS}?limit=1&limit=2", {}),
    ("an invalid cursor", "GET", f"{TEMPLATES}?cursor=AAAA%3D%3D", {}),
    ("an unknown query parameter", "GET", f"{DOCUMENTS}?colour=blue", {}),
    ("a version that is not a number", "GET", f"{TEMPLATES}/greeting?version=x", {}),
    ("a cursor of versions that is not a number", "GET", f"{TEMPLATES}/greeting/versions?cursor=x", {}),
    ("a label in capitals", "GET", f"{TEMPLATES}/greeting?label=Production", {}),
    ("the reserved label", "PUT", f"{LABELS}/latest", {"body": {"version": 1}, "headers": CREATE}),
    ("a version and a label: of a template", "GET", f"{TEMPLATES}/greeting?label=production&version=1", {}),
    ("a version and a label: in a question", "POST", INFERENCE, {"body": QUESTION | {"version": 1, "label": "a"}}),
    ("version 0 for a label", "PUT", f"{LABELS}/staging", {"body": {"version": 0}, "headers": CREATE}),
    ("another `If-None-Match`", "PUT", f"{LABELS}/staging", {"body": FIRST, "headers": {"If-None-Match": '"a"'}}),
    ("another `If-Match`", "PUT", f"{LABELS}/staging", {"body": FIRST, "headers": {"If-Match": "*"}}),
    ("a move of a label without `If-Match`", "PUT", f"{LABELS}/staging", {"body": FIRST}),
    ("a template key in capitals", "PUT", f"{TEMPLATES}/Greeting", {"body": {"body": "x"}}),
    ("a template key with spaces in a question", "POST", INFERENCE, {"body": QUESTION | {"template": "a b"}}),
    ("a document id with invalid characters", "GET", f"{DOCUMENTS}/xyz", {}),
    ("no body", "POST", DOCUMENTS, {"raw": b""}),
    ("a body that is not JSON", "POST", DOCUMENTS, {"raw": b"title=Hours"}),
    ("a body that is not UTF-8", "POST", DOCUMENTS, {"raw": b"\xff\xfe"}),
    ("a truncated body", "PUT", f"{TEMPLATES}/greeting", {"raw": b'{"body": "x'}),
    ("a body with trailing characters", "PUT", f"{TEMPLATES}/greeting", {"raw": b'{"body": "x"}}'}),
    ("a body nested too deep", "POST", INFERENCE, {"raw": DEEP}),
    ("a prompt template without a text", "PUT", f"{TEMPLATES}/greeting", {"body": {}}),
    ("a prompt template without messages", "PUT", f"{TEMPLATES}/greeting", {"body": {"messages": []}}),
    ("a missing field", "PUT", f"{LABELS}/staging", {"body": {}, "headers": CREATE}),
    ("differences: a version and a label to begin with", "GET", f"{TEMPLATES}/greeting/diff?from=1&from_label=a", {}),
    ("differences: a version and a label to end with", "GET", f"{TEMPLATES}/greeting/diff?to=1&to_label=a", {}),
    ("differences: nothing before version 1", "GET", f"{TEMPLATES}/greeting/diff?to=1", {}),
    ("a conversation that is no id", "POST", INFERENCE, {"body": QUESTION | {"conversation": "latest"}}),
    ("a duplicate field", "PUT", f"{TEMPLATES}/greeting", {"raw": b'{"body": "x", "body": "y"}'}),
    ("an unknown field", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": "x", "colour": "blue"}}),
    ("a field name of 4 MB", "POST", DOCUMENTS, {"raw": b'{"' + b"x" * 4_194_000 + b'": 1}'}),
    ("a list instead of an object", "PUT", f"{TEMPLATES}/greeting", {"raw": b'["x", null]'}),
    ("a field with the wrong type", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": 7}}),
    ("a number too large for its field", "POST", INFERENCE, {"body": QUESTION | {"retrieval": {"limit": 300}}}),
    (
        "a description of 501 characters",
        "PUT",
        f"{TEMPLATES}/greeting",
        {"body": {"body": "x", "description": "x" * 501}},
    ),
    ("a title of 201 characters", "POST", DOCUMENTS, {"body": TEXT | {"title": "x" * 201}}),
    ("an image", "POST", DOCUMENTS, {"body": TEXT | {"content_type": "image/png"}}),
    ("an inline PDF", "POST", DOCUMENTS, {"body": TEXT | {"content_type": "application/pdf"}}),
    ("a document without text", "POST", DOCUMENTS, {"body": TEXT | {"content": " \n"}}),
    ("an inline document over 1 MiB", "POST", DOCUMENTS, {"body": TEXT | {"content": "x" * 1_048_577}}),
    ("metadata: a list", "POST", DOCUMENTS, {"body": TEXT | {"metadata": {"tags": ["a"]}}}),
    ("metadata: an empty text", "POST", DOCUMENTS, {"body": TEXT | {"metadata": {"tag": ""}}}),
    ("metadata: a key with a full stop", "POST", DOCUMENTS, {"body": TEXT | {"metadata": {"a.b": 1}}}),
    ("metadata: 33 keys", "POST", DOCUMENTS, {"body": TEXT | {"metadata": {f"k{n}": n for n in range(33)}}}),
    ("a filter with an unknown operator", "POST", INFERENCE, {"body": QUESTION | FILTER}),
    ("a listing: an unknown status", "GET", f"{DOCUMENTS}?status=deleted", {}),
    ("a listing: an unknown type", "GET", f"{DOCUMENTS}?type=image/png", {}),
    ("a listing: a key of metadata with a full stop", "GET", f"{DOCUMENTS}?metadata[a.b]=x", {}),
    ("an external id with a space", "GET", "/v1/external-ids/a%20b", {}),
    ("a change without a member", "PATCH", f"{DOCUMENTS}/{'0' * 32}", {"body": {}}),
    ("a batch without documents", "POST", f"{DOCUMENTS}/batch", {"body": {"documents": []}}),
    ("a batch: an empty title", "POST", f"{DOCUMENTS}/batch", {"body": {"documents": [TEXT, TEXT | {"title": ""}]}}),
    ("an idempotency key with a space", "POST", DOCUMENTS, {"body": TEXT, "headers": {"Idempotency-Key": "a b"}}),
    ("a deletion by an empty filter", "POST", f"{DOCUMENTS}/delete-by-filter", {"body": {"filter": {}}}),
    (
        "a deletion by a filter: a malformed cursor",
        "POST",
        f"{DOCUMENTS}/delete-by-filter",
        {"body": {"filter": {"a": 1}, "cursor": "xyz"}},
    ),
    ("a deletion of an invalid id", "POST", f"{DOCUMENTS}/delete", {"body": {"ids": ["0" * 32, "xyz"]}}),
    ("an upload of 0 bytes", "POST", UPLOADS, {"body": SIZE | {"bytes": 0}}),
    ("a question without text", "POST", INFERENCE, {"body": QUESTION | {"question": " "}}),
    ("a limit of 21 passages", "POST", INFERENCE, {"body": QUESTION | {"retrieval": {"limit": 21}}}),
    ("a limit of 4,097 tokens", "POST", INFERENCE, {"body": QUESTION | {"max_tokens": 4_097}}),
    ("a minimum score of 2", "POST", INFERENCE, {"body": QUESTION | {"retrieval": {"min_score": 2}}}),
    ("three neighbours", "POST", INFERENCE, {"body": QUESTION | {"retrieval": {"neighbours": 3}}}),
    (
        "a search without passages",
        "POST",
        "/v1/search",
        {"body": {"question": "Why?", "retrieval": {"enabled": False}}},
    ),
    ("a question and messages", "POST", INFERENCE, {"body": QUESTION | {"messages": [SAID]}}),
    ("101 messages", "POST", INFERENCE, {"body": CHAT | {"messages": [SAID] * 101}}),
    ("a conversation that ends with the model", "POST", INFERENCE, {"body": CHAT | {"messages": [SAID, ANSWERED]}}),
    ("a call of a tool without `tools`", "POST", INFERENCE, {"body": CHAT | {"messages": [SAID, CALLED, RETURNED]}}),
    ("a temperature of 2", "POST", INFERENCE, {"body": QUESTION | {"temperature": 2}}),
    ("an empty stop text", "POST", INFERENCE, {"body": QUESTION | {"stop": [""]}}),
    ("a tool with a blank in its name", "POST", INFERENCE, {"body": QUESTION | {"tools": [TOOL | {"name": "a b"}]}}),
    ("a tool choice without tools", "POST", INFERENCE, {"body": QUESTION | {"tool_choice": "any"}}),
    ("an answer in JSON and tools", "POST", INFERENCE, {"body": QUESTION | {"tools": [TOOL], "output": JSON_OUTPUT}}),
    ("two answers to one chat", "POST", CHATS, {"body": COMPLETION | {"n": 2}}),
    ("a chat with a model that is not served", "POST", CHATS, {"body": COMPLETION | {"model": "other"}}),
    ("an inference with a model that is not allowed", "POST", INFERENCE, {"body": QUESTION | {"model": "other"}}),
    (
        "an embedding with a model that embeds no documents",
        "POST",
        EMBEDDINGS,
        {"body": {"model": "other", "input": "x"}},
    ),
    ("65 texts to embed", "POST", EMBEDDINGS, {"body": {"model": "default", "input": ["x"] * 65}}),
    ("a blank text to embed", "POST", EMBEDDINGS, {"body": {"model": "default", "input": " "}}),
    ("an inference id that is no id", "GET", "/v1/inferences/latest", {}),
    ("version 0 of a template", "POST", INFERENCE, {"body": QUESTION | {"version": 0}}),
    ("an id of an API key in capitals", "GET", f"{KEYS}/0123456789ABCDEF", {}),
    ("an API key without a name", "POST", KEYS, {"body": {"name": " ", "role": "reader"}}),
    ("an unknown role", "POST", KEYS, {"body": {"name": "x", "role": "owner"}}),
    ("a malformed time of expiry", "POST", KEYS, {"body": {"name": "x", "role": "reader", "expires_at": "tomorrow"}}),
    (
        "an API key that expires in the past",
        "POST",
        KEYS,
        {"body": {"name": "x", "role": "reader", "expires_at": "2020-01-01T00:00:00Z"}},
    ),
    ("an overlap of more than a day", "POST", f"{KEYS}/{'0' * 16}/rotate", {"body": {"overlap_seconds": 86_401}}),
    ("a method that the route does not have", "PATCH", f"{TEMPLATES}/greeting", {"body": {}}),
    (
        "a body sent as `text/plain`",
        "POST",
        DOCUMENTS,
        {"raw": b"Closed at noon.", "headers": {"Content-Type": "text/plain"}},
    ),
    (
        "a body in UTF-16",
        "POST",
        DOCUMENTS,
        {"raw": json.dumps(TEXT).encode("utf-16"), "headers": {"Content-Type": "application/json; charset=utf-16"}},
    ),
    (
        "a compressed body",
        "POST",
        DOCUMENTS,
        {"raw": gzip.compress(json.dumps(TEXT).encode()), "headers": {"Content-Encoding": "gzip"}},
    ),
    ("a body that is too large: a template", "PUT", f"{TEMPLATES}/greeting", {"raw": b"x" * 524_289}),
    ("a body that is too large: a document", "POST", DOCUMENTS, {"raw": b"x" * 4_194_305}),
    ("a body that is too large: an upload", "POST", UPLOADS, {"raw": b"x" * 16_385}),
    ("a body that is too large: a question", "POST", INFERENCE, {"raw": b"x" * 262_145}),
    ("a template without text", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": " \n"}}),
    ("a template over 64 KiB", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": "x" * 65_537}}),
    ("a template with a syntax error", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": "Dear\n{{ name"}}),
    ("a template with an unknown filter", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": "Dear {{ name | uper }}"}}),
    (
        "a template that nests too deeply",
        "PUT",
        f"{TEMPLATES}/greeting",
        {"body": {"body": "{{ " + "-" * 300 + "1 }}"}},
    ),
    ("a template with too many nested blocks", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": "{% if a %}" * 151}}),
    ("a template that always fails", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": "{{ 1 / 0 }}"}}),
    (
        "a declaration of variables with an unknown keyword",
        "PUT",
        f"{TEMPLATES}/greeting",
        {"body": {"body": "x", "variables": DECLARED | {"pattern": "x"}}},
    ),
    (
        "a template that reads a variable that it does not declare",
        "PUT",
        f"{TEMPLATES}/greeting",
        {"body": {"body": "{{ nmae }}", "variables": DECLARED}},
    ),
    ("a rendering: a declared variable is missing", "POST", f"{TEMPLATES}/declared/render", {"body": {}}),
    (
        "a question: a variable of another kind",
        "POST",
        INFERENCE,
        {"body": QUESTION | {"template": "declared", "variables": {"name": 7}}},
    ),
    (
        "a question: a variable that is not declared",
        "POST",
        INFERENCE,
        {"body": QUESTION | {"template": "declared", "variables": {"nmae": "Ines"}}},
    ),
    ("a question: a variable has no value", "POST", INFERENCE, {"body": QUESTION | {"variables": {}}}),
    (
        "an answer in JSON that does not fit into its tokens",
        "POST",
        INFERENCE,
        {"body": QUESTION | {"template": "plain", "output": JSON_OUTPUT, "max_tokens": 1}},
    ),
    (
        "an answer in JSON with a schema of no object",
        "POST",
        INFERENCE,
        {"body": QUESTION | {"output": {"schema": {"type": "string"}}}},
    ),
    ("usage of a day that does not exist", "GET", "/v1/usage?from=2026-02-30", {}),
    ("usage by an unknown group", "GET", "/v1/usage?group_by=tenant", {}),
    ("usage by a group that is repeated", "GET", "/v1/usage?group_by=day,day", {}),
    ("usage of a range that ends before it begins", "GET", "/v1/usage?from=2026-02-01&to=2026-01-01", {}),
    ("usage of too many days", "GET", "/v1/usage?from=2025-01-01&to=2025-12-31", {}),
    ("a question: the template does too much work", "POST", INFERENCE, {"body": QUESTION | {"template": "loop"}}),
    ("a question: the template adds a number to a text", "POST", INFERENCE, {"body": QUESTION | {"template": "sum"}}),
    (
        "a question: the rendered template is too long",
        "POST",
        INFERENCE,
        {"body": QUESTION | {"template": "long", "variables": {"text": "x" * 100}}},
    ),
)


def invalid_requests(deployment: Deployment) -> Iterator[Refusal]:
    """Invalid requests, which never succeed."""
    api = deployment.new_tenant()[1]
    for key, text in SAVED.items():
        api.save_template(key, text)
    api.save_template("declared", "Dear {{ name }}", variables=DECLARED)
    for cause, method, path, more in INVALID_REQUESTS:
        yield Refusal(cause, api.call(method, path, **more))
    for number in range(20):
        api.put(f"{LABELS}/label-{number}", FIRST, headers=CREATE).expect(201)
    yield Refusal("a label that exists, with `If-None-Match: *`", api.put(f"{LABELS}/label-0", FIRST, headers=CREATE))
    yield Refusal("more labels than a template may have", api.put(f"{LABELS}/one-more", FIRST, headers=CREATE))
    expiring = api.post(KEYS, {"name": "x", "role": "reader", "expires_at": in_seconds(2)}).expect(201)["id"]
    rotation = until(
        lambda: api.post(f"{KEYS}/{expiring}/rotate", {}), lambda answer: answer.status != 200, "the key is expired"
    )
    yield Refusal("a rotation of an expired API key", rotation)
    for number in range(99):
        api.post(KEYS, {"name": f"Key {number}", "role": "reader"}).expect(201)
    yield Refusal("more API keys than a tenant may have", api.post(KEYS, {"name": "One more", "role": "reader"}))
    document = api.add_document("Hours", "Closed at noon.", metadata={"k": 1})["id"]
    until(
        lambda: api.get(f"{DOCUMENTS}/{document}").expect(200),
        lambda found: found["ready_revision"] == 1,
        "the document is searchable",
    )
    large = {"metadata": {f"k{n}": n for n in range(33)}}
    yield Refusal("a change: more metadata than a document may have", api.patch(f"{DOCUMENTS}/{document}", large))
    passages = api.get(f"{DOCUMENTS}/{document}/passages?cursor=9.0")
    yield Refusal("passages: a cursor of another revision", passages)
    waiting = f"{DOCUMENTS}/{api.post(UPLOADS, SIZE).expect(201)['document']['id']}"
    yield Refusal("a change: the content has not arrived", api.patch(waiting, {"title": "Days"}))
    yield Refusal("the file: the content has not arrived", api.get(f"{waiting}/source"))
    yield Refusal("passages: no revision is searchable", api.get(f"{waiting}/passages"))
    for _ in range(16):
        api.post(f"{DOCUMENTS}/{document}/uploads", SIZE).expect(201)
    yield Refusal(
        "more announced revisions than a document may have", api.post(f"{DOCUMENTS}/{document}/uploads", SIZE)
    )
    for size in (7, 10):
        huge = api.put(f"{TEMPLATES}/huge", raw=b"x" * (size * 1024 * 1024 + 1))
        yield Refusal(f"a body over the gateway's limit: over {size} MB", huge, "REQUEST_TOO_LARGE")


def repeated_requests(deployment: Deployment) -> Iterator[Refusal]:
    """Requests whose idempotency key is in use, or belongs to another request."""
    tenant, api = deployment.new_tenant("Repeats")
    key, asked = {"Idempotency-Key": "one"}, {"template": "plain", "question": "Why?"}
    api.save_template("plain", "Be brief.")
    slow: dict[str, Any] = {"service": "bedrock-runtime", "action": "Converse", "session": tenant.id}
    with ThreadPoolExecutor(1) as pool, deployment.faults.rule(Delay(4_000), **slow) as rule:
        first = pool.submit(api.post, INFERENCE, asked, headers=key)
        until(lambda: rule.matched, lambda matched: matched == 1, "the first request asks the model")
        waiting = api.post(INFERENCE, asked, headers=key)
        yield Refusal("an idempotency key whose request is in progress", waiting, wait=range(1, 36))
        first.result().expect(200)
    reused = api.post(INFERENCE, asked | {"question": "How?"}, headers=key)
    yield Refusal("an idempotency key of another request", reused)
    created, body = {"Idempotency-Key": "two"}, {"name": "Repeated", "role": "reader"}
    api.post(KEYS, body, headers=created).expect(201)
    yield Refusal("an idempotency key whose answer had a secret", api.post(KEYS, body, headers=created))


def role_too_low(deployment: Deployment) -> Iterator[Refusal]:
    """Requests of callers whose role is too low, or that have none."""
    stack, (tenant, _) = deployment.stack, deployment.new_tenant("Roles")
    reader = stack.api(tenant, role="reader")
    yield Refusal("a role: `reader` saves a template", reader.put(f"{TEMPLATES}/plain", {"body": "x"}))
    claims = {name: value for name, value in stack.issuer.claims(tenant.id).items() if name != "role"}
    created = stack.api(tenant).post(KEYS, {"name": "Reader", "role": "reader"}).expect(201)
    key = Api(stack.base, created["key"])
    yield Refusal("a role: an API key with `reader` saves a template", key.put(f"{TEMPLATES}/plain", {"body": "x"}))
    yield Refusal("a role: `writer` lists API keys", stack.api(tenant, role="writer").get(KEYS))
    yield Refusal("a role: a token without one", stack.api(token=stack.issuer.sign(claims)).get(TEMPLATES))


def not_found(deployment: Deployment) -> Iterator[Refusal]:
    """Missing items and items of other tenants get the same answer."""
    api, other = deployment.new_tenant()[1], deployment.new_tenant("Other")[1]
    for cause, method, path in (
        ("a path without a route", "GET", "/v1/nothing"),
        ("a path without a route", "GET", f"{TEMPLATES}/a/b"),
    ):
        yield Refusal(cause, api.call(method, path), "MISSING_AUTHENTICATION_TOKEN")
    yield Refusal(
        "a path without a route, without a token",
        deployment.stack.api().get("/v1/nothing"),
        "MISSING_AUTHENTICATION_TOKEN",
    )
    silent = Api(deployment.stack.address(SILO), None)
    yield Refusal(
        "a preflight if no origin is allowed",
        silent.call("OPTIONS", TEMPLATES),
        "UNAUTHORIZED",
        origin=None,
    )

    theirs = other.add_document("Theirs", "Not for others.")["id"]
    other.save_template("theirs", "Not for others.")
    api.save_template("gone", "Soon.")
    api.delete(f"{TEMPLATES}/gone").expect(204)
    api.save_template("short", "One version.")
    for cause, path in {
        "a template: never saved": "missing",
        "a template: of another tenant": "theirs",
        "a template: deleted": "gone",
        "a template: a missing version": "short?version=2",
        "a template: a missing label": "short?label=production",
    }.items():
        yield Refusal(cause, api.get(f"{TEMPLATES}/{path}"))
    missing = api.put(f"{TEMPLATES}/short/labels/production", {"version": 2}, headers=CREATE)
    yield Refusal("a label for a version that does not exist", missing)
    yield Refusal("a template: never saved, used in a question", api.post(INFERENCE, QUESTION))
    key = other.post(KEYS, {"name": "Theirs", "role": "reader"}).expect(201)["id"]
    for cause, identity in {"never created": "0" * 16, "of another tenant": key}.items():
        yield Refusal(f"an API key by its id: {cause}", api.get(f"{KEYS}/{identity}"))
        yield Refusal(f"an API key by its id: {cause}", api.delete(f"{KEYS}/{identity}"))
        yield Refusal(f"an API key by its id: {cause}", api.post(f"{KEYS}/{identity}/rotate", {}))
    for cause, document in {"never added": "0" * 32, "of another tenant": theirs}.items():
        for method in ("GET", "DELETE"):
            yield Refusal(f"a document: {cause}", api.call(method, f"{DOCUMENTS}/{document}"))
        for more in ("source", "passages"):
            yield Refusal(f"a document: {cause}", api.get(f"{DOCUMENTS}/{document}/{more}"))
        yield Refusal(f"a document: {cause}", api.patch(f"{DOCUMENTS}/{document}", {"title": "Mine"}))
        yield Refusal(f"a dead letter: {cause}", api.post(f"/v1/dead-letters/{document}/redrive", None))


# ── limits ────────────────────────────────────────────────────────────────────


def over_limit(deployment: Deployment) -> Iterator[Refusal]:
    """Quotas, usage plans and concurrency. The tenant's own session writes the ledger, as in the functions."""
    stack = deployment.stack
    tenant, api = deployment.new_tenant("Busy", tier="premium")
    dynamodb, table = stack.session(tenant).client("dynamodb"), stack.outputs["DataTable"]
    key = {"pk": {"S": tenant.partition}, "sk": {"S": "LEDGER"}}

    def write(**values: int) -> None:
        numbers = {name: {"N": str(value)} for name, value in values.items()}
        dynamodb.put_item(TableName=table, Item=key | numbers)

    now = int(time.time() * MICROSECONDS)
    write(**{f"slot_{slot}": now + 60 * MICROSECONDS for slot in range(256)})
    yield Refusal("all slots of the tenant are taken", api.get(TEMPLATES))
    function = stack.outputs["PremiumTemplatesFunction"]
    settings = stack.account.client("lambda").get_function_configuration(FunctionName=function)
    limits = settings["Environment"]["Variables"]
    burst = MICROSECONDS * int(limits["TENANT_BURST"]) // int(limits["TENANT_RATE"])
    write(used_until=int(time.time() * MICROSECONDS) + burst + 30 * MICROSECONDS)
    yield Refusal("the tenant's rate is used up for 30 seconds", api.get(TEMPLATES), wait=range(20, 32))

    embed = ("/v1/embeddings", {"model": "default", "input": "ferry"})
    spent = deployment.new_tenant("Over budget", budget={"monthly_tokens": 1})[1]
    month = range(1, 31 * 86_400 + 1)
    yield Refusal("the tenant's budget has no room", spent.post(*embed), wait=month)
    priced = deployment.new_tenant("Without a price", budget={"daily_usd": "1"})[1]
    yield Refusal("a budget in money, and a model without a price", priced.post(*embed))

    api = deployment.new_tenant("Counted")[1]
    throttle: dict[str, str | None] = {
        f"/throttle/{name}": str(value) for name, value in deployment.plan["throttle"].items()
    }
    with deployment.with_usage_plan(dict.fromkeys(throttle, "0"), throttle):
        yield Refusal("more calls than the tier's usage plan allows", api.get(TEMPLATES), "THROTTLED")
    with deployment.with_method_limit(0):
        yield Refusal("more calls of one method than the tier's stage allows", api.get(TEMPLATES), "THROTTLED")
    quota: dict[str, str | None] = {"/quota/limit": "1", "/quota/period": "DAY"}
    with deployment.with_usage_plan(quota, dict.fromkeys(quota)):
        api.get(TEMPLATES).expect(200)
        yield Refusal("more calls than the quota of a usage plan", api.get(TEMPLATES), "QUOTA_EXCEEDED")
    with deployment.with_concurrency("Templates", 0):
        yield Refusal("the function has no concurrency left", api.get(TEMPLATES), "INTEGRATION_FAILURE")
    with deployment.with_concurrency("Authorizer", 0):
        yield Refusal("the authorizer has no concurrency left", deployment.call_of_new_tenant(), "AUTHORIZER_FAILURE")


# ── faults of the service ─────────────────────────────────────────────────────


def save(api: Api) -> Answer:
    return api.put(f"{TEMPLATES}/plain", {"body": "Be brief."})


def read(api: Api) -> Answer:
    return api.get(TEMPLATES)


def add_document(api: Api) -> Answer:
    return api.post(DOCUMENTS, TEXT)


def ask(api: Api) -> Answer:
    return api.post(INFERENCE, {"template": "plain", "question": "Why?"})


_DENIED = "AccessDeniedException"
# Request, service, name of the service, error codes for throttling, for an outage and for a refusal.
SERVICES: tuple[tuple[Callable[[Api], Answer], str, str, str, str, str], ...] = (
    (read, "sts", "STS", "Throttling", "ServiceUnavailable", "AccessDenied"),
    (read, "dynamodb", "DynamoDB", "ThrottlingException", "InternalServerError", _DENIED),
    (save, "kms", "KMS", "ThrottlingException", "KMSInternalException", _DENIED),
    (add_document, "s3", "S3", "SlowDown", "InternalError", "AccessDenied"),
    (ask, "s3vectors", "S3 Vectors", "TooManyRequestsException", "ServiceUnavailableException", _DENIED),
    (ask, "bedrock-runtime", "Bedrock", "ThrottlingException", "ServiceUnavailableException", _DENIED),
)


def failing_services(deployment: Deployment) -> Iterator[Refusal]:
    """Failing AWS services, each for a tenant without a cached session, profile or data key."""
    for request, service, name, throttled, failed, refused in SERVICES:
        for what, effect in (
            ("throttles", Fail(throttled)),
            ("fails", Fail(failed)),
            ("cannot be reached", DropBefore()),
            ("refuses the call", Fail(refused)),
        ):
            yield Refusal(f"an AWS service {what}: {name}", _with_fault(deployment, effect, service, request))
    unknown = _with_fault(deployment, Fail("Unheard", 503), "dynamodb", read)
    yield Refusal("an AWS service fails with an unknown error code", unknown)
    conflict = Fail("TransactionCanceledException")
    yield Refusal(
        "concurrent saves of the same template",
        _with_fault(deployment, conflict, "dynamodb", save, action="TransactWriteItems"),
    )
    owner, api = deployment.new_tenant("With its own key", key="own")
    deployment.stack.account.client("kms").disable_key(KeyId=owner.key_arn)
    yield Refusal("the tenant's own key is disabled", save(api))


def _with_fault(
    deployment: Deployment, effect: Effect, service: str, request: Callable[[Api], Answer], **more: str
) -> Answer:
    tenant, api = deployment.new_tenant()
    if request is ask:
        save(api).expect(201)
    with deployment.faults.rule(effect, service=service, session=tenant.id, **more) as rule:
        answer = request(api)
        assert rule.hits, f"{service} was not called"
    return answer


def broken_functions(deployment: Deployment) -> Iterator[Refusal]:
    """Functions that fail completely."""
    registry: dict[str, Any] = {"service": "dynamodb", "session": ""}
    with deployment.configured("Authorizer", JWKS_URL="http://127.0.0.1:1/"):
        yield Refusal("the issuer's keys cannot be fetched", deployment.call_of_new_tenant(), "AUTHORIZER_FAILURE")
    api = deployment.new_tenant()[1]
    with deployment.faults.rule(Fail("InternalServerError"), action="GetItem", **registry):
        yield Refusal("the registry of tenants cannot be read", api.get(TEMPLATES), "AUTHORIZER_FAILURE")
    with deployment.configured("Authorizer", TIER=""):
        yield Refusal("the authorizer does not start", deployment.call_of_new_tenant(), "AUTHORIZER_FAILURE")
    with deployment.configured("Templates", TABLE=""):
        yield Refusal("the function does not start", api.get(TEMPLATES), "DEFAULT_5XX")
    tenant, api = deployment.new_tenant("Slow")
    slow: dict[str, Any] = {"service": "dynamodb", "action": "UpdateItem", "session": tenant.id, "count": 1}
    with deployment.configured("Templates", timeout=1), deployment.faults.rule(Delay(3_000), **slow):
        yield Refusal("the function exceeds its timeout", api.get(TEMPLATES), "DEFAULT_5XX")
    with deployment.with_integration(TEMPLATES, "timeoutInMillis", "500"), deployment.faults.rule(Delay(3_000), **slow):
        late = api.get(TEMPLATES)
        yield Refusal("the function exceeds the gateway's timeout", late, "INTEGRATION_TIMEOUT")
    functions, other = deployment.stack.account.client("lambda"), deployment.function("Documents")
    arn = functions.get_function_configuration(FunctionName=other)["FunctionArn"]
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    with deployment.with_integration("/v1/openapi.json", "uri", uri):
        yield Refusal("the function does not know its route", api.get("/v1/openapi.json"))
    gateway, (tenant, api) = deployment.stack.account.client("apigateway"), deployment.new_tenant("Not in the plan")
    keys = gateway.get_usage_plan_keys(usagePlanId=deployment.plan["id"], limit=500)["items"]
    key = next(each["id"] for each in keys if tenant.id in each["name"])
    gateway.delete_usage_plan_key(usagePlanId=deployment.plan["id"], keyId=key)
    yield Refusal("the tenant's usage key is not in the tier's plan", api.get(TEMPLATES), "INVALID_API_KEY")


@pytest.fixture(scope="module")
def refusals(deployment: Deployment) -> list[Refusal]:
    """Provokes all refusals, in the order of the document."""
    groups = (
        without_tenant,
        not_served,
        role_too_low,
        invalid_requests,
        repeated_requests,
        not_found,
        over_limit,
        failing_services,
        broken_functions,
    )
    return [refusal for provoke in groups for refusal in provoke(deployment)]


# ── the form of a refusal ─────────────────────────────────────────────────────

_REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACCOUNT = "000000000000"
_RETRY_STATUSES = {429, 503, 504}


def test_every_refusal_has_the_documented_form_and_retry_after(refusals: list[Refusal]) -> None:
    for refusal in refusals:
        status, headers = refusal.answer.status, refusal.answer.headers
        body = problem(refusal.answer, status)
        assert 400 <= status <= 599, refusal.cause
        assert headers["content-type"] == "application/problem+json", refusal.cause
        assert _REQUEST_ID.fullmatch(body["request_id"]), f"{refusal.cause}: {body}"
        assert headers["x-amzn-requestid"] == body["request_id"], f"{refusal.cause}: {headers}"
        assert headers.get("www-authenticate") == ("Bearer" if status == 401 else None), refusal.cause
        assert headers.get("access-control-allow-origin") == refusal.origin, refusal.cause
        wait = headers.get("retry-after")
        retries = status in _RETRY_STATUSES or body["type"] == f"{_TYPE}in-progress"
        assert (wait is not None) == retries, f"{refusal.cause}: {status}, Retry-After {wait}"
        if wait is not None:
            assert int(wait) in (refusal.wait or range(1, 61)), f"{refusal.cause}: Retry-After {wait}"
            exposed = headers.get("access-control-expose-headers", "").split(", ")
            assert ("retry-after" in exposed) == bool(refusal.origin), f"{refusal.cause}: exposes {exposed}"
    ids = [refusal.answer.json["request_id"] for refusal in refusals]
    assert len(set(ids)) == len(ids), "request ids repeat"


def test_refusals_reveal_no_resource_and_no_tenant(deployment: Deployment, refusals: list[Refusal]) -> None:
    """In body and headers: no output of a stack (tables, functions, roles, keys), no tenant, no account."""
    stack = deployment.stack
    outputs = [stack.outputs, *stack.silos.values()]
    tenants = stack.account.client("dynamodb").scan(TableName=stack.outputs["RegistryTable"])["Items"]
    names = {value for each in outputs for value in each.values() if len(value) >= 8}
    names |= {each["tenant"]["S"] for each in tenants}
    names |= {_ACCOUNT, "arn:aws", "Traceback", "panicked", Fail("").message}
    assert len(tenants) > 20 and len(names) > 60, "there are too few names to look for"
    for refusal in refusals:
        text = refusal.answer.text + "".join(refusal.answer.headers.values())
        found = [name for name in names if name in text]
        assert not found, f"{refusal.cause}: {found} in {text}"


def test_gateway_answers_match_the_template(refusals: list[Refusal]) -> None:
    for refusal in refusals:
        if refusal.gateway:
            assert refusal.stable_parts == _gateway_responses()[refusal.gateway], refusal.cause
        else:
            assert "x-request-id" in refusal.answer.headers, f"{refusal.cause}: not a function's answer"


# ── completeness ──────────────────────────────────────────────────────────────

_DESCRIBED = re.compile(r'\((\d{3}), "([a-z-]+)", "([^"]+)"\)')
_TYPE = "urn:bulkhead:problem:"
# Sentences of the functions: arguments of `ApiError`, and texts of declared errors.
_SENTENCE = re.compile(
    r"(?:(?:ApiError|Self)::(?:BadRequest|Forbidden|Conflict|Unprocessable)\(\s*(?:format!\(\s*)?"
    r"|#\[error\(\s*)"
    r'"((?:[^"\\]|\\.)*)"'
)
_PLACEHOLDER = re.compile(r"\{[^}]*\}")
_SOURCES_WITH_DETAILS = (
    "shared/runtime/src/http",
    "shared/prompts/src",
    "functions/templates/src",
    "functions/documents/src",
    "functions/inference/src",
)
# Declared, but never sent to a client: `log_and_redact` replaces them.
_UNSAID = {"quota exceeded", "{0}", "{detail}"}


@cache
def _gateway_responses() -> dict[str, tuple[int, str, str, str]]:
    """Returns API Gateway's own answers from the CloudFormation template."""
    template = yaml_parse((ROOT / "infra" / "tier.yaml").read_text())
    described = template["Resources"]["Api"]["Properties"]["DefinitionBody"]
    responses = {}
    for name, written in described["x-amazon-apigateway-gateway-responses"].items():
        body = json.loads(written["responseTemplates"]["application/json"])
        responses[name] = written["statusCode"], body["type"], body["title"], body["detail"]
    return responses


def _sources() -> Iterator[tuple[str, str]]:
    """Yields Rust files by path, without their tests."""
    for folder in ("shared", "functions"):
        for file in sorted((ROOT / folder).glob("*/src/**/*.rs")):
            yield str(file.relative_to(ROOT)), file.read_text().partition("#[cfg(test)]")[0]


def test_every_gateway_response_is_provoked_or_excused(refusals: list[Refusal]) -> None:
    provoked = {refusal.gateway for refusal in refusals if refusal.gateway}
    excused = set(NOT_PROVOKED)
    assert provoked | excused == set(_gateway_responses()) and not provoked & excused


def test_every_problem_of_the_functions_is_provoked(refusals: list[Refusal]) -> None:
    sources = dict(_sources())
    makers = [path for path, text in sources.items() if f'"{_TYPE}' in text]
    assert makers == ["shared/runtime/src/http/error.rs"], f"other files also declare types: {makers}"
    declared = {(int(status), code, title) for status, code, title in _DESCRIBED.findall(sources[makers[0]])}
    provoked = {
        (status, kind.removeprefix(_TYPE), title)
        for status, kind, title, _ in (refusal.stable_parts for refusal in refusals if not refusal.gateway)
    }
    assert provoked == declared


def test_every_sentence_of_the_functions_is_provoked(refusals: list[Refusal]) -> None:
    sentences = {
        each
        for path, text in _sources()
        if path.startswith(_SOURCES_WITH_DETAILS)
        for each in _SENTENCE.findall(text)
        if each not in _UNSAID
    }
    assert len(sentences) > 25, "the pattern no longer finds the sentences in the sources"
    details = "\n".join(refusal.stable_parts[3] for refusal in refusals)
    missing = [each for each in sorted(sentences) if not _as_pattern(each).search(details)]
    assert not missing, f"no request provokes: {missing}"


def _as_pattern(sentence: str) -> re.Pattern[str]:
    words = ".+".join(map(re.escape, _PLACEHOLDER.split(sentence)))
    return re.compile(f"^(.*: )?{words}$", re.MULTILINE)


# ── browsers ──────────────────────────────────────────────────────────────────

_CORS = "access-control"


def test_preflight_is_answered_without_a_token_for_one_origin(deployment: Deployment) -> None:
    documented = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    for path, operations in documented.items():
        for origin in (ORIGIN, "https://elsewhere.example"):
            asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            answer = deployment.stack.api().call("OPTIONS", path.replace("{", "").replace("}", ""), headers=asked)
            assert (answer.status, answer.body) == (204, b""), f"{path}: {answer.status} {answer.text}"
            allowed = {name: value for name, value in answer.headers.items() if name.startswith(_CORS)}
            methods = set(allowed.pop("access-control-allow-methods").split(","))
            assert methods == {each.upper() for each in operations} | {"OPTIONS"}, path
            conditions = ",idempotency-key" if set(operations) - {"get"} else ""
            conditions += ",if-match,if-none-match" if path.endswith("{label}") else ""
            assert allowed == {
                "access-control-allow-origin": ORIGIN,
                "access-control-allow-headers": f"authorization,content-type{conditions}",
                "access-control-max-age": "600",
            }
            assert answer.headers["cache-control"] == "no-store"


@pytest.fixture(scope="module")
def silo_owner(deployment: Deployment) -> Tenant:
    """The tenant of the silo, which has no allowed origin."""
    return deployment.stack.onboard("Owner", tier=SILO)


def test_browser_may_use_a_presigned_upload(deployment: Deployment, silo_owner: Tenant) -> None:
    """S3 answers the preflight by the rules of the bucket; without a rule a browser sends nothing."""
    stack = deployment.stack

    def preflight(tenant: Tenant, origin: str) -> tuple[Answer, dict[str, Any]]:
        content = {"title": "Notes", "content_type": "text/plain", "bytes": 5}
        upload = stack.api(tenant).post(UPLOADS, content).expect(201)["upload"]
        # A browser sets these two itself.
        named = sorted(name for name in upload["headers"] if name not in ("content-length", "host"))
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": upload["method"],
            "Access-Control-Request-Headers": ",".join(named),
        }
        return send("OPTIONS", upload["url"], headers=headers), upload

    tenant, _ = deployment.new_tenant()
    answer, upload = preflight(tenant, ORIGIN)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, ORIGIN), answer.text
    stored = send(upload["method"], upload["url"], b"hello", {**upload["headers"], "Origin": ORIGIN})
    assert (stored.status, stored.headers["access-control-allow-origin"]) == (200, ORIGIN), stored.text
    assert preflight(tenant, "https://elsewhere.example")[0].status == 403
    assert preflight(silo_owner, ORIGIN)[0].status == 403, "the silo has no allowed origin"


def test_no_cors_headers_without_an_allowed_origin(deployment: Deployment, silo_owner: Tenant) -> None:
    stack, owner = deployment.stack, silo_owner
    served = stack.api(owner).get(TEMPLATES, headers={"Origin": ORIGIN})
    refused = stack.api(owner).get(f"{TEMPLATES}/missing", headers={"Origin": ORIGIN})
    assert (served.status, refused.status) == (200, 404)
    for answer in (served, refused):
        assert not [name for name in answer.headers if name.startswith(_CORS)], answer.headers


# ── the document ──────────────────────────────────────────────────────────────

_NAMED = {"www-authenticate": "WWW-Authenticate", "retry-after": "Retry-After", "allow": "Allow"}


def test_document_matches_the_refusals(refusals: list[Refusal]) -> None:
    document = DOCUMENT.read_text()
    before, written = document.split(BEGIN)[0], f"{BEGIN}\n\n{_render(refusals)}\n{END}"
    after = document.split(END)[1]
    seen = before + written + after
    if "UPDATE_REFUSALS" in os.environ:
        DOCUMENT.write_text(seen)
    documented = DOCUMENT.read_text().splitlines()
    changes = "\n".join(unified_diff(documented, seen.splitlines(), "documented", "seen", n=0, lineterm=""))
    assert not changes, f"run with UPDATE_REFUSALS=1 and review the difference:\n{changes}"


def _render(refusals: list[Refusal]) -> str:
    """Renders one table per status and one row per answer, with all its causes."""
    tables: dict[int, dict[tuple[str, str], list[str]]] = {}
    for refusal in refusals:
        status, kind, title, detail = refusal.stable_parts
        answer = f"**{title}** `{kind.removeprefix(_TYPE)}`<br>{_stable(detail)}"
        causes = tables.setdefault(status, {}).setdefault((answer, _headers(refusal)), [])
        if refusal.cause not in causes:
            causes.append(refusal.cause)
    lines: list[str] = []
    for status, answers in sorted(tables.items()):
        lines += [f"### {status}", "", "| title, type and detail | header | cause |", "|---|---|---|"]
        for (answer, headers), causes in answers.items():
            lines.append(f"| {answer} | {headers} | {_grouped(causes)} |")
        lines.append("")
    lines += ["## Not tested", "", "| gateway response | reason |", "|---|---|"]
    lines += [f"| `{name}` | {why} |" for name, why in NOT_PROVOKED.items()]
    return "\n".join(lines) + "\n"


def _stable(detail: str) -> str:
    """Returns the detail as Markdown, without numbers of the tier and without long repetitions."""
    detail = re.sub(r"\d+(?= calls| at once)", "*n*", detail)
    detail = re.sub(r"(\[0\]){3,}", "[0]…", detail)
    detail = re.sub(r"wait until \S+", "wait until *time*", detail)
    detail = re.sub(r"x{9,}", "xxx…", detail)
    return detail.replace("|", "\\|").replace("<", "\\<")


def _headers(refusal: Refusal) -> str:
    found = {name: value for name, value in refusal.answer.headers.items() if name in _NAMED}
    if refusal.wait:
        found["retry-after"] = "1…n"
    return "<br>".join(f"`{_NAMED[name]}: {value}`" for name, value in found.items())


def _grouped(causes: list[str]) -> str:
    """Joins causes with the same prefix: `a token: garbage` and `a token: expired` become one line."""
    groups: dict[str, list[str]] = {}
    for what, _, detail in (each.partition(": ") for each in causes):
        groups.setdefault(what, []).append(detail)
    lines = (f"{what}: {'; '.join(found)}" if any(found) else what for what, found in groups.items())
    return "<br>".join(lines)
