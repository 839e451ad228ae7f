"""Failing jobs of one tenant do not affect others, none is lost, and each dead letter has its reason."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tools.attacks import Target
from tools.benchmark.backlog import Backlog, accept_jobs, accept_without_workers
from tools.devstack.aws import Tenant
from tools.devstack.changes import queue_stopped
from tools.devstack.client import Api, send
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

Ready = Callable[..., list[dict[str, Any]]]
SECONDS = 90.0


class Partition:
    """A tenant's partition, read by the account's root."""

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
        """Returns `closed`, `open` or `half_open`."""
        found = self.items("CIRCUIT")
        return (
            next(iter(json.loads(found[0]["circuit"]["S"])["state"])) if "circuit" in (found or [{}])[0] else "closed"
        )

    @property
    def in_backlog(self) -> bool:
        client, _ = self._table
        key = {"pk": {"S": self._tenant.partition}}
        return "Item" in client.get_item(TableName=self._backlog, Key=key, ConsistentRead=True)


def add_documents(api: Api, count: int) -> list[str]:
    return [
        api.add_document(f"Page {each}", f"Page {each} says the word of page {each}.")["id"] for each in range(count)
    ]


def add_queued_documents(stack: LocalStack, api: Api, count: int) -> list[str]:
    """Adds documents while the queue is stopped, and waits until `intake` has sent their messages."""
    before = stack.messages()
    ids = add_documents(api, count)
    until(lambda: stack.messages() - before, lambda found: found == count, "all messages are sent", SECONDS)
    return ids


def statuses(api: Api, ids: list[str]) -> Counter[str]:
    found = {each["id"]: each["status"] for page in api.pages("/v1/documents", "documents", 100) for each in page}
    return Counter(found[each] for each in ids)


def sweep_until(stack: LocalStack, api: Api, ids: list[str], enough: Callable[[Counter[str]], bool], what: str) -> Any:
    """Waits for the statuses; runs the scheduler's sweep at every look instead of every minute."""

    def look() -> Counter[str]:
        assert stack.sweep().get("failed", 0) == 0
        return statuses(api, ids)

    return until(look, enough, what, SECONDS, every=0.3)


def add_unreadable_document(api: Api) -> str:
    """Adds a document of type text with binary content and returns its id."""
    content = b"\x7fELF is no text"
    slot = api.post("/v1/documents/uploads", {"title": "Broken", "content_type": "text/plain", "bytes": len(content)})
    slot = slot.expect(201)
    upload = slot["upload"]
    assert send(upload["method"], upload["url"], content, upload["headers"]).status == 200
    return slot["document"]["id"]


def test_unreadable_document_is_a_dead_letter_of_its_tenant(
    stack: LocalStack, new_tenant: Callable[[str], Tenant], ready: Ready
) -> None:
    tenant, neighbour = new_tenant("Broken"), new_tenant("Whole")
    api, other = stack.api(tenant), stack.api(neighbour)
    assert api.get("/v1/dead-letters").expect(200) == {"dead_letters": [], "cursor": None}
    broken = add_unreadable_document(api)
    document = ready(api, broken, status="dead")[0]
    assert "is a program" in document["last_error"]
    letter = api.get("/v1/dead-letters").expect(200)["dead_letters"][0]
    assert (letter["document"], letter["last_error"], letter["attempts"]) == (broken, document["last_error"], 1)
    assert letter["accepted_at"] <= letter["dead_since"]
    # No other tenant can see or redrive it.
    assert other.get("/v1/dead-letters").expect(200)["dead_letters"] == []
    problem(other.post(f"/v1/dead-letters/{broken}/redrive", None), 404)
    # After a redrive it fails again.
    assert api.post(f"/v1/dead-letters/{broken}/redrive", None).expect(202)["documents"] == [broken]
    assert api.get("/v1/dead-letters").expect(200)["dead_letters"] == []
    sweep_until(stack, api, [broken], lambda seen: seen["dead"] == 1, "the document is dead again")
    assert len(api.get("/v1/dead-letters").expect(200)["dead_letters"]) == 1
    # Deleting the document deletes the dead letter.
    api.delete(f"/v1/documents/{broken}").expect(204)
    assert api.get("/v1/dead-letters").expect(200)["dead_letters"] == []
    problem(api.post(f"/v1/dead-letters/{broken}/redrive", None), 404)
    assert Partition(stack, tenant).counts() == {"JOB#": 0, "WAITING#": 0, "DEAD#": 0}


