"""Derives from every allowed call of a tenant the same call aimed at another tenant.

No call is written by hand, so every new kind of call is covered as soon as a journey makes it.
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
OTHER_TENANT = "f" * 32
# Condition keys that describe the caller. All other keys describe the request.
CALLER = ("aws:principal", "aws:userid", "aws:tokenissuetime", "aws:multifactor")
# Calls that reach no tenant's data, so no other tenant can be their target.
_GIVEN_TEXT = "the model gets all text with the request and reads no tenant's data"
WITHOUT_TENANT_DATA = {"bedrock:InvokeModel": _GIVEN_TEXT, "bedrock:InvokeModelWithResponseStream": _GIVEN_TEXT}
# At least one call to every kind of data must be crossed; otherwise the tests prove nothing about it.
KINDS = {
    "items": lambda case: case.action.startswith("dynamodb:"),
    "objects": lambda case: case.action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
    "listings": lambda case: case.action == "s3:ListBucket",
    "vectors": lambda case: case.action.startswith("s3vectors:"),
    "keys": lambda case: case.action.startswith("kms:"),
}


@dataclass(frozen=True)
class Crossing:
    """A call that must be denied, and how it was derived."""

    how: str
    case: Case

    def __str__(self) -> str:
        return f"{self.case.action} {self.how}: {self.case.resource} {self.case.context}"


def own_calls(judgements: list[Judgement], role: str, policies: Role) -> list[Case]:
    """Returns each distinct call that sessions of the tenant role were allowed by the deployed policies."""
    found = (
        each.case()
        for each in judgements
        if each.role == role and each.allowed and not each.is_caller_side and each.identity == policies.identity
    )
    return list({case.key: case for case in found}.values())


def crossings(case: Case) -> Iterator[Crossing]:
    """Yields every way to aim a tenant's call at another tenant."""
    own = case.context[TAG]
    # Also a tenant whose id is a prefix of the caller's id, so that names must end in a separator.
    for other, whose in ((OTHER_TENANT, "another tenant"), (own[:16], "a shorter id")):
        aimed = _aimed_at(case, own, other)
        if aimed != case:
            yield Crossing(f"aimed at {whose}", aimed)
            yield Crossing(f"in the session of {whose}", _in_session_of(case, own, other))
        for key, values in case.context.items():
            if isinstance(values, list) and not key.startswith(CALLER) and own in json.dumps(values):
                mixed = [*values, *json.loads(json.dumps(values).replace(own, other))]
                yield Crossing(f"together with {whose}", replace(case, context={**case.context, key: mixed}))
    if _aimed_at(case, own, OTHER_TENANT) != case:
        yield Crossing("in a session without a tag", _without_tag(case))


def _aimed_at(case: Case, own: str, other: str) -> Case:
    """Replaces the tenant in the request and in the policy of a tenant's own key."""
    request = {key: value for key, value in case.context.items() if not key.startswith(CALLER)}
    changed: list[Any] = json.loads(json.dumps([case.resource, request, case.resource_policy]).replace(own, other))
    resource, request, resource_policy = changed
    return replace(case, resource=resource, context={**case.context, **request}, resource_policy=resource_policy)


def _in_session_of(case: Case, own: str, other: str) -> Case:
    caller = {key: value for key, value in case.context.items() if key.startswith(CALLER)}
    caller = json.loads(json.dumps(caller).replace(own, other))
    return replace(case, principal=case.principal.replace(own, other), context={**case.context, **caller})


def _without_tag(case: Case) -> Case:
    return replace(case, context={key: value for key, value in case.context.items() if key != TAG})
