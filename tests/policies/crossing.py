"""From every call a tenant was allowed: the same call aimed at another tenant.

Nothing is written by hand, so a new kind of call is crossed as soon as a journey makes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.policies.deployed import Role
from tests.policies.record import Judgement
from tests.policies.second_engine import Case

TAG = "aws:principaltag/tenantid"
STRANGER = "f" * 32
# What a request says of its caller. Everything else says what is asked for.
CALLER = ("aws:principal", "aws:userid", "aws:tokenissuetime", "aws:multifactor")
# Calls that are about nobody's data: there is no other tenant to aim them at.
OF_NOBODY = {"bedrock:InvokeModel": "a model answers with what the request brings; it reads no tenant's data"}
# Every way to data has to be crossed at least once, or nothing was proved about it.
KINDS = {
    "items": lambda case: case.action.startswith("dynamodb:"),
    "objects": lambda case: case.action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    "listings": lambda case: case.action == "s3:ListBucket",
    "vectors": lambda case: case.action.startswith("s3vectors:"),
    "keys": lambda case: case.action.startswith("kms:"),
}


@dataclass(frozen=True)
class Crossing:
    """A call that must be denied, and how it came about."""

    how: str
    case: Case

    def __str__(self) -> str:
        return f"{self.case.action} {self.how}: {self.case.resource} {self.case.context}"


def own_calls(judgements: list[Judgement], role: str, policies: Role) -> list[Case]:
    """What sessions of the tenant role were allowed by its policies as they are, each kind of call once."""
    found = (
        each.case()
        for each in judgements
        if each.role == role and each.allowed and not each.half and each.identity == policies.identity
    )
    return list({case.key: case for case in found}.values())


def crossings(case: Case) -> Iterator[Crossing]:
    """Every way to lead one call of a tenant to another."""
    own = case.context[TAG]
    # A stranger, and one whose id the own id begins with: names have to end where ids do.
    for other, whose in ((STRANGER, "a stranger"), (own[:16], "a shorter id")):
        aimed = _aimed_at(case, own, other)
        if aimed != case:
            yield Crossing(f"aimed at {whose}", aimed)
            yield Crossing(f"in the session of {whose}", _in_session_of(case, own, other))
        for key, values in case.context.items():
            if isinstance(values, list) and not key.startswith(CALLER) and own in json.dumps(values):
                mixed = [*values, *json.loads(json.dumps(values).replace(own, other))]
                yield Crossing(f"with {whose} beside", replace(case, context={**case.context, key: mixed}))
    if _aimed_at(case, own, STRANGER) != case:
        yield Crossing("in a session without a tag", _without_tag(case))


def _aimed_at(case: Case, own: str, other: str) -> Case:
    """The request, and with it the policy of a key of one's own, become the other's."""
    asked = {key: value for key, value in case.context.items() if not key.startswith(CALLER)}
    changed: list[Any] = json.loads(json.dumps([case.resource, asked, case.resource_policy]).replace(own, other))
    resource, asked, resource_policy = changed
    return replace(case, resource=resource, context={**case.context, **asked}, resource_policy=resource_policy)


def _in_session_of(case: Case, own: str, other: str) -> Case:
    caller = {key: value for key, value in case.context.items() if key.startswith(CALLER)}
    caller = json.loads(json.dumps(caller).replace(own, other))
    return replace(case, principal=case.principal.replace(own, other), context={**case.context, **caller})


def _without_tag(case: Case) -> Case:
    return replace(case, context={key: value for key, value in case.context.items() if key != TAG})
