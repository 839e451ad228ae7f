"""A tenant over its quota is refused; its neighbours are served."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
    """Returns the quotas of the premium tier as deployed; the local basic tier has raised quotas."""
    function = stack.outputs["PremiumTemplatesFunction"]
    settings = stack.account.client("lambda").get_function_configuration(FunctionName=function)
    given = settings["Environment"]["Variables"]
    return {name: int(given[name]) for name in ("TENANT_IN_FLIGHT", "TENANT_RATE", "TENANT_BURST")}


@pytest.fixture
def tenant(stack: LocalStack) -> Tenant:
    return stack.onboard("capacity", tier="premium")


class Ledger:
    """A tenant's ledger, read and written with the tenant's session, as its functions do."""

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

    def slots(self) -> list[int]:
        return [value for name, value in self.read().items() if name.startswith(PREFIX)]


def now() -> int:
    return int(time.time() * MICROSECONDS)


def refusal_detail(answer: Answer) -> str:
    """Checks the form of a refusal and returns its detail."""
    body = answer.json
    assert answer.status == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["retry-after"]) >= 1
    assert body["type"] == "urn:bulkhead:problem:too-many-requests"
    assert body["status"] == 429 and body["request_id"]
    return body["detail"]


def test_call_takes_a_slot_and_returns_it(stack: LocalStack, tenant: Tenant) -> None:
    ledger = Ledger(stack, tenant)
    stack.api(tenant).get("/v1/templates").expect(200)
    stack.api(tenant).get("/v1/templates/missing").expect(404)
    assert ledger.slots() == []
    assert ledger.read()["used_until"] > now() - 60 * MICROSECONDS, "the calls were not counted"


def test_call_is_refused_until_a_slot_expires(stack: LocalStack, tenant: Tenant, limits: dict[str, int]) -> None:
    """A slot whose process crashed becomes free when it expires, and not earlier."""
    api, ledger, slots = stack.api(tenant), Ledger(stack, tenant), limits["TENANT_IN_FLIGHT"]
    later, soon = now() + 60 * MICROSECONDS, now() + 2 * MICROSECONDS
    all_taken = {f"{PREFIX}{slot}": later for slot in range(slots)}
    ledger.write(**all_taken)
    detail = refusal_detail(api.get("/v1/templates"))
    assert f"{slots} calls in flight" in detail
    refusal_detail(api.post("/v1/inference", {"template": "x", "question": "x"}))

    ledger.write(**all_taken | {f"{PREFIX}0": soon})
    answer = until(lambda: api.get("/v1/templates"), lambda seen: seen.status == 200, "the first slot expires", 20)
    assert answer.status == 200 and now() >= soon
    assert sorted(ledger.slots()) == [later] * (slots - 1), "the slot was not returned"


def test_used_up_rate_is_refused_with_retry_after(stack: LocalStack, tenant: Tenant, limits: dict[str, int]) -> None:
    api, ledger = stack.api(tenant), Ledger(stack, tenant)
    burst = MICROSECONDS * limits["TENANT_BURST"] // limits["TENANT_RATE"]
    ledger.write(used_until=now() + burst + 30 * MICROSECONDS)
    answer = api.get("/v1/documents")
    assert f"{limits['TENANT_RATE']} requests per second" in refusal_detail(answer)
    assert 20 <= int(answer.headers["retry-after"]) <= 31
    # The other functions use the same ledger.
    refusal_detail(api.get("/v1/templates"))
    ledger.write(used_until=now() + burst // 2)
    stack.api(tenant).post("/v1/inference", {"template": "missing", "question": "x"}).expect(404)


def test_damaged_ledger_heals(stack: LocalStack, tenant: Tenant, limits: dict[str, int]) -> None:
    """Times further ahead than any process writes them would lock the tenant out for ever."""
    ledger, years = Ledger(stack, tenant), now() + 10**15
    ledger.write(used_until=years, **{f"{PREFIX}{slot}": years for slot in range(limits["TENANT_IN_FLIGHT"])})
    stack.api(tenant).get("/v1/templates").expect(200)
    assert ledger.read()["used_until"] < now() + 60 * MICROSECONDS


@contextmanager
def method_limits(stack: LocalStack, rate: int, burst: int) -> Iterator[None]:
    """Gives the premium tier's API other limits per method, and restores those of the template."""
    gateway, api = stack.account.client("apigateway"), stack.outputs["PremiumApiId"]
    deployed = gateway.get_stage(restApiId=api, stageName="api")["methodSettings"]["*/*"]

    def change(rate: float, burst: int) -> None:
        gateway.update_stage(
            restApiId=api,
            stageName="api",
            patchOperations=[
                {"op": "replace", "path": f"/*/*/throttling/{name}", "value": str(value)}
                for name, value in (("rateLimit", rate), ("burstLimit", burst))
            ],
        )

    change(rate, burst)
    try:
        yield
    finally:
        change(deployed["throttlingRateLimit"], deployed["throttlingBurstLimit"])


