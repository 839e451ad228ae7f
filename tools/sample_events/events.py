"""Sends the sample events of `events/` to their functions.

    python -m tools.sample_events                   every event, on a new stack
    python -m tools.sample_events invoke EVENT      one event, on the stack of `make up`
    python -m tools.sample_events prepare           files and commands for `sam local invoke` by hand

Functions run in containers by `sam local invoke` if a container engine has Lambda's base image, otherwise
as processes behind the harness of `tools/harness`. Prints one line per event. A wrong answer fails the run.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.devstack.aws import Account, Tenant
from tools.devstack.console import Console
from tools.devstack.process import ROOT, StackError
from tools.devstack.stack import STATE, LocalStack

from .sam_local import SamLocal, Unusable, reachable

if TYPE_CHECKING:
    from tools.harness.driver import Harness

EVENTS = ROOT / "events"
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")

# The authorizer accepts keys over plain HTTP from loopback only, which a container cannot reach.
NOT_IN_CONTAINERS = {"authorizer": "because its issuer listens on this machine's loopback interface"}

Invoke = Callable[[str, Any, "str | None"], Any]
_SIGNED_SECONDS = 12 * 60 * 60


def names() -> list[str]:
    """Returns the names of all events."""
    return sorted(path.stem for path in EVENTS.glob("*.json"))


def load(name: str, **values: str) -> Any:
    """Returns an event with its placeholders filled in: `@TENANT@` by `tenant=…`. Fails if one is left."""

    def fill(found: re.Match[str]) -> str:
        value = values.get(found[1].lower())
        if value is None:
            raise KeyError(f"events/{name}.json needs {found[1].lower()}")
        return json.dumps(value)[1:-1]

    return json.loads(_PLACEHOLDER.sub(fill, (EVENTS / f"{name}.json").read_text()))


def with_body(event: dict[str, Any], body: Any, **path: str) -> dict[str, Any]:
    """Returns a copy of a REST event with another body and other path parameters."""
    changed = {**event, "body": json.dumps(body) if body is not None else None}
    if path:
        changed["pathParameters"] = path
    return changed


def tenant_of(function: str, tenant: str) -> str | None:
    """Returns the tenant of an invocation, if the function serves one tenant per environment."""
    return tenant if function in ("templates", "documents", "inference", "extraction", "ingestion") else None


def signed_url(stack: LocalStack, endpoint: str, tenant: str, document: str) -> str:
    """Returns a URL that reads the first revision of a document. `endpoint` is the local AWS as the function sees it."""
    account = Account(endpoint, stack.account.credentials)
    key = f"t/{tenant}/documents/{document}/source.00000001"
    return account.signed_read(stack.outputs["BasicBucket"], key, _SIGNED_SECONDS)


# ── one run of all of them ──────────────────────────────────────────────────


@dataclass(frozen=True)
class Sent:
    """An event that received the expected answer."""

    event: str
    function: str
    what: str


class Wrong(AssertionError):
    """An event received an unexpected answer."""


class Tour:
    """Sends every event once; later events use the tenant, document and job of earlier ones."""

    def __init__(
        self, stack: LocalStack, invoke: Invoke, messages: Callable[[], list[Any]], endpoint: str | None = None
    ) -> None:
        """`endpoint` is the local AWS as the functions see it. Default: as this process sees it."""
        self._stack, self._invoke, self._messages = stack, invoke, messages
        self._endpoint = endpoint or stack.endpoint
        self._values: dict[str, str] = {"bucket": stack.outputs["BasicBucket"]}
        self.sent: list[Sent] = []

    def run(self, tell: Callable[[Sent], None]) -> None:
        """Sends the events in an order in which each can succeed."""
        for name in (
            "control-onboard",
            "control-show",
            "claims",
            "authorizer",
            "templates-put",
            "templates-get",
            "documents-create",
            "documents-list",
            "intake",
            "extraction",
            "ingestion",
            "dispatch",
            "scheduler",
            "inference",
        ):
            self._before(name)
            function = name.partition("-")[0]
            event = load(name, **self._values)
            answer = self._invoke(function, event, tenant_of(function, self._values.get("tenant", "")))
            what = getattr(self, "_" + name.replace("-", "_"))(answer)
            self.sent.append(Sent(name, function, what))
            tell(self.sent[-1])
        if missing := set(names()) - {each.event for each in self.sent}:
            raise Wrong(f"no function was sent {sorted(missing)}: add them to `Tour.run`")

    def _before(self, name: str) -> None:
        """Prepares what an event needs and no other event creates."""
        if name == "authorizer":
            self._values["token"] = self._stack.issuer.mint(self._values["tenant"])
        if name == "extraction":
            tenant, document = self._values["tenant"], self._values["document"]
            self._values["signed_url"] = signed_url(self._stack, self._endpoint, tenant, document)
        if name == "ingestion":
            other = self._stack.onboard("Second tenant")
            self._values |= {"other_tenant": other.id, "other_document": self._upload_for(other)}

    def _upload_for(self, other: Tenant) -> str:
        """Adds a document of another tenant through the deployed function. Returns its id."""
        values = {**self._values, "tenant": other.id}
        created = self._deployed("Documents", load("documents-create", **values), other.id)
        return _body(created, 202)["id"]

    def _deployed(self, function: str, event: Any, tenant: str | None = None) -> Any:
        """Invokes the deployed function, not the one under test."""
        name = self._stack.outputs[f"Basic{function}Function"]
        return self._stack.account.invoke(name, event, tenant)

    # ── expected answers ────────────────────────────────────────────────────

    def _control_onboard(self, answer: Any) -> str:
        self._values["tenant"] = _has(answer, "tenant")
        _check(answer.get("status") == "active", answer)
        return f"tenant {answer['tenant']} is {answer['status']}"

    def _control_show(self, answer: Any) -> str:
        _check(_has(answer, "tenant") == self._values["tenant"], answer)
        _check(answer.get("display_name") == "Reading Room Library", answer)
        return f"{answer['display_name']}, {answer['status']}, key {answer['key']}"

    def _claims(self, answer: Any) -> str:
        override = _has(answer, "response")["claimsAndScopeOverrideDetails"]
        claims = override["accessTokenGeneration"]["claimsToAddOrOverride"]
        _check(claims == {"tenant_id": self._values["tenant"], "tier": "basic", "role": "writer"}, answer)
        return f"the access token carries tenant {claims['tenant_id']}, tier {claims['tier']}, role {claims['role']}"

    def _authorizer(self, answer: Any) -> str:
        effect = _has(answer, "policyDocument")["Statement"][0]["Effect"]
        _check(effect == "Allow" and answer["context"]["tenantId"] == self._values["tenant"], answer)
        _check(answer["context"]["role"] == "admin", answer)
        return f"{effect}, tenantId and role in the context"

    def _templates_put(self, answer: Any) -> str:
        body = _body(answer, 201)
        _check(body["version"] == 1, body)
        return f"201, {body['key']} version {body['version']}"

    def _templates_get(self, answer: Any) -> str:
        body = _body(answer, 200)
        _check("From our handbook" in body["body"], body)
        return f"200, {body['key']} version {body['version']}"

    def _documents_create(self, answer: Any) -> str:
        body = _body(answer, 202)
        self._values["document"] = body["id"]
        return f"202, {body['title']!r} is {body['status']}"

    def _documents_list(self, answer: Any) -> str:
        found = _body(answer, 200)["documents"]
        _check([each["id"] for each in found] == [self._values["document"]], found)
        return f"200, {len(found)} document"

    def _intake(self, answer: Any) -> str:
        _check(answer is None, answer)
        sent = [message["Body"] for message in self._messages()]
        _check(any(self._values["document"] in body for body in sent), sent)
        return "forwarded the stored object"

    def _extraction(self, answer: Any) -> str:
        page = _has(_has(answer, "page"), "page")
        _check(page["total"] == 1 and "noon on Saturdays" in page["passages"][0]["text"], answer)
        return f"{page['total']} passage"

    def _dispatch(self, answer: Any) -> str:
        """One of the two jobs is already complete, which is no failure."""
        _check(answer == {"batchItemFailures": []}, answer)
        return f"two jobs of two tenants; the second tenant's {self._indexed(self._values['other_tenant'])}"

    def _scheduler(self, answer: Any) -> str:
        """Both tenants' jobs are complete, so no job is due."""
        _check(_has(answer, "failed") == 0 and answer["requeued"] == answer["lost"] == 0, answer)
        return f"no job waits; {answer['tenants']} tenants checked"

    def _ingestion(self, answer: Any) -> str:
        _check(answer == {"more_due": False}, answer)
        return f"the {self._indexed(self._values['tenant'])}"

    def _indexed(self, tenant: str) -> str:
        """Returns the status of the tenant's only document."""
        event = load("documents-list", **{**self._values, "tenant": tenant})
        found = _body(self._deployed("Documents", event, tenant), 200)["documents"]
        _check([each["status"] for each in found] == ["ready"], found)
        return f"document is {found[0]['status']}, {found[0]['chunks']} passage"

    def _inference(self, answer: Any) -> str:
        body = _body(answer, 200)
        _check(body["answer"].startswith("From our handbook:") and "noon" in body["answer"], body)
        _check([each["title"] for each in body["citations"]] == ["House rules"], body)
        return f"200, {body['answer']!r}"


