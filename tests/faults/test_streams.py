"""Streams whose model stops, and streams that are read while the model writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.judging import assert_unavailable
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Cut, DropAfter, Fail, Hold

PATH = "/v1/inference/stream"
ASKED = {"template": "plain", "question": "When does the ferry leave?"}
# The first events of the model's answer, but not all.
PART = 400


@pytest.fixture(scope="module")
def tenant(new_tenant: Callable[..., Tenant]) -> Tenant:
    return new_tenant("Streams")


@pytest.fixture(scope="module")
def api(stack: LocalStack, tenant: Tenant, ready: Callable[..., Any]) -> Api:
    api = stack.api(tenant)
    text = "The ferry leaves the old north pier near the lighthouse at seven in the morning on every day of the week."
    ready(api, api.add_document("Ferry", text)["id"])
    api.save_template("plain", "Answer from the passages.")
    return api


def on_stream(tenant: Tenant) -> dict[str, Any]:
    return {"service": "bedrock-runtime", "action": "ConverseStream", "session": tenant.id}


def test_text_arrives_while_the_model_writes(faults: Faults, tenant: Tenant, api: Api) -> None:
    with faults.rule(Hold(PART), **on_stream(tenant)) as rule:
        stream = api.stream(PATH, ASKED)
        events = stream.__enter__()
        arrived = [next(events)[0] for _ in range(3)]
        assert arrived == ["start", "citations", "delta"] and rule.hits == 1
    rest = [name for name, _ in events]
    assert rest[-2:] == ["usage", "done"], rest
    stream.__exit__(None, None, None)


def test_stream_of_a_model_that_stops_ends_with_an_error(faults: Faults, tenant: Tenant, api: Api) -> None:
    with faults.rule(Cut(PART), **on_stream(tenant)) as rule, api.stream(PATH, ASKED) as stream:
        events = list(stream)
        assert rule.hits == 1, "a broken stream is billed and not repeated"
    name, refused = events[-1]
    assert name == "error" and refused["status"] == 503 and refused["type"].endswith(":unavailable"), events
    assert "delta" in dict(events) and "done" not in dict(events)
    # The slot is free again, and the next stream works.
    with api.stream(PATH, ASKED) as stream:
        assert list(stream)[-1][0] == "done"


@pytest.mark.parametrize("effect", [Fail("ThrottlingException"), Fail("InternalServerException"), DropAfter()])
def test_model_that_refuses_before_the_first_event(faults: Faults, tenant: Tenant, api: Api, effect: Any) -> None:
    with faults.rule(effect, **on_stream(tenant)):
        assert_unavailable(api.post(PATH, ASKED))


def test_refusal_for_a_moment_is_repeated(faults: Faults, tenant: Tenant, api: Api) -> None:
    with (
        faults.rule(Fail("ThrottlingException"), **on_stream(tenant), count=1) as rule,
        api.stream(PATH, ASKED) as stream,
    ):
        assert list(stream)[-1][0] == "done" and rule.hits == 1