@pytest.mark.parametrize("tier, rate", [("Premium", 200), ("Basic", 5000)])
def test_stage_limits_every_method(stack: LocalStack, tier: str, rate: int) -> None:
    """The local basic tier has raised limits."""
    stage = stack.account.client("apigateway").get_stage(restApiId=stack.outputs[f"{tier}ApiId"], stageName="api")
    limits = stage["methodSettings"]["*/*"]
    assert (limits["throttlingRateLimit"], limits["throttlingBurstLimit"]) == (rate, rate)


def test_flood_without_a_token_leaves_the_authorizer_to_other_methods(stack: LocalStack, tenant: Tenant) -> None:
    owner = stack.api(tenant)
    head, body, signature = str(owner.token).split(".")
    flood = Api(stack.address("premium"), f"{head}.{body}.{'A' * len(signature)}")
    neighbour = stack.api(stack.onboard("capacity neighbour", tier="premium"))

    def refused_by_the_authorizer() -> int:
        return sum("token refused" in line for _, line in stack.log_lines(stack.outputs["PremiumFunctionLog"]))

    owner.get("/v1/templates").expect(200)
    before = refused_by_the_authorizer()
    with method_limits(stack, rate=1, burst=10):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: flood.get("/v1/templates"), range(80)))
        seen = Counter(answer.status for answer in answers)
        assert set(seen) == {401, 429} and seen[429] > seen[401], seen
        assert Api(stack.address("premium"), None).get("/v1/templates").status == 429, "a call without a token counts"
        refusal = next(answer for answer in answers if answer.status == 429)
        assert refusal_detail(refusal) == "rate limit exceeded: retry after the time in Retry-After"
        # The control: a tenant whose token is not cached reaches other methods, which needs the authorizer.
        neighbour.get("/v1/documents").expect(200)
        until(lambda: owner.get("/v1/templates"), lambda answer: answer.status == 200, "the owner is served again", 20)
        invoked = until(refused_by_the_authorizer, lambda count: count >= before + seen[401], "the authorizer's log")
        assert invoked == before + seen[401], "a throttled request reached the authorizer"


def test_overload_is_refused_and_the_neighbour_is_served(
    stack: LocalStack, tenant: Tenant, limits: dict[str, int]
) -> None:
    neighbour = stack.api(stack.onboard("capacity neighbour", tier="premium"))
    neighbour.save_template("mine", "Hello.")
    storm = stack.api(tenant)

    def send_burst(_: int) -> list[Answer]:
        return [storm.get("/v1/templates") for _ in range(20)]

    def send_requests(api: Api) -> list[Answer]:
        return [api.get("/v1/templates/mine") for _ in range(40)]

    with ThreadPoolExecutor(limits["TENANT_IN_FLIGHT"] + 9) as pool:
        bursts = [pool.submit(send_burst, each) for each in range(limits["TENANT_IN_FLIGHT"] + 8)]
        neighbour_answers = pool.submit(send_requests, neighbour).result()
        storm_answers = [answer for each in bursts for answer in each.result()]

    seen = Counter(answer.status for answer in storm_answers)
    assert set(seen) <= {200, 429}, f"unexpected answers: {seen}"
    assert seen[429] > 0, f"no request was refused: {seen}"
    for answer in storm_answers:
        if answer.status == 429:
            refusal_detail(answer)
    assert {answer.status for answer in neighbour_answers} == {200}, Counter(
        answer.status for answer in neighbour_answers
    )
    assert Ledger(stack, tenant).slots() == [], "slots were not returned"
    recovered: Any = until(
        lambda: storm.get("/v1/templates"), lambda seen: seen.status == 200, "the tenant is served again", 20
    )
    assert recovered.json["templates"] == []
