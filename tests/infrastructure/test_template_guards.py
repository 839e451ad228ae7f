"""The CloudFormation templates pass every guard, and every guard reports its faults.

Guards read the templates after the SAM transform, because it generates roles, permissions and rules.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.infrastructure.breaks import BREAKS, ROOT, TIER, Break
from tests.infrastructure.guards import EXCEPTIONS, GUARDS, complaints, notices
from tests.infrastructure.guards.template import Guard, Template, variants
from tools.deploy.expand import expand
from tools.devstack.process import ROOT as PROJECT

FILES = (ROOT, *sorted(f"infra/{each.name}" for each in (PROJECT / "infra").glob("*.yaml")))


@pytest.fixture(scope="session")
def expanded() -> dict[str, dict[str, Any]]:
    return {file: expand(PROJECT / file) for file in FILES}


@pytest.fixture(scope="session")
def decided(expanded: dict[str, dict[str, Any]]) -> dict[str, list[Template]]:
    """The templates under every combination of their conditions."""
    return {file: list(variants(file, each)) for file, each in expanded.items()}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("file", FILES)
def test_templates_pass(guard: Guard, file: str, decided: dict[str, list[Template]]) -> None:
    found = complaints(guard, decided[file])
    assert not found, "\n".join(found)


@pytest.mark.parametrize("fault", BREAKS, ids=lambda each: each.name)
def test_guard_reports(fault: Break, expanded: dict[str, dict[str, Any]]) -> None:
    broken = copy.deepcopy(expanded[fault.file])
    fault.change(broken["Resources"])
    assert broken != expanded[fault.file], "the break changed nothing; adapt the break to the template"
    if not notices(fault.guard, variants(fault.file, broken), fault.blames):
        reported = complaints(fault.guard, variants(fault.file, broken))
        pytest.fail(f"{fault.guard.__name__} reports only: {reported}")


def test_every_guard_has_a_break() -> None:
    assert {fault.guard for fault in BREAKS} == set(GUARDS), "a guard without a break may check nothing"


@pytest.mark.parametrize("rows", EXCEPTIONS, ids=["wildcards", "rights", "managed", "concurrency", "tagless"])
def test_every_exception_is_needed(rows: dict[Any, str], decided: dict[str, list[Template]]) -> None:
    """Removes each row: if no guard complains, the row is not needed."""
    for row, reason in list(rows.items()):
        assert reason, f"{row} has no reason"
        del rows[row]
        try:
            found = any(notices(guard, decided[file], "") for guard in GUARDS for file in FILES)
        finally:
            rows[row] = reason
        assert found, f"{row} is an exception ({reason}) that nothing needs; remove the row"


def test_conditions_are_tested_both_ways(decided: dict[str, list[Template]]) -> None:
    """Guards see the templates with tenant isolation on and off."""
    isolated = {
        len(names)
        for names in (
            {name for name, each in variant.of("AWS::Lambda::Function") if "TenancyConfig" in each}
            for variant in decided[TIER]
        )
    }
    assert isolated == {0, 5}, f"functions in tenant isolation mode, by variant: {isolated}"