def test_jobs_of_a_failing_tenant_wait_and_are_done_after_recovery(stack: LocalStack, ready: Ready) -> None:
    """The tenant disables its key, so every job fails. Its neighbour is not affected."""
    tenant, neighbour = stack.onboard("Storming", key="own"), stack.onboard("Healthy")
    api, other = stack.api(tenant), stack.api(neighbour)
    partition = Partition(stack, tenant)
    kms = stack.account.client("kms")
    with queue_stopped(stack):
        ids = add_queued_documents(stack, api, 24)
        kms.disable_key(KeyId=tenant.key_arn)
    try:
        until(lambda: partition.circuit, lambda state: state == "open", "the circuit opens", SECONDS)
        ready(other, *add_documents(other, 5))
        # Jobs without an attempt wait, without a message; failed jobs wait for a retry or are dead.
        until(partition.counts, lambda seen: seen["JOB#"] == 0, "no job is queued or running", SECONDS)
        seen = partition.counts()
        assert seen["WAITING#"] + seen["DEAD#"] == 24, seen
        # The retry budget is a share of successes, and there were none.
        assert seen["DEAD#"] >= 1, seen
    finally:
        kms.enable_key(KeyId=tenant.key_arn)
    dead = [each["document"]["S"] for each in partition.items("DEAD#")]
    sweep_until(
        stack,
        api,
        ids,
        lambda seen: seen["ready"] + seen["dead"] == 24 and seen["ready"] >= 24 - len(dead),
        "all waiting jobs are done",
    )
    assert partition.circuit == "closed"
    letters = api.get("/v1/dead-letters?limit=100").expect(200)["dead_letters"]
    assert {each["last_error"] for each in letters} == {
        "the tenant's encryption key is disabled or scheduled for deletion"
    }
    again = api.post("/v1/dead-letters/redrive", None).expect(202)
    assert set(again["documents"]) == {each["document"] for each in letters} and not again["more"]
    sweep_until(stack, api, ids, lambda seen: seen["ready"] == 24, "all documents are ready")
    assert len(Target.of(stack, tenant).vectors) == 24, "each page must be indexed once"
    assert partition.counts() == {"JOB#": 0, "WAITING#": 0, "DEAD#": 0}
    until(
        lambda: (stack.sweep(), partition.in_backlog)[1], lambda there: not there, "the backlog entry is gone", SECONDS
    )


def test_job_whose_message_is_lost_is_done(stack: LocalStack, tenant: Tenant, api: Api) -> None:
    partition = Partition(stack, tenant)
    with queue_stopped(stack):
        ids = add_queued_documents(stack, api, 3)
        accept_without_workers(stack)
        until(
            lambda: (stack.sweep(), len(partition.items("JOB#")))[1],
            lambda found: found == 3,
            "all jobs are queued",
            SECONDS,
        )
        stack.account.client("sqs").purge_queue(QueueUrl=stack.outputs["BasicQueueUrl"])
    sweep_until(stack, api, ids, lambda seen: seen["ready"] == 3, "the scheduler requeues the jobs")


