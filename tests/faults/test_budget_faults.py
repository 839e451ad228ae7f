"""Calls that end early: what they used counts once, and never less than the model may have used."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.test_budgets import ASKED, ledger, reservations, tokens, usage, used
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Cut, DropAfter, DropBefore, Fail

# The first events of the model's answer, but not all.
PART = 400


@pytest.fixture
def tenant(stack: LocalStack, request: pytest.FixtureRequest) -> Tenant:
    return stack.onboard(request.node.name[:60], budget={"daily_tokens": 1_000_000})


@pytest.fixture
def api(stack: LocalStack, tenant: Tenant) -> Api:
    api = stack.api(tenant)
    api.save_template("plain", "Be brief.")
    return api


def settled(stack: LocalStack, tenant: Tenant, api: Api) -> int:
    """Returns the tokens of the ledger, which are those of the records."""
    seen = ledger(stack, tenant)
    assert not reservations(seen), "a reservation is not settled"
    assert seen["day_tokens"] == tokens(usage(api)["total"])
    return seen["day_tokens"]


def test_broken_stream_counts_its_worst_case(stack: LocalStack, faults: Faults, tenant: Tenant, api: Api) -> None:
    with (
        faults.rule(Cut(PART), service="bedrock-runtime", action="ConverseStream", session=tenant.id) as rule,
        api.stream("/v1/inference/stream", {**ASKED, "question": "Why? " * 20}) as stream,
    ):
        events = list(stream)
        assert rule.hits == 1 and events[-1][0] == "error", events
    counted = usage(api)["total"]
    assert counted["calls"] == 1 and counted["output_tokens"] == ASKED["max_tokens"]
    assert settled(stack, tenant, api) > 1_024


@pytest.mark.parametrize("path", ["/v1/inference", "/v1/inference/stream"])
def test_refused_call_costs_nothing(stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, path: str) -> None:
    action = "ConverseStream" if path.endswith("stream") else "Converse"
    with faults.rule(Fail("ThrottlingException"), service="bedrock-runtime", action=action, session=tenant.id):
        problem(api.post(path, ASKED), 503)
    assert settled(stack, tenant, api) == 0 and usage(api)["total"]["calls"] == 0


def test_lost_answer_of_the_model_counts_its_worst_case(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api
) -> None:
    with faults.rule(DropAfter(), service="bedrock-runtime", action="Converse", session=tenant.id):
        problem(api.post("/v1/inference", ASKED), 503)
    assert usage(api)["total"]["output_tokens"] == ASKED["max_tokens"] and settled(stack, tenant, api) > 1_024


def test_lost_answer_of_the_settlement_counts_once(stack: LocalStack, faults: Faults, tenant: Tenant, api: Api) -> None:
    with faults.rule(DropAfter(), service="dynamodb", action="TransactWriteItems", session=tenant.id, count=1) as rule:
        answer = api.post("/v1/inference", ASKED).expect(200)
        assert rule.hits == 1
    assert settled(stack, tenant, api) == used(answer)


@pytest.mark.parametrize("effect", [DropBefore(), DropAfter()], ids=["before", "after"])
def test_lost_reservation_counts_once(stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, effect: Any) -> None:
    """The second update of a call: the first one takes its slot."""
    with faults.rule(effect, service="dynamodb", action="UpdateItem", session=tenant.id, skip=1, count=1) as rule:
        answer = api.post("/v1/inference", ASKED).expect(200)
        assert rule.hits == 1
    assert settled(stack, tenant, api) == used(answer)


def test_settlement_that_fails_leaves_the_reservation(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api
) -> None:
    """The state of a crash between reserve and settle. The answer is paid, so it is returned."""
    with faults.rule(DropBefore(), service="dynamodb", action="TransactWriteItems", session=tenant.id):
        api.post("/v1/inference", ASKED).expect(200)
    (held,) = reservations(ledger(stack, tenant))
    assert int(held.split()[2]) == ledger(stack, tenant)["day_tokens"]
    assert usage(api)["total"]["calls"] == 0
