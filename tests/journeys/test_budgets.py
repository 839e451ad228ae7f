"""Budgets in tokens and money: never exceeded, settled exactly, shown in usage and in the fields of each answer."""

from __future__ import annotations

import csv
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tools.devstack.aws import Tenant
from tools.devstack.changes import configured
from tools.devstack.client import Answer, Api
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

PATH = "/v1/inference"
ASKED = {
    "template": "plain",
    "question": "When does the ferry leave?",
    "retrieval": {"enabled": False},
    "max_tokens": 40,
}
MODEL = "amazon.nova-lite-v1:0"
# 0.06 and 0.24 US dollars per million tokens.
PRICED = json.dumps([{"id": MODEL, "price": {"input": "0.06", "output": "0.24"}}])
EXHAUSTED = "urn:bulkhead:problem:budget-exhausted"
SERVED = 50


def ledger(stack: LocalStack, tenant: Tenant) -> dict[str, Any]:
    """Returns the tenant's ledger of tokens and money. Numbers are numbers."""
    found = stack.account.client("dynamodb").get_item(
        TableName=stack.outputs["DataTable"],
        Key={"pk": {"S": tenant.partition}, "sk": {"S": "BUDGET"}},
        ConsistentRead=True,
    )
    item = found.get("Item", {})
    return {name: int(value["N"]) if "N" in value else value["S"] for name, value in item.items()}


def reservations(seen: dict[str, Any]) -> list[str]:
    return [value for name, value in seen.items() if name.startswith("r_")]


def used(answer: Any) -> int:
    return answer["usage"]["input_tokens"] + answer["usage"]["output_tokens"]


def today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")


def usage(api: Api, group_by: str = "day") -> dict[str, Any]:
    return api.get(f"/v1/usage?group_by={group_by}").expect(200)


def tokens(counts: dict[str, Any]) -> int:
    return counts["input_tokens"] + counts["output_tokens"]


def asking(stack: LocalStack, name: str, **budget: Any) -> tuple[Tenant, Api]:
    """Onboards a tenant with a budget and a prompt template."""
    tenant = stack.onboard(name, budget=budget) if budget else stack.onboard(name)
    api = stack.api(tenant)
    api.save_template("plain", "Be brief.")
    return tenant, api


@pytest.fixture(scope="module")
def worst_case(stack: LocalStack) -> int:
    """Returns what one call reserves, as a refusal says. Ids of tenants have one length."""
    refused = problem(asking(stack, "Worst case", daily_tokens=1)[1].post(PATH, ASKED), 429)
    assert refused["type"] == EXHAUSTED
    return int(refused["budget"]["needed"])


def test_parallel_calls_never_exceed_the_budget(stack: LocalStack, worst_case: int) -> None:
    tenant, api = asking(stack, "Storm of calls")
    _, neighbour = asking(stack, "Beside the storm")
    one = used(api.post(PATH, ASKED).expect(200))
    assert one < worst_case
    # One call has used its part. The last of the others needs the worst case.
    limit = one * SERVED + worst_case
    stack.control("budget", tenant=tenant.id, daily_tokens=limit)
    seen: list[dict[str, Any]] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            seen.append(ledger(stack, tenant))

    def send(_: int) -> Answer:
        # Quotas of calls are not the subject.
        temporary = ("urn:bulkhead:problem:too-many-requests", "urn:bulkhead:problem:unavailable")
        return until(
            lambda: api.post(PATH, ASKED),
            lambda answer: answer.status == 200 or answer.json.get("type") not in temporary,
            "the call is served or over budget",
        )

    # New environments, which know the new budget.
    with configured(stack, stack.outputs["BasicInferenceFunction"], TENANT_IN_FLIGHT="200"):
        watching = threading.Thread(target=watch)
        watching.start()
        with ThreadPoolExecutor(40) as pool:
            answers = list(pool.map(send, range(200)))
            beside = list(pool.map(lambda _: neighbour.post(PATH, ASKED), range(4)))
        stop.set()
        watching.join()
        served = [answer.json for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status != 200]
        for answer in refused:
            assert problem(answer, 429)["type"] == EXHAUSTED
        assert {used(each) for each in served} == {one} and refused
        # Calls that were refused beside reservations of others fit now, and not one more.
        while (answer := api.post(PATH, ASKED)).status == 200:
            served.append(answer.json)
            assert len(served) <= SERVED
        assert len(served) == SERVED
        last = problem(answer, 429)["budget"]
    assert last["period"] == "day" and last["reserved"] == "0"
    assert int(last["remaining"]) == worst_case - one < int(last["needed"]) == worst_case
    assert max(each.get("day_tokens", 0) for each in seen) <= limit
    final, report = ledger(stack, tenant), usage(api)
    assert not reservations(final)
    assert final["day_tokens"] == final["month_tokens"] == tokens(report["total"]) == one * (SERVED + 1)
    assert report["total"]["calls"] == SERVED + 1
    assert {answer.status for answer in beside} == {200}


