"""If a tenant's own KMS key is disabled or scheduled for deletion, only that tenant is affected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.judging import assert_unavailable
from tools.devstack.aws import Tenant
from tools.devstack.client import Answer, Api
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Delay

Ready = Callable[..., list[dict[str, Any]]]
DOCUMENT = {"title": "Ferry", "content_type": "text/plain", "content": "The ferry leaves at seven."}
QUESTION = {"template": "plain", "question": "When does the ferry leave?"}


@dataclass(frozen=True)
class Customer:
    """A tenant and its API client."""

    tenant: Tenant
    api: Api


@pytest.fixture
def customer(stack: LocalStack, ready: Ready) -> Callable[..., Customer]:
    """Onboards a tenant with a prompt template and a document; its environments are warm."""

    def make(name: str, **more: Any) -> Customer:
        tenant = stack.onboard(name, **more)
        api = stack.api(tenant)
        api.save_template("plain", "Answer from the passages.")
        ready(api, api.post("/v1/documents", DOCUMENT).expect(202)["id"])
        return Customer(tenant, api)

    return make


@contextmanager
def disabled(kms: Any, key: str) -> Iterator[None]:
    kms.disable_key(KeyId=key)
    try:
        yield
    finally:
        kms.enable_key(KeyId=key)


@contextmanager
def scheduled_for_deletion(kms: Any, key: str) -> Iterator[None]:
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    try:
        yield
    finally:
        kms.cancel_key_deletion(KeyId=key)
        kms.enable_key(KeyId=key)


def replace_environments(stack: LocalStack, *names: str) -> None:
    """Replaces the environments of the named functions (default: all), so that none has a cached data key.

    A cached data key lasts up to five minutes, which is too long for a test.
    """
    functions = stack.account.client("lambda")
    for name in names or ("Templates", "Documents", "Inference", "Ingestion"):
        function = stack.outputs[f"Basic{name}Function"]
        variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        variables["RENEWED"] = str(int(variables.get("RENEWED", "0")) + 1)
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables})


def calls_that_need_the_key(api: Api) -> dict[str, Answer]:
    return {
        "read a template": api.get("/v1/templates/plain"),
        "save a template": api.put("/v1/templates/new", {"body": "x"}),
        "ask": api.post("/v1/inference", QUESTION),
        "add a document": api.post("/v1/documents", DOCUMENT),
        "list documents": api.get("/v1/documents"),
    }


def calls_without_the_key(api: Api) -> dict[str, Answer]:
    return {
        "list templates": api.get("/v1/templates"),
        "read the description": api.get("/v1/openapi.json"),
        "read a missing template": api.get("/v1/templates/missing"),
    }


@pytest.mark.parametrize("make_unusable", [disabled, scheduled_for_deletion])
def test_unusable_key_stops_only_its_tenant_until_it_is_enabled(
    stack: LocalStack, customer: Callable[..., Customer], ready: Ready, make_unusable: Callable
) -> None:
    owner = customer("With an unusable key", key="own")
    neighbours = [customer("With its own key", key="own"), customer("With the tier's key")]
    keys = {each.tenant.key_arn for each in (owner, *neighbours)}
    assert len(keys) == 3, f"the test needs three keys: {keys}"
    before = owner.api.get("/v1/documents").expect(200)
    with make_unusable(stack.account.client("kms"), owner.tenant.key_arn):
        replace_environments(stack)
        for what, answer in calls_that_need_the_key(owner.api).items():
            assert answer.status == 503, f"{what}: {answer.status} {answer.text}"
            body = assert_unavailable(answer, "key-unavailable")
            assert "key" in body["detail"], f"{what}: {body}"
            assert owner.tenant.key_arn.rpartition("/")[2] not in f"{answer.text} {answer.headers}"
        for what, answer in calls_without_the_key(owner.api).items():
            assert answer.status in (200, 404), f"{what}: {answer.status} {answer.text}"
        for each in neighbours:
            for what, answer in calls_that_need_the_key(each.api).items():
                assert answer.status in (200, 201, 202), f"{what}: {answer.status} {answer.text}"
            listed = each.api.get("/v1/documents").expect(200)["documents"]
            ready(each.api, *[found["id"] for found in listed])
    # Works at once, without new environments; the refused calls had no effect.
    assert owner.api.get("/v1/documents").expect(200) == before
    for what, answer in calls_that_need_the_key(owner.api).items():
        assert answer.status in (200, 201, 202), f"{what}: {answer.status} {answer.text}"
    assert owner.api.put("/v1/templates/new", {"body": "y"}).expect(200)["version"] == 2


@pytest.mark.parametrize("call", ["GenerateDataKey", "Decrypt"], ids=["accept", "work"])
def test_document_waits_until_the_key_is_enabled(
    stack: LocalStack, faults: Faults, customer: Callable[..., Customer], ready: Ready, call: str
) -> None:
    """The key works when the document is added and is disabled before the job runs."""
    owner = customer("Key disabled during a job", key="own")
    kms_calls = {"service": "kms", "action": call, "session": owner.tenant.id}
    before = faults.calls()
    # The API has its data key from the first document; a new worker makes and opens one.
    replace_environments(stack, "Ingestion")
    with faults.rule(Delay(1_500), count=1, **kms_calls) as held:
        document = owner.api.post("/v1/documents", DOCUMENT).expect(202)["id"]
        # Not earlier: the call that comes first would find the key disabled.
        until(lambda: held.hits, lambda hits: hits == 1, "the call is held back")
        with disabled(stack.account.client("kms"), owner.tenant.key_arn):
            until(
                lambda: (faults.calls() - before).only(**kms_calls),
                lambda passed: passed.number(outcome="DisabledException") > 0,
                "the worker finds the key disabled",
            )
    ready(owner.api, document)
