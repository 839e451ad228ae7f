"""Jobs that fail: one tenant's stay its own, none is lost, and each is told apart at the end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.changes import queue_stopped
from tools.devstack.client import Api, send
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

Ready = Callable[..., list[dict[str, Any]]]
SECONDS = 90.0


class Partition:
    """What lies in a tenant's partition, seen by the account's root."""

    def __init__(self, stack: LocalStack, tenant: Tenant) -> None:
        self._table = stack.account.client("dynamodb"), stack.outputs["DataTable"]
        self._backlog, self._tenant = stack.outputs["BasicBacklogTable"], tenant

    def items(self, prefix: str) -> list[dict[str, Any]]:
        client, table = self._table
        return client.query(
            TableName=table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ConsistentRead=True,
            ExpressionAttributeValues={":pk": {"S": self._tenant.partition}, ":sk": {"S": prefix}},
        )["Items"]

    def counts(self) -> dict[str, int]:
        return {prefix: len(self.items(prefix)) for prefix in ("JOB#", "WAITING#", "DEAD#")}

    @property
    def circuit(self) -> str:
        """`closed`, `open` or `half_open`."""
        found = self.items("CIRCUIT")
        return (
            next(iter(json.loads(found[0]["circuit"]["S"])["state"])) if "circuit" in (found or [{}])[0] else "closed"
        )

    @property
    def in_backlog(self) -> bool:
        client, _ = self._table
        key = {"pk": {"S": self._tenant.partition}}
        return "Item" in client.get_item(TableName=self._backlog, Key=key, ConsistentRead=True)


def hand_in(api: Api, count: int) -> list[str]:
    return [
        api.add_document(f"Page {each}", f"Page {each} says the word of page {each}.")["id"] for each in range(count)
    ]


def statuses(api: Api, ids: list[str]) -> Counter[str]:
    found = {each["id"]: each["status"] for page in api.pages("/v1/documents", "documents", 100) for each in page}
    return Counter(found[each] for each in ids)


def come_to(stack: LocalStack, api: Api, ids: list[str], enough: Callable[[Counter[str]], bool], what: str) -> Any:
    """Wait for it, while what would be brought back within a minute is brought back at once."""

    def look() -> Counter[str]:
        assert stack.sweep().get("failed", 0) == 0
        return statuses(api, ids)

    return until(look, enough, what, SECONDS, every=0.3)


def unreadable(api: Api) -> str:
    """A document that says it is text and is not."""
    content = b"\xff\xfe\x00 not text"
    slot = api.post("/v1/documents/uploads", {"title": "Broken", "content_type": "text/plain", "bytes": len(content)})
    slot = slot.expect(201)
    upload = slot["upload"]
    assert send(upload["method"], upload["url"], content, upload["headers"]).status == 200
    return slot["document"]["id"]


def test_a_document_that_cannot_be_read_is_a_dead_letter_of_its_tenant(
    stack: LocalStack, new_tenant: Callable[[str], Tenant], ready: Ready
) -> None:
    tenant, neighbour = new_tenant("Broken"), new_tenant("Whole")
    api, other = stack.api(tenant), stack.api(neighbour)
    assert api.get("/v1/dead-letters").expect(200) == {"dead_letters": [], "cursor": None}
    broken = unreadable(api)
    document = ready(api, broken, status="dead")[0]
    assert "UTF-8" in document["last_error"]
    letter = api.get("/v1/dead-letters").expect(200)["dead_letters"][0]
    assert (letter["document"], letter["last_error"], letter["attempts"]) == (broken, document["last_error"], 1)
    assert letter["accepted_at"] <= letter["dead_since"]
    # Nobody else sees it, or can do anything with it.
    assert other.get("/v1/dead-letters").expect(200)["dead_letters"] == []
    problem(other.post(f"/v1/dead-letters/{broken}/redrive", None), 404)
    # Another chance changes nothing about it, and it is told again.
    assert api.post(f"/v1/dead-letters/{broken}/redrive", None).expect(202)["documents"] == [broken]
    assert api.get("/v1/dead-letters").expect(200)["dead_letters"] == []
    come_to(stack, api, [broken], lambda seen: seen["dead"] == 1, "it fails again")
    assert len(api.get("/v1/dead-letters").expect(200)["dead_letters"]) == 1
    # With its document it goes.
    api.delete(f"/v1/documents/{broken}").expect(204)
    assert api.get("/v1/dead-letters").expect(200)["dead_letters"] == []
    problem(api.post(f"/v1/dead-letters/{broken}/redrive", None), 404)
    assert Partition(stack, tenant).counts() == {"JOB#": 0, "WAITING#": 0, "DEAD#": 0}


def test_a_tenant_all_of_whose_jobs_fail_is_put_aside_and_comes_back(stack: LocalStack, ready: Ready) -> None:
    """The tenant disables its key: every job fails. Its neighbour notices nothing."""
    tenant, neighbour = stack.onboard("Storming", key="own"), stack.onboard("Healthy")
    api, other = stack.api(tenant), stack.api(neighbour)
    partition = Partition(stack, tenant)
    kms = stack.account.client("kms")
    with queue_stopped(stack):
        ids = hand_in(api, 24)
        until(lambda: len(partition.items("JOB#")), lambda found: found == 24, "all are accepted", SECONDS)
        kms.disable_key(KeyId=tenant.key_arn)
    try:
        until(lambda: partition.circuit, lambda state: state == "open", "the circuit opens", SECONDS)
        ready(other, *hand_in(other, 5))
        # What was not tried waits, on no queue; what failed waits for its next attempt, or was given up.
        until(partition.counts, lambda seen: seen["JOB#"] == 0, "the rest is put aside", SECONDS)
        seen = partition.counts()
        assert seen["WAITING#"] + seen["DEAD#"] == 24, seen
        # Retries are a share of successes, and there were none.
        assert seen["DEAD#"] >= 1, seen
    finally:
        kms.enable_key(KeyId=tenant.key_arn)
    dead = [each["document"]["S"] for each in partition.items("DEAD#")]
    come_to(
        stack,
        api,
        ids,
        lambda seen: seen["ready"] + seen["dead"] == 24 and seen["ready"] >= 24 - len(dead),
        "all that was put aside is done",
    )
    assert partition.circuit == "closed"
    letters = api.get("/v1/dead-letters?limit=100").expect(200)["dead_letters"]
    assert {each["last_error"] for each in letters} == {
        "the tenant's encryption key is disabled or scheduled for deletion"
    }
    again = api.post("/v1/dead-letters/redrive", None).expect(202)
    assert set(again["documents"]) == {each["document"] for each in letters} and not again["more"]
    come_to(stack, api, ids, lambda seen: seen["ready"] == 24, "all are done in the end")
    assert len(Target.of(stack, tenant).vectors) == 24, "a page is indexed once"
    assert partition.counts() == {"JOB#": 0, "WAITING#": 0, "DEAD#": 0}
    until(lambda: (stack.sweep(), partition.in_backlog)[1], lambda there: not there, "nothing is left to do", SECONDS)


def test_a_job_whose_message_is_lost_is_done(stack: LocalStack, tenant: Tenant, api: Api) -> None:
    partition = Partition(stack, tenant)
    with queue_stopped(stack):
        ids = hand_in(api, 3)
        until(lambda: len(partition.items("JOB#")), lambda found: found == 3, "all are accepted", SECONDS)
        stack.account.client("sqs").purge_queue(QueueUrl=stack.outputs["BasicQueueUrl"])
    come_to(stack, api, ids, lambda seen: seen["ready"] == 3, "they are found again")


def test_a_long_queue_does_not_grow_by_being_late(stack: LocalStack, new_tenant: Callable[[str], Tenant]) -> None:
    """Jobs whose messages wait too long are taken for lost. No more of them are sent again than there are workers."""
    api = stack.api(tenant := new_tenant("A long queue"))
    partition, count, workers = Partition(stack, tenant), 24, 8
    with queue_stopped(stack):
        before = stack.messages()
        ids = hand_in(api, count)
        until(lambda: stack.messages() - before, lambda found: found == count, "all are sent", SECONDS)
        until(
            lambda: (stack.sweep(), partition.counts())[1],
            lambda seen: seen["WAITING#"] == count - workers,
            "they are taken for lost",
            SECONDS,
        )
        for _ in range(3):
            stack.sweep()
        assert stack.messages() - before <= count + 2 * workers
    come_to(stack, api, ids, lambda seen: seen["ready"] == count, "they are done")
    assert len(Target.of(stack, tenant).vectors) == count


def test_a_tenant_with_more_jobs_than_workers_has_them_done_in_turn(
    stack: LocalStack, new_tenant: Callable[[str], Tenant], ready: Ready
) -> None:
    """Beyond its workers its jobs wait in its partition, and go on as those are done: nobody has to look."""
    tenant = new_tenant("Many pages")
    api, partition = stack.api(tenant), Partition(stack, tenant)
    with queue_stopped(stack):
        ids = hand_in(api, 30)
        until(lambda: len(partition.items("JOB#")), lambda found: found == 30, "all are accepted", SECONDS)
    until(lambda: statuses(api, ids), lambda seen: seen["ready"] == 30, "all are done", SECONDS)
    assert len(Target.of(stack, tenant).vectors) == 30
    until(partition.counts, lambda seen: not any(seen.values()), "nothing is left", SECONDS)


@pytest.mark.parametrize("path", ["/v1/dead-letters/nonsense/redrive", f"/v1/dead-letters/{'0' * 32}/redrive"])
def test_only_a_dead_letter_is_redriven(api: Api, path: str) -> None:
    problem(api.post(path, None), 400 if "nonsense" in path else 404)