def test_refusal_says_what_is_left_and_when_it_resets(stack: LocalStack) -> None:
    _, api = asking(stack, "Refused", monthly_tokens=1)
    answer = api.post(PATH, ASKED)
    refused = problem(answer, 429)
    assert refused["type"] == EXHAUSTED and "lower `max_tokens`" in refused["detail"]
    budget = refused["budget"]
    now = datetime.now(UTC)
    first = now.replace(year=now.year + now.month // 12, month=now.month % 12 + 1, day=1).strftime("%Y-%m-%d")
    assert budget["resets_at"] == f"{first}T00:00:00.000Z"
    assert (budget["period"], budget["unit"], budget["limit"], budget["remaining"]) == ("month", "tokens", "1", "1")
    left = datetime.fromisoformat(budget["resets_at"]) - now
    assert abs(int(answer.headers["retry-after"]) - left.total_seconds()) < 60
    for path, body in (
        ("/v1/search", {"question": "Why?"}),
        ("/v1/embeddings", {"model": "default", "input": "ferry"}),
        ("/v1/inference/stream", ASKED),
        ("/v1/chat/completions", {"model": "default", "messages": [{"role": "user", "content": "Why?"}]}),
    ):
        assert problem(api.post(path, body), 429)["type"] == EXHAUSTED, path
    # Calls without a model are served.
    api.get("/v1/templates").expect(200)
    assert usage(api)["total"]["calls"] == 0


def test_document_over_budget_waits(stack: LocalStack) -> None:
    _, api = asking(stack, "Waiting", daily_tokens=1)
    document = api.add_document("Ferry", "The ferry leaves at seven.")["id"]
    seen = until(
        lambda: api.get(f"/v1/documents/{document}").expect(200),
        lambda found: found["status"] == "waiting",
        "the document waits",
    )
    assert seen["waiting_reason"] == "budget"


def test_money_is_counted_exactly(stack: LocalStack) -> None:
    tenant, api = asking(stack, "Priced", daily_usd="0.001")
    # Without a price, a budget in money refuses.
    assert "has no price" in problem(api.post(PATH, ASKED), 422)["detail"]
    with configured(stack, stack.outputs["BasicInferenceFunction"], MODELS=PRICED):
        answer = api.post(PATH, ASKED)
        counts = answer.expect(200)["usage"]
        price = Decimal(counts["input_tokens"]) * 60_000 + Decimal(counts["output_tokens"]) * 240_000
        assert ledger(stack, tenant)["day_money"] == price
        report = usage(api)
        assert Decimal(report["total"]["usd"]) == price / 10**12
        money = report["budgets"][0]["usd"]
        assert Decimal(money["limit"]) == Decimal(money["used"]) + Decimal(money["remaining"]) == Decimal("0.001")
        assert "tokens" in report["budgets"][0] and "limit" not in report["budgets"][0]["tokens"]
        assert '"daily-money";q=1000;qu="micro-usd";w=86400' in answer.headers["ratelimit-policy"]


def test_usage_is_grouped(stack: LocalStack, api: Api, ready: Any) -> None:
    api.save_template("plain", "Be brief.")
    ready(api, api.add_document("Ferry", "The ferry leaves the north pier at seven.")["id"])
    api.post(PATH, ASKED).expect(200)
    with api.stream("/v1/inference/stream", ASKED) as events:
        streamed = dict(events)["usage"]
    api.post("/v1/search", {"question": "When does the ferry leave?"}).expect(200)
    embedded = api.post("/v1/embeddings", {"model": "default", "input": ["one", "two"]}).expect(200)
    lines = {each["route"]: each for each in usage(api, "route,model,template")["usage"]}
    assert set(lines) == {"inference", "inference/stream", "search", "embeddings", "documents"}
    assert lines["inference"]["template"] == "plain" and lines["search"]["template"] == ""
    assert lines["inference"]["model"] == MODEL and "titan" in lines["search"]["model"]
    assert tokens(lines["inference/stream"]) == streamed["input_tokens"] + streamed["output_tokens"]
    assert (lines["embeddings"]["calls"], lines["embeddings"]["texts"]) == (1, 2)
    assert tokens(lines["embeddings"]) == embedded["usage"]["total_tokens"]
    (day,) = usage(api)["usage"]
    assert day["day"] == today() and tokens(day) == sum(map(tokens, lines.values()))

    answer = api.get("/v1/usage?group_by=route", headers={"Accept": "text/csv"})
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["route"]: int(row["calls"]) for row in rows} == {each: lines[each]["calls"] for each in lines}