def _check(good: bool, seen: Any) -> None:
    if not good:
        raise Wrong(f"unexpected: {json.dumps(seen)[:800]}")


def _has(answer: Any, key: str) -> Any:
    _check(isinstance(answer, dict) and key in answer, answer)
    return answer[key]


def _body(answer: Any, status: int) -> Any:
    _check(isinstance(answer, dict) and answer.get("statusCode") == status, answer)
    return json.loads(answer["body"])


class Runners:
    """Runs functions in containers if possible, otherwise as processes."""

    def __init__(self, harness: Harness, sam: SamLocal | None) -> None:
        self._harness, self._sam = harness, sam

    def of(self, function: str) -> str:
        """Returns the name of the runner, for display."""
        if self._sam and function not in NOT_IN_CONTAINERS:
            return "sam local"
        return "harness"

    def invoke(self, function: str, event: Any, tenant: str | None) -> Any:
        if self._sam and self.of(function) == "sam local":
            return self._sam.invoke(function, event, tenant)
        return self._harness.invoke(function, event, tenant).payload


def _run(console: Console, stack: LocalStack) -> None:
    from tools.harness.driver import Harness
    from tools.harness.hosting import connected, hosted, pipeline_paused, take_jobs

    with ExitStack() as running:
        running.enter_context(pipeline_paused(stack))
        functions = running.enter_context(hosted(stack))
        harness = Harness(stack.state / "harness", **connected(functions))
        running.enter_context(harness)
        console.heading("Send every event to its function")
        try:
            endpoint = running.enter_context(reachable(stack))
            sam = SamLocal(stack, functions, endpoint)
            console.line("  in containers by `sam local invoke`, except:")
            for function, why in NOT_IN_CONTAINERS.items():
                console.line(f"  {function} (harness), {why}")
        except Unusable as why:
            sam, endpoint = None, stack.endpoint
            console.line(f"  as processes behind the harness; `sam local` is unavailable ({why})")
        runners = Runners(harness, sam)

        def tell(sent: Sent) -> None:
            verdict = console.paint(" ok ", "green")
            console.line(f"  {verdict} {sent.event:<17} {runners.of(sent.function):<10} {sent.what}")

        tour = Tour(stack, runners.invoke, lambda: take_jobs(stack), endpoint)
        tour.run(tell)
    by = Counter(runners.of(each.function) for each in tour.sent)
    counts = ", ".join(f"{count} by {runner}" for runner, count in by.items())
    console.line(f"\n  {len(tour.sent)} events ({counts}), each answered as expected.")


