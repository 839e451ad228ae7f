"""Both engines agree on every call of the journeys and attacks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.policies import agreement
from tests.policies.agreement import DIFFERENCES, disagreements
from tests.policies.record import Judgement
from tests.policies.second_engine import Case, Policy, SecondEngine

pytestmark = pytest.mark.after_everything

Judged = list[tuple[Case, bool]]


@pytest.fixture(scope="module")
def judged(judgements: list[Judgement]) -> Judged:
    return [(case, judgement.allowed) for case, judgement in agreement.cases(judgements).values()]


def test_both_engines_agree(judged: Judged, engine: SecondEngine, report: list[str]) -> None:
    found = disagreements(judged, engine)
    unexplained = [f"{case}: {says}" for case, says in found if (case.action, says) not in DIFFERENCES]
    assert not unexplained, "\n".join(unexplained)
    unneeded = set(DIFFERENCES) - {(case.action, says) for case, says in found}
    assert not unneeded, f"these differences no longer exist; remove them: {unneeded}"
    allowed = sum(allowed for _, allowed in judged)
    report.append(f"{allowed} different requests allowed and {len(judged) - allowed} denied by both engines")


def test_run_has_enough_requests_to_judge(judged: Judged) -> None:
    """A whole run has about 80 distinct allowed requests (ids ignored), and more denied ones."""
    allowed = sum(allowed for _, allowed in judged)
    assert allowed >= 60 and len(judged) - allowed >= 60, (
        f"only {allowed} allowed and {len(judged) - allowed} denied; these tests judge a whole run "
        "(python -m tools.suite stack)"
    )


# ── the comparison itself can fail ────────────────────────────────────────────


def _remove_action(action: str) -> Any:
    """Removes one action from the policies."""

    def change(statement: Policy) -> Policy:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        kept = [each for each in actions if each != action]
        return {**statement, "Action": kept or ["none:None"]} if statement["Effect"] == "Allow" else statement

    return change


def _remove_condition(operator: str) -> Any:
    """Removes the conditions with one operator from the policies."""

    def change(statement: Policy) -> Policy:
        kept = {name: block for name, block in statement.get("Condition", {}).items() if name != operator}
        return {**statement, "Condition": kept} if "Condition" in statement else statement

    return change


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("the right to read items is missing", _remove_action("dynamodb:GetItem")),
        ("the right to decrypt data keys is missing", _remove_action("kms:Decrypt")),
        ("the right to take a session is missing", _remove_action("sts:AssumeRole")),
        ("no condition requires the tenant's own names", _remove_condition("StringEquals")),
        ("no condition requires the tenant's own partition", _remove_condition("ForAllValues:StringEquals")),
    ],
)
def test_changed_policies_cause_a_disagreement(what: str, change: Any, judged: Judged, engine: SecondEngine) -> None:
    """The emulator judged by the deployed policies; here the second engine judges by changed ones."""

    def changed(policy: Policy) -> Policy:
        return {**policy, "Statement": [change(each) for each in _statements(policy)]}

    altered = [
        (
            replace(
                case,
                identity={name: changed(each) for name, each in case.identity.items()},
                resource_policy=case.resource_policy and changed(case.resource_policy),
            ),
            allowed,
        )
        for case, allowed in judged
    ]
    found = [says for _, says in disagreements(altered, engine)]
    assert [each for each in found if "the emulator" in each], f"{what}, but both engines still agree"


def _statements(policy: Policy) -> list[Policy]:
    return policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
