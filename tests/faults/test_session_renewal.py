"""Sessions expire within seconds here: renewals have no effect on requests, and STS outages answer 503."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import ceil

import pytest

from tests.faults.judging import assert_unavailable
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
# A longer answer waited for STS.
PROMPT_SECONDS = 5.0


@pytest.fixture
def tenant(new_tenant: Callable[..., Tenant]) -> Tenant:
    """Onboards a tenant that no environment has a session for."""
    return new_tenant("Without a session")


@pytest.fixture
def api(stack: LocalStack, tenant: Tenant) -> Api:
    return stack.api(tenant)


@pytest.fixture
def neighbour(stack: LocalStack, new_tenant: Callable[..., Tenant]) -> Iterator[Api]:
    """Another tenant, served before and after the test, and by some tests in between."""
    api = stack.api(new_tenant("Neighbour"))
    api.get(PATH).expect(200)
    yield api
    api.get(PATH).expect(200)


def test_sessions_are_renewed_before_they_expire(stack: LocalStack, faults: Faults, tenant: Tenant, api: Api) -> None:
    """Counts renewals instead of seconds: three lifetimes, also on a slow machine."""
    # One at the beginning, then one after each two thirds of a lifetime.
    expected = 1 + ceil(3 / (2 / 3))
    before = faults.calls()
    answers = 0

    def use() -> int:
        nonlocal answers
        api.get(PATH).expect(200)
        answers += 1
        return (faults.calls() - before).number(service="sts", session=tenant.id, outcome="ok")

    assert stack.session_seconds
    until(use, lambda renewed: renewed >= expected, "the session is renewed", 12 * stack.session_seconds, 0)
    passed = (faults.calls() - before).only(session=tenant.id)
    opened, data = passed.number(action="AssumeRole"), passed.number(service="dynamodb")
    assert opened == expected and data >= answers >= 10 * opened, passed
    refused = {each.outcome for each, _ in passed} - {"ok"}
    assert not refused, f"a call used expired credentials: {passed}"


@pytest.mark.parametrize("outage", [OUTAGES["503"], OUTAGES["throttled"]], ids=["503", "throttled"])
def test_sts_outage_has_no_effect_while_the_session_is_valid(
    stack: LocalStack, faults: Faults, tenant: Tenant, api: Api, outage: Effect
) -> None:
    api.get(PATH).expect(200)
    with faults.rule(outage, service="sts", session=tenant.id) as rule:
        # Every answer is 200, also of the request whose renewal failed.
        until(lambda: _answer_in_time(api) and rule.hits, bool, "a renewal is tried", 30, 0)
        answer = until(lambda: api.get(PATH), lambda answer: answer.status != 200, "the session expires", 30)
        assert_unavailable(answer)
    api.get(PATH).expect(200)


def test_valid_session_does_not_wait_for_a_slow_sts(faults: Faults, tenant: Tenant, api: Api) -> None:
    """API Gateway waits 29 seconds; the current credentials stay valid."""
    api.get(PATH).expect(200)
    with faults.rule(Delay(60_000), service="sts", session=tenant.id) as rule:
        until(lambda: _answer_in_time(api) and rule.hits, bool, "a renewal is tried", 60, 0)


def _answer_in_time(api: Api) -> Answer:
    started = time.monotonic()
    answer = api.get(PATH)
    took = time.monotonic() - started
    assert answer.status == 200, f"{answer.status} after {took:.1f} s with a valid session: {answer.text}"
    assert took < PROMPT_SECONDS, f"a request with a valid session waited {took:.1f} s for STS"
    return answer


@outages
def test_sts_outage_answers_503_without_a_session(
    faults: Faults, tenant: Tenant, api: Api, neighbour: Api, outage: Effect
) -> None:
    with faults.rule(outage, service="sts", session=tenant.id) as rule:
        assert_unavailable(api.get(PATH))
        assert rule.hits > 1, "STS was asked only once"
        neighbour.get(PATH).expect(200)
    api.get(PATH).expect(200)


@outages
def test_one_failed_sts_call_has_no_effect(faults: Faults, tenant: Tenant, api: Api, outage: Effect) -> None:
    with faults.rule(outage, service="sts", session=tenant.id, count=1) as rule:
        api.get(PATH).expect(200)
        assert rule.hits == 1


def test_sts_refusal_answers_500_and_is_not_retried(faults: Faults, tenant: Tenant, api: Api, neighbour: Api) -> None:
    with faults.rule(Fail("AccessDenied", 403), service="sts", session=tenant.id) as rule:
        answer = problem(api.get(PATH), 500)
        assert answer["type"] == "urn:bulkhead:problem:internal", answer
        assert rule.hits == 1, f"STS was asked {rule.hits} times although it refused"
        neighbour.get(PATH).expect(200)
    api.get(PATH).expect(200)
