"""Every answer that is a no: provoked on the deployed functions, judged, and kept in docs/refusals.md.

`UPDATE_REFUSALS=1 python -m pytest tests/journeys/test_refusals.py` writes the table anew; look at the
difference. On a stack of its own: it has a browser's origin, the fault proxy, and a silo, whose CORS is off.
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from functools import cache
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from tools.attacks.forged_tokens import BAD_TOKENS, changed
from tools.devstack.aws import REGION, Tenant
from tools.devstack.changes import configured
from tools.devstack.client import Answer, Api
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

# Gateway responses that nothing provokes here, each with the reason.
NOT_PROVOKED = {
    "WAF_FILTERED": "needs a web ACL (`WebAclArn`); the local AWS accepts web ACLs and filters nothing",
    "INVALID_SIGNATURE": "API Gateway's answer to a malformed AWS signature; no method here takes one",
    "RESOURCE_NOT_FOUND": "API Gateway documents it; for a path without a route it gives "
    "`MISSING_AUTHENTICATION_TOKEN`, whose answer is the same",
    "UNSUPPORTED_MEDIA_TYPE": "only where an integration takes certain media types; all here take any, and "
    "the functions refuse with the same answer",
    "DEFAULT_4XX": "for what API Gateway may refuse in ways that it has no name for here",
}


@dataclass(frozen=True)
class Refusal:
    """An answer that is a no."""

    done: str
    answer: Answer
    # The gateway response that it has to be; none: a function's.
    gateway: str | None = None
    # What `Retry-After` may say where it depends on the moment.
    wait: range | None = None
    origin: str | None = ORIGIN

    @property
    def told(self) -> tuple[int, str, str, str]:
        """What does not change from one request to the next: status, type, title, detail."""
        body = self.answer.json
        return self.answer.status, body["type"], body["title"], body["detail"]


# ── the ground ──────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Ground:
    """A stack to be refused by."""

    stack: LocalStack

    @property
    def faults(self) -> Faults:
        return self.stack.faults

    def function(self, name: str) -> str:
        return self.stack.tier("basic")[f"{name}Function"]

    def new_tenant(self, name: str = "Refused", **more: Any) -> tuple[Tenant, Api]:
        """A tenant that no environment and no cache has seen."""
        tenant = self.stack.onboard(name, **more)
        return tenant, self.stack.api(tenant)

    def first_call(self) -> Answer:
        """Of a tenant that the gateway does not remember."""
        return self.new_tenant()[1].get(TEMPLATES)

    @contextmanager
    def reserved(self, function: str, executions: int) -> Iterator[None]:
        """A function that may run only so often at once."""
        functions, named = self.stack.account.client("lambda"), {"FunctionName": self.function(function)}
        before = functions.get_function_concurrency(**named)["ReservedConcurrentExecutions"]
        functions.put_function_concurrency(**named, ReservedConcurrentExecutions=executions)
        try:
            yield
        finally:
            functions.put_function_concurrency(**named, ReservedConcurrentExecutions=before)

    def configured(self, function: str, timeout: int | None = None, **variables: str) -> AbstractContextManager[None]:
        """A function with another time-out or other variables, in new environments."""
        return configured(self.stack, self.function(function), timeout, **variables)

    @property
    def plan(self) -> dict[str, Any]:
        """The basic tier's usage plan."""
        plans = self.stack.account.client("apigateway").get_usage_plans()["items"]
        return next(plan for plan in plans if plan["name"] == f"bulkhead-{STAGE}-basic")

    @contextmanager
    def planned(self, during: dict[str, str | None], after: dict[str, str | None]) -> Iterator[None]:
        """Members of the usage plan, by path, while this lasts and then; `None` takes one away."""
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
    def integrated(self, path: str, member: str, value: str) -> Iterator[None]:
        """A route's `GET` that is given up sooner (`timeoutInMillis`), or leads elsewhere (`uri`)."""
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
def ground(deployed: Callable[..., AbstractContextManager[LocalStack]]) -> Iterator[Ground]:
    if "BULKHEAD_STACK" in os.environ:
        pytest.skip("needs an origin and the fault proxy: run this without BULKHEAD_STACK")
    with deployed("refusals", faults=True, parameters={"CorsOrigin": ORIGIN}) as stack:
        stack.deploy_silo(SILO, uuid.uuid4().hex)
        yield Ground(stack)