@pytest.mark.parametrize(
    "query, status, named",
    [
        ("from=yesterday", 400, "`from`"),
        ("to=2026-02-30", 400, "`to`"),
        ("group_by=tenant", 400, "`group_by`"),
        ("tenant=x", 400, "`tenant`"),
        ("from=2026-02-01&to=2026-01-01", 422, "`from`"),
        ("from=2025-01-01&to=2025-12-31", 422, "92 days"),
    ],
)
def test_malformed_query_is_refused(api: Api, query: str, status: int, named: str) -> None:
    assert named in problem(api.get(f"/v1/usage?{query}"), status)["detail"]


def test_answers_show_the_limits(stack: LocalStack, worst_case: int) -> None:
    _, api = asking(stack, "Shown", daily_tokens=10 * worst_case)
    plain = api.get("/v1/templates")
    assert plain.headers["ratelimit-policy"].startswith('"rate";q=') and "daily" not in plain.headers["ratelimit"]
    assert api.get("/v1/templates/missing").headers["ratelimit"].startswith('"rate";r=')
    answer = api.post(PATH, ASKED)
    left = 10 * worst_case - used(answer.expect(200))
    assert f'"daily-tokens";r={left};t=' in answer.headers["ratelimit"]
    assert f'"daily-tokens";q={10 * worst_case};qu="tokens";w=86400' in answer.headers["ratelimit-policy"]


def test_operator_changes_a_budget(stack: LocalStack) -> None:
    tenant, api = asking(stack, "Changed", daily_tokens=1)
    problem(api.post(PATH, ASKED), 429)
    for wrong in ({"daily_usd": "1,5"}, {"daily_usd": "-1"}, {"daily_tokens": -1}, {"yearly_tokens": 1}):
        assert stack.control("budget", tenant=tenant.id, **wrong)["error"]["code"] == "invalid", wrong
    unknown = stack.control("budget", tenant="0" * 32, daily_tokens=5)
    assert unknown["error"]["code"] == "unknown_tenant"
    assert stack.control("budget", tenant=tenant.id, daily_tokens=0)["tenant"] == tenant.id
    until(lambda: api.post(PATH, ASKED), lambda answer: answer.status == 200, "the new budget counts", 90)


def test_expired_reservation_comes_back(stack: LocalStack, worst_case: int) -> None:
    """The state after a crash between reserve and settle, and the same with a time that no process writes."""
    tenant, api = asking(stack, "Crashed", daily_tokens=worst_case)
    api.post(PATH, ASKED).expect(200)
    seen = ledger(stack, tenant)
    day, now = seen["day"], int(datetime.now(UTC).timestamp() * 1_000_000)

    def crash(expires: int) -> None:
        stack.session(tenant).client("dynamodb").put_item(
            TableName=stack.outputs["DataTable"],
            Item={
                "pk": {"S": tenant.partition},
                "sk": {"S": "BUDGET"},
                "day": {"N": str(day)},
                **{name: {"N": str(worst_case)} for name in ("day_tokens", "month_tokens")},
                **{name: {"N": "0"} for name in ("day_money", "month_money")},
                "r_00000000000000ff": {"S": f"{expires} {day} {worst_case} 0"},
            },
        )

    crash(now + 60_000_000)
    held = problem(api.post(PATH, ASKED), 429)["budget"]
    assert (held["remaining"], held["reserved"]) == ("0", str(worst_case))
    for over in (now - 1, now + 10**15):
        crash(over)
        one = used(api.post(PATH, ASKED).expect(200))
        after = ledger(stack, tenant)
        assert after["day_tokens"] == one and not reservations(after)


def test_no_call_uses_more_than_it_reserved(stack: LocalStack) -> None:
    """The bound holds for texts of every script, and for tools."""
    _, api = asking(stack, "Bounded")
    schema = {"type": "object", "properties": {"place": {"type": "string", "description": "Where?"}}}
    tool = {"name": "tide", "description": "Says when the tide is high.", "input_schema": schema}
    for question in ("?", "a b c d e f g h", "码头几点开门", "🚢" * 50, "x" * 3_000, "\\u0000 \t 'q' " * 20):
        for more in ({}, {"tools": [tool]}, {"max_tokens": 1}):
            answer = api.post(PATH, {**ASKED, "question": question, **more})
            assert answer.status == 200, answer.text
    exceeded = "a call used more than its worst case"
    found = [line for _, line in stack.log_lines(stack.outputs["BasicFunctionLog"]) if exceeded in line]
    assert not found, found
