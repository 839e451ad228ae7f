"""Sends each sample event of `events/` to its function.

    python -m tools.sample_events

Functions run in containers by `sam local invoke` if a container engine has Lambda's base image, otherwise
as processes behind the harness of `tools/harness`. Prints one line per event. A wrong answer fails the run.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.devstack.aws import Tenant
from tools.devstack.console import Console
from tools.devstack.poll import until
from tools.devstack.process import ROOT, StackError
from tools.devstack.stack import LocalStack

from .sam_local import SamLocal, Unusable, reachable

if TYPE_CHECKING:
    from tools.harness.driver import Harness

EVENTS = ROOT / "events"
_PLACEHOLDER = re.compile(r"@([A-Z_]+)@")

# The authorizer accepts keys over plain HTTP from loopback only, which a container cannot reach.
NOT_IN_CONTAINERS = {"authorizer": "because its issuer listens on this machine's loopback interface"}

Invoke = Callable[[str, Any, "str | None"], Any]


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

    def __init__(self, stack: LocalStack, invoke: Invoke, jobs: Callable[[], list[Any]]) -> None:
        self._stack, self._invoke, self._jobs = stack, invoke, jobs
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
            answer = self._invoke(function, event, self._tenant_of(function))
            what = getattr(self, "_" + name.replace("-", "_"))(answer)
            self.sent.append(Sent(name, function, what))
            tell(self.sent[-1])
        if missing := set(names()) - {each.event for each in self.sent}:
            raise Wrong(f"no function was sent {sorted(missing)}: add them to `Tour.run`")

    def _tenant_of(self, function: str) -> str | None:
        served = function in ("templates", "documents", "inference", "extraction", "ingestion")
        return self._values["tenant"] if served else None

    def _before(self, name: str) -> None:
        """Prepares what an event needs and no other event creates."""
        if name == "authorizer":
            self._values["token"] = self._stack.issuer.mint(self._values["tenant"])
        if name == "ingestion":
            other = self._stack.onboard("Second tenant")
            self._upload_for(other)
            found: dict[str, dict[str, str]] = {}

            def look() -> dict[str, dict[str, str]]:
                found.update(self._sealed())
                return found

            both = {self._values["tenant"], other.id}
            until(look, lambda jobs: both <= jobs.keys(), "a job of each of two tenants is queued")
            self._values |= {
                "sealed": found[self._values["tenant"]]["sealed"],
                "other_tenant": other.id,
                "other_document": found[other.id]["document"],
                "other_sealed": found[other.id]["sealed"],
            }

    def _upload_for(self, other: Tenant) -> None:
        """Adds a document of another tenant through the deployed functions."""
        values = {**self._values, "tenant": other.id}
        created = self._deployed("Documents", load("documents-create", **values), other.id)
        values["document"] = _body(created, 202)["id"]
        self._deployed("Intake", load("intake", **values))

    def _deployed(self, function: str, event: Any, tenant: str | None = None) -> Any:
        """Invokes the deployed function, not the one under test."""
        name = self._stack.outputs[f"Basic{function}Function"]
        return self._stack.account.invoke(name, event, tenant)

    def _sealed(self) -> dict[str, dict[str, str]]:
        from tools.harness.hosting import sealed_job

        return dict(sealed_job(message) for message in self._jobs())

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
        _check(claims == {"tenant_id": self._values["tenant"], "tier": "basic"}, answer)
        return f"the access token carries tenant {claims['tenant_id']}, tier {claims['tier']}"

    def _authorizer(self, answer: Any) -> str:
        effect = _has(answer, "policyDocument")["Statement"][0]["Effect"]
        _check(effect == "Allow" and answer["context"]["tenantId"] == self._values["tenant"], answer)
        return f"{effect}, tenantId in the context"

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
        return "queued a sealed job"

    def _extraction(self, answer: Any) -> str:
        _check("noon on Saturdays" in "".join(_has(answer, "passages")), answer)
        return f"{len(answer['passages'])} passage"

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
            sam = SamLocal(stack, functions, running.enter_context(reachable(stack)))
            console.line("  in containers by `sam local invoke`, except:")
            for function, why in NOT_IN_CONTAINERS.items():
                console.line(f"  {function} (harness), {why}")
        except Unusable as why:
            sam = None
            console.line(f"  as processes behind the harness; `sam local` is unavailable ({why})")
        runners = Runners(harness, sam)

        def tell(sent: Sent) -> None:
            verdict = console.paint(" ok ", "green")
            console.line(f"  {verdict} {sent.event:<17} {runners.of(sent.function):<10} {sent.what}")

        tour = Tour(stack, runners.invoke, lambda: take_jobs(stack))
        tour.run(tell)
    by = Counter(runners.of(each.function) for each in tour.sent)
    counts = ", ".join(f"{count} by {runner}" for runner, count in by.items())
    console.line(f"\n  {len(tour.sent)} events ({counts}), each answered as expected.")


def main() -> int:
    console = Console()
    try:
        with LocalStack.temporary("events", console) as stack:
            _run(console, stack)
    except (StackError, AssertionError) as error:
        console.line(f"  {console.paint('FAIL', 'red', 'bold')} {error}")
        return 1
    return 0
