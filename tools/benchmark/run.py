"""One set-up, measured: a stack of its own, a quiet phase, a storm, and both once more."""

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

# An attempt has to fit into them; a job that is found again as lost, into the time one waits for the end.
_TIMES = {"WorkerTimeout": "30", "DispatchTimeout": "60", "VisibilityTimeout": "60"}
_AT_A_TIME = 8
_WAIT_FOR_THE_LAST = 180.0
_BEDROCK = {"service": "bedrock-runtime", "action": "InvokeModel"}
# What Bedrock answers when it will not embed a text: the tenant's own failure, no outage of AWS.
_REFUSAL = Fail("ValidationException", 400, "this text cannot be embedded")


@dataclass
class Slot:
    """A document that was announced, and where its content goes."""

    document: str
    upload: dict[str, Any]


@dataclass
class Bench:
    """A running stack with its tenants; the last one is the storming one."""

    stack: LocalStack
    load: Load
    tenants: list[Tenant]
    console: Console
    slots: dict[int, list[Slot]] = field(default_factory=dict)

    @property
    def storm(self) -> Tenant:
        return self.tenants[STORM]


def run(
    setup: Setup, load: Load, seconds: float, repeats: int, console: Console, root: Path, more: Mapping[str, str]
) -> list[Phase]:
    """Measure a set-up, with `more` parameters beside its own: `repeats` times a quiet phase and a storm."""
    console.heading(f"{setup.title}")
    stack = LocalStack.temporary(
        f"neighbour-{setup.key}",
        console,
        root=root,
        judgements=False,
        faults=True,
        invocations=True,
        fair_queues=setup.fair_queues,
        parameters={**_TIMES, **setup.parameters, **more},
    )
    with stack, ExitStack() as rules:
        bench = _prepared(stack, load, console)
        for tenant in bench.tenants:
            failing = tenant is bench.storm
            wait = load.failing_seconds if failing else load.service_seconds
            delay = Delay(round(wait * 1000))
            rules.enter_context(stack.faults.rule(delay, session=tenant.id, **_BEDROCK))
            if failing:
                rules.enter_context(stack.faults.rule(_REFUSAL, session=tenant.id, **_BEDROCK))
        plans = [arrivals(load, seconds, seed, storm=storm) for seed in range(repeats) for storm in (False, True)]
        _warm_up(bench)
        return [_phase(bench, plan, seconds, storm=bool(number % 2)) for number, plan in enumerate(plans)]


def _prepared(stack: LocalStack, load: Load, console: Console) -> Bench:
    with console.step(f"onboard {load.healthy} healthy tenants and one that storms"):
        names = [f"Healthy {number}" for number in range(load.healthy)] + ["Storm"]
        return Bench(stack, load, [stack.onboard(name) for name in names], console)


def _warm_up(bench: Bench) -> None:
    """A few jobs of everybody at once: the first phase is not to pay for the start of every process."""
    with bench.console.step("start everybody's workers"):
        plan = [Arrival(0.0, tenant) for tenant in range(STORM, bench.load.healthy) for _ in range(2)]
        _announce(bench, plan)
        sent = _hand_in(bench, plan, lambda _: None)
        _wait_for(bench, sent)
        _end(bench)


def _phase(bench: Bench, plan: list[Arrival], seconds: float, *, storm: bool) -> Phase:
    name = "storm" if storm else "quiet"
    with bench.console.step(f"announce {len(plan)} documents"):
        _announce(bench, plan)
    with bench.console.step(f"{name}: hand them in over {seconds:.0f} s, and wait for the healthy ones") as step:
        begun = time.time()
        sent = _hand_in(bench, plan, lambda number: step.note(f"{number} of {len(plan)} handed in"))
        handed_in = time.time()
        left = _left(bench)
        ready = _wait_for(bench, sent, lambda open_: step.note(f"{open_} healthy ones are still under way"))
        _end(bench)
        work = _work(bench, begun)
    jobs = [
        Job(tenant, document, at, _started(work, document, ready.get(document)), ready.get(document))
        for tenant, document, at in sent
    ]
    return Phase(storm, begun, handed_in, jobs, work, left)


# === Handing in ===


def _announce(bench: Bench, plan: list[Arrival]) -> None:
    """Have the API record the documents beforehand, so that only their content is still to come."""

    def announce(arrival: Arrival) -> tuple[int, Slot]:
        tenant = bench.tenants[arrival.tenant]
        body = {"title": "Bench", "content_type": "text/plain", "bytes": len(_CONTENT)}
        made = bench.stack.api(tenant).post("/v1/documents/uploads", body).expect(201)
        return arrival.tenant, Slot(made["document"]["id"], made["upload"])

    bench.slots = {}
    with ThreadPoolExecutor(2) as pool:
        for tenant, slot in pool.map(announce, plan):
            bench.slots.setdefault(tenant, []).append(slot)


