"""Workers that share a tenant's circuit lose no failure and run one probe, however many there are at once.

They are invoked side by side, past the cap that `dispatch` keeps, and held until all of them are at it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tools.attacks import Target
from tools.chaos.injection import body_of
from tools.devstack.aws import Tenant
from tools.devstack.changes import configured, queue_stopped
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Delay, Fail

WORKERS = 32
SECONDS = 90.0
# So long that a busy machine has started all of them by then, and shorter than an attempt at a call may take.
HELD = Delay(5_000)
# A refusal that is the tenant's own, and comes before anything of the tenant's is shared among its workers.
REFUSED = Fail("InvalidRequest", 400)


class Jobs:
    """One tenant's jobs, done by nobody but the test."""

    def __init__(self, stack: LocalStack, tenant: Tenant) -> None:
        self._stack, self._tenant, self._api = stack, tenant, stack.api(tenant)
        self.documents: list[str] = []

    def hand_in(self, count: int) -> list[dict[str, Any]]:
        """So many more, as events of the worker."""
        ids = [self._api.add_document(f"Page {each}", f"Page {each} is blue.")["id"] for each in range(count)]
        self.documents += ids

        def jobs() -> dict[str, dict[str, Any]]:
            return {item["document"]["S"]: item for item in self.items("JOB#") if item["document"]["S"] in ids}

        found = until(jobs, lambda seen: len(seen) == count, "all are accepted", SECONDS)
        return [{"tenant": self._tenant.id, "job": json.loads(body_of(job))} for job in found.values()]

    def run(self, *events: dict[str, Any]) -> None:
        """All of them at once, each in an environment of its own."""
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
        """As it is stored: `{"closed": {"failures": […]}}`, `{"open": …}` or `{"half_open": …}`."""
        (item,) = self.items("CIRCUIT")
        return json.loads(item["circuit"]["S"])["state"]

    @property
    def statuses(self) -> set[str]:
        found = {
            each["id"]: each["status"] for page in self._api.pages("/v1/documents", "documents", 100) for each in page
        }
        return {found[each] for each in self.documents}


def test_many_workers_share_one_circuit(stack: LocalStack, faults: Faults, newcomer: Callable[..., Tenant]) -> None:
    jobs = Jobs(stack, tenant := newcomer("Many workers"))
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
        with faults.rule(HELD, **about) as held, faults.rule(REFUSED, **about):
            jobs.run(*jobs.hand_in(WORKERS))
            assert held.hits == WORKERS, "not all of them got as far"
            failures = jobs.circuit["closed"]["failures"]
            assert len(failures) == WORKERS, f"{WORKERS - len(failures)} failures were lost"
            assert len({json.dumps(each, sort_keys=True) for each in failures}) == WORKERS
            # One failure more is one too many.
            jobs.run(*jobs.hand_in(1))
        until_when = jobs.circuit["open"]["until"]
        events = jobs.hand_in(WORKERS)
        until(time.time, lambda now: now * 1e6 > until_when, "the cool-down is over", SECONDS)
        with faults.rule(HELD, **about) as held:
            jobs.run(*events)
            assert held.hits == 1, f"{held.hits} probes ran"
        assert jobs.circuit == {"closed": {"failures": []}}
        parked = {item["document"]["S"] for item in jobs.items("WAITING#")}
        # The probe is done. Some that failed before wait as well, for their next attempt.
        assert len(parked & {event["job"]["document"] for event in events}) == WORKERS - 1
    # Retries are a share of successes, so that some were given up.
    jobs.redrive()
    until(lambda: jobs.statuses, lambda seen: seen == {"ready"}, "all are done in the end", SECONDS)
    assert len(Target.of(stack, tenant).vectors) == 2 * WORKERS + 1
