"""One tenant's load is its own: over its cap it is refused, and its neighbours are not."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tools.devstack.aws import Account, Tenant
from tools.devstack.client import Answer, Api
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack

PREFIX = "slot_"
MICROSECONDS = 1_000_000


@pytest.fixture(scope="module")
def limits(stack: LocalStack) -> dict[str, int]:
    """The caps of the premium tier: those that its template gives it; the basic one's are lifted here."""
    function = stack.outputs["PremiumTemplatesFunction"]
    settings = stack.account.client("lambda").get_function_configuration(FunctionName=function)
    given = settings["Environment"]["Variables"]
    return {name: int(given[name]) for name in ("TENANT_IN_FLIGHT", "TENANT_RATE", "TENANT_BURST")}


@pytest.fixture
def alone(stack: LocalStack) -> Tenant:
    return stack.onboard("capacity", tier="premium")


class Ledger:
    """A tenant's ledger, seen and written by its own session, as its functions do."""

    def __init__(self, stack: LocalStack, tenant: Tenant) -> None:
        self.session: Account = stack.session(tenant)
        self.table = stack.outputs["DataTable"]
        self.key = {"pk": {"S": tenant.partition}, "sk": {"S": "LEDGER"}}

    def read(self) -> dict[str, int]:
        found = self.session.client("dynamodb").get_item(TableName=self.table, Key=self.key).get("Item", {})
        return {name: int(value["N"]) for name, value in found.items() if name not in ("pk", "sk")}

    def write(self, **values: int) -> None:
        item = self.key | {name: {"N": str(value)} for name, value in values.items()}
        self.session.client("dynamodb").put_item(TableName=self.table, Item=item)

    def holds(self) -> list[int]:
        return [value for name, value in self.read().items() if name.startswith(PREFIX)]


def now() -> int:
    return int(time.time() * MICROSECONDS)


def refused(answer: Answer) -> str:
    """The refusal's detail, after a look at its form."""
    body = answer.json
    assert answer.status == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["retry-after"]) >= 1
    assert body["type"] == "urn:bulkhead:problem:too-many-requests"
    assert body["status"] == 429 and body["request_id"]
    return body["detail"]


def test_a_call_holds_a_place_and_gives_it_back(stack: LocalStack, alone: Tenant) -> None:
    ledger = Ledger(stack, alone)
    stack.api(alone).get("/v1/templates").expect(200)
    stack.api(alone).get("/v1/templates/missing").expect(404)
    assert ledger.holds() == []
    assert ledger.read()["used_until"] > now() - 60 * MICROSECONDS, "the calls were not counted"


def test_with_all_places_taken_a_call_is_refused_until_one_comes_back(
    stack: LocalStack, alone: Tenant, limits: dict[str, int]
) -> None:
    """Places whose holders died: they come back when their time is over, and not before."""
    api, ledger, places = stack.api(alone), Ledger(stack, alone), limits["TENANT_IN_FLIGHT"]
    later, soon = now() + 60 * MICROSECONDS, now() + 2 * MICROSECONDS
    taken = {f"{PREFIX}{place}": later for place in range(places)}
    ledger.write(**taken)
    detail = refused(api.get("/v1/templates"))
    assert f"{places} calls in flight" in detail
    refused(api.post("/v1/inference", {"template": "x", "question": "x"}))

    ledger.write(**taken | {f"{PREFIX}0": soon})
    answer = until(lambda: api.get("/v1/templates"), lambda seen: seen.status == 200, "the first place comes back", 20)
    assert answer.status == 200 and now() >= soon
    assert sorted(ledger.holds()) == [later] * (places - 1), "the place was not given back"


def test_a_rate_that_is_used_up_is_refused_with_the_time_to_wait(
    stack: LocalStack, alone: Tenant, limits: dict[str, int]
) -> None:
    api, ledger = stack.api(alone), Ledger(stack, alone)
    burst = MICROSECONDS * limits["TENANT_BURST"] // limits["TENANT_RATE"]
    ledger.write(used_until=now() + burst + 30 * MICROSECONDS)
    answer = api.get("/v1/documents")
    assert f"{limits['TENANT_RATE']} requests per second" in refused(answer)
    assert 20 <= int(answer.headers["retry-after"]) <= 31
    # The other functions count on the same ledger.
    refused(api.get("/v1/templates"))
    ledger.write(used_until=now() + burst // 2)
    stack.api(alone).post("/v1/inference", {"template": "missing", "question": "x"}).expect(404)


def test_a_tenant_at_twenty_times_its_cap_is_refused_and_its_neighbour_is_not(
    stack: LocalStack, alone: Tenant, limits: dict[str, int]
) -> None:
    neighbour = stack.api(stack.onboard("capacity neighbour", tier="premium"))
    neighbour.save_template("mine", "Hello.")
    storm = stack.api(alone)

    def flood(_: int) -> list[Answer]:
        return [storm.get("/v1/templates") for _ in range(20)]

    def visit(api: Api) -> list[Answer]:
        return [api.get("/v1/templates/mine") for _ in range(40)]

    with ThreadPoolExecutor(limits["TENANT_IN_FLIGHT"] + 9) as pool:
        storming = [pool.submit(flood, each) for each in range(limits["TENANT_IN_FLIGHT"] + 8)]
        visits = pool.submit(visit, neighbour).result()
        floods = [answer for each in storming for answer in each.result()]

    seen = Counter(answer.status for answer in floods)
    assert set(seen) <= {200, 429}, f"the storm was answered {seen}"
    assert seen[429] > 0, f"nobody was refused: {seen}"
    for answer in floods:
        if answer.status == 429:
            refused(answer)
    assert {answer.status for answer in visits} == {200}, Counter(answer.status for answer in visits)
    assert Ledger(stack, alone).holds() == [], "places were lost in the storm"
    settled: Any = until(lambda: storm.get("/v1/templates"), lambda seen: seen.status == 200, "it calms down", 20)
    assert settled.json["templates"] == []
