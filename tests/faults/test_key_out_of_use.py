"""A tenant's own KMS key is disabled or about to be deleted: that tenant's affair alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.judging import busy
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
    """A tenant, and its way in."""

    tenant: Tenant
    api: Api


@pytest.fixture
def customer(stack: LocalStack, ready: Ready) -> Callable[..., Customer]:
    """A tenant with a template and a document, all its environments warm."""

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
def being_deleted(kms: Any, key: str) -> Iterator[None]:
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    try:
        yield
    finally:
        kms.cancel_key_deletion(KeyId=key)
        kms.enable_key(KeyId=key)


def forget(stack: LocalStack) -> None:
    """New environments for everybody: none has a data key left.

    Environments that have one go on for up to five minutes, which no test can wait for.
    """
    functions = stack.account.client("lambda")
    for name in ("Templates", "Documents", "Inference", "Intake", "Ingestion"):
        function = stack.outputs[f"Basic{name}Function"]
        variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        variables["FORGOTTEN"] = str(int(variables.get("FORGOTTEN", "0")) + 1)
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables})


def needing_the_key(api: Api) -> dict[str, Answer]:
    return {
        "read a template": api.get("/v1/templates/plain"),
        "save a template": api.put("/v1/templates/new", {"body": "x"}),
        "ask": api.post("/v1/inference", QUESTION),
        "hand in a document": api.post("/v1/documents", DOCUMENT),
        "list documents": api.get("/v1/documents"),
    }


def needing_no_key(api: Api) -> dict[str, Answer]:
    return {
        "list templates": api.get("/v1/templates"),
        "read the description": api.get("/v1/openapi.json"),
        "read a template that is not there": api.get("/v1/templates/nobody"),
    }


@pytest.mark.parametrize("out_of_use", [disabled, being_deleted])
def test_a_key_out_of_use_stops_its_tenant_alone_and_passes(
    stack: LocalStack, customer: Callable[..., Customer], ready: Ready, out_of_use: Callable
) -> None:
    alone = customer("With a key that is out of use", key="own")
    others = [customer("With a key of its own", key="own"), customer("With the tier's key")]
    keys = {each.tenant.key_arn for each in (alone, *others)}
    assert len(keys) == 3, f"the test needs three keys: {keys}"
    before = alone.api.get("/v1/documents").expect(200)
    with out_of_use(stack.account.client("kms"), alone.tenant.key_arn):
        forget(stack)
        for what, answer in needing_the_key(alone.api).items():
            assert answer.status == 503, f"{what}: {answer.status} {answer.text}"
            body = busy(answer, "key-unavailable")
            assert "key" in body["detail"], f"{what}: {body}"
            assert alone.tenant.key_arn.rpartition("/")[2] not in f"{answer.text} {answer.headers}"
        for what, answer in needing_no_key(alone.api).items():
            assert answer.status in (200, 404), f"{what}: {answer.status} {answer.text}"
        for each in others:
            for what, answer in needing_the_key(each.api).items():
                assert answer.status in (200, 201, 202), f"{what}: {answer.status} {answer.text}"
            listed = each.api.get("/v1/documents").expect(200)["documents"]
            ready(each.api, *[found["id"] for found in listed])
    # At once and without a new environment, and nothing of what was refused is there.
    assert alone.api.get("/v1/documents").expect(200) == before
    for what, answer in needing_the_key(alone.api).items():
        assert answer.status in (200, 201, 202), f"{what}: {answer.status} {answer.text}"
    assert alone.api.put("/v1/templates/new", {"body": "y"}).expect(200)["version"] == 2


@pytest.mark.parametrize("call", ["GenerateDataKey", "Decrypt"], ids=["taking it in", "working on it"])
def test_a_document_waits_for_a_key_that_comes_back(
    stack: LocalStack, faults: Faults, customer: Callable[..., Customer], ready: Ready, call: str
) -> None:
    """Handed in while the key was good; by the time that it is worked on, it is not."""
    alone = customer("Whose key goes out of use under a job", key="own")
    mine = {"service": "kms", "action": call, "session": alone.tenant.id}
    before = faults.calls()
    # The API has its data key from the first document; the workers make and open one for each job.
    with faults.rule(Delay(1_500), count=1, **mine) as held:
        document = alone.api.post("/v1/documents", DOCUMENT).expect(202)["id"]
        # Not before: whoever takes it in for the other case would find the key out of use, and give up.
        until(lambda: held.hits, lambda hits: hits == 1, "the call is held back")
        with disabled(stack.account.client("kms"), alone.tenant.key_arn):
            until(
                lambda: (faults.calls() - before).only(**mine),
                lambda passed: passed.number(outcome="DisabledException") > 0,
                "a worker finds the key out of use",
            )
    ready(alone.api, document)