# ── who asks ────────────────────────────────────────────────────────────────

TEMPLATES, DOCUMENTS, UPLOADS, INFERENCE = (
    "/v1/templates",
    "/v1/documents",
    "/v1/documents/uploads",
    "/v1/inference",
)


def unproven(ground: Ground) -> Iterator[Refusal]:
    """No tenant is known yet."""
    tenant, api = ground.new_tenant()
    issuer, anybody = ground.stack.issuer, ground.stack.api()
    yield Refusal("no token", anybody.get(TEMPLATES), "UNAUTHORIZED")
    for header in ("Bearer", "Basic dGVzdDp0ZXN0", api.token or ""):
        answer = anybody.get(TEMPLATES, headers={"Authorization": header})
        yield Refusal("another form of `Authorization`", answer, "UNAUTHORIZED")
    for bad in BAD_TOKENS:
        answer = ground.stack.api(token=bad.forge(issuer, tenant.id)).get(TEMPLATES)
        refused_by = "UNAUTHORIZED" if bad.status == 401 else "ACCESS_DENIED"
        yield Refusal(f"a token: {bad.what}", answer, refused_by)
    identity = ground.stack.api(token=changed(issuer, tenant.id, token_use="id"))
    yield Refusal("a token: an id token", identity.get(TEMPLATES), "UNAUTHORIZED")


def not_served(ground: Ground) -> Iterator[Refusal]:
    """A known tenant, which is not served, or not here."""
    stack = ground.stack
    suspended, api = ground.new_tenant("Suspended")
    stack.control("suspend", tenant=suspended.id)
    yield Refusal("a tenant: suspended", api.get(TEMPLATES), "ACCESS_DENIED")
    with ground.faults.rule(Fail("AccessDeniedException"), service="s3vectors", action="CreateIndex"):
        begun = stack.control("onboard", display_name="Begun")["error"]["message"]
    begun_id = re.search(r"[0-9a-f]{32}", begun)
    assert begun_id, begun
    api = stack.api(token=stack.issuer.mint(begun_id[0]))
    yield Refusal("a tenant: its onboarding was interrupted", api.get(TEMPLATES), "ACCESS_DENIED")
    premium, _ = ground.new_tenant("Premium", tier="premium")
    api = stack.api(token=stack.issuer.mint(premium.id))
    yield Refusal("a tenant: another tier's, with a token for this", api.get(TEMPLATES), "ACCESS_DENIED")
    pooled, _ = ground.new_tenant("Pooled")
    api = Api(stack.address(SILO), stack.issuer.mint(pooled.id, SILO))
    yield Refusal("a tenant: not the silo's", api.get(TEMPLATES), "ACCESS_DENIED", origin=None)

    erased, api = ground.new_tenant("Erased")
    key = {"pk": {"S": erased.partition}, "sk": {"S": "PROFILE"}}
    stack.account.client("dynamodb").delete_item(TableName=stack.outputs["DataTable"], Key=key)
    yield Refusal("a tenant without a profile saves a template", api.put(f"{TEMPLATES}/plain", {"body": "x"}))
    with ground.configured("Templates", TENANT_ISOLATION="NONE"):
        yield Refusal("the function is deployed with another isolation mode than it was told", ground.first_call())


# ── what is asked ───────────────────────────────────────────────────────────

QUESTION = {"template": "greeting", "question": "Why?", "variables": {"name": "Ines"}}
TEXT = {"title": "Hours", "content_type": "text/plain", "content": "Closed at noon."}
SIZE = {"title": "Hours", "content_type": "text/plain", "bytes": 9}
SAVED = {
    "greeting": "Dear {{ name }}",
    "sum": "{{ name + 1 }}",
    "loop": "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "long": "{% for a in range(3000) %}{{ text }}{% endfor %}",
}
DEEP = b'{"template": "greeting", "question": "Why?", "variables": {"a": ' + b"[" * 200 + b"]" * 200 + b"}}"

