"""A tenant may not make any of its calls on another tenant's data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.policies.crossing import KINDS, TAG, WITHOUT_TENANT_DATA, Crossing, crossings, own_calls
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


def test_every_call_can_be_aimed_at_another_tenant(crossed: list[tuple[Case, list[Crossing]]]) -> None:
    """Every call names a tenant, except those in `WITHOUT_TENANT_DATA`."""
    for case, found in crossed:
        if case.action in WITHOUT_TENANT_DATA:
            assert not found, f"{case} names a tenant; remove it from WITHOUT_TENANT_DATA"
        else:
            assert found, f"{case} was allowed for a tenant but names none"


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
    report.append(f"{len(attempts)} calls aimed at another tenant, all denied")


# ── the engine detects broken policies ────────────────────────────────────────

Change = Callable[[Policy], None]


def _statement(sid: str, **changes: Any) -> Change:
    def change(policy: Policy) -> None:
        next(each for each in policy["Statement"] if each["Sid"] == sid).update(changes)

    return change


def _pattern(sid: str, old: str, new: str) -> Change:
    """Replaces a text in a statement's resources."""

    def change(policy: Policy) -> None:
        found = next(each for each in policy["Statement"] if each["Sid"] == sid)
        assert old in found["Resource"], f"{sid} does not hold {old}; adapt this test"
        found["Resource"] = found["Resource"].replace(old, new)

    return change


_OWN_ID = "${aws:PrincipalTag/TenantId}"
_BROKEN: dict[str, tuple[str, Change]] = {
    "the partition may be any": ("items", _statement("OwnPartition", Condition={})),
    "the partition may be any tenant's": (
        "items",
        _statement("OwnPartition", Condition={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["TENANT#*"]}}),
    ),
    "one own key among several is enough": (
        "items",
        _statement(
            "OwnPartition", Condition={"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": [f"TENANT#{_OWN_ID}"]}}
        ),
    ),
    "the partition may continue after the id": (
        "items",
        _statement(
            "OwnPartition", Condition={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"TENANT#{_OWN_ID}*"]}}
        ),
    ),
    "the prefix may be any": ("objects", _pattern("OwnObjects", _OWN_ID, "*")),
    "the prefix may continue after the id": ("objects", _pattern("OwnObjects", f"{_OWN_ID}/*", f"{_OWN_ID}*")),
    "the listing has no condition": ("listings", _statement("OwnPrefix", Condition={})),
    "the listing may use any prefix below t/": (
        "listings",
        _statement("OwnPrefix", Condition={"StringLike": {"s3:prefix": "t/*"}}),
    ),
    "the listing needs no prefix": (
        "listings",
        _statement("OwnPrefix", Condition={"StringLikeIfExists": {"s3:prefix": "t/*"}}),
    ),
    "the index may be any": ("vectors", _pattern("OwnIndexes", _OWN_ID, "*")),
    "the index may continue after the id": ("vectors", _pattern("OwnIndexes", f"{_OWN_ID}-*", f"{_OWN_ID}*")),
    "the context may be any": (
        "keys",
        _statement("OwnContext", Condition={"Null": {"kms:EncryptionContext:tenant": "false"}}),
    ),
    "the context may continue after the id": (
        "keys",
        _statement("OwnContext", Condition={"StringLike": {"kms:EncryptionContext:tenant": f"{_OWN_ID}*"}}),
    ),
}


@pytest.mark.parametrize("what", _BROKEN)
def test_engine_detects(what: str, crossed: list[tuple[Case, list[Crossing]]], engine: SecondEngine) -> None:
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
    assert any(verdict.allowed for verdict in verdicts), f"{what}, but no call reaches another tenant"


def test_engine_detects_a_tag_on_the_role(crossed: list[tuple[Case, list[Crossing]]], engine: SecondEngine) -> None:
    """A tag on the role would apply to every session without a tag: then no call is denied."""
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
