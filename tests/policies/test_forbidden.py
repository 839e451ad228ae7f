"""The table of forbidden calls: made for real by every session there is, and judged for every role."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests.policies.crossing import CALLER, TAG
from tests.policies.deployed import Policies
from tests.policies.forbidden import FORBIDDEN, Forbidden, Place
from tests.policies.record import Judgement, Record
from tests.policies.second_engine import Case, Policy, SecondEngine, Verdict
from tools.attacks import DENIED, Target
from tools.devstack.aws import Account, error_code
from tools.devstack.stack import LocalStack

pytestmark = pytest.mark.after_everything

ROWS = {row.what: row for row in FORBIDDEN}
_SESSIONS = ("TenantRole", "OperatorRole")
_MAY = "may, and did"


@dataclass
class Tried:
    """What became of one row."""

    row: Forbidden
    # By the role whose session tried: the service's word for its refusal, and what was judged until then.
    said: dict[str, str] = field(default_factory=dict)
    judged: dict[str, list[Judgement]] = field(default_factory=dict)
    verdicts: dict[str, list[tuple[Case, Verdict]]] = field(default_factory=dict)

    @property
    def parts(self) -> list[Judgement]:
        """One call may be several judgements, of which the last denies: those of the try that got furthest."""
        return max((made for role, made in self.judged.items() if role not in self.row.may), key=len)

    def denies(self, role: str) -> bool:
        """A call is denied when one part of it is."""
        return any(not verdict.allowed for _, verdict in self.verdicts[role])


def _as(role: str, name: str, judgement: Judgement, policies: Policies, tenant: str) -> Case:
    """The same request by another role."""
    asked = {key: value for key, value in judgement.context.items() if not key.startswith(CALLER)}
    session = tenant if role == "TenantRole" else "somebody"
    tags = {TAG: tenant} if role == "TenantRole" else {}
    caller = {"aws:principalarn": f"arn:aws:iam::000000000000:role/{name}", **tags}
    changed = replace(
        judgement,
        role=name,
        principal=f"arn:aws:sts::000000000000:assumed-role/{name}/{session}",
        context={**asked, **caller},
        identity=policies.roles[role].identity,
    )
    return changed.case()


@pytest.fixture(scope="module")
def physical(names: dict[str, str]) -> dict[str, str]:
    return {logical: name for name, logical in names.items()}


@pytest.fixture(scope="module")
def tried(
    stack: LocalStack,
    policies: Policies,
    physical: dict[str, str],
    engine: SecondEngine,
    record: Record,
    clinic_target: Target,
    bicycles_target: Target,
    bicycles_session: Account,
    report: list[str],
) -> dict[str, Tried]:
    """Every row, tried by all sessions and then judged for all roles at once."""
    place, tenant = Place(stack, clinic_target, bicycles_target), bicycles_target.tenant.id
    sessions = {"TenantRole": bicycles_session, "OperatorRole": stack.operator()}
    found = {row.what: Tried(row) for row in FORBIDDEN}
    for each in found.values():
        for role, session in sessions.items():
            _try(each, role, session, place, record)
    asked = [
        (each, role, _as(role, physical[role], part, policies, tenant))
        for each in found.values()
        for part in each.parts
        for role in physical
    ]
    for (each, role, case), verdict in zip(asked, engine.judge([case for _, _, case in asked]), strict=True):
        each.verdicts.setdefault(role, []).append((case, verdict))
    report += _table(found.values(), len(physical))
    return found


def _try(each: Tried, role: str, session: Account, place: Place, record: Record) -> None:
    principal = session.client("sts").get_caller_identity()["Arn"]
    list(record.more())
    try:
        answer = each.row.call(session, place)
    except ClientError as error:
        each.said[role] = error_code(error)
    except ParamValidationError as error:
        each.said[role] = f"never sent: {error}"
    else:
        each.said[role] = _MAY if role in each.row.may else f"NOT refused: {str(answer)[:120]}"
    each.judged[role] = [made for made in record.more() if made.principal == principal and not made.half]


def _table(found: Any, roles: int) -> list[str]:
    """The table as it is shown, in Markdown."""
    lines = [
        f"| forbidden to all {roles} roles | judged as | a tenant | the operator | second engine |",
        "|---|---|---|---|---|",
    ]
    for each in found:
        actions = ", ".join(dict.fromkeys(part.action for part in each.parts))
        denied = sum(map(each.denies, each.verdicts))
        may = f", allows {', '.join(each.row.may)}" if each.row.may else ""
        said = " | ".join(each.said[role] for role in _SESSIONS)
        lines.append(f"| {each.row} | {actions} | {said} | denies {denied}{may} |")
    return lines


@pytest.mark.parametrize("what", ROWS)
def test_the_emulator_refuses(what: str, tried: dict[str, Tried]) -> None:
    for role, said in tried[what].said.items():
        assert said in ({_MAY} if role in tried[what].row.may else DENIED), f"{role} tried to {what}: {said}"


@pytest.mark.parametrize("what", ROWS)
def test_both_engines_deny_every_role(what: str, tried: dict[str, Tried], physical: dict[str, str]) -> None:
    each = tried[what]
    assert each.parts and not each.parts[-1].allowed, f"nobody was judged for trying to {what}"
    assert set(each.verdicts) == set(physical)
    for role, verdicts in each.verdicts.items():
        assert not [verdict.error for _, verdict in verdicts if verdict.error], verdicts
        assert each.denies(role) != (role in each.row.may), f"{role} to {what}: {verdicts}"


# ── the table can fail ──────────────────────────────────────────────────────

_BROKEN: dict[str, tuple[str, str, Callable[[Policy], Any]]] = {
    "the Null guard is gone when somebody grants a Scan": (
        "scan the table of all tenants",
        "tenant-data",
        lambda p: p["Statement"][0].update(
            Action="dynamodb:Scan", Condition={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["TENANT#x"]}}
        ),
    ),
    "the prefix is a wish": (
        "list the bucket without a prefix",
        "tenant-data",
        lambda p: next(each for each in p["Statement"] if each["Sid"] == "OwnPrefix").update(
            Condition={"StringLikeIfExists": {"s3:prefix": "t/x/*"}}
        ),
    ),
    "a session needs no tag": (
        "take a session without a tag",
        "trust",
        lambda p: (
            p["Statement"][0]["Condition"].pop("StringLike") and p["Statement"][0]["Condition"].pop("StringEquals")
        ),
    ),
    "a session may have more tags": (
        "take a session with a second tag",
        "trust",
        lambda p: p["Statement"][1]["Condition"].pop("ForAllValues:StringEquals"),
    ),
    "a session may have any name": (
        "take a session under another name",
        "trust",
        lambda p: p["Statement"][0]["Condition"].pop("StringEquals"),
    ),
    "a session may have an empty tag": (
        "take a session with an empty tag",
        "trust",
        lambda p: [
            each["Condition"].update(StringLike={"aws:RequestTag/TenantId": "*"}, StringEquals={})
            for each in p["Statement"]
        ],
    ),
    "a tag may be short": (
        "take a session with a tag too short",
        "trust",
        lambda p: [each["Condition"].update(StringLike={"aws:RequestTag/TenantId": "?*"}) for each in p["Statement"]],
    ),
    "KMS is asked without a tenant": (
        "make a data key for nobody",
        "tenant-data and key",
        lambda p: [
            each.update(Condition={}) if each["Effect"] == "Allow" else each.update(Action="none:None")
            for each in p["Statement"]
        ],
    ),
}


@pytest.mark.parametrize("broken", _BROKEN)
def test_the_table_notices_when(broken: str, tried: dict[str, Tried], engine: SecondEngine) -> None:
    what, where, change = _BROKEN[broken]

    def changed(policy: Policy) -> Policy:
        policy = copy.deepcopy(policy)
        change(policy)
        return policy

    cases = [case for verdicts in tried[what].verdicts.values() for case, _ in verdicts]
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
    assert any(verdict.allowed for verdict in verdicts), f"{broken}, and nobody may {what}"