# What was done, method, path, and what goes with it.
MISTAKES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("a page of 0 items", "GET", f"{TEMPLATES}?limit=0", {}),
    ("`limit` twice", "GET", f"{DOCUMENTS}?limit=1&limit=2", {}),
    ("a made-up cursor", "GET", f"{TEMPLATES}?cursor=AAAA%3D%3D", {}),
    ("a query parameter that the route does not have", "GET", f"{DOCUMENTS}?colour=blue", {}),
    ("a version that is no number", "GET", f"{TEMPLATES}/greeting?version=x", {}),
    ("a template key in capitals", "PUT", f"{TEMPLATES}/Greeting", {"body": {"body": "x"}}),
    ("a template key with spaces in a question", "POST", INFERENCE, {"body": QUESTION | {"template": "a b"}}),
    ("a document id of other characters", "GET", f"{DOCUMENTS}/xyz", {}),
    ("no body", "POST", DOCUMENTS, {"raw": b""}),
    ("a body that is not JSON", "POST", DOCUMENTS, {"raw": b"title=Hours"}),
    ("a body that is not UTF-8", "POST", DOCUMENTS, {"raw": b"\xff\xfe"}),
    ("a body that ends early", "PUT", f"{TEMPLATES}/greeting", {"raw": b'{"body": "x'}),
    ("a body that goes on after its end", "PUT", f"{TEMPLATES}/greeting", {"raw": b'{"body": "x"}}'}),
    ("a body that is nested too deep", "POST", INFERENCE, {"raw": DEEP}),
    ("a field that is missing", "PUT", f"{TEMPLATES}/greeting", {"body": {}}),
    ("a field that is there twice", "PUT", f"{TEMPLATES}/greeting", {"raw": b'{"body": "x", "body": "y"}'}),
    ("a field that there is not", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": "x", "colour": "blue"}}),
    ("a field whose name is 4 MB", "POST", DOCUMENTS, {"raw": b'{"' + b"x" * 4_194_000 + b'": 1}'}),
    ("a list in place of an object", "PUT", f"{TEMPLATES}/greeting", {"raw": b'["x", null]'}),
    ("a field of another type", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": 7}}),
    ("a number that is too large for its field", "POST", INFERENCE, {"body": QUESTION | {"retrieval": {"limit": 300}}}),
    (
        "a description of 501 characters",
        "PUT",
        f"{TEMPLATES}/greeting",
        {"body": {"body": "x", "description": "x" * 501}},
    ),
    ("a title of 201 characters", "POST", DOCUMENTS, {"body": TEXT | {"title": "x" * 201}}),
    ("an image", "POST", DOCUMENTS, {"body": TEXT | {"content_type": "image/png"}}),
    ("a PDF, inline", "POST", DOCUMENTS, {"body": TEXT | {"content_type": "application/pdf"}}),
    ("a document without text", "POST", DOCUMENTS, {"body": TEXT | {"content": " \n"}}),
    ("a document of more than 1 MiB, inline", "POST", DOCUMENTS, {"body": TEXT | {"content": "x" * 1_048_577}}),
    ("an upload of no bytes", "POST", UPLOADS, {"body": SIZE | {"bytes": 0}}),
    ("a question without text", "POST", INFERENCE, {"body": QUESTION | {"question": " "}}),
    ("21 passages", "POST", INFERENCE, {"body": QUESTION | {"retrieval": {"limit": 21}}}),
    ("an answer of 4,097 tokens", "POST", INFERENCE, {"body": QUESTION | {"max_tokens": 4_097}}),
    ("a body sent as text", "POST", DOCUMENTS, {"raw": b"Closed at noon.", "headers": {"Content-Type": "text/plain"}}),
    ("too large a body: a template", "PUT", f"{TEMPLATES}/greeting", {"raw": b"x" * 524_289}),
    ("too large a body: a document", "POST", DOCUMENTS, {"raw": b"x" * 4_194_305}),
    ("too large a body: an upload", "POST", UPLOADS, {"raw": b"x" * 16_385}),
    ("too large a body: a question", "POST", INFERENCE, {"raw": b"x" * 262_145}),
    ("a template without text", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": " \n"}}),
    ("a template of more than 64 KiB", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": "x" * 65_537}}),
    ("a template that does not parse", "PUT", f"{TEMPLATES}/greeting", {"body": {"body": "Dear\n{{ name"}}),
    ("a question: a variable has no value", "POST", INFERENCE, {"body": QUESTION | {"variables": {}}}),
    ("a question: its template works too hard", "POST", INFERENCE, {"body": QUESTION | {"template": "loop"}}),
    ("a question: its template adds a number to a text", "POST", INFERENCE, {"body": QUESTION | {"template": "sum"}}),
    (
        "a question: its template becomes too long",
        "POST",
        INFERENCE,
        {"body": QUESTION | {"template": "long", "variables": {"text": "x" * 100}}},
    ),
)


def mistaken(ground: Ground) -> Iterator[Refusal]:
    """Requests that can never succeed as they are."""
    api = ground.new_tenant()[1]
    for key, text in SAVED.items():
        api.save_template(key, text)
    for done, method, path, more in MISTAKES:
        yield Refusal(done, api.call(method, path, **more))
    for size in (7, 10):
        huge = api.put(f"{TEMPLATES}/huge", raw=b"x" * (size * 1024 * 1024 + 1))
        yield Refusal(f"more than the gateway takes: {size} MB", huge, "REQUEST_TOO_LARGE")


def absent(ground: Ground) -> Iterator[Refusal]:
    """What is not there, and what is not one's own: the same answer."""
    api, other = ground.new_tenant()[1], ground.new_tenant("Other")[1]
    for done, method, path in (
        ("a path without a route", "GET", "/v1/nothing"),
        ("a path without a route", "GET", f"{TEMPLATES}/a/b"),
        ("a method that a path does not have", "PATCH", f"{TEMPLATES}/greeting"),
    ):
        yield Refusal(done, api.call(method, path), "MISSING_AUTHENTICATION_TOKEN")
    yield Refusal(
        "a path without a route, and no token", ground.stack.api().get("/v1/nothing"), "MISSING_AUTHENTICATION_TOKEN"
    )
    silent = Api(ground.stack.address(SILO), None)
    yield Refusal(
        "a preflight where no origin is allowed",
        silent.call("OPTIONS", TEMPLATES),
        "MISSING_AUTHENTICATION_TOKEN",
        origin=None,
    )

    theirs = other.add_document("Theirs", "Not for others.")["id"]
    other.save_template("theirs", "Not for others.")
    api.save_template("gone", "Soon.")
    api.delete(f"{TEMPLATES}/gone").expect(204)
    api.save_template("short", "One version.")
    for done, path in {
        "a template: never saved": "nobody",
        "a template: another tenant's": "theirs",
        "a template: deleted": "gone",
        "a template: a version that never was": "short?version=2",
    }.items():
        yield Refusal(done, api.get(f"{TEMPLATES}/{path}"))
    yield Refusal("a template: never saved, in a question", api.post(INFERENCE, QUESTION))
    for done, document in {"never handed in": "0" * 32, "another tenant's": theirs}.items():
        for method in ("GET", "DELETE"):
            yield Refusal(f"a document: {done}", api.call(method, f"{DOCUMENTS}/{document}"))
        yield Refusal(f"a dead letter: {done}", api.post(f"/v1/dead-letters/{document}/redrive", None))


# ── how much is asked ───────────────────────────────────────────────────────


def too_much(ground: Ground) -> Iterator[Refusal]:
    """Caps, plans and concurrency. The ledger is written by the tenant's own session, as its calls do."""
    stack = ground.stack
    tenant, api = ground.new_tenant("Busy", tier="premium")
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

    api = ground.new_tenant("Counted")[1]
    throttle: dict[str, str | None] = {
        f"/throttle/{name}": str(value) for name, value in ground.plan["throttle"].items()
    }
    with ground.planned(dict.fromkeys(throttle, "0"), throttle):
        yield Refusal("more calls than the tier's usage plan lets through", api.get(TEMPLATES), "THROTTLED")
    quota: dict[str, str | None] = {"/quota/limit": "1", "/quota/period": "DAY"}
    with ground.planned(quota, dict.fromkeys(quota)):
        api.get(TEMPLATES).expect(200)
        yield Refusal(
            "more calls than a quota of the usage plan, where it is given one", api.get(TEMPLATES), "QUOTA_EXCEEDED"
        )
    with ground.reserved("Templates", 0):
        yield Refusal("the function has no execution left", api.get(TEMPLATES), "INTEGRATION_FAILURE")
    with ground.reserved("Authorizer", 0):
        yield Refusal("the authorizer has no execution left", ground.first_call(), "AUTHORIZER_FAILURE")


# ── what is wrong with us ───────────────────────────────────────────────────


def save(api: Api) -> Answer:
    return api.put(f"{TEMPLATES}/plain", {"body": "Be brief."})


def read(api: Api) -> Answer:
    return api.get(TEMPLATES)


def hand_in(api: Api) -> Answer:
    return api.post(DOCUMENTS, TEXT)


def ask(api: Api) -> Answer:
    return api.post(INFERENCE, {"template": "plain", "question": "Why?"})


_DENIED = "AccessDeniedException"
# The request, the service behind it by two names, and its words for: not so fast, not now, not you.
SERVICES: tuple[tuple[Callable[[Api], Answer], str, str, str, str, str], ...] = (
    (read, "sts", "STS", "Throttling", "ServiceUnavailable", "AccessDenied"),
    (read, "dynamodb", "DynamoDB", "ThrottlingException", "InternalServerError", _DENIED),
    (save, "kms", "KMS", "ThrottlingException", "KMSInternalException", _DENIED),
    (hand_in, "s3", "S3", "SlowDown", "InternalError", "AccessDenied"),
    (ask, "s3vectors", "S3 Vectors", "TooManyRequestsException", "ServiceUnavailableException", _DENIED),
    (ask, "bedrock-runtime", "Bedrock", "ThrottlingException", "ServiceUnavailableException", _DENIED),
)


def behind(ground: Ground) -> Iterator[Refusal]:
    """AWS on a bad day. Each time for a tenant without a session, a profile or a data key to go on with."""
    for request, service, name, throttled, failed, refused in SERVICES:
        for what, effect in (
            ("throttles", Fail(throttled)),
            ("fails", Fail(failed)),
            ("cannot be reached", DropBefore()),
            ("refuses our call", Fail(refused)),
        ):
            yield Refusal(f"a service behind us {what}: {name}", _under(ground, effect, service, request))
    unheard = _under(ground, Fail("Unheard", 503), "dynamodb", read)
    yield Refusal("a service behind us fails in words that we do not know", unheard)
    conflict = Fail("TransactionCanceledException")
    yield Refusal(
        "others keep saving the same template", _under(ground, conflict, "dynamodb", save, action="TransactWriteItems")
    )
    owner, api = ground.new_tenant("With a key of its own", key="own")
    ground.stack.account.client("kms").disable_key(KeyId=owner.key_arn)
    yield Refusal("the tenant's own key is disabled", save(api))


def _under(ground: Ground, effect: Effect, service: str, request: Callable[[Api], Answer], **more: str) -> Answer:
    tenant, api = ground.new_tenant()
    if request is ask:
        save(api).expect(201)
    with ground.faults.rule(effect, service=service, session=tenant.id, **more) as rule:
        answer = request(api)
        assert rule.hits, f"{service} was not asked"
    return answer


def broken(ground: Ground) -> Iterator[Refusal]:
    """Functions that fail as a whole."""
    registry: dict[str, Any] = {"service": "dynamodb", "session": ""}
    with ground.configured("Authorizer", JWKS_URL="http://127.0.0.1:1/"):
        yield Refusal("the issuer's keys cannot be fetched", ground.first_call(), "AUTHORIZER_FAILURE")
    api = ground.new_tenant()[1]
    with ground.faults.rule(Fail("InternalServerError"), action="GetItem", **registry):
        yield Refusal("the registry of tenants cannot be read", api.get(TEMPLATES), "AUTHORIZER_FAILURE")
    with ground.configured("Authorizer", TIER=""):
        yield Refusal("the authorizer does not start", ground.first_call(), "AUTHORIZER_FAILURE")
    with ground.configured("Templates", TABLE=""):
        yield Refusal("the function does not start", api.get(TEMPLATES), "DEFAULT_5XX")
    tenant, api = ground.new_tenant("Slow")
    slow: dict[str, Any] = {"service": "dynamodb", "action": "UpdateItem", "session": tenant.id, "count": 1}
    with ground.configured("Templates", timeout=1), ground.faults.rule(Delay(3_000), **slow):
        yield Refusal("the function is ended by its time-out", api.get(TEMPLATES), "DEFAULT_5XX")
    with ground.integrated(TEMPLATES, "timeoutInMillis", "500"), ground.faults.rule(Delay(3_000), **slow):
        late = api.get(TEMPLATES)
        yield Refusal("the function takes longer than the gateway waits", late, "INTEGRATION_TIMEOUT")
    functions, other = ground.stack.account.client("lambda"), ground.function("Documents")
    arn = functions.get_function_configuration(FunctionName=other)["FunctionArn"]
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
    with ground.integrated("/v1/openapi.json", "uri", uri):
        yield Refusal("the route leads to a function that does not know it", api.get("/v1/openapi.json"))
    gateway, (tenant, api) = ground.stack.account.client("apigateway"), ground.new_tenant("Not in the plan")
    keys = gateway.get_usage_plan_keys(usagePlanId=ground.plan["id"], limit=500)["items"]
    key = next(each["id"] for each in keys if tenant.id in each["name"])
    gateway.delete_usage_plan_key(usagePlanId=ground.plan["id"], keyId=key)
    yield Refusal("the tenant's usage key is not in the tier's plan", api.get(TEMPLATES), "INVALID_API_KEY")


@pytest.fixture(scope="module")
def refusals(ground: Ground) -> list[Refusal]:
    """All of them, in the order in which they are told."""
    groups = (unproven, not_served, mistaken, absent, too_much, behind, broken)
    return [refusal for provoke in groups for refusal in provoke(ground)]


# ── how each has to look ────────────────────────────────────────────────────

_REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACCOUNT = "000000000000"
_AGAIN = {429, 503, 504}


def test_every_refusal_has_the_same_form_and_says_when_to_come_back(refusals: list[Refusal]) -> None:
    for refusal in refusals:
        status, headers = refusal.answer.status, refusal.answer.headers
        body = problem(refusal.answer, status)
        assert 400 <= status <= 599, refusal.done
        assert headers["content-type"] == "application/problem+json", refusal.done
        assert _REQUEST_ID.fullmatch(body["request_id"]), f"{refusal.done}: {body}"
        assert headers["x-amzn-requestid"] == body["request_id"], f"{refusal.done}: {headers}"
        assert headers.get("www-authenticate") == ("Bearer" if status == 401 else None), refusal.done
        assert headers.get("access-control-allow-origin") == refusal.origin, refusal.done
        wait = headers.get("retry-after")
        assert (wait is not None) == (status in _AGAIN), f"{refusal.done}: {status}, Retry-After {wait}"
        if wait is not None:
            assert int(wait) in (refusal.wait or range(1, 61)), f"{refusal.done}: Retry-After {wait}"
            exposed = headers.get("access-control-expose-headers", "").split(", ")
            assert ("retry-after" in exposed) == bool(refusal.origin), f"{refusal.done}: exposes {exposed}"
    ids = [refusal.answer.json["request_id"] for refusal in refusals]
    assert len(set(ids)) == len(ids), "request ids repeat"


def test_no_refusal_names_anything_of_ours_or_of_any_tenant(ground: Ground, refusals: list[Refusal]) -> None:
    """In body and headers: no output of a stack (tables, functions, roles, keys), no tenant, no account."""
    stack = ground.stack
    outputs = [stack.outputs, *stack.silos.values()]
    tenants = stack.account.client("dynamodb").scan(TableName=stack.outputs["RegistryTable"])["Items"]
    names = {value for each in outputs for value in each.values() if len(value) >= 8}
    names |= {each["tenant"]["S"] for each in tenants}
    names |= {_ACCOUNT, "arn:aws", "Traceback", "panicked", Fail("").message}
    assert len(tenants) > 20 and len(names) > 60, "there is next to nothing to look for"
    for refusal in refusals:
        told = refusal.answer.text + "".join(refusal.answer.headers.values())
        found = [name for name in names if name in told]
        assert not found, f"{refusal.done}: {found} in {told}"


def test_the_gateways_refusals_are_those_of_the_template(refusals: list[Refusal]) -> None:
    for refusal in refusals:
        if refusal.gateway:
            assert refusal.told == _gateway_responses()[refusal.gateway], refusal.done
        else:
            assert "x-request-id" in refusal.answer.headers, f"{refusal.done}: not a function's answer"


# ── that they are all ───────────────────────────────────────────────────────

_DESCRIBED = re.compile(r'\((\d{3}), "([a-z-]+)", "([^"]+)"\)')
_TYPE = "urn:bulkhead:problem:"
# What a function says in words of its own; the sentence of an error in the place where it is declared.
_SENTENCE = re.compile(
    r"(?:(?:ApiError|Self)::(?:BadRequest|Forbidden|Conflict|Unprocessable)\(\s*(?:format!\(\s*)?"
    r"|#\[error\(\s*)"
    r'"((?:[^"\\]|\\.)*)"'
)
_PLACEHOLDER = re.compile(r"\{[^}]*\}")
_SPEAKING = (
    "shared/runtime/src/http",
    "shared/prompts/src",
    "functions/templates/src",
    "functions/documents/src",
    "functions/inference/src",
)
# Declared, and never said to a client: `log_and_redact` turns them into others first.
_UNSAID = {"quota exceeded", "{0}", "{detail}"}


@cache
def _gateway_responses() -> dict[str, tuple[int, str, str, str]]:
    """What the gateway answers by itself, as the template has it."""
    template = yaml_parse((ROOT / "infra" / "tier.yaml").read_text())
    described = template["Resources"]["Api"]["Properties"]["DefinitionBody"]
    told = {}
    for name, written in described["x-amazon-apigateway-gateway-responses"].items():
        body = json.loads(written["responseTemplates"]["application/json"])
        told[name] = written["statusCode"], body["type"], body["title"], body["detail"]
    return told


def _sources() -> Iterator[tuple[str, str]]:
    """Rust files by path, without their tests."""
    for folder in ("shared", "functions"):
        for file in sorted((ROOT / folder).glob("*/src/**/*.rs")):
            yield str(file.relative_to(ROOT)), file.read_text().partition("#[cfg(test)]")[0]


def test_every_gateway_response_was_provoked_or_is_excused(refusals: list[Refusal]) -> None:
    provoked = {refusal.gateway for refusal in refusals if refusal.gateway}
    excused = set(NOT_PROVOKED)
    assert provoked | excused == set(_gateway_responses()) and not provoked & excused


def test_every_problem_of_the_functions_was_provoked(refusals: list[Refusal]) -> None:
    sources = dict(_sources())
    makers = [path for path, text in sources.items() if f'"{_TYPE}' in text]
    assert makers == ["shared/runtime/src/http/error.rs"], f"types are made elsewhere as well: {makers}"
    declared = {(int(status), code, title) for status, code, title in _DESCRIBED.findall(sources[makers[0]])}
    told = {
        (status, kind.removeprefix(_TYPE), title)
        for status, kind, title, _ in (refusal.told for refusal in refusals if not refusal.gateway)
    }
    assert told == declared


def test_every_sentence_of_the_functions_was_heard(refusals: list[Refusal]) -> None:
    said = {
        each
        for path, text in _sources()
        if path.startswith(_SPEAKING)
        for each in _SENTENCE.findall(text)
        if each not in _UNSAID
    }
    assert len(said) > 25, "the sources are not read as they are written"
    heard = "\n".join(refusal.told[3] for refusal in refusals)
    unheard = [each for each in sorted(said) if not _as_heard(each).search(heard)]
    assert not unheard, f"nothing provokes: {unheard}"


def _as_heard(sentence: str) -> re.Pattern[str]:
    words = ".+".join(map(re.escape, _PLACEHOLDER.split(sentence)))
    return re.compile(f"^(.*: )?{words}$", re.MULTILINE)


# ── browsers ────────────────────────────────────────────────────────────────

_CORS = "access-control"


def test_a_preflight_is_answered_without_a_token_for_one_origin(ground: Ground) -> None:
    documented = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    for path, operations in documented.items():
        for origin in (ORIGIN, "https://elsewhere.example"):
            asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            answer = ground.stack.api().call("OPTIONS", path.replace("{", "").replace("}", ""), headers=asked)
            assert (answer.status, answer.body) == (204, b""), f"{path}: {answer.status} {answer.text}"
            allowed = {name: value for name, value in answer.headers.items() if name.startswith(_CORS)}
            methods = set(allowed.pop("access-control-allow-methods").split(","))
            assert methods == {each.upper() for each in operations} | {"OPTIONS"}, path
            assert allowed == {
                "access-control-allow-origin": ORIGIN,
                "access-control-allow-headers": "authorization,content-type",
                "access-control-max-age": "600",
            }
            assert answer.headers["cache-control"] == "no-store"


def test_without_an_origin_no_browser_is_told_anything(ground: Ground) -> None:
    """The silo was deployed without one."""
    stack = ground.stack
    owner = stack.onboard("Owner", tier=SILO)
    served = stack.api(owner).get(TEMPLATES, headers={"Origin": ORIGIN})
    refused = stack.api(owner).get(f"{TEMPLATES}/nobody", headers={"Origin": ORIGIN})
    assert (served.status, refused.status) == (200, 404)
    for answer in (served, refused):
        assert not [name for name in answer.headers if name.startswith(_CORS)], answer.headers


# ── the document ────────────────────────────────────────────────────────────

_NAMED = {"www-authenticate": "WWW-Authenticate", "retry-after": "Retry-After", "allow": "Allow"}


def test_the_document_tells_what_was_seen(refusals: list[Refusal]) -> None:
    document = DOCUMENT.read_text()
    before, written = document.split(BEGIN)[0], f"{BEGIN}\n\n{_written(refusals)}\n{END}"
    after = document.split(END)[1]
    seen = before + written + after
    if "UPDATE_REFUSALS" in os.environ:
        DOCUMENT.write_text(seen)
    documented = DOCUMENT.read_text().splitlines()
    changes = "\n".join(unified_diff(documented, seen.splitlines(), "documented", "seen", n=0, lineterm=""))
    assert not changes, f"write it anew with UPDATE_REFUSALS=1, and look at it:\n{changes}"


def _written(refusals: list[Refusal]) -> str:
    """A table for each status, a line for each answer: what it says, and all that leads to it."""
    told: dict[int, dict[tuple[str, str], list[str]]] = {}
    for refusal in refusals:
        status, kind, title, detail = refusal.told
        answer = f"**{title}** `{kind.removeprefix(_TYPE)}`<br>{_stable(detail)}"
        done = told.setdefault(status, {}).setdefault((answer, _headers(refusal)), [])
        if refusal.done not in done:
            done.append(refusal.done)
    lines: list[str] = []
    for status, answers in sorted(told.items()):
        lines += [f"### {status}", "", "| title, type and detail | header | what was done |", "|---|---|---|"]
        for (answer, headers), done in answers.items():
            lines.append(f"| {answer} | {headers} | {_together(done)} |")
        lines.append("")
    lines += ["## Not provoked here", "", "| gateway response | why |", "|---|---|"]
    lines += [f"| `{name}` | {why} |" for name, why in NOT_PROVOKED.items()]
    return "\n".join(lines) + "\n"


def _stable(detail: str) -> str:
    """Without what depends on the tier, shortened where it repeats itself, and as Markdown."""
    detail = re.sub(r"\d+(?= calls| at once)", "*n*", detail)
    detail = re.sub(r"(\[0\]){3,}", "[0]…", detail)
    detail = re.sub(r"x{9,}", "xxx…", detail)
    return detail.replace("|", "\\|").replace("<", "\\<")


def _headers(refusal: Refusal) -> str:
    found = {name: value for name, value in refusal.answer.headers.items() if name in _NAMED}
    if refusal.wait:
        found["retry-after"] = "1…n"
    return "<br>".join(f"`{_NAMED[name]}: {value}`" for name, value in found.items())


def _together(done: list[str]) -> str:
    """`a token: garbage` and `a token: expired` are told in one line."""
    groups: dict[str, list[str]] = {}
    for what, _, detail in (each.partition(": ") for each in done):
        groups.setdefault(what, []).append(detail)
    lines = (f"{what}: {'; '.join(found)}" if any(found) else what for what, found in groups.items())
    return "<br>".join(lines)
