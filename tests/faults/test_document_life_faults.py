"""A document's life when calls fail, answers are lost and workers are late: nothing outlives its document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.judging import assert_unavailable
from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Delay, DropAfter, Fail

Ready = Callable[..., list[dict[str, Any]]]
SECONDS = 90.0
TEXT = "The ferry leaves at seven."
DOCUMENT = {"title": "Ferry", "content_type": "text/plain", "content": TEXT}


@pytest.fixture
def tenant(new_tenant: Callable[..., Tenant]) -> Tenant:
    return new_tenant("Document life")


@pytest.fixture
def api(stack: LocalStack, tenant: Tenant) -> Api:
    return stack.api(tenant)


def _remaining(stack: LocalStack, tenant: Tenant) -> tuple[tuple[str, ...], tuple[str, ...], list[str]]:
    """Returns the tenant's objects, vectors and jobs."""
    found = Target.of(stack, tenant)
    kinds = ("JOB#", "WAITING#", "DEAD#")
    return found.objects, found.vectors, [key for key in found.sort_keys() if key.startswith(kinds)]


def _wait_until_nothing_is_left(stack: LocalStack, tenant: Tenant) -> None:
    until(
        lambda: _remaining(stack, tenant),
        lambda found: found == ((), (), []),
        "no data of the document is left",
        SECONDS,
    )


def test_document_whose_stored_bytes_are_not_confirmed_leaves_nothing(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api
) -> None:
    """The bytes are stored, but each answer is an error or lost. Their event arrives before the client's error."""
    put: dict[str, Any] = {"service": "s3", "action": "PutObject", "session": tenant.id}
    with (
        faults.rule(DropAfter(), **put, count=1) as stored,
        # Indexing completes during this delay.
        faults.rule(Delay(4_000), **put, count=1),
        faults.rule(Fail("ServiceUnavailable"), **put),
    ):
        assert_unavailable(api.post("/v1/documents", DOCUMENT))
        assert stored.hits == 1
    assert api.get("/v1/documents").expect(200)["documents"] == []
    _wait_until_nothing_is_left(stack, tenant)


def test_passages_written_after_a_delete_are_removed(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api
) -> None:
    """A worker writes a batch after the deletion cleaned up, and the write's answer is lost."""
    put: dict[str, Any] = {"service": "s3vectors", "action": "PutVectors", "session": tenant.id}
    with faults.rule(Delay(3_000), **put, count=1) as late, faults.rule(DropAfter(), **put) as lost:
        document = api.add_document("Ferry", TEXT)["id"]
        until(lambda: late.hits, bool, "the worker writes its batch", SECONDS)
        assert api.delete(f"/v1/documents/{document}").status == 204
        until(lambda: lost.hits, bool, "the batch is written", SECONDS)
        _wait_until_nothing_is_left(stack, tenant)


def test_delete_costs_what_is_stored_not_what_was_announced(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, ready: Ready
) -> None:
    document = api.add_document("Ferry", TEXT)["id"]
    ready(api, document)
    stack.account.client("dynamodb").update_item(
        TableName=stack.outputs["DataTable"],
        Key={"pk": {"S": tenant.partition}, "sk": {"S": f"DOCUMENT#{document}"}},
        UpdateExpression="SET revision = :many",
        ExpressionAttributeValues={":many": {"N": "100000"}},
    )
    with faults.rule(Delay(0), service="s3", session=tenant.id) as calls:
        assert api.delete(f"/v1/documents/{document}").status == 204
        assert calls.hits == 2, "one listing, one deletion"
    _wait_until_nothing_is_left(stack, tenant)


def test_interrupted_delete_of_a_template_continues(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api
) -> None:
    """Each call removes what is left, so a template with many versions is removed by a finite number of calls."""
    for n in range(30):
        api.save_template("many", f"Text {n}.")

    def versions() -> int:
        return sum(key.startswith("VERSION#many#") for key in Target.of(stack, tenant).sort_keys())

    assert versions() == 30
    delete: dict[str, Any] = {"service": "dynamodb", "action": "DeleteItem", "session": tenant.id}
    with faults.rule(Fail("InternalServerError"), **delete, skip=10):
        assert_unavailable(api.delete("/v1/templates/many"))
    left = versions()
    assert 0 < left < 30
    with faults.rule(Delay(0), **delete) as calls:
        assert api.delete("/v1/templates/many").status == 204
        assert calls.hits == left, "only what is left is deleted"
    assert versions() == 0


def test_revision_that_arrives_while_a_job_completes_is_indexed(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, ready: Ready
) -> None:
    """The completing write checks that no newer revision arrived, so that the job does not end too early."""
    complete: dict[str, Any] = {"service": "dynamodb", "action": "TransactWriteItems", "session": tenant.id}
    with faults.rule(
        Delay(2_000), service="bedrock-runtime", action="InvokeModel", session=tenant.id, count=1
    ) as embedding:
        document = api.add_document("Ferry", TEXT)["id"]
        until(lambda: embedding.hits, bool, "the worker embeds the first revision", SECONDS)
        # The next transaction of the tenant is the completion of the job.
        with faults.rule(Delay(6_000), **complete, count=1) as completing:
            until(lambda: completing.hits, bool, "the worker completes the job", SECONDS)
            newer = {**DOCUMENT, "content": "The ferry leaves at eight."}
            assert api.put(f"/v1/documents/{document}", newer).expect(202)["revision"] == 2

            def ready_revision() -> Any:
                return api.get(f"/v1/documents/{document}").expect(200)["ready_revision"]

            until(ready_revision, lambda found: found == 2, "the second revision is searchable", SECONDS)
