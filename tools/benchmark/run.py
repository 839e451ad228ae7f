"""Measures one set-up on a separate stack: quiet phases and storms in turn."""

from __future__ import annotations

import json
import sched
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tools.devstack.aws import Tenant
from tools.devstack.client import send
from tools.devstack.console import Console
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack
from tools.faultproxy.effects import Delay, Fail

from .load import STORM, Arrival, Load, arrivals
from .measure import Job, Left, Phase, Work
from .setups import Setup

# An attempt must fit into the time-outs. A lost job must be found before `_MAX_WAIT` ends.
_TIMEOUTS = {"WorkerTimeout": "30", "DispatchTimeout": "60", "VisibilityTimeout": "60"}
_UPLOAD_THREADS = 8
_MAX_WAIT = 180.0
_BEDROCK = {"service": "bedrock-runtime", "action": "InvokeModel"}
# Bedrock's error for a text that it does not embed: a failure of the tenant, not of AWS.
_REFUSAL = Fail("ValidationException", 400, "this text cannot be embedded")


@dataclass
class PendingUpload:
    """A document record and the presigned upload of its content."""

    document: str
    upload: dict[str, Any]


@dataclass
class Bench:
    """A running stack with its tenants. The last tenants storm."""

    stack: LocalStack
    load: Load
    tenants: list[Tenant]
    console: Console
    slots: dict[int, list[PendingUpload]] = field(default_factory=dict)

    @property
    def healthy(self) -> list[Tenant]:
        return self.tenants[: self.load.healthy]

    @property
    def storming(self) -> list[Tenant]:
        return self.tenants[self.load.healthy :]


def run(
    setup: Setup, seconds: float, repeats: int, console: Console, root: Path, more: Mapping[str, str]
) -> list[Phase]:
    """Measures a set-up: `repeats` times a quiet phase and a storm. `more` are additional parameters."""
    load = setup.load
    console.heading(f"{setup.title}")
    console.line(
        f"{load.healthy} healthy tenants use {load.healthy_share:.0%} of {load.workers} workers; a storm of "
        f"{load.storming * load.storm_rate:.1f} jobs per second, which {'fail' if load.fails else 'succeed'} after "
        f"{load.storm_seconds:.0f} s, raises this to {load.demand:.0%}."
    )
    stack = LocalStack.temporary(
        f"neighbour-{setup.key}",
        console,
        root=root,
        judgements=False,
        faults=True,
        invocations=True,
        fair_queues=setup.fair_queues,
        parameters={**_TIMEOUTS, **setup.parameters, **more},
    )
    with stack, ExitStack() as rules:
        bench = _prepared(stack, load, console)
        for tenant in bench.tenants:
            storming = tenant in bench.storming
            delay = Delay(round((load.storm_seconds if storming else load.service_seconds) * 1000))
            rules.enter_context(stack.faults.rule(delay, session=tenant.id, **_BEDROCK))
            if storming and load.fails:
                rules.enter_context(stack.faults.rule(_REFUSAL, session=tenant.id, **_BEDROCK))
        plans = [arrivals(load, seconds, seed, storm=storm) for seed in range(repeats) for storm in (False, True)]
        _warm_up(bench)
        return [_phase(bench, plan, seconds, storm=bool(number % 2)) for number, plan in enumerate(plans)]


def _prepared(stack: LocalStack, load: Load, console: Console) -> Bench:
    with console.step(f"onboard {load.healthy} healthy tenants and {load.storming} storming"):
        names = [f"Healthy {number}" for number in range(load.healthy)]
        names += [f"Storm {number}" for number in range(load.storming)]
        return Bench(stack, load, [stack.onboard(name) for name in names], console)


