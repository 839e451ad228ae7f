"""No right is there for nothing: every one was used by a call that was allowed, somewhere in the run."""

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
    """With what came since the first look: the calls that the table of forbidden ones allows somebody."""
    list(record.more())
    return [each for each in record.all if each.role in names or not each.role]


@pytest.fixture(scope="module")
def exercised(judged: list[Judgement], policies: Policies, names: dict[str, str], engine: SecondEngine) -> set[Grant]:
    return used(judged, policies, names, engine)


def test_every_right_is_used(policies: Policies, exercised: set[Grant], report: list[str]) -> None:
    rights = granted(policies)
    unused = [each for each in sorted(rights - exercised) if not each.exception]
    assert not unused, "rights that nothing used:\n" + "\n".join(map(str, unused))
    excepted = sum(each.exception is not None for each in rights)
    report.append(f"{len(rights) - excepted} rights of {len(policies.roles)} roles, each used; {excepted} excepted")


def test_no_exception_is_kept_for_nothing(policies: Policies, exercised: set[Grant]) -> None:
    needed = {each.exception for each in granted(policies) - exercised}
    for row, reason in UNUSED.items():
        assert reason and row in needed, f"{row}: its right is used, or gone; remove the row"
    for each in exercised:
        assert not each.exception, f"{each} is used; its row in UNUSED has to go"


def test_everybody_who_is_trusted_came(policies: Policies, judged: list[Judgement], names: dict[str, str]) -> None:
    unused = trusted(policies) - trust_used(judged, policies, names)
    assert not unused, "trust that nothing used:\n" + "\n".join(map(str, sorted(unused)))


def test_a_right_too_many_is_noticed(policies: Policies, exercised: set[Grant]) -> None:
    """One more action in a statement that is used, and one more statement."""
    widened = copy.deepcopy(policies.roles["TenantRole"].identity)
    statements = widened["tenant-data"]["Statement"]
    statements[0]["Action"].append("dynamodb:BatchGetItem")
    statements.append({"Effect": "Allow", "Action": "s3:GetObjectVersion", "Resource": "*"})
    roles = {**policies.roles, "TenantRole": Role(policies.roles["TenantRole"].trust, widened)}
    found = granted(replace(policies, roles=roles)) - exercised - granted(policies)
    assert {each.action for each in found} == {"dynamodb:BatchGetItem", "s3:GetObjectVersion"}


def test_trust_too_many_is_noticed(policies: Policies, judged: list[Judgement], names: dict[str, str]) -> None:
    trust = copy.deepcopy(policies.roles["OperatorRole"].trust)
    trust["Statement"][0]["Action"] = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    roles = {**policies.roles, "OperatorRole": Role(trust, policies.roles["OperatorRole"].identity)}
    changed = replace(policies, roles=roles)
    found = trusted(changed) - trust_used(judged, changed, names)
    assert {each.action for each in found} >= {"sts:SetSourceIdentity"}
