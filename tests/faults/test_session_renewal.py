"""A tenant's session ends within seconds here: what nobody notices, and what everybody is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import ceil

import pytest

from tests.faults.judging import busy
from tools.devstack.aws import Tenant
from tools.devstack.client import Answer, Api
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Delay, DropBefore, Effect, Fail

PATH = "/v1/templates"
OUTAGES = {
    "503": Fail("ServiceUnavailable", 503),
    "500": Fail("InternalFailure", 500),
    "throttled": Fail("Throttling", 400),
    "unreachable": DropBefore(),
}
outages = pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
# An answer that had to wait for STS longer than this has noticed the outage.
PROMPT_SECONDS = 5.0


@pytest.fixture
def tenant(newcomer: Callable[..., Tenant]) -> Tenant:
    """One that no environment has served yet, so there is no session of it."""
    return newcomer("Without a session")


@pytest.fixture
def api(stack: LocalStack, tenant: Tenant) -> Api:
    return stack.api(tenant)


@pytest.fixture
def neighbour(stack: LocalStack, newcomer: Callable[..., Tenant]) -> Iterator[Api]:
    """Another tenant, which is served before, in between and after."""
    api = stack.api(newcomer("Neighbour"))
    api.get(PATH).expect(200)
    yield api
    api.get(PATH).expect(200)


def test_sessions_are_renewed_before_they_end(stack: LocalStack, faults: Faults, tenant: Tenant, api: Api) -> None:
    """Counted in renewals, not in seconds: however slow the machine, these are three lifetimes."""
    # One at the beginning, and one whenever two thirds of a session have passed.
    enough = 1 + ceil(3 / (2 / 3))
    before = faults.calls()
    answers = 0

    def use() -> int:
        nonlocal answers
        api.get(PATH).expect(200)
        answers += 1
        return (faults.calls() - before).number(service="sts", session=tenant.id, outcome="ok")

    assert stack.session_seconds
    until(use, lambda renewed: renewed >= enough, "the session is renewed", 12 * stack.session_seconds, 0)
    passed = (faults.calls() - before).only(session=tenant.id)
    opened, data = passed.number(action="AssumeRole"), passed.number(service="dynamodb")
    assert opened == enough and data >= answers >= 10 * opened, passed
    refused = {each.outcome for each, _ in passed} - {"ok"}
    assert not refused, f"a call was made with credentials that had ended: {passed}"


@pytest.mark.parametrize("outage", [OUTAGES["503"], OUTAGES["throttled"]], ids=["503", "throttled"])
def test_an_outage_of_sts_is_not_noticed_while_a_session_is_good(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, outage: Effect
) -> None:
    api.get(PATH).expect(200)
    with faults.rule(outage, service="sts", session=tenant.id) as rule:
        # Answered with 200 each, the one included whose renewal failed.
        until(lambda: _prompt(api) and rule.hits, bool, "a renewal is tried", 30, 0)
        told = until(lambda: api.get(PATH), lambda answer: answer.status != 200, "the session ends", 30)
        busy(told)
    api.get(PATH).expect(200)


def test_sts_that_does_not_answer_is_not_waited_for_while_a_session_is_good(
    faults: Faults, tenant: Tenant, api: Api
) -> None:
    """API Gateway waits 29 seconds, and the credentials at hand are good all the while."""
    api.get(PATH).expect(200)
    with faults.rule(Delay(60_000), service="sts", session=tenant.id) as rule:
        until(lambda: _prompt(api) and rule.hits, bool, "a renewal is tried", 60, 0)


def _prompt(api: Api) -> Answer:
    started = time.monotonic()
    answer = api.get(PATH)
    took = time.monotonic() - started
    assert answer.status == 200, f"{answer.status} after {took:.1f} s, with a good session: {answer.text}"
    assert took < PROMPT_SECONDS, f"a request with a good session waited {took:.1f} s for STS"
    return answer


@outages
def test_without_a_session_an_outage_of_sts_is_a_503_and_passes(
    faults: Faults, tenant: Tenant, api: Api, neighbour: Api, outage: Effect
) -> None:
    with faults.rule(outage, service="sts", session=tenant.id) as rule:
        busy(api.get(PATH))
        assert rule.hits > 1, "STS was asked only once"
        neighbour.get(PATH).expect(200)
    api.get(PATH).expect(200)


@outages
def test_one_failed_call_to_sts_is_not_noticed(faults: Faults, tenant: Tenant, api: Api, outage: Effect) -> None:
    with faults.rule(outage, service="sts", session=tenant.id, count=1) as rule:
        api.get(PATH).expect(200)
        assert rule.hits == 1


def test_a_refusal_by_sts_is_a_fault_of_ours_and_is_not_tried_again(
    faults: Faults, tenant: Tenant, api: Api, neighbour: Api
) -> None:
    with faults.rule(Fail("AccessDenied", 403), service="sts", session=tenant.id) as rule:
        told = problem(api.get(PATH), 500)
        assert told["type"] == "urn:bulkhead:problem:internal", told
        assert rule.hits == 1, f"STS was asked {rule.hits} times although it refused"
        neighbour.get(PATH).expect(200)
    api.get(PATH).expect(200)
