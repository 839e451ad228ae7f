"""The code is wrong, and nothing leaks: IAM and KMS refuse what corrupted names ask for.

The functions are compiled with a derivation that points at another tenant. A control test gives the
tenant role all rights for a moment and shows that the same build then does read the other tenant:
without it, a refusal could be a build that simply does not work.
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


EVERYTHING = {"read a template", "save a template", "list templates", "create a document", "list documents", "ask"}
# Which calls need the corrupted name, and so must fail.
TOUCHED = {
    "partition": EVERYTHING,
    "objects": {"create a document"},
    "index": {"ask"},
    # Another tenant's credentials with one's own names: refused as well.
    "session": EVERYTHING,
    "context": {"read a template", "save a template", "create a document", "list documents", "ask"},
}


@pytest.fixture
def snapshot(corrupted_stack: LocalStack, victim: Tenant) -> Callable[[], tuple[Any, ...]]:
    """Everything the victim has, as root sees it."""

    def look() -> tuple[Any, ...]:
        found = Target.of(corrupted_stack, victim)
        return found.items, found.objects, found.vectors

    return look


def test_the_product_itself_is_not_corrupted(corrupted_stack: LocalStack) -> None:
    """Both builds share their libraries; nothing of this one may be in what is deployed."""
    for function in FUNCTIONS:
        assert MARK in (corrupted_stack.root / f"target/lambda/{function}/bootstrap").read_bytes()
    for product in (ROOT / "target/lambda").glob("*/bootstrap"):
        assert MARK not in product.read_bytes(), f"{product} is corrupted: run `make build`"


def test_the_build_works_while_nothing_is_corrupted(api: Api, victim: Tenant) -> None:
    for name, call in _calls(api).items():
        answer = call()
        assert answer.status in (200, 202), f"{name}: {answer.status} {answer.text}"


@pytest.mark.parametrize("kind", TOUCHED)
def test_a_corrupted_name_reads_and_writes_nothing(
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
            if name in TOUCHED[kind]:
                assert answer.status == 500, f"{name} with a corrupted {kind}: {answer.status} {answer.text}"
                assert answer.json["type"] == "urn:bulkhead:problem:internal"
                assert victim.id not in answer.text, "an error names the other tenant"
    assert snapshot() == before, f"a corrupted {kind} changed the other tenant's data"


def test_all_names_corrupted_at_once_read_and_write_nothing(
    api: Api, corruption: Corruption, snapshot: Callable[[], tuple[Any, ...]]
) -> None:
    """All but the session's tag: with that too the function *is* the other tenant, which is the one
    thing IAM cannot tell (docs/isolation.md says so)."""
    before = snapshot()
    with corruption(*(TOUCHED.keys() - {"session"})):
        for name, call in _calls(api).items():
            answer = call()
            assert answer.status == 500, f"{name}: {answer.status} {answer.text}"
            assert CLINIC.canary not in answer.text
    assert snapshot() == before


def test_corrupted_ingestion_indexes_nothing_elsewhere(
    corrupted_stack: LocalStack,
    api: Api,
    corruption: Corruption,
    snapshot: Callable[[], tuple[Any, ...]],
) -> None:
    """The worker's names are corrupted after the document was taken in by a sound function."""
    before = snapshot()

    with corruption("index"):
        document = api.post("/v1/documents", PAGE).expect(202)["id"]
        # IAM's refusal is no fault of the tenant's: the job is not given up for it, it waits to be done again.
        until(
            lambda: api.get(f"/v1/documents/{document}").expect(200)["status"],
            lambda status: status in ("waiting", "ready"),
            "an attempt at the job failed",
            seconds=180,
        )
        assert api.get(f"/v1/documents/{document}").expect(200)["status"] == "waiting"
    assert snapshot() == before, "the worker wrote into the other tenant's index"


def test_it_is_the_policy_that_stops_it(
    corrupted_stack: LocalStack, api: Api, corruption: Corruption, victim: Tenant
) -> None:
    """With the tenant role's policy widened, the corrupted build does read the other tenant."""
    iam = corrupted_stack.account.client("iam")
    role = corrupted_stack.outputs["BasicTenantRole"].rsplit("/", 1)[-1]
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    theirs = corrupted_stack.api(victim).get("/v1/templates/default_summary").expect(200)

    @contextmanager
    def weakened() -> Any:
        iam.put_role_policy(RoleName=role, PolicyName=WEAKENED, PolicyDocument=json.dumps(everything))
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName=WEAKENED)

    with corruption("partition", "context"):
        with weakened():
            assert api.get("/v1/templates/default_summary").expect(200) == theirs
        refused = api.get("/v1/templates/default_summary")
        assert refused.status == 500, "the policy is back, and so is the refusal"