def test_jobs_with_damaged_times_are_done(stack: LocalStack, new_tenant: Callable[[str], Tenant]) -> None:
    """A wrong clock may have stored times years ahead: in the circuit, and in a job in each state."""
    api = stack.api(tenant := new_tenant("Damaged"))
    partition, client = Partition(stack, tenant), stack.session(tenant).client("dynamodb")
    table = stack.outputs["DataTable"]
    years = int(time.time() * 1000) + 10**11
    with queue_stopped(stack):
        ids = add_queued_documents(stack, api, 3)
        accept_without_workers(stack)
        until(
            lambda: (stack.sweep(), partition.items("JOB#"))[1], lambda seen: len(seen) == 3, "all are queued", SECONDS
        )
        stack.account.client("sqs").purge_queue(QueueUrl=stack.outputs["BasicQueueUrl"])

        def put(item: dict[str, Any], **more: dict[str, str]) -> None:
            client.put_item(TableName=table, Item=item | {"until": {"N": str(years)}} | more)

        queued, running, waiting = partition.items("JOB#")
        put(queued)
        put(running, status={"S": "running"})
        key = {name: waiting[name] for name in ("pk", "sk")}
        client.delete_item(TableName=table, Key=key)
        due = f"WAITING#{years:014}#{waiting['document']['S']}"
        put(waiting, sk={"S": due}, status={"S": "waiting"}, waiting_reason={"S": "retry"})
        circuit = {"version": 5, "epoch": 2, "state": {"open": {"until": years * 1000, "failed_probes": 0}}}
        key = {"pk": {"S": tenant.partition}, "sk": {"S": "CIRCUIT"}}
        values = {"circuit": {"S": json.dumps(circuit)}, "version": {"N": "5"}}
        client.put_item(TableName=table, Item=key | values)
    assert partition.circuit == "open"
    sweep_until(stack, api, ids, lambda seen: seen["ready"] == 3, "all jobs are done")
    assert partition.circuit == "closed"
    assert partition.counts() == {"JOB#": 0, "WAITING#": 0, "DEAD#": 0}


def test_late_jobs_do_not_grow_the_queue(stack: LocalStack, new_tenant: Callable[[str], Tenant]) -> None:
    """Jobs whose messages wait too long count as lost. The scheduler requeues only as many as there are workers."""
    api = stack.api(tenant := new_tenant("A long queue"))
    partition, count, workers = Partition(stack, tenant), 24, 8
    with queue_stopped(stack):
        ids = add_queued_documents(stack, api, count)
        accept_without_workers(stack)
        until(
            lambda: (stack.sweep(), partition.counts())[1],
            lambda seen: seen["WAITING#"] == count - workers,
            "the other jobs wait",
            SECONDS,
        )
        for _ in range(3):
            stack.sweep()
        assert stack.messages() <= 3 * workers
    sweep_until(stack, api, ids, lambda seen: seen["ready"] == count, "all jobs are done")
    assert len(Target.of(stack, tenant).vectors) == count


def test_jobs_beyond_the_worker_quota_are_done_in_turn(
    stack: LocalStack, new_tenant: Callable[[str], Tenant], ready: Ready
) -> None:
    """Jobs beyond the worker quota wait in the partition and continue as workers finish, without a sweep."""
    tenant = new_tenant("Many pages")
    api, partition = stack.api(tenant), Partition(stack, tenant)
    with queue_stopped(stack):
        ids = add_queued_documents(stack, api, 30)
    until(lambda: statuses(api, ids), lambda seen: seen["ready"] == 30, "all jobs are done", SECONDS)
    assert len(Target.of(stack, tenant).vectors) == 30
    until(partition.counts, lambda seen: not any(seen.values()), "no job is left", SECONDS)


@pytest.mark.parametrize("path", ["/v1/dead-letters/nonsense/redrive", f"/v1/dead-letters/{'0' * 32}/redrive"])
def test_only_a_dead_letter_can_be_redriven(api: Api, path: str) -> None:
    problem(api.post(path, None), 400 if "nonsense" in path else 404)


def test_sweeps_reach_every_tenant_of_a_large_backlog(
    stack: LocalStack, new_tenant: Callable[[str], Tenant], ready: Ready
) -> None:
    """More tenants than one invocation handles. Three have a due job; the scheduler removes the entries of the others."""
    own_share, idle = 200, 600
    owners = [new_tenant(f"Due {number}") for number in range(3)]
    backlog = Backlog(stack)
    with queue_stopped(stack):
        jobs = accept_jobs(stack, owners)
        others = backlog.partitions() - {tenant.partition for tenant in owners}
        entries = backlog.fill(idle)
    report = stack.sweep()
    assert report["tenants"] + report["skipped"] == own_share, report
    assert report["shared"] == idle + len(owners) + len(others) - own_share, report
    until(
        lambda: entries & backlog.partitions() and (stack.sweep(), entries & backlog.partitions())[1],
        lambda left: not left,
        "all are reached",
        2 * SECONDS,
    )
    for tenant, document in jobs:
        ready(stack.api(tenant), document)
