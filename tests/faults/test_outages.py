"""Each service the product rests on is throttled or down: once, for good, and over again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.faults.judging import busy
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


def hand_in(api: Api) -> Answer:
    body = {"title": "Ferry", "content_type": "text/plain", "content": "The ferry leaves at seven."}
    return api.post("/v1/documents", body)


def upload(api: Api) -> Answer:
    return api.post("/v1/documents/uploads", {"title": "Ferry", "content_type": "text/plain", "bytes": 9})


def ask(api: Api) -> Answer:
    return api.post("/v1/inference", {"template": "plain", "question": "When does the ferry leave?"})


@dataclass(frozen=True)
class Use:
    """A request and the AWS call it cannot do without."""

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
    Use(hand_in, "kms", "GenerateDataKey", Fail("ThrottlingException"), Fail("DependencyTimeoutException")),
    Use(hand_in, "s3", "PutObject", *_S3),
    Use(ask, "s3vectors", "QueryVectors", *_VECTORS),
    Use(ask, "bedrock-runtime", "InvokeModel", *_BEDROCK),
    Use(ask, "bedrock-runtime", "Converse", *_BEDROCK),
]
uses = pytest.mark.parametrize("use", USES, ids=str)


@pytest.fixture
def tenant(stack: LocalStack, newcomer: Callable[..., Tenant]) -> Tenant:
    """With a template, and in no environment but that of `templates`: KMS is asked afresh elsewhere."""
    return newcomer("In an outage")


@pytest.fixture
def api(stack: LocalStack, tenant: Tenant, use: Use) -> Api:
    api = stack.api(tenant)
    if use.request in (read, ask):
        api.save_template("plain", "Answer from the passages.")
    return api


@uses
@pytest.mark.parametrize("how", ["throttled", "down"])
def test_one_failed_call_is_tried_again(faults: Faults, tenant: Tenant, api: Api, use: Use, how: str) -> None:
    with faults.rule(getattr(use, how), service=use.service, action=use.action, session=tenant.id, count=1) as rule:
        use.request(api).expect(200, 201, 202)
        assert rule.hits == 1 and rule.matched > 1, "it was not tried again"


@uses
def test_an_outage_is_a_503_and_passes(stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, use: Use) -> None:
    for outage in (use.throttled, use.down):
        with faults.rule(outage, service=use.service, action=use.action, session=tenant.id) as rule:
            busy(use.request(api))
            assert 1 < rule.hits <= 6, f"{rule.hits} calls for one request"
    use.request(api).expect(200, 201, 202)


# ── before anybody's tenant is known ────────────────────────────────────────


def test_an_outage_of_the_registry_is_a_503_and_passes(
    stack: LocalStack, faults: Faults, newcomer: Callable[..., Tenant]
) -> None:
    """The authorizer reads it with its function's role, in no tenant's session."""
    tenant = newcomer("Known to a registry that is down")
    registry = {"service": "dynamodb", "action": "GetItem", "session": ""}
    with faults.rule(Fail("InternalServerError"), **registry) as rule:
        # A token of its own: the gateway remembers what the authorizer said of others.
        busy(stack.api(tenant).get("/v1/templates"))
        assert rule.hits > 1
    until(lambda: stack.api(tenant).get("/v1/templates").status, lambda status: status == 200, "served again", 5)
    with faults.rule(Fail("ThrottlingException"), count=1, **registry) as rule:
        stack.api(tenant).get("/v1/templates").expect(200)
        assert rule.hits == 1
