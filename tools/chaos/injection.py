"""Injects the plan's faults: rules of the fault proxy, kills, repeated messages and events."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tools.devstack.aws import Tenant, error_code
from tools.devstack.process import Known
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import InForce
from tools.faultproxy.effects import Delay, Fail, kind
from tools.sample_events.events import load

from .plan import FUNCTIONS, FaultWindow, Kill, Repeat
from .tenants import Customer, Load

_LOOK_SECONDS = 0.03


class Faults:
    """The active fault rules, and the number of faults by kind."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._active: dict[Any, tuple[AbstractContextManager[InForce], InForce]] = {}
        self._over: Counter[str] = Counter()

    def begin(self, window: FaultWindow) -> None:
        rule = self._stack.faults.rule(
            window.effect,
            service=window.service,
            action=window.action,
            probability=window.probability,
            seed=window.seed,
        )
        self._active[window] = rule, rule.__enter__()

    def end(self, window: FaultWindow) -> None:
        if window in self._active:
            rule, in_force = self._active.pop(window)
            self._over[kind_of(window)] += in_force.hits
            rule.__exit__(None, None, None)

    def end_all(self) -> None:
        for window in list(self._active):
            self.end(window)

    def hits(self) -> Counter[str]:
        """Returns the number of faulty calls so far, by kind."""
        found = Counter(self._over)
        for window, (_, in_force) in list(self._active.items()):
            found[kind_of(window)] += in_force.hits
        return found


def kind_of(window: FaultWindow) -> str:
    """Returns the kind of fault as the report names it."""
    if isinstance(window.effect, Fail):
        busy = "hrottl" in window.effect.code or window.effect.code in ("SlowDown", "TooManyRequestsException")
        return "throttled" if busy else "failed"
    return {"Delay": "delayed", "DropAfter": "answer lost", "DropBefore": "call lost", "Duplicate": "made twice"}[
        kind(window.effect)
    ]


class StormCause:
    """The cause of the storm: model calls of this tenant's session are slow and then fail."""

    def __init__(self, stack: LocalStack, customer: Customer, milliseconds: int) -> None:
        self._stack, self._customer, self._milliseconds = stack, customer, milliseconds
        self._rules: list[AbstractContextManager[InForce]] = []

    def begin(self) -> None:
        about = {"service": "bedrock-runtime", "action": "InvokeModel", "session": self._customer.tenant.id}
        for effect in (Delay(self._milliseconds), Fail("ValidationException")):
            rule = self._stack.faults.rule(effect, **about)
            rule.__enter__()
            self._rules.append(rule)

    def end(self) -> None:
        while self._rules:
            self._rules.pop().__exit__(None, None, None)

    def key(self, usable: bool) -> None:
        kms = self._stack.account.client("kms")
        (kms.enable_key if usable else kms.disable_key)(KeyId=self._customer.tenant.key_arn)


class Killer:
    """Kills processes of functions: only children of the emulator with a function's name in their environment."""

    def __init__(self, stack: LocalStack) -> None:
        self._emulator = stack.pid("bulkhead_emulator")
        self._names = {stack.outputs[f"Basic{each.capitalize()}Function"]: each for each in FUNCTIONS}
        self.killed: Counter[str] = Counter()
        # Kills of busy processes.
        self.at_work = 0

    def kill(self, kill: Kill) -> str | None:
        """Kills one process of the function, a busy one if possible. Returns the function, or None."""
        found = sorted(pid for pid, name in self._processes().items() if name == kill.function)
        before = {pid: _switches(pid) for pid in found}
        time.sleep(_LOOK_SECONDS)
        busy = [pid for pid in found if _switches(pid) not in (before[pid], None)]
        chosen = busy or found
        if not chosen:
            return None
        pid = chosen[int(kill.draw * len(chosen))]
        known = Known.of(pid)
        if _name(pid) not in self._names or not known.alive():
            return None
        os.kill(pid, signal.SIGKILL)
        self.killed[kill.function] += 1
        self.at_work += bool(busy)
        return kill.function

    def _processes(self) -> dict[int, str]:
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            pid = int(folder.name)
            if _parent(pid) == self._emulator and (name := _name(pid)) in self._names:
                found[pid] = self._names[name]
        return found


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _name(pid: int) -> str:
    """Returns the name of the function that a process runs."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    prefix = b"AWS_LAMBDA_FUNCTION_NAME="
    return next((each.removeprefix(prefix).decode() for each in variables if each.startswith(prefix)), "")


def _switches(pid: int) -> str | None:
    """Returns the process's counter of voluntary context switches, which changes while it works."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((line for line in lines if line.startswith("voluntary_ctxt_switches")), None)


class Repeater:
    """Repeats messages of jobs and events of uploads."""

    def __init__(self, stack: LocalStack, customers: list[Customer], load: Load) -> None:
        self._stack, self._customers, self._load = stack, customers, load
        # Messages of earlier jobs, most of them complete.
        self._seen: dict[int, list[str]] = {each.number: [] for each in customers}
        self.messages = self.events = 0

    def repeat(self, repeat: Repeat) -> None:
        customer = self._customers[repeat.tenant]
        if repeat.event:
            self._event(customer, repeat.draw)
        else:
            self._message(customer, repeat.draw)

    def _message(self, customer: Customer, draw: float) -> None:
        found = self._stack.account.client("dynamodb").query(
            TableName=self._stack.outputs["DataTable"],
            ConsistentRead=True,
            Limit=20,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": customer.tenant.partition}, ":sk": {"S": "JOB#"}},
        )["Items"]
        seen = self._seen[customer.number]
        # A job that was accepted while the tenant's key was unusable has no sealed message.
        bodies = [body_of(item) for item in found if "job" in item]
        seen += bodies
        # An open job with probability 0.6 if there is one, otherwise an earlier job.
        among = bodies if bodies and draw < 0.6 else seen
        if not among:
            return
        body = among[int(draw * 7919) % len(among)]
        self._stack.account.client("sqs").send_message(
            QueueUrl=self._stack.outputs["BasicQueueUrl"], MessageBody=body, MessageGroupId=customer.tenant.id
        )
        self.messages += 1

    def _event(self, customer: Customer, draw: float) -> None:
        receipts = self._load.of(customer.number)
        if not receipts:
            return
        document = receipts[int(draw * len(receipts))].job.document
        event = created(self._stack, customer.tenant, document)
        invoke_intake(self._stack, event)
        self.events += 1


def body_of(item: dict[str, Any]) -> str:
    """Returns a job's message, built from its item."""
    job = item["job"]["M"]
    return json.dumps({"document": job["document"]["S"], "sealed": job["sealed"]["S"]})


def created(stack: LocalStack, tenant: Tenant, document: str) -> dict[str, Any]:
    """Returns the event of a document's first revision, as EventBridge sends it to `intake`."""
    return load("intake", bucket=stack.outputs["BasicBucket"], tenant=tenant.id, document=document)


def invoke_intake(stack: LocalStack, event: dict[str, Any]) -> bool:
    """Invokes `intake` with an event, as EventBridge does. Returns whether Lambda accepted the event."""
    try:
        stack.account.client("lambda").invoke(
            FunctionName=stack.outputs["BasicIntakeFunction"],
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )
    except ClientError as error:
        if error_code(error) != "TooManyRequestsException":
            raise
        return False
    return True
