"""The templates keep the promises that a reader of a diff would have to check by eye.

They are looked at after the SAM transform, since it makes the roles, permissions and rules that count.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.infrastructure.breaks import BREAKS, ROOT, TIER, Break
from tests.infrastructure.guards import EXCEPTIONS, GUARDS, complaints, notices
from tests.infrastructure.guards.template import Guard, variants
from tools.deploy.expand import expand
from tools.devstack.process import ROOT as PROJECT

FILES = (ROOT, *sorted(f"infra/{each.name}" for each in (PROJECT / "infra").glob("*.yaml")))


@pytest.fixture(scope="session")
def expanded() -> dict[str, dict[str, Any]]:
    return {file: expand(PROJECT / file) for file in FILES}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("file", FILES)
def test_the_templates_keep(guard: Guard, file: str, expanded: dict[str, dict[str, Any]]) -> None:
    found = complaints(guard, file, expanded[file])
    assert not found, "\n".join(found)


@pytest.mark.parametrize("fault", BREAKS, ids=lambda each: each.name)
def test_a_guard_notices(fault: Break, expanded: dict[str, dict[str, Any]]) -> None:
    broken = copy.deepcopy(expanded[fault.file])
    fault.change(broken["Resources"])
    assert broken != expanded[fault.file], "the break changed nothing; adapt it to the template"
    if not notices(fault.guard, fault.file, broken, fault.blames):
        pytest.fail(f"{fault.guard.__name__} says only: {complaints(fault.guard, fault.file, broken)}")


def test_every_guard_is_seen_to_fail() -> None:
    assert {fault.guard for fault in BREAKS} == set(GUARDS), "a guard that no break trips may guard nothing"


@pytest.mark.parametrize("rows", EXCEPTIONS, ids=["wildcards", "rights", "managed", "concurrency", "tagless"])
def test_no_exception_is_kept_for_nothing(rows: dict[Any, str], expanded: dict[str, dict[str, Any]]) -> None:
    """Take each row away: a guard must complain, or the row is no longer needed."""
    for row, reason in list(rows.items()):
        assert reason, f"{row} has no reason"
        del rows[row]
        try:
            found = any(notices(guard, file, expanded[file], "") for guard in GUARDS for file in FILES)
        finally:
            rows[row] = reason
        assert found, f"{row} is excepted ({reason}), and nothing needs it any more; remove the row"


def test_conditions_are_looked_at_both_ways(expanded: dict[str, dict[str, Any]]) -> None:
    """With tenant isolation on and off; a guard that sees one of them only would miss the other."""
    isolated = {
        len(names)
        for names in (
            {name for name, each in variant.of("AWS::Lambda::Function") if "TenancyConfig" in each}
            for variant in variants(TIER, expanded[TIER])
        )
    }
    assert isolated == {0, 5}, f"functions in tenant isolation mode, by variant: {isolated}"
