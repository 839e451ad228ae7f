"""What the functions do when Lambda's promise is broken, and when it was never made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.conftest import Judgements
from tools.devstack.aws import Tenant
from tools.devstack.events import load, with_body
from tools.devstack.stack import LocalStack
from tools.harness.canaries import canary, foreign_canaries
from tools.harness.driver import Harness, Invoked
from tools.harness.hosting import hosted, pipeline_paused, with_variables

# The function: an event of it that needs nothing but its tenant.
ASKED = {
    "templates": "templates-get",
    "documents": "documents-list",
    "inference": "inference",
    "ingestion": "ingestion",
}
# A document that no tenant has.
NOBODYS = "00000000000000000000000000000000"
ROUNDS = 5


@pytest.fixture(scope="module")
def two(stack: LocalStack) -> tuple[Tenant, Tenant]:
    return stack.onboard("Harness A"), stack.onboard("Harness B")


@pytest.fixture(scope="module")
def served(stack: LocalStack) -> Iterator[Harness]:
    """The functions as deployed, with the attack switch."""
    with pipeline_paused(stack), hosted(stack, tuple(ASKED)) as functions:
        with Harness(stack.state / "mode", functions, misroute=True) as harness:
            yield harness


def _event(function: str, tenant: Tenant) -> Any:
    return load(ASKED[function], tenant=tenant.id, token="none", document=NOBODYS, sealed="AQ==")


def _save(harness: Harness, tenant: Tenant) -> None:
    """A template that says the tenant's word."""
    body = {"body": f'Begin every answer with "{canary(tenant.id)}:".'}
    event = with_body(load("templates-put", tenant=tenant.id, token="none"), body)
    isolated = harness.function("templates")["isolation"] == "PER_TENANT"
    saved = harness.invoke("templates", event, tenant.id if isolated else None).payload
    assert saved["statusCode"] in (200, 201), saved


def _counted(log: str, metric: str) -> list[dict[str, Any]]:
    """The lines of CloudWatch's embedded metric format that count `metric`."""
    lines = [json.loads(line) for line in Path(log).read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" in line and metric in line]


@pytest.mark.parametrize("function", ASKED)
def test_a_second_tenant_ends_the_process_and_is_counted(
    served: Harness, two: tuple[Tenant, Tenant], function: str
) -> None:
    a, b = two
    for tenant in two:
        _save(served, tenant)
    bound = served.invoke(function, _event(function, a), a.id)
    before = served.environment(function, bound.pid)
    assert before["state"] == "idle" and before["delivered"].keys() == {a.id}
    assert not _counted(before["log"], "ForeignTenant"), "counted without a reason"

    foreign = served.invoke(function, _event(function, b), b.id, misroute=bound.pid)

    assert foreign.error == "Runtime.ExitError" and "signal: aborted" in foreign.text, foreign
    assert not foreign_canaries(foreign.text, b.id)
    after = served.environment(function, bound.pid)
    assert after["state"] == "ended" and after["ending"].endswith("signal: aborted")
    assert after["delivered"].keys() == {a.id, b.id}, "the harness did misdirect it"
    (counted,) = _counted(after["log"], "ForeignTenant")
    assert counted["ForeignTenant"] == 1 and counted["tenant"] == b.id
    assert counted["_aws"]["CloudWatchMetrics"][0]["Metrics"] == [{"Name": "ForeignTenant", "Unit": "Count"}]
    for tenant in two:
        again = served.invoke(function, _event(function, tenant), tenant.id)
        assert again.pid != bound.pid and again.error != "Runtime.ExitError", again
        if function != "ingestion":
            assert again.payload["statusCode"] == 200, again
        assert not foreign_canaries(again.text, tenant.id)


def test_an_event_of_another_tenant_than_the_platforms_is_refused(served: Harness, two: tuple[Tenant, Tenant]) -> None:
    """The process is not handed a second tenant here, only its event: nobody dies of that."""
    a, b = two
    _save(served, a)
    pid = served.invoke("templates", _event("templates", b), b.id).pid
    mixed = served.invoke("templates", _event("templates", a), b.id)
    assert mixed.pid == pid and mixed.payload["statusCode"] == 403
    assert not foreign_canaries(mixed.text, b.id)
    assert served.environment("templates", pid)["state"] == "idle"


def test_with_the_mode_on_a_session_is_kept(
    served: Harness, two: tuple[Tenant, Tenant], judgements: Judgements
) -> None:
    """The control of the test below: where it may be kept, the count stands still."""
    (a, _) = two
    _save(served, a)
    before = judgements.sessions(a.id)
    assert before > 0
    pids = {served.invoke("templates", _event("templates", a), a.id).pid for _ in range(ROUNDS)}
    assert len(pids) == 1 and judgements.sessions(a.id) == before


@pytest.mark.parametrize("function", ["templates", "inference"])
def test_with_the_mode_off_nothing_survives_an_invocation(
    stack: LocalStack, two: tuple[Tenant, Tenant], judgements: Judgements, function: str
) -> None:
    """Two tenants alternate in one process; each invocation opens a session of its own again."""
    with hosted(stack, ("templates", "inference"), isolation="NONE", reserved=1) as functions:
        off = {name: with_variables(each, TENANT_ISOLATION="NONE") for name, each in functions.items()}
        with Harness(stack.state / f"none-{function}", off) as harness:
            for tenant in two:
                _save(harness, tenant)
            pids = set()
            for _ in range(ROUNDS):
                for tenant in two:
                    before = {each.id: judgements.sessions(each.id) for each in two}
                    found = harness.invoke(function, _event(function, tenant))
                    pids.add(found.pid)
                    _is_own(found, tenant)
                    opened = {each.id: judgements.sessions(each.id) - before[each.id] for each in two}
                    assert opened == {each.id: int(each is tenant) for each in two}, opened
            assert len(pids) == 1, "they did not share a process, which is what this is about"


def _is_own(found: Invoked, tenant: Tenant) -> None:
    assert found.payload["statusCode"] == 200, found
    assert canary(tenant.id) in found.text, f"not its own template: {found.text}"
    assert not foreign_canaries(found.text, tenant.id)
