"""The answer to a request with an `Idempotency-Key` belongs to its tenant."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

REPLAYED = "idempotency-replayed"


def save(api: Api, name: str, text: str, key: str) -> Any:
    return api.put(f"/v1/templates/{name}", {"body": text}, headers={"Idempotency-Key": key})


def test_key_of_another_tenant_is_another_key(stack: LocalStack, clinic: Tenant, bicycles: Tenant) -> None:
    owner, intruder = stack.api(clinic), stack.api(bicycles)
    theirs = save(owner, "same-request", "The same words.", "shared")
    mine = save(intruder, "same-request", "The same words.", "shared")
    assert theirs.status == mine.status == 201 and REPLAYED not in mine.headers
    # Another request of the intruder is no reuse of the owner's key.
    assert save(intruder, "other-request", "Other words.", "shared-2").status == 201
    assert save(owner, "same-request", "Secret words.", "shared-2").status == 200
    # The control: the owner's repeat gets the owner's answer.
    again = save(owner, "same-request", "The same words.", "shared")
    assert (again.body, again.headers[REPLAYED]) == (theirs.body, "true")
    names = [_item(stack, tenant, "shared-name")["sk"]["S"] for tenant in (clinic, bicycles)]
    assert names[0] != names[1], "the stored name shows that two tenants use one key"


def _item(stack: LocalStack, tenant: Tenant, key: str) -> dict[str, Any]:
    """Sends a request with `key`, and returns its item."""
    before = set(Target.of(stack, tenant).sort_keys())
    save(stack.api(tenant), "named", "Words.", key).expect(200, 201)
    (item,) = (
        each
        for each in Target.of(stack, tenant).items
        if each["sk"]["S"].startswith("IDEMPOTENCY#") and each["sk"]["S"] not in before
    )
    return item


def test_kept_answer_opens_only_in_its_place(stack: LocalStack, clinic: Tenant, bicycles: Tenant) -> None:
    """Root moves sealed answers between items. The control is the repeat before each change."""
    api, table = stack.api(bicycles), stack.account.client("dynamodb")
    theirs, elsewhere, own = (
        _item(stack, tenant, key) for tenant, key in ((clinic, "moved"), (bicycles, "elsewhere"), (bicycles, "moved"))
    )

    def repeat() -> Any:
        return save(api, "named", "Words.", "moved")

    for moved in (theirs, elsewhere):
        assert repeat().headers[REPLAYED] == "true"
        since = time.time()
        table.put_item(TableName=stack.outputs["DataTable"], Item={**own, "sealed": moved["sealed"]})
        problem(repeat(), 500)
        until(_broken_seals(stack, since), lambda count: count == 1, "the broken seal is counted")
        table.put_item(TableName=stack.outputs["DataTable"], Item=own)


def _broken_seals(stack: LocalStack, since: float) -> Callable[[], int]:
    def count() -> int:
        lines = stack.log_lines(stack.outputs["BasicFunctionLog"], since)
        return sum('"SealBroken":1' in line and '"Reason":"seal_moved"' in line for _, line in lines)

    return count
