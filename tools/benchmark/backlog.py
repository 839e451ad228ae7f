"""Measures how many sweeps the scheduler needs to reach every tenant of a large backlog.

    python -m tools.benchmark.backlog [--tenants N] [--due N]

The backlog gets one entry per tenant, as the tenants' sessions write them. Some of the tenants have a job that is
due; its document must become ready. The others have no job; the scheduler removes their entries when it reaches
them. A tenant with a job keeps its entry until the job is done, so entries leave the backlog only when their tenant
is reached.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from tools.devstack.aws import Tenant
from tools.devstack.changes import queue_stopped
from tools.devstack.console import Console
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack

_ITEMS_PER_WRITE = 25
_ACCEPTED_SECONDS = 120.0
# Longer than the scheduler's time-out: after it, no invocation of the last sweep is left.
_SWEEP_SECONDS = 90.0


@dataclass(frozen=True)
class Sweep:
    """One sweep: the entries before and after it, the tenants that it had no time for, and the invocations."""

    before: int
    after: int
    invocations: int
    seconds: float


class Backlog:
    """The basic tier's backlog on a stack."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._client, self._table = stack.account.client("dynamodb"), stack.outputs["BasicBacklogTable"]

    def fill(self, tenants: int) -> set[str]:
        """Adds entries of tenants without jobs and returns their partitions."""
        partitions = [f"TENANT#{uuid.uuid4().hex}" for _ in range(tenants)]
        for first in range(0, tenants, _ITEMS_PER_WRITE):
            entries = [
                {"PutRequest": {"Item": {"pk": {"S": each}, "etag": {"S": uuid.uuid4().hex}}}}
                for each in partitions[first : first + _ITEMS_PER_WRITE]
            ]
            self._client.batch_write_item(RequestItems={self._table: entries})
        return set(partitions)

    def partitions(self) -> set[str]:
        """Returns the partitions of all tenants in the backlog."""
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        return {item["pk"]["S"] for page in pages for item in page["Items"]}

    def sweep(self) -> Sweep:
        """Runs a sweep and waits until the invocations that it started have ended."""
        before, calls, began = len(self.partitions()), self._invocations(), time.monotonic()
        report = self._stack.sweep()
        assert report and report["failed"] == 0, report
        # The sweep itself, and one invocation for each share that it left to others.
        shares = 1 + -(-report["shared"] // max(1, report["tenants"] + report["skipped"])) if report["shared"] else 1
        ended = until(
            lambda: self._invocations() - calls,
            lambda found: found >= shares,
            "the invocations of the sweep end",
            _SWEEP_SECONDS,
        )
        return Sweep(before, len(self.partitions()), ended, time.monotonic() - began)

    def _invocations(self) -> int:
        function = self._stack.outputs["BasicSchedulerFunction"]
        lines = self._stack.invocations.read_text().splitlines()
        return sum(json.loads(line)["function"] == function for line in lines)


def accept_jobs(stack: LocalStack, tenants: list[Tenant]) -> list[tuple[Tenant, str]]:
    """Gives each tenant a job that is due, and no message for it. The queue must be stopped."""
    before = stack.messages()
    jobs = [(tenant, stack.api(tenant).add_document("Page", "The ferry leaves.")["id"]) for tenant in tenants]
    until(stack.messages, lambda found: found == before + len(jobs), "all messages are sent", _ACCEPTED_SECONDS)
    accept_without_workers(stack)
    return jobs


def accept_without_workers(stack: LocalStack) -> None:
    """Lets the scheduler accept the jobs of all messages, as `dispatch` does if no worker is free."""
    sqs, queue = stack.account.client("sqs"), stack.outputs["BasicQueueUrl"]
    while taken := sqs.receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"], WaitTimeSeconds=0
    ).get("Messages", []):
        for message in taken:
            tenant = message["Attributes"]["MessageGroupId"]
            request = {"action": "defer", "tenant": tenant, "work": json.loads(message["Body"])}
            stack.account.invoke(stack.outputs["BasicSchedulerFunction"], request)
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def sweeps(stack: LocalStack, tenants: int, due: int, most: int) -> Iterator[Sweep]:
    """Fills the backlog and runs sweeps until every tenant is reached, at most `most`."""
    backlog = Backlog(stack)
    owners = [stack.onboard(f"Due {number}") for number in range(due)]
    with queue_stopped(stack):
        jobs = accept_jobs(stack, owners)
        waiting = backlog.partitions() & {tenant.partition for tenant in owners}
        assert len(waiting) == due, f"{len(waiting)} of {due} tenants with a job are in the backlog"
        idle = backlog.fill(tenants - due)

    def open_jobs() -> int:
        return sum(
            stack.api(tenant).get(f"/v1/documents/{document}").expect(200)["status"] != "ready"
            for tenant, document in jobs
        )

    for _ in range(most):
        yield backlog.sweep()
        if not idle & backlog.partitions():
            break
    else:
        raise AssertionError(f"{len(idle & backlog.partitions())} tenants are not reached after {most} sweeps")
    until(open_jobs, lambda left: left == 0, "the due jobs are done", _SWEEP_SECONDS)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.benchmark.backlog", description=__doc__.partition("\n")[0])
    parser.add_argument("--tenants", type=int, default=10_000, metavar="N", help="entries (default: 10000)")
    parser.add_argument("--due", type=int, default=20, metavar="N", help="tenants with a due job (default: 20)")
    parser.add_argument("--most", type=int, default=40, metavar="N", help="maximum number of sweeps (default: 40)")
    given = parser.parse_args()
    console = Console()
    stack = LocalStack.temporary("backlog", console, judgements=False, invocations=True)
    with stack:
        console.heading(f"{given.tenants} tenants in the backlog, {given.due} of them with a due job")
        number = 0
        for number, each in enumerate(sweeps(stack, given.tenants, given.due, given.most), 1):
            console.line(
                f"  sweep {number}: {each.before - each.after} of {each.before} tenants, "
                f"{each.invocations} invocations, {each.seconds:.0f} s"
            )
        console.line(f"  every tenant was reached after {number} sweeps, and every due job is done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
