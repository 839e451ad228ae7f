"""The capacity plan: its sums, and a violation of each of its rules."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest

from tools.deploy import capacity
from tools.deploy.capacity import Load, needed, plan, read
from tools.devstack.console import Console

TIER = "infra/tier.yaml"


def _changed(file: str, change: Callable[[dict[str, Any]], None]) -> Load:
    """Returns the project's templates with a change in one of them."""
    body = copy.deepcopy(read(file))
    change(body)
    return lambda name: body if name == file else read(name)


def _properties(body: dict[str, Any], function: str) -> dict[str, Any]:
    return body["Resources"][function]["Properties"]


def _queue(body: dict[str, Any]) -> dict[str, Any]:
    return _properties(body, "Dispatch")["Events"]["Jobs"]["Properties"]


def _run(*arguments: str, load: Load = read) -> tuple[int, str]:
    stream = io.StringIO()
    return capacity.main(list(arguments), load, Console(stream)), stream.getvalue()


def _refusals(output: str) -> list[str]:
    return [line.removeprefix("  no  ") for line in output.splitlines() if line.startswith("  no  ")]


def test_defaults_fit_together() -> None:
    status, output = _run("--silos", "2", "--limit", "1000")
    assert status == 0, output
    assert not _refusals(output)


def test_adds_up_given_reservations() -> None:
    """Every reservation is given, so that no default counts."""
    reserved = {
        "Authorizer": 1,
        "Templates": 50,
        "Documents": 50,
        "Inference": 50,
        "Intake": 2,
        "Dispatch": 2,
        "Ingestion": 9,
        "Scheduler": 8,
        "Extraction": 8,
    }
    given = {
        f"{tier}{name}Concurrency": str(value) for name, value in reserved.items() for tier in ("Basic", "Premium", "")
    }
    planned = plan(read, given | {"Issuer": "https://id.example.com/"}, silos=2)
    assert [(stack.name, stack.reserved, stack.count) for stack in planned] == [
        ("basic", 180, 1),
        ("premium", 180, 1),
        ("silo", 180, 2),
    ]
    assert needed(planned) == 4 * 180 + 100
    environments = {each.name: each.environments for each in planned[0].functions.values()}
    assert environments == {
        "authorizer": None,
        "templates": 125,
        "documents": 125,
        "inference": 125,
        "intake": None,
        "dispatch": None,
        "ingestion": 22,
        "extraction": 20,
        "scheduler": None,
        "control": None,
    }, "2.5 times the reservation, rounded down, and only in tenant isolation mode"


def test_sign_in_function_counts_only_without_external_issuer() -> None:
    own, other = plan(read, {}, 0), plan(read, {"Issuer": "https://id.example.com/"}, 0)
    assert [each.name for each in own if each not in other] == ["identity"]
    assert needed(own) - needed(other) == 5


def test_counts_environments_only_in_isolation_mode() -> None:
    planned = plan(read, {"TenantIsolation": "NONE"}, 1)
    assert {each.environments for stack in planned for each in stack.functions.values()} == {None}


@pytest.mark.parametrize(
    "override, stack, would_do",
    [
        ("BasicDispatchConcurrency=24", "basic", "BasicIngestionConcurrency=24"),
        ("IngestionConcurrency=7", "silo", "IngestionConcurrency=8"),
        ("DispatchConcurrency=1", "silo", "DispatchConcurrency=2"),
        ("BasicTenantInFlight=40", "basic", "BasicTenantInFlight=39 or BasicDocumentsConcurrency=41"),
        ("PremiumTenantInFlight=90", "premium", "PremiumTenantInFlight=79 or PremiumTemplatesConcurrency=91"),
        ("TenantInFlight=21", "silo", "TenantInFlight=20 or InferenceConcurrency=21"),
        ("BasicTenantBurst=31", "basic", "BasicTenantBurst=30 or BasicInferenceConcurrency=41"),
        ("PremiumTenantRate=130", "premium", "PremiumTenantBurst=28 or PremiumInferenceConcurrency=82"),
        ("BasicTenantRate=100", "basic", "; BasicDocumentsConcurrency=60"),
        ("BasicIntakeConcurrency=3", "basic", "BasicTenantRate=20 or BasicIntakeConcurrency=4"),
        ("BasicMethodRate=101", "basic", "BasicMethodRate=100 or BasicAuthorizerConcurrency=21"),
        ("AuthorizerConcurrency=9", "silo", "MethodRate=45 or AuthorizerConcurrency=10"),
        ("PremiumMethodRate=150", "premium", "PremiumTenantRate=75 or PremiumMethodRate=200"),
        ("PremiumMethodBurst=59", "premium", "PremiumTenantBurst=29 or PremiumMethodBurst=60"),
        ("TenantRate=51", "silo", "TenantRate=50 or MethodRate=51"),
    ],
)
def test_violated_rule_suggests_a_value(override: str, stack: str, would_do: str) -> None:
    status, output = _run(override)
    name = override.partition("=")[0]
    about = [line for line in _refusals(output) if line.startswith(f"{stack}: ") and name in line]
    assert status == 1 and any(f"{would_do} would do" in line for line in about), output


