"""Even with corrupted code no data leaks: IAM and KMS refuse calls with corrupted names.

The functions derive names that point at another tenant. A control test gives the tenant role all rights for a
moment and shows that the same build then reads the other tenant. Without the control, a refusal could come from
a build that does not work at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from tests.isolation.corrupted.corrupted_source import FUNCTIONS, ROOT
from tools.attacks import Target
from tools.demo.corpus import CLINIC
from tools.devstack.aws import Tenant
from tools.devstack.client import Answer, Api
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack

Corruption = Callable[..., Any]

QUESTION = {"template": "default_summary", "question": "When are you open on Saturdays?"}
PAGE = {"title": "Hours", "content_type": "text/plain", "content": "We open at ten on Saturdays."}
MARK = b"CORRUPTED_VICTIM"
WEAKENED = "weakened-for-the-control-test"


@pytest.fixture
def api(corrupted_stack: LocalStack, caller: Tenant) -> Api:
    return corrupted_stack.api(caller)


def _calls(api: Api) -> dict[str, Callable[[], Answer]]:
    return {
        "read a template": lambda: api.get("/v1/templates/default_summary"),
        "save a template": lambda: api.put("/v1/templates/default_summary", {"body": "Changed."}),
        "list templates": lambda: api.get("/v1/templates"),
        "create a document": lambda: api.post("/v1/documents", PAGE),
        "list documents": lambda: api.get("/v1/documents"),
        "ask": lambda: api.post("/v1/inference", QUESTION),
    }


ALL_CALLS = {"read a template", "save a template", "list templates", "create a document", "list documents", "ask"}
# The calls that use the corrupted name, so they must fail.
AFFECTED = {
    "partition": ALL_CALLS,
    "objects": {"create a document"},
    "index": {"ask"},
    # Another tenant's credentials with the caller's own names: also refused.
    "session": ALL_CALLS,
    "context": {"read a template", "save a template", "create a document", "list documents", "ask"},
}


@pytest.fixture
def snapshot(corrupted_stack: LocalStack, victim: Tenant) -> Callable[[], tuple[Any, ...]]:
    """Returns a function that reads all data of the victim as root."""

    def look() -> tuple[Any, ...]:
        found = Target.of(corrupted_stack, victim)
        return found.items, found.objects, found.vectors

    return look


def test_product_is_not_corrupted(corrupted_stack: LocalStack) -> None:
    """Both builds share libraries; the deployed functions must contain no corrupted code."""
    for function in FUNCTIONS:
        assert MARK in (corrupted_stack.root / f"target/lambda/{function}/bootstrap").read_bytes()
    for product in (ROOT / "target/lambda").glob("*/bootstrap"):
        assert MARK not in product.read_bytes(), f"{product} is corrupted: run `make build`"


def test_build_works_without_corruption(api: Api, victim: Tenant) -> None:
    for name, call in _calls(api).items():
        answer = call()
        assert answer.status in (200, 202), f"{name}: {answer.status} {answer.text}"


@pytest.mark.parametrize("kind", AFFECTED)
def test_corrupted_name_reads_and_writes_nothing(
    kind: str,
    api: Api,
    victim: Tenant,
    corruption: Corruption,
    snapshot: Callable[[], tuple[Any, ...]],
) -> None:
    before = snapshot()
    with corruption(kind):
        for name, call in _calls(api).items():
            answer = call()
            assert CLINIC.canary not in answer.text, f"{name} with a corrupted {kind} leaked: {answer.text}"
            if name in AFFECTED[kind]:
                assert answer.status == 500, f"{name} with a corrupted {kind}: {answer.status} {answer.text}"
                assert answer.json["type"] == "urn:bulkhead:problem:internal"
                assert victim.id not in answer.text, "an error names the other tenant"
    assert snapshot() == before, f"a corrupted {kind} changed the other tenant's data"


def test_all_corrupted_names_together_read_and_write_nothing(
    api: Api, corruption: Corruption, snapshot: Callable[[], tuple[Any, ...]]
) -> None:
    """All except the session's tag: with a corrupted tag the function acts as the other tenant, which IAM cannot
    detect (docs/isolation.md)."""
    before = snapshot()
    with corruption(*(AFFECTED.keys() - {"session"})):
        for name, call in _calls(api).items():
            answer = call()
            assert answer.status == 500, f"{name}: {answer.status} {answer.text}"
            assert CLINIC.canary not in answer.text
    assert snapshot() == before


def test_corrupted_worker_indexes_nothing_for_the_victim(
    corrupted_stack: LocalStack,
    api: Api,
    corruption: Corruption,
    snapshot: Callable[[], tuple[Any, ...]],
) -> None:
    """Only the index name is corrupted, which the worker uses after the document was accepted."""
    before = snapshot()

    with corruption("index"):
        document = api.post("/v1/documents", PAGE).expect(202)["id"]
        # IAM's refusal does not count against the tenant: the job is not dead, it waits for a retry.
        until(
            lambda: api.get(f"/v1/documents/{document}").expect(200)["status"],
            lambda status: status in ("waiting", "ready"),
            "an attempt at the job failed",
            seconds=180,
        )
        assert api.get(f"/v1/documents/{document}").expect(200)["status"] == "waiting"
    assert snapshot() == before, "the worker wrote into the other tenant's index"


def test_policy_is_what_stops_the_corrupted_build(
    corrupted_stack: LocalStack, api: Api, corruption: Corruption, victim: Tenant
) -> None:
    """With a widened policy of the tenant role, the corrupted build reads the other tenant."""
    iam = corrupted_stack.account.client("iam")
    role = corrupted_stack.outputs["BasicTenantRole"].rsplit("/", 1)[-1]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    victims_template = corrupted_stack.api(victim).get("/v1/templates/default_summary").expect(200)

    @contextmanager
    def weakened() -> Any:
        iam.put_role_policy(RoleName=role, PolicyName=WEAKENED, PolicyDocument=json.dumps(everything))
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName=WEAKENED)

    with corruption("partition", "context"):
        with weakened():
            assert api.get("/v1/templates/default_summary").expect(200) == victims_template
        refused = api.get("/v1/templates/default_summary")
        assert refused.status == 500, "after the policy is restored, the call must be refused again"
