"""Every right of every role, and the rights that a run has used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.policies.deployed import Policies, Role
from tests.policies.record import Judgement
from tests.policies.second_engine import SecondEngine

Row = tuple[str, str, str]
# (role, action, part of the resource) of rights that no run here uses, and why they are needed. `*` is every
# role. The list may only shrink: a row whose right is used or gone fails the test.
UNUSED: dict[Row, str] = {
    ("*", "logs:CreateLogGroup", "*"): "Lambda writes a function's log with its role; MiniStack does not check that",
    ("*", "logs:CreateLogStream", "*"): "the same",
    ("*", "logs:PutLogEvents", "*"): "the same",
    ("*", "xray:PutTraceSegments", "*"): "SAM grants this if tracing can be enabled; no test sends traces",
    ("*", "xray:PutTelemetryRecords", "*"): "the same",
    ("*", "xray:GetSamplingRules", "*"): "the same",
    ("*", "xray:GetSamplingTargets", "*"): "the same",
    ("*", "xray:GetSamplingStatisticSummaries", "*"): "the same",
    **{
        ("ApiGatewayLogs", f"logs:{action}", "*"): "API Gateway accepts no smaller policy for access logs"
        for action in ("DescribeLogGroups", "DescribeLogStreams", "GetLogEvents", "FilterLogEvents")
    },
    ("IntakeRole", "sqs:SendMessage", "-DeadLetters-"): "Lambda sends events there that intake failed on, with "
    "intake's role; the emulator does not check that, and no test makes intake fail for good",
}


@dataclass(frozen=True, order=True)
class Grant:
    """One action on one resource in one statement of one role."""

    role: str
    policy: str
    statement: int
    action: str
    resource: str

    def __str__(self) -> str:
        policy = self.policy.rsplit("/", 1)[-1]
        return f"{self.role} ({policy}, statement {self.statement + 1}): {self.action} on {self.resource}"

    @property
    def exception(self) -> Row | None:
        """Returns the row of `UNUSED` that covers this right, if any."""
        return next(
            (row for row in UNUSED if row[0] in (self.role, "*") and row[1] == self.action and row[2] in self.resource),
            None,
        )


@dataclass(frozen=True, order=True)
class Trusted:
    """One principal that one role trusts for one action."""

    role: str
    action: str
    principal: str

    def __str__(self) -> str:
        return f"{self.role} trusts {self.principal} for {self.action}"


def granted(policies: Policies) -> set[Grant]:
    """Returns every right that identity policies allow."""
    return {
        Grant(role, name, number, action, resource)
        for role, found in policies.roles.items()
        for name, policy in found.identity.items()
        for number, statement in enumerate(_as_list(policy["Statement"]))
        if statement["Effect"] == "Allow"
        for action in _as_list(statement["Action"])
        for resource in _as_list(statement["Resource"])
    }


def used(
    judgements: Iterable[Judgement], policies: Policies, names: Mapping[str, str], engine: SecondEngine
) -> set[Grant]:
    """Returns the rights that allowed the recorded calls. `names` maps role names to logical ids."""
    cases = {}
    for each in judgements:
        role = names.get(each.role)
        # Skips calls judged by policies that a test had changed: they prove nothing about the deployed ones.
        if role and each.allowed and not each.is_caller_side and each.identity == policies.roles[role].identity:
            case = each.case()
            cases[role, case.key] = case
    verdicts = engine.judge(list(cases.values()))
    return {
        Grant(role, policy, statement, _as_written(case.action, policies.roles[role], policy, statement), resource)
        for ((role, _), case), verdict in zip(cases.items(), verdicts, strict=True)
        for policy, statement, resource in verdict.allows
    }


def trusted(policies: Policies) -> set[Trusted]:
    """Returns trusted principals except AWS services, because AWS services assume roles without a recorded call."""
    return {
        Trusted(role, action, principal)
        for role, found in policies.roles.items()
        for statement in _as_list(found.trust["Statement"])
        if statement["Effect"] == "Allow"
        for action in _as_list(statement["Action"])
        for principal in _as_list(statement["Principal"].get("AWS", []))
    }


def trust_used(judgements: Iterable[Judgement], policies: Policies, names: Mapping[str, str]) -> set[Trusted]:
    found = set()
    for each in judgements:
        role = names.get(each.resource.rsplit("/", 1)[-1])
        if each.kind == "trust" and each.allowed and role and each.resource_policy == policies.roles[role].trust:
            account = each.principal.split(":")[4]
            principal = f"arn:aws:iam::{account}:role/{each.role}" if each.role else each.principal
            found.add(Trusted(role, each.action, principal))
    return found


def _as_written(action: str, role: Role, policy: str, statement: int) -> str:
    """Returns the action in the spelling of the policy."""
    written = _as_list(_as_list(role.identity[policy]["Statement"])[statement]["Action"])
    return next(each for each in written if each.lower() == action.lower())


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
