"""Every sample event has the effect that `make events` shows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tools.devstack.stack import LocalStack
from tools.harness.driver import Harness
from tools.harness.hosting import OUTPUTS, connected, hosted, pipeline_paused, take_jobs
from tools.sample_events import events


def test_every_sample_event_gets_its_expected_answer(stack: LocalStack) -> None:
    with pipeline_paused(stack), hosted(stack) as functions:
        with Harness(stack.state / "tour", **connected(functions)) as harness:

            def invoke(function: str, event: Any, tenant: str | None) -> Any:
                return harness.invoke(function, event, tenant).payload

            tour = events.Tour(stack, invoke, lambda: take_jobs(stack))
            tour.run(lambda sent: None)
    assert {each.function for each in tour.sent} >= {*OUTPUTS, "claims"}, "a function has no sample event"


def test_missing_placeholder_value_fails() -> None:
    with pytest.raises(KeyError, match="tenant"):
        events.load("control-show")


@pytest.mark.parametrize("name", events.names())
def test_no_event_contains_an_account_id(name: str) -> None:
    text = (events.EVENTS / f"{name}.json").read_text()
    assert set(re.findall(r"(?<![\w-])\d{12}(?![\w-])", text)) <= {"000000000000"}
