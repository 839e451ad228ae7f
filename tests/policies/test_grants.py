"""An allowed call of the run used every right of every role."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from tests.policies.deployed import Policies, Role
from tests.policies.grants import UNUSED, Grant, granted, trust_used, trusted, used
from tests.policies.record import Judgement, Record
from tests.policies.second_engine import SecondEngine

pytestmark = pytest.mark.after_everything


@pytest.fixture(scope="module")
def judged(judgements: list[Judgement], record: Record, names: dict[str, str]) -> list[Judgement]:
    """All judgements, including later ones: calls in the table of forbidden calls that some role may make."""
    list(record.more())
    return [each for each in record.all if each.role in names or not each.role]


@pytest.fixture(scope="module")
def exercised(judged: list[Judgement], policies: Policies, names: dict[str, str], engine: SecondEngine) -> set[Grant]:
    return used(judged, policies, names, engine)


def test_every_right_is_used(policies: Policies, exercised: set[Grant], report: list[str]) -> None:
    rights = granted(policies)
    unused = [each for each in sorted(rights - exercised) if not each.exception]
    assert not unused, "rights that no call used:\n" + "\n".join(map(str, unused))
    excepted = sum(each.exception is not None for each in rights)
    report.append(f"{len(rights) - excepted} rights of {len(policies.roles)} roles, each used; {excepted} excepted")


def test_every_exception_is_needed(policies: Policies, exercised: set[Grant]) -> None:
    needed = {each.exception for each in granted(policies) - exercised}
    for row, reason in UNUSED.items():
        assert reason and row in needed, f"{row}: its right is used or gone; remove the row"
    for each in exercised:
        assert not each.exception, f"{each} is used; remove its row from UNUSED"


def test_every_trust_is_used(policies: Policies, judged: list[Judgement], names: dict[str, str]) -> None:
    unused = trusted(policies) - trust_used(judged, policies, names)
    assert not unused, "trust that no call used:\n" + "\n".join(map(str, sorted(unused)))


def test_unneeded_right_is_detected(policies: Policies, exercised: set[Grant]) -> None:
    """Adds an action to a used statement, and another statement."""
    widened = copy.deepcopy(policies.roles["TenantRole"].identity)
    statements = widened["tenant-data"]["Statement"]
    statements[0]["Action"].append("dynamodb:BatchGetItem")
    statements.append({"Effect": "Allow", "Action": "s3:GetObjectVersion", "Resource": "*"})
    roles = {**policies.roles, "TenantRole": Role(policies.roles["TenantRole"].trust, widened)}
    found = granted(replace(policies, roles=roles)) - exercised - granted(policies)
    assert {each.action for each in found} == {"dynamodb:BatchGetItem", "s3:GetObjectVersion"}


def test_unneeded_trust_is_detected(policies: Policies, judged: list[Judgement], names: dict[str, str]) -> None:
    trust = copy.deepcopy(policies.roles["OperatorRole"].trust)
    trust["Statement"][0]["Action"].append("sts:TagSession")
    roles = {**policies.roles, "OperatorRole": Role(trust, policies.roles["OperatorRole"].identity)}
    changed = replace(policies, roles=roles)
    found = trusted(changed) - trust_used(judged, changed, names)
    assert {each.action for each in found} >= {"sts:TagSession"}
