"""Answers in parts, as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tools.devstack.client import Api
from tools.devstack.problems import problem

PATH = "/v1/inference/stream"
QUESTION = "When does the ferry to Ellan leave?"
ASKED = {"template": "pier", "question": QUESTION}


@pytest.fixture(scope="module", autouse=True)
def pier(api: Api, ready: Callable[..., Any]) -> None:
    ready(api, api.add_document("Ferry", "The ferry to Ellan leaves the north pier at seven in the morning.")["id"])
    api.save_template("pier", "Answer from the passages.")


def events_of(api: Api, body: Any) -> list[tuple[str, Any]]:
    with api.stream(PATH, body) as events:
        return list(events)


def test_events_are_the_answer_in_parts(api: Api) -> None:
    whole = api.post("/v1/inference", ASKED).expect(200)
    events = events_of(api, ASKED)
    names = [name for name, _ in events]
    assert names[:3] == ["start", "citations", "delta"] and names[-3:] == ["delta", "usage", "done"], names
    assert set(names[2:-2]) == {"delta"} and len(names) > 6, names
    named = dict(events)
    assert "".join(data["text"] for name, data in events if name == "delta") == whole["answer"]
    assert named["citations"]["citations"] == whole["citations"] and named["usage"] == whole["usage"]
    assert named["done"] == {"finish_reason": "stop"}
    for same in ("template", "prompt_sha256", "model"):
        assert named["start"][same] == whole[same], same
    assert named["start"]["request_id"] and named["start"]["id"] != whole["id"]
    record = api.get(f"/v1/inferences/{named['start']['id']}").expect(200)
    assert record["usage"] == whole["usage"] and record["finish_reason"] == "stop"


def test_tool_call_and_json_are_in_the_last_event(api: Api) -> None:
    tool = {
        "name": "tide_table",
        "description": "Looks up the tide at a harbour.",
        "input_schema": {"type": "object", "properties": {"harbour": {"type": "string"}}},
    }
    asked = {**ASKED, "question": "How high is the tide at Skerrow?", "tools": [tool]}
    events = events_of(api, asked)
    assert [name for name, _ in events] == ["start", "citations", "usage", "done"]
    done = events[-1][1]
    assert done["finish_reason"] == "tool_calls" and done["tool_calls"][0]["input"] == {"harbour": "Skerrow"}

    schema = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
    events = events_of(api, {**ASKED, "output": {"schema": schema}})
    written = "".join(data["text"] for name, data in events if name == "delta")
    assert json.loads(written) == events[-1][1]["output"] and "north pier" in events[-1][1]["output"]["place"]


def test_error_before_the_first_event_is_the_answer(api: Api) -> None:
    problem(api.post(PATH, {**ASKED, "template": "missing"}), 404, "template")
    problem(api.post(PATH, {**ASKED, "question": ""}), 400, "question")
    problem(api.post(PATH, {"question": QUESTION}), 400, "template")
    refused = api.get(PATH)
    assert problem(refused, 405) and refused.headers["allow"] == "POST"


def test_error_after_the_first_event_is_an_event(api: Api) -> None:
    schema = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
    events = events_of(api, {**ASKED, "output": {"schema": schema}, "max_tokens": 2})
    name, refused = events[-1]
    assert name == "error" and refused["status"] == 422 and "max_tokens" in refused["detail"], events
    assert refused["request_id"] == dict(events)["start"]["request_id"]
    assert "done" not in dict(events)