_CONTENT = b"The harbour bell rings at noon."

Sent = tuple[int, str, float]


def _hand_in(bench: Bench, plan: list[Arrival], progress: Callable[[int], None]) -> list[Sent]:
    """Store each document's content at its time: tenant, document and when."""
    sent: list[Sent] = []
    slots = {tenant: iter(each) for tenant, each in bench.slots.items()}

    def store(tenant: int, slot: Slot) -> None:
        at = time.time()
        answer = send(slot.upload["method"], slot.upload["url"], _CONTENT, slot.upload["headers"])
        assert answer.status == 200, answer.text
        sent.append((tenant, slot.document, at))
        progress(len(sent))

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        clock = sched.scheduler(time.monotonic, time.sleep)
        for arrival in plan:
            clock.enter(arrival.at, 0, pool.submit, (store, arrival.tenant, next(slots[arrival.tenant])))
        clock.run()
    return sent


# === What became of them ===


def _items(bench: Bench, tenant: Tenant) -> dict[str, list[dict[str, Any]]]:
    """A tenant's partition by kind, in one look: a job that moves meanwhile is not counted twice."""
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
    """The healthy tenants' documents that are ready, and since when."""
    found = {}
    for tenant in bench.tenants[:STORM]:
        for item in _items(bench, tenant).get("DOCUMENT", ()):
            if item["status"]["S"] == "ready":
                found[item["sk"]["S"].partition("#")[2]] = _seconds(item["updated_at"]["S"])
    return found


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _wait_for(bench: Bench, sent: list[Sent], progress: Callable[[int], None] = lambda _: None) -> dict[str, float]:
    """Wait until every healthy document is ready, or for long enough; when each became so."""
    wanted = {document for tenant, document, _ in sent if tenant != STORM}
    deadline = time.monotonic() + _WAIT_FOR_THE_LAST
    while (missing := wanted - (ready := _ready(bench)).keys()) and time.monotonic() < deadline:
        progress(len(missing))
        time.sleep(1.0)
    return ready


def _left(bench: Bench) -> Left:
    """Where the storming tenant's jobs are."""
    found = _items(bench, bench.storm)
    return Left(*(len(found.get(kind, ())) for kind in ("JOB", "PARKED", "DEAD")))


def _end(bench: Bench) -> None:
    """Take away what the storm left, its circuit as well: each phase begins as the first did.

    Attempts that have begun are let finish first: they are a part of what the storm cost.
    """
    _clear(bench)
    bench.stack.account.client("sqs").purge_queue(QueueUrl=bench.stack.tier("basic")["QueueUrl"])
    until(_running(bench), lambda busy: not busy, "the storm's attempts end", 60.0, every=0.5)
    _clear(bench)


def _running(bench: Bench) -> Callable[[], int]:
    """Tells how many workers the storming tenant occupies."""
    client, table = bench.stack.account.client("dynamodb"), bench.stack.tier("basic")["WorkersTable"]
    key = {"pk": {"S": bench.storm.partition}}

    def look() -> int:
        item = client.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        return sum(name.startswith("hold_") for name in item)

    return look


def _clear(bench: Bench) -> None:
    client = bench.stack.account.client("dynamodb")
    outputs = bench.stack.outputs
    found = _items(bench, bench.storm)
    for kind in ("JOB", "PARKED", "DEAD", "CIRCUIT"):
        for item in found.get(kind, ()):
            client.delete_item(TableName=outputs["DataTable"], Key={"pk": item["pk"], "sk": item["sk"]})
    backlog = bench.stack.tier("basic")["BacklogTable"]
    client.delete_item(TableName=backlog, Key={"pk": {"S": bench.storm.partition}})


def _work(bench: Bench, begun: float) -> list[Work]:
    """What functions did since, by the emulator's record."""
    tier = bench.stack.tier("basic")
    functions = {tier[f"{name}Function"]: name.lower() for name in ("Intake", "Dispatch", "Ingestion", "Release")}
    numbers = {tenant.id: number for number, tenant in enumerate(bench.tenants[:STORM])} | {bench.storm.id: STORM}
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
                event.get("job", {}).get("document"),
                tuple(numbers[group] for group in groups if group in numbers),
            )
        )
    return found


def _started(work: list[Work], document: str, ready: float | None) -> float | None:
    """When the worker that made a document ready began."""
    if ready is None:
        return None
    starts = [each.started for each in work if each.document == document and each.started <= ready + 0.001]
    return max(starts, default=None)
