"""What a tenant may do to its own data, it may not do to another's: every call, led to somebody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.policies.crossing import KINDS, OF_NOBODY, TAG, Crossing, crossings, own_calls
from tests.policies.deployed import Policies
from tests.policies.record import Judgement
from tests.policies.second_engine import Case, Policy, SecondEngine

pytestmark = pytest.mark.after_everything

_POLICY = "tenant-data"


@pytest.fixture(scope="module")
def calls(judgements: list[Judgement], names: dict[str, str], policies: Policies) -> list[Case]:
    role = next(name for name, logical in names.items() if logical == "TenantRole")
    return own_calls(judgements, role, policies.roles["TenantRole"])


@pytest.fixture(scope="module")
def crossed(calls: list[Case]) -> list[tuple[Case, list[Crossing]]]:
    return [(case, list(crossings(case))) for case in calls]


def test_every_call_can_be_led_astray(crossed: list[tuple[Case, list[Crossing]]]) -> None:
    """A call that names no tenant is either about nobody's data, or an oversight."""
    for case, found in crossed:
        if case.action in OF_NOBODY:
            assert not found, f"{case} does name a tenant; remove it from OF_NOBODY"
        else:
            assert found, f"{case} was allowed to a tenant and names none"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_is_crossed(kind: str, crossed: list[tuple[Case, list[Crossing]]]) -> None:
    assert any(found for case, found in crossed if KINDS[kind](case)), f"no call to {kind} was recorded"


def test_no_call_reaches_another_tenant(
    crossed: list[tuple[Case, list[Crossing]]], engine: SecondEngine, report: list[str]
) -> None:
    attempts = [each for _, found in crossed for each in found]
    verdicts = engine.judge([each.case for each in attempts])
    reached = [
        f"{attempt}: {verdict.error or verdict.result}"
        for attempt, verdict in zip(attempts, verdicts, strict=True)
        if verdict.error or verdict.allowed
    ]
    assert not reached, "\n".join(reached)
    report.append(f"{len(attempts)} calls led from one tenant to another, all denied")


# ── broken policies: the engine notices ─────────────────────────────────────

Change = Callable[[Policy], None]


def _statement(sid: str, **changes: Any) -> Change:
    def change(policy: Policy) -> None:
        next(each for each in policy["Statement"] if each["Sid"] == sid).update(changes)

    return change


def _pattern(sid: str, old: str, new: str) -> Change:
    """One text of a statement's resources becomes another."""

    def change(policy: Policy) -> None:
        found = next(each for each in policy["Statement"] if each["Sid"] == sid)
        assert old in found["Resource"], f"{sid} does not hold {old}; adapt this test to the policy"
        found["Resource"] = found["Resource"].replace(old, new)

    return change


_MINE = "${aws:PrincipalTag/TenantId}"
_BROKEN: dict[str, tuple[str, Change]] = {
    "the partition may be any": ("items", _statement("OwnPartition", Condition={})),
    "the partition may begin like a tenant's": (
        "items",
        _statement("OwnPartition", Condition={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["TENANT#*"]}}),
    ),
    "one own key among others is enough": (
        "items",
        _statement(
            "OwnPartition", Condition={"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": [f"TENANT#{_MINE}"]}}
        ),
    ),
    "the partition may go on after the id": (
        "items",
        _statement(
            "OwnPartition", Condition={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"TENANT#{_MINE}*"]}}
        ),
    ),
    "the prefix is everybody's": ("objects", _pattern("OwnObjects", _MINE, "*")),
    "the prefix does not end where the id does": ("objects", _pattern("OwnObjects", f"{_MINE}/*", f"{_MINE}*")),
    "the listing has no condition": ("listings", _statement("OwnPrefix", Condition={})),
    "the listing is any prefix below t/": (
        "listings",
        _statement("OwnPrefix", Condition={"StringLike": {"s3:prefix": "t/*"}}),
    ),
    "the listing's condition holds without a prefix": (
        "listings",
        _statement("OwnPrefix", Condition={"StringLikeIfExists": {"s3:prefix": "t/*"}}),
    ),
    "the index may be any": ("vectors", _pattern("OwnIndexes", _MINE, "*")),
    "the index does not end where the id does": ("vectors", _pattern("OwnIndexes", f"{_MINE}-*", f"{_MINE}*")),
    "the context may be any": (
        "keys",
        _statement("OwnContext", Condition={"Null": {"kms:EncryptionContext:tenant": "false"}}),
    ),
    "the context may begin like the id": (
        "keys",
        _statement("OwnContext", Condition={"StringLike": {"kms:EncryptionContext:tenant": f"{_MINE}*"}}),
    ),
}


@pytest.mark.parametrize("what", _BROKEN)
def test_the_engine_notices_when(what: str, crossed: list[tuple[Case, list[Crossing]]], engine: SecondEngine) -> None:
    kind, change = _BROKEN[what]
    attempts = [
        replace(each.case, identity=_changed(each.case.identity, change))
        for case, found in crossed
        if KINDS[kind](case)
        for each in found
    ]
    assert attempts, f"no call to {kind} was recorded"
    verdicts = engine.judge(attempts)
    assert not [verdict.error for verdict in verdicts if verdict.error]
    assert any(verdict.allowed for verdict in verdicts), f"{what}, and no call reaches another tenant"


def test_the_engine_notices_a_tag_that_is_not_the_sessions(
    crossed: list[tuple[Case, list[Crossing]]], engine: SecondEngine
) -> None:
    """A tag on the role would be the tenant of every session without its own: then nothing is denied."""
    untagged = [each.case for _, found in crossed for each in found if each.how.endswith("without a tag")]
    assert untagged
    tagged = [
        replace(case, context={**case.context, TAG: own.context[TAG]})
        for own, found in crossed
        for case in [each.case for each in found if each.case in untagged]
    ]
    assert all(verdict.allowed for verdict in engine.judge(tagged))


def _changed(identity: dict[str, Policy], change: Change) -> dict[str, Policy]:
    import copy

    changed = copy.deepcopy(identity)
    change(changed[_POLICY])
    return changed
