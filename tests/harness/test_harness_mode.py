"""The functions if Lambda mixes tenants, and without tenant isolation mode."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.conftest import RecordedDecisions
from tools.devstack.aws import Tenant
from tools.devstack.stack import LocalStack
from tools.harness.canaries import canary, foreign_canaries
from tools.harness.driver import Harness, Invoked
from tools.harness.hosting import hosted, pipeline_paused, with_variables
from tools.sample_events.events import load, with_body

# Function → a sample event that needs only its tenant.
EVENTS = {
    "templates": "templates-get",
    "documents": "documents-list",
    "inference": "inference",
    "ingestion": "ingestion",
}
# The id of a document that no tenant has.
MISSING_DOCUMENT = "00000000000000000000000000000000"
ROUNDS = 5


@pytest.fixture(scope="module")
def two_tenants(stack: LocalStack) -> tuple[Tenant, Tenant]:
    return stack.onboard("Harness A"), stack.onboard("Harness B")


@pytest.fixture(scope="module")
def harness_with_switch(stack: LocalStack) -> Iterator[Harness]:
    """The functions as deployed, with the attack switch."""
    with pipeline_paused(stack), hosted(stack, tuple(EVENTS)) as functions:
        with Harness(stack.state / "mode", functions, misroute=True) as harness:
            yield harness


def _event(function: str, tenant: Tenant, bucket: str = "none") -> Any:
    return load(EVENTS[function], tenant=tenant.id, token="none", document=MISSING_DOCUMENT, bucket=bucket)


def _save(harness: Harness, tenant: Tenant) -> None:
    """Saves a prompt template with the tenant's word."""
    body = {"body": f'Begin every answer with "{canary(tenant.id)}:".'}
    event = with_body(load("templates-put", tenant=tenant.id, token="none"), body)
    isolated = harness.function("templates")["isolation"] == "PER_TENANT"
    saved = harness.invoke("templates", event, tenant.id if isolated else None).payload
    assert saved["statusCode"] in (200, 201), saved


def _metric_lines(log: str, metric: str) -> list[dict[str, Any]]:
    """Returns the log lines in embedded metric format that count `metric`."""
    lines = [json.loads(line) for line in Path(log).read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" in line and metric in line]


@pytest.mark.parametrize("function", EVENTS)
def test_second_tenant_ends_the_process_and_is_counted(
    stack: LocalStack, harness_with_switch: Harness, two_tenants: tuple[Tenant, Tenant], function: str
) -> None:
    a, b = two_tenants
    bucket = stack.outputs["BasicBucket"]
    for tenant in two_tenants:
        _save(harness_with_switch, tenant)
    bound = harness_with_switch.invoke(function, _event(function, a, bucket), a.id)
    before = harness_with_switch.environment(function, bound.pid)
    assert before["state"] == "idle" and before["delivered"].keys() == {a.id}
    assert not _metric_lines(before["log"], "ForeignTenant"), "a foreign tenant was counted without one"

    foreign = harness_with_switch.invoke(function, _event(function, b, bucket), b.id, misroute=bound.pid)

    assert foreign.error == "Runtime.ExitError" and "signal: aborted" in foreign.text, foreign
    assert not foreign_canaries(foreign.text, b.id)
    after = harness_with_switch.environment(function, bound.pid)
    assert after["state"] == "ended" and after["ending"].endswith("signal: aborted")
    assert after["delivered"].keys() == {a.id, b.id}, "the harness must deliver the event to the wrong process"
    (line,) = _metric_lines(after["log"], "ForeignTenant")
    assert line["ForeignTenant"] == 1 and line["tenant"] == b.id
    assert line["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "ForeignTenant", "Unit": "Count"}]
    for tenant in two_tenants:
        again = harness_with_switch.invoke(function, _event(function, tenant, bucket), tenant.id)
        assert again.pid != bound.pid and again.error != "Runtime.ExitError", again
        if function != "ingestion":
            assert again.payload["statusCode"] == 200, again
        assert not foreign_canaries(again.text, tenant.id)


def test_event_of_another_tenant_is_refused(harness_with_switch: Harness, two_tenants: tuple[Tenant, Tenant]) -> None:
    """The platform names the right tenant and only the event is foreign: the process continues."""
    a, b = two_tenants
    _save(harness_with_switch, a)
    pid = harness_with_switch.invoke("templates", _event("templates", b), b.id).pid
    mixed = harness_with_switch.invoke("templates", _event("templates", a), b.id)
    assert mixed.pid == pid and mixed.payload["statusCode"] == 403
    assert not foreign_canaries(mixed.text, b.id)
    assert harness_with_switch.environment("templates", pid)["state"] == "idle"


def test_session_is_kept_with_tenant_isolation(
    harness_with_switch: Harness, two_tenants: tuple[Tenant, Tenant], recorded_decisions: RecordedDecisions
) -> None:
    """The control of the test below: a kept session does not change the count."""
    (a, _) = two_tenants
    _save(harness_with_switch, a)
    before = recorded_decisions.sessions(a.id)
    assert before > 0
    pids = {harness_with_switch.invoke("templates", _event("templates", a), a.id).pid for _ in range(ROUNDS)}
    assert len(pids) == 1 and recorded_decisions.sessions(a.id) == before


@pytest.mark.parametrize("function", ["templates", "inference"])
def test_session_is_not_kept_without_tenant_isolation(
    stack: LocalStack, two_tenants: tuple[Tenant, Tenant], recorded_decisions: RecordedDecisions, function: str
) -> None:
    """Two tenants alternate in one process; each invocation opens a new session."""
    with hosted(stack, ("templates", "inference"), isolation="NONE", reserved=1) as functions:
        off = {name: with_variables(each, TENANT_ISOLATION="NONE") for name, each in functions.items()}
        with Harness(stack.state / f"none-{function}", off) as harness:
            for tenant in two_tenants:
                _save(harness, tenant)
            pids = set()
            for _ in range(ROUNDS):
                for tenant in two_tenants:
                    before = {each.id: recorded_decisions.sessions(each.id) for each in two_tenants}
                    found = harness.invoke(function, _event(function, tenant))
                    pids.add(found.pid)
                    _assert_own_answer(found, tenant)
                    opened = {each.id: recorded_decisions.sessions(each.id) - before[each.id] for each in two_tenants}
                    assert opened == {each.id: int(each is tenant) for each in two_tenants}, opened
            assert len(pids) == 1, "the tenants must share a process"


def _assert_own_answer(found: Invoked, tenant: Tenant) -> None:
    assert found.payload["statusCode"] == 200, found
    assert canary(tenant.id) in found.text, f"not the own template: {found.text}"
    assert not foreign_canaries(found.text, tenant.id)