@pytest.mark.parametrize(
    "override", ["BasicTenantInFlight=39", "BasicTenantBurst=30", "TenantInFlight=20", "TenantRate=50"]
)
def test_suggested_value_satisfies_the_rule(override: str) -> None:
    status, output = _run(override)
    assert status == 0, output


def test_silo_tenant_may_use_all_concurrency() -> None:
    method = ("MethodBurst=500", "MethodRate=1000", "AuthorizerConcurrency=200")
    status, output = _run("TenantInFlight=20", "TenantBurst=500", "TenantRate=1000", *method)
    assert status == 0, output


def test_larger_batches_need_more_workers() -> None:
    load = _changed(TIER, lambda body: _queue(body).update(BatchSize=10))
    status, output = _run(load=load)
    assert status == 1
    # The workers, the scheduler that defers jobs without a worker, and the extraction.
    assert sorted(line.rpartition("; ")[2] for line in _refusals(output)) == sorted(
        f"{tier}{name}Concurrency={jobs} would do"
        for tier, jobs in (("Basic", 200), ("Premium", 300), ("", 80))
        for name in ("Ingestion", "Scheduler", "Extraction")
    )


def test_rejects_more_batches_than_reserved_executions() -> None:
    load = _changed(TIER, lambda body: _queue(body).update(ScalingConfig={"MaximumConcurrency": 21}))
    status, output = _run(
        "BasicIngestionConcurrency=24", "BasicSchedulerConcurrency=24", "BasicExtractionConcurrency=24", load=load
    )
    assert status == 1
    expected = "basic: MaximumConcurrency of Dispatch in infra/tier.yaml (21) is more than dispatch has"
    assert any(line.startswith(expected) for line in _refusals(output)), output


def test_counts_reservations_in_globals_and_not_removed_ones() -> None:
    def everywhere(body: dict[str, Any]) -> None:
        body["Globals"]["Function"]["ReservedConcurrentExecutions"] = 7

    def nowhere(body: dict[str, Any]) -> None:
        del _properties(body, "Intake")["ReservedConcurrentExecutions"]

    usual = needed(plan(read, {}, 0))
    assert needed(plan(_changed(TIER, everywhere), {}, 0)) == usual + 2 * 7, "control in two tiers"
    assert needed(plan(_changed(TIER, nowhere), {}, 0)) == usual - 10 - 20


def test_too_small_limit_says_what_to_do() -> None:
    need = needed(plan(read, {}, 0))
    assert _run("--limit", str(need))[0] == 0
    status, output = _run("--limit", str(need - 1))
    assert status == 1
    assert f"--quota-code L-B99A9384 --desired-value {need}" in output
    assert "or take 1 off the reservations; the largest: PremiumTemplatesConcurrency (80)" in output


def test_a_limit_below_one_execution_per_function_needs_an_increase() -> None:
    """A new account may have a limit of 10. Nothing can be taken off that is not there."""
    functions = sum(len(stack.reservations) * stack.count for stack in plan(read, {}, 0))
    status, output = _run("--limit", "10")
    assert status == 1 and "off the reservations" not in output
    assert f"{capacity.UNRESERVED} must stay unreserved, and {functions} functions need at least 1 each" in output
    assert "off the reservations" not in _run("--limit", str(capacity.UNRESERVED + functions - 1))[1]
    assert "off the reservations" in _run("--limit", str(capacity.UNRESERVED + functions))[1]


@pytest.mark.parametrize(
    "override, why",
    [
        ("BasicInferenceConcurency=9", "neither template.yaml nor infra/silo.yaml has a parameter"),
        ("BasicInferenceConcurrency=many", "BasicInferenceConcurrency must be a whole number, not `many`"),
    ],
)
def test_rejects_invalid_parameters_without_a_plan(override: str, why: str) -> None:
    status, output = _run(override)
    assert status == 2 and why in output and "reserved" not in output
