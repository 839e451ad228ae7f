"""Concurrent workers of a tenant share one circuit: it counts every failure and lets one probe run.

The test invokes the workers itself, beyond the worker quota of `dispatch`, and delays them until all run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.changes import configured, queue_stopped
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Delay, Fail

WORKERS = 32
SECONDS = 90.0
# Long enough to start all workers on a busy machine, shorter than the time limit of one attempt.
DELAYED = Delay(5_000)
# Counts against the tenant, and comes before the workers share any state.
REFUSED = Fail("InvalidRequest", 400)


class Jobs:
    """One tenant's jobs; only the test runs them."""

    def __init__(self, stack: LocalStack, tenant: Tenant) -> None:
        self._stack, self._tenant, self._api = stack, tenant, stack.api(tenant)
        self.documents: list[str] = []

    def add(self, count: int) -> list[dict[str, Any]]:
        """Adds `count` documents and returns the worker's events for their stored objects."""
        ids = [self._api.add_document(f"Page {each}", f"Page {each} is blue.")["id"] for each in range(count)]
        self.documents += ids
        bucket, prefix = self._stack.outputs["BasicBucket"], f"t/{self._tenant.id}/documents"
        return [
            {
                "tenant": self._tenant.id,
                "work": {"bucket": bucket, "key": f"{prefix}/{each}/source.00000001", "bytes": 1},
            }
            for each in ids
        ]

    def run(self, *events: dict[str, Any]) -> None:
        """Runs all events at once, each in its own environment."""
        worker = self._stack.outputs["BasicIngestionFunction"]
        with ThreadPoolExecutor(len(events)) as workers:
            list(workers.map(lambda event: self._stack.account.invoke(worker, event, self._tenant.id), events))

    def redrive(self) -> None:
        while self._api.post("/v1/dead-letters/redrive", None).expect(202)["more"]:
            pass

    def items(self, prefix: str) -> list[dict[str, Any]]:
        found = Target.of(self._stack, self._tenant).items
        return [item for item in found if item["sk"]["S"].startswith(prefix)]

    @property
    def circuit(self) -> dict[str, Any]:
        """Returns the stored state: `{"closed": {"failures": […]}}`, `{"open": …}` or `{"half_open": …}`."""
        (item,) = self.items("CIRCUIT")
        return json.loads(item["circuit"]["S"])["state"]

    @property
    def statuses(self) -> set[str]:
        found = {
            each["id"]: each["status"] for page in self._api.pages("/v1/documents", "documents", 100) for each in page
        }
        return {found[each] for each in self.documents}


def test_concurrent_workers_share_one_circuit(
    stack: LocalStack, faults: Faults, new_tenant: Callable[..., Tenant]
) -> None:
    jobs = Jobs(stack, tenant := new_tenant("Many workers"))
    about = {"service": "s3", "action": "GetObject", "session": tenant.id}
    worker = stack.outputs["BasicIngestionFunction"]
    with (
        queue_stopped(stack),
        configured(
            stack,
            worker,
            timeout=60,
            CIRCUIT_FAILURES=str(WORKERS + 1),
            CIRCUIT_COOL_DOWN="1",
            TENANT_EMBEDDINGS="1000",
        ),
    ):
        with faults.rule(DELAYED, **about) as delayed, faults.rule(REFUSED, **about):
            jobs.run(*jobs.add(WORKERS))
            assert delayed.hits == WORKERS, "not all workers reached the call"
            failures = jobs.circuit["closed"]["failures"]
            assert len(failures) == WORKERS, f"{WORKERS - len(failures)} failures were lost"
            assert len({json.dumps(each, sort_keys=True) for each in failures}) == WORKERS
            # One more failure opens the circuit.
            jobs.run(*jobs.add(1))
        open_until = jobs.circuit["open"]["until"]
        events = jobs.add(WORKERS)
        until(time.time, lambda now: now * 1e6 > open_until, "the cool-down is over", SECONDS)
        # Delays the first read only: the session, and so the signed URL for `extraction`, lasts a few seconds.
        with faults.rule(DELAYED, **about, count=1) as delayed:
            jobs.run(*events)
            # A probe reads the object twice: the worker one byte, and `extraction` all of it.
            assert delayed.matched == 2, f"{delayed.matched} reads, two for each probe"
        assert jobs.circuit == {"closed": {"failures": []}}
        waiting = {item["document"]["S"] for item in jobs.items("WAITING#")}
        # All but the probe wait. Jobs that failed before may also wait, for their next attempt.
        assert len(waiting & set(jobs.documents[-WORKERS:])) == WORKERS - 1
    # The retry budget is a share of successes, so some jobs are dead.
    jobs.redrive()
    until(lambda: jobs.statuses, lambda seen: seen == {"ready"}, "all documents are ready", SECONDS)
    assert len(Target.of(stack, tenant).vectors) == 2 * WORKERS + 1
