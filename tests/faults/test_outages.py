"""Each AWS service behind the API is throttled or down, for one call and for all calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.faults.judging import assert_unavailable
from tools.devstack.aws import Tenant
from tools.devstack.client import Answer, Api
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import DropBefore, Effect, Fail


def save(api: Api) -> Answer:
    return api.put("/v1/templates/saved", {"body": "Answer from the passages."})


def read(api: Api) -> Answer:
    return api.get("/v1/templates/plain")


def list_(api: Api) -> Answer:
    return api.get("/v1/templates")


def add_document(api: Api) -> Answer:
    body = {"title": "Ferry", "content_type": "text/plain", "content": "The ferry leaves at seven."}
    return api.post("/v1/documents", body)


def upload(api: Api) -> Answer:
    return api.post("/v1/documents/uploads", {"title": "Ferry", "content_type": "text/plain", "bytes": 9})


def ask(api: Api) -> Answer:
    return api.post("/v1/inference", {"template": "plain", "question": "When does the ferry leave?"})


@dataclass(frozen=True)
class Use:
    """A request and an AWS call that it needs."""

    request: Callable[[Api], Answer]
    service: str
    action: str
    throttled: Effect
    down: Effect

    def __str__(self) -> str:
        return f"{self.request.__name__.strip('_')}-{self.service}.{self.action}"


_DYNAMODB = Fail("ThrottlingException"), Fail("InternalServerError")
_KMS = Fail("ThrottlingException"), Fail("KMSInternalException")
_S3 = Fail("SlowDown"), Fail("InternalError")
_VECTORS = Fail("TooManyRequestsException"), Fail("ServiceUnavailableException")
_BEDROCK = Fail("ThrottlingException"), Fail("ServiceUnavailableException")
USES = [
    Use(read, "dynamodb", "GetItem", *_DYNAMODB),
    Use(list_, "dynamodb", "Query", *_DYNAMODB),
    Use(save, "dynamodb", "TransactWriteItems", *_DYNAMODB),
    Use(upload, "dynamodb", "PutItem", Fail("ProvisionedThroughputExceededException"), DropBefore()),
    Use(save, "kms", "GenerateDataKey", *_KMS),
    Use(ask, "kms", "Decrypt", *_KMS),
    Use(add_document, "kms", "GenerateDataKey", Fail("ThrottlingException"), Fail("DependencyTimeoutException")),
    Use(add_document, "s3", "PutObject", *_S3),
    Use(ask, "s3vectors", "QueryVectors", *_VECTORS),
    Use(ask, "bedrock-runtime", "InvokeModel", *_BEDROCK),
    Use(ask, "bedrock-runtime", "Converse", *_BEDROCK),
]
uses = pytest.mark.parametrize("use", USES, ids=str)


@pytest.fixture
def tenant(stack: LocalStack, new_tenant: Callable[..., Tenant]) -> Tenant:
    """Only the environment of `templates` knows this tenant: all other functions must call KMS."""
    return new_tenant("In an outage")


@pytest.fixture
def api(stack: LocalStack, tenant: Tenant, use: Use) -> Api:
    api = stack.api(tenant)
    if use.request in (read, ask):
        api.save_template("plain", "Answer from the passages.")
    return api


@uses
@pytest.mark.parametrize("how", ["throttled", "down"])
def test_one_failed_call_is_retried(faults: Faults, tenant: Tenant, api: Api, use: Use, how: str) -> None:
    with faults.rule(getattr(use, how), service=use.service, action=use.action, session=tenant.id, count=1) as rule:
        use.request(api).expect(200, 201, 202)
        assert rule.hits == 1 and rule.matched > 1, "the call was not retried"


@uses
def test_outage_answers_503_until_it_ends(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, use: Use
) -> None:
    for outage in (use.throttled, use.down):
        with faults.rule(outage, service=use.service, action=use.action, session=tenant.id) as rule:
            assert_unavailable(use.request(api))
            assert 1 < rule.hits <= 6, f"{rule.hits} calls for one request"
    use.request(api).expect(200, 201, 202)


# ── before the tenant is known ────────────────────────────────────────────────


def test_registry_outage_answers_503_until_it_ends(
    stack: LocalStack, faults: Faults, new_tenant: Callable[..., Tenant]
) -> None:
    """The authorizer reads the registry with its own role, without a tenant's session."""
    tenant = new_tenant("Registry outage")
    registry = {"service": "dynamodb", "action": "GetItem", "session": ""}
    with faults.rule(Fail("InternalServerError"), **registry) as rule:
        # A new token: the gateway caches the authorizer's answers for known tokens.
        assert_unavailable(stack.api(tenant).get("/v1/templates"))
        assert rule.hits > 1
    until(lambda: stack.api(tenant).get("/v1/templates").status, lambda status: status == 200, "served again", 5)
    with faults.rule(Fail("ThrottlingException"), count=1, **registry) as rule:
        stack.api(tenant).get("/v1/templates").expect(200)
        assert rule.hits == 1
