"""The table of forbidden calls: made by every session, and judged for every role."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests.policies.crossing import CALLER, TAG
from tests.policies.deployed import Policies
from tests.policies.forbidden import FORBIDDEN, Forbidden, Targets
from tests.policies.record import Judgement, Record
from tests.policies.second_engine import Case, Policy, SecondEngine, Verdict
from tools.attacks import DENIED, Target
from tools.devstack.aws import Account, error_code
from tools.devstack.stack import LocalStack

pytestmark = pytest.mark.after_everything

ROWS = {row.what: row for row in FORBIDDEN}
# The control function's role may take tenants' sessions.
_SESSIONS = ("TenantRole", "OperatorRole", "ControlRole")
_ALLOWED = "allowed"


@dataclass
class RowResult:
    """The result of one row."""

    row: Forbidden
    # By the role of the calling session: the service's error code, and the judgements of the call.
    errors: dict[str, str] = field(default_factory=dict)
    judged: dict[str, list[Judgement]] = field(default_factory=dict)
    verdicts: dict[str, list[tuple[Case, Verdict]]] = field(default_factory=dict)

    @property
    def parts(self) -> list[Judgement]:
        """Returns the judgements of the call that got furthest. A call has several; the last one denies."""
        return max((made for role, made in self.judged.items() if role not in self.row.may), key=len)

    def denies(self, role: str) -> bool:
        """Reports whether at least one part of the call is denied."""
        return any(not verdict.allowed for _, verdict in self.verdicts[role])


def _as_role(role: str, name: str, judgement: Judgement, policies: Policies, tenant: str) -> Case:
    """Returns the same request made by another role."""
    request = {key: value for key, value in judgement.context.items() if not key.startswith(CALLER)}
    session = tenant if role == "TenantRole" else "session"
    tags = {TAG: tenant} if role == "TenantRole" else {}
    caller = {"aws:principalarn": f"arn:aws:iam::000000000000:role/{name}", **tags}
    changed = replace(
        judgement,
        role=name,
        principal=f"arn:aws:sts::000000000000:assumed-role/{name}/{session}",
        context={**request, **caller},
        identity=policies.roles[role].identity,
    )
    return changed.case()


@pytest.fixture(scope="module")
def physical(names: dict[str, str]) -> dict[str, str]:
    return {logical: name for name, logical in names.items()}


@pytest.fixture(scope="module")
def results(
    stack: LocalStack,
    policies: Policies,
    physical: dict[str, str],
    engine: SecondEngine,
    record: Record,
    clinic_target: Target,
    bicycles_target: Target,
    bicycles_session: Account,
    report: list[str],
) -> dict[str, RowResult]:
    """Makes every call with all sessions, then judges all calls for all roles."""
    targets, tenant = Targets(stack, clinic_target, bicycles_target), bicycles_target.tenant.id
    sessions = dict(zip(_SESSIONS, (bicycles_session, stack.operator(), stack.role_of("ControlFunction")), strict=True))
    found = {row.what: RowResult(row) for row in FORBIDDEN}
    for each in found.values():
        for role, session in sessions.items():
            _call(each, role, session, targets, record)
    calls = [
        (each, role, _as_role(role, physical[role], part, policies, tenant))
        for each in found.values()
        for part in each.parts
        for role in physical
    ]
    for (each, role, case), verdict in zip(calls, engine.judge([case for _, _, case in calls]), strict=True):
        each.verdicts.setdefault(role, []).append((case, verdict))
    report += _table(found.values(), len(physical))
    return found


def _call(each: RowResult, role: str, session: Account, targets: Targets, record: Record) -> None:
    principal = session.client("sts").get_caller_identity()["Arn"]
    list(record.more())
    try:
        answer = each.row.call(session, targets)
    except ClientError as error:
        each.errors[role] = error_code(error)
    except ParamValidationError as error:
        each.errors[role] = f"not sent: {error}"
    else:
        each.errors[role] = _ALLOWED if role in each.row.may else f"NOT denied: {str(answer)[:120]}"
    each.judged[role] = [made for made in record.more() if made.principal == principal and not made.is_caller_side]


def _table(found: Any, roles: int) -> list[str]:
    """Returns the table as Markdown."""
    lines = [
        f"| forbidden to all {roles} roles | judged as | tenant | operator | control | second engine |",
        "|---|---|---|---|---|---|",
    ]
    for each in found:
        actions = ", ".join(dict.fromkeys(part.action for part in each.parts))
        denied = sum(map(each.denies, each.verdicts))
        may = f", allows {', '.join(each.row.may)}" if each.row.may else ""
        errors = " | ".join(each.errors[role] for role in _SESSIONS)
        lines.append(f"| {each.row} | {actions} | {errors} | denies {denied}{may} |")
    return lines


@pytest.mark.parametrize("what", ROWS)
def test_emulator_denies(what: str, results: dict[str, RowResult]) -> None:
    for role, error in results[what].errors.items():
        assert error in ({_ALLOWED} if role in results[what].row.may else DENIED), f"{role} tried to {what}: {error}"


@pytest.mark.parametrize("what", ROWS)
def test_both_engines_deny_every_role(what: str, results: dict[str, RowResult], physical: dict[str, str]) -> None:
    each = results[what]
    assert each.parts and not each.parts[-1].allowed, f"no denied judgement of the call to {what}"
    assert set(each.verdicts) == set(physical)
    for role, verdicts in each.verdicts.items():
        assert not [verdict.error for _, verdict in verdicts if verdict.error], verdicts
        assert each.denies(role) != (role in each.row.may), f"{role} to {what}: {verdicts}"


# ── the table can fail ────────────────────────────────────────────────────────

_BROKEN: dict[str, tuple[str, str, Callable[[Policy], Any]]] = {
    "the Null check is missing and Scan is granted": (
        "scan the table of all tenants",
        "tenant-data",
        lambda p: p["Statement"][0].update(
            Action="dynamodb:Scan", Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["TENANT#x"]}}
        ),
    ),
    "the prefix is optional": (
        "list the bucket without a prefix",
        "tenant-data",
        lambda p: next(each for each in p["Statement"] if each["Sid"] == "OwnPrefix").update(
            Condition={"StringLikeIfExists": {"s3:prefix": "t/x/*"}}
        ),
    ),
    "a session requires no tag": (
        "take a session without a tag",
        "trust",
        lambda p: p["Statement"][0]["Condition"].pop("StringLike") and p["Statement"].pop(1),
    ),
    "a session may have other tags": (
        "take a session with a second tag",
        "trust",
        lambda p: p["Statement"][0]["Condition"].pop("ForAllValues:StringEquals"),
    ),
    "a session may have any name": (
        "take a session under another name",
        "trust",
        lambda p: p["Statement"].pop(1),
    ),
    "a session may have an empty tag": (
        "take a session with an empty tag",
        "trust",
        lambda p: (
            p["Statement"].pop(1) and p["Statement"][0]["Condition"].update(StringLike={"aws:RequestTag/TenantId": "*"})
        ),
    ),
    "a tag may be short": (
        "take a session with a short tag",
        "trust",
        lambda p: p["Statement"][0]["Condition"].update(StringLike={"aws:RequestTag/TenantId": "?*"}),
    ),
    "KMS requires no tenant": (
        "make a data key without a tenant",
        "tenant-data and key",
        lambda p: [
            each.update(Condition={}) if each["Effect"] == "Allow" else each.update(Action="none:None")
            for each in p["Statement"]
        ],
    ),
}


@pytest.mark.parametrize("broken", _BROKEN)
def test_table_detects(broken: str, results: dict[str, RowResult], engine: SecondEngine) -> None:
    what, where, change = _BROKEN[broken]

    def changed(policy: Policy) -> Policy:
        policy = copy.deepcopy(policy)
        change(policy)
        return policy

    cases = [case for verdicts in results[what].verdicts.values() for case, _ in verdicts]
    if "tenant-data" in where:
        cases = [
            replace(case, identity={"tenant-data": changed(case.identity["tenant-data"])})
            for case in cases
            if "tenant-data" in case.identity
        ]
    if "trust" in where or "key" in where:
        cases = [
            replace(case, resource_policy=case.resource_policy and changed(case.resource_policy)) for case in cases
        ]
    verdicts = engine.judge(cases)
    assert not [verdict.error for verdict in verdicts if verdict.error]
    assert any(verdict.allowed for verdict in verdicts), f"{broken}, but no role may {what}"