def _warm_up(bench: Bench) -> None:
    """Runs two jobs of every tenant, so that the first phase does not include cold starts."""
    with bench.console.step("start the workers of all tenants"):
        plan = [Arrival(0.0, tenant) for tenant in range(-bench.load.storming, bench.load.healthy) for _ in range(2)]
        _create_records(bench, plan)
        sent = _upload(bench, plan, lambda _: None)
        _wait_for(bench, sent)
        _end(bench)


def _phase(bench: Bench, plan: list[Arrival], seconds: float, *, storm: bool) -> Phase:
    name = "storm" if storm else "quiet"
    with bench.console.step(f"create {len(plan)} document records"):
        _create_records(bench, plan)
    with bench.console.step(f"{name}: upload over {seconds:.0f} s and wait for the healthy documents") as step:
        begun = time.time()
        sent = _upload(bench, plan, lambda number: step.note(f"{number} of {len(plan)} uploaded"))
        uploaded = time.time()
        left = _left(bench)
        ready = _wait_for(bench, sent, lambda open_: step.note(f"{open_} healthy documents unfinished"))
        _end(bench)
        work = _work(bench, begun)
    jobs = [
        Job(tenant, document, at, _started(work, document, ready.get(document)), ready.get(document))
        for tenant, document, at in sent
    ]
    return Phase(storm, begun, uploaded, jobs, work, left)


# === Uploads ===


def _create_records(bench: Bench, plan: list[Arrival]) -> None:
    """Creates the document records in advance, so that a phase only uploads content."""

    def create(arrival: Arrival) -> tuple[int, PendingUpload]:
        tenant = bench.tenants[arrival.tenant]
        body = {"title": "Bench", "content_type": "text/plain", "bytes": len(_CONTENT)}
        made = bench.stack.api(tenant).post("/v1/documents/uploads", body).expect(201)
        return arrival.tenant, PendingUpload(made["document"]["id"], made["upload"])

    bench.slots = {}
    with ThreadPoolExecutor(2) as pool:
        for tenant, pending in pool.map(create, plan):
            bench.slots.setdefault(tenant, []).append(pending)


_CONTENT = b"The harbour bell rings at noon."

Sent = tuple[int, str, float]


def _upload(bench: Bench, plan: list[Arrival], progress: Callable[[int], None]) -> list[Sent]:
    """Uploads each document at its time and returns tenant, document and time."""
    sent: list[Sent] = []
    slots = {tenant: iter(each) for tenant, each in bench.slots.items()}

    def store(tenant: int, pending: PendingUpload) -> None:
        at = time.time()
        answer = send(pending.upload["method"], pending.upload["url"], _CONTENT, pending.upload["headers"])
        assert answer.status == 200, answer.text
        sent.append((tenant, pending.document, at))
        progress(len(sent))

    with ThreadPoolExecutor(_UPLOAD_THREADS) as pool:
        clock = sched.scheduler(time.monotonic, time.sleep)
        for arrival in plan:
            clock.enter(arrival.at, 0, pool.submit, (store, arrival.tenant, next(slots[arrival.tenant])))
        clock.run()
    return sent


# === Results ===