def _prepare(console: Console, stack: LocalStack) -> None:
    """Writes the files for `sam local invoke`, prints the commands, and connects containers until Ctrl-C."""
    from tools.harness.hosting import hosted

    from . import by_hand

    folder = stack.state / "sam-local"
    with reachable(stack) as endpoint, hosted(stack) as functions:
        prepared = by_hand.prepare(stack, endpoint)
        by_hand.write(folder, prepared, functions, endpoint)
        console.heading("Send an event by hand, in another terminal")
        for line in (*by_hand.settings(folder), *(each.command for each in prepared if each.function != "authorizer")):
            console.line(f"  {line}")
        console.line("\n  Containers reach the local AWS while this program runs. Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


def _one(console: Console, stack: LocalStack, name: str) -> None:
    """Sends one event to its function and prints the answer."""
    from tools.harness.driver import Harness
    from tools.harness.hosting import connected, hosted

    from . import by_hand

    with ExitStack() as running:
        functions = running.enter_context(hosted(stack))
        harness = running.enter_context(Harness(stack.state / "harness", **connected(functions)))
        try:
            endpoint = running.enter_context(reachable(stack))
            sam = SamLocal(stack, functions, endpoint)
        except Unusable as why:
            sam, endpoint = None, stack.endpoint
            console.line(f"  as a process behind the harness; `sam local` is unavailable ({why})")
        runners = Runners(harness, sam)
        (sent,) = (each for each in by_hand.prepare(stack, endpoint) if each.name == name)
        tenant = f" of tenant {sent.tenant}" if sent.tenant else ""
        console.line(f"  {sent.name} to {sent.function}{tenant}, by {runners.of(sent.function)}")
        console.line(json.dumps(runners.invoke(sent.function, sent.event, sent.tenant), indent=2))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.sample_events", description="Sends the sample events.")
    parser.add_argument(
        "--state", type=Path, default=STATE / "up", help="state of the running stack (default: make up)"
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("all", help="send every event to its function, on a new stack (default)")
    actions.add_parser("prepare", help="prepare `sam local invoke` by hand, on the running stack")
    one = actions.add_parser("invoke", help="send one event to its function, on the running stack")
    one.add_argument("event", choices=names(), metavar="EVENT", help=", ".join(names()))
    return parser


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    console = Console()
    try:
        if given.action in (None, "all"):
            with LocalStack.temporary("events", console) as stack:
                _run(console, stack)
            return 0
        if not (given.state / "stack.json").exists():
            raise StackError("no stack is running: start one with `make up`")
        stack = LocalStack.attach(given.state, console)
        if given.action == "invoke":
            _one(console, stack, given.event)
        else:
            _prepare(console, stack)
    except (StackError, Unusable, AssertionError) as error:
        console.line(f"  {console.paint('FAIL', 'red', 'bold')} {error}")
        return 1
    return 0