def _items(bench: Bench, tenant: Tenant) -> dict[str, list[dict[str, Any]]]:
    """Returns a tenant's items by kind, in one query so that a moving job is not counted twice."""
    client = bench.stack.account.client("dynamodb")
    pages = client.get_paginator("query").paginate(
        TableName=bench.stack.outputs["DataTable"],
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": tenant.partition}},
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for item in (item for page in pages for item in page["Items"]):
        found.setdefault(item["sk"]["S"].partition("#")[0], []).append(item)
    return found


def _ready(bench: Bench) -> dict[str, float]:
    """Returns the ready documents of the healthy tenants and when they became ready."""
    found = {}
    for tenant in bench.healthy:
        for item in _items(bench, tenant).get("DOCUMENT", ()):
            if item["status"]["S"] == "ready":
                found[item["sk"]["S"].partition("#")[2]] = _seconds(item["updated_at"]["S"])
    return found


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _wait_for(bench: Bench, sent: list[Sent], progress: Callable[[int], None] = lambda _: None) -> dict[str, float]:
    """Waits until every healthy document is ready, at most `_MAX_WAIT` seconds. Returns when each became ready."""
    wanted = {document for tenant, document, _ in sent if tenant > STORM}
    deadline = time.monotonic() + _MAX_WAIT
    while (missing := wanted - (ready := _ready(bench)).keys()) and time.monotonic() < deadline:
        progress(len(missing))
        time.sleep(1.0)
    return ready


def _left(bench: Bench) -> Left:
    """Returns the states of the storming tenants' jobs."""
    found = [_items(bench, tenant) for tenant in bench.storming]
    return Left(*(sum(len(each.get(kind, ())) for each in found) for kind in ("JOB", "WAITING", "DEAD")))


def _end(bench: Bench) -> None:
    """Removes the storm's jobs and its circuit, so that every phase starts alike.

    Waits for running attempts first, because they are part of the storm's cost.
    """
    _clear(bench)
    bench.stack.account.client("sqs").purge_queue(QueueUrl=bench.stack.tier("basic")["QueueUrl"])
    until(_running(bench), lambda busy: not busy, "the storm's attempts end", 60.0, every=0.5)
    _clear(bench)


def _running(bench: Bench) -> Callable[[], int]:
    """Returns a function that counts the storming tenants' worker slots in use."""
    client, table = bench.stack.account.client("dynamodb"), bench.stack.tier("basic")["WorkerSlotsTable"]
    keys = [{"pk": {"S": tenant.partition}} for tenant in bench.storming]

    def look() -> int:
        items = [client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {}) for key in keys]
        return sum(name.startswith("slot_") for item in items for name in item)

    return look


def _clear(bench: Bench) -> None:
    client = bench.stack.account.client("dynamodb")
    outputs, backlog = bench.stack.outputs, bench.stack.tier("basic")["BacklogTable"]
    for tenant in bench.storming:
        found = _items(bench, tenant)
        for kind in ("JOB", "WAITING", "DEAD", "CIRCUIT"):
            for item in found.get(kind, ()):
                client.delete_item(TableName=outputs["DataTable"], Key={"pk": item["pk"], "sk": item["sk"]})
        client.delete_item(TableName=backlog, Key={"pk": {"S": tenant.partition}})


def _work(bench: Bench, begun: float) -> list[Work]:
    """Returns the functions' invocations since `begun`, from the emulator's record."""
    tier = bench.stack.tier("basic")
    functions = {tier[f"{name}Function"]: name.lower() for name in ("Intake", "Dispatch", "Ingestion", "Scheduler")}
    numbers = {tenant.id: number for number, tenant in enumerate(bench.healthy)}
    numbers |= {
        tenant.id: number for number, tenant in zip(range(-len(bench.storming), 0), bench.storming, strict=True)
    }
    found = []
    for line in bench.stack.invocations.read_text().splitlines():
        each = json.loads(line)
        if each["function"] not in functions or each["started"] < begun:
            continue
        event = each["event"] or {}
        groups = (record["attributes"].get("MessageGroupId", "") for record in event.get("Records", ()))
        found.append(
            Work(
                functions[each["function"]],
                each["started"],
                each["ended"],
                numbers.get(each["tenant"] or ""),
                document_of(event),
                tuple(numbers[group] for group in groups if group in numbers),
            )
        )
    return found


def document_of(event: dict[str, Any]) -> str | None:
    """Returns the document of a worker's event: of a stored object's key, or of a job."""
    work = event.get("work") or {}
    return work["key"].split("/")[3] if "key" in work else work.get("document")


def _started(work: list[Work], document: str, ready: float | None) -> float | None:
    """Returns when the worker that made a document ready started."""
    if ready is None:
        return None
    starts = [each.started for each in work if each.document == document and each.started <= ready + 0.001]
    return max(starts, default=None)
