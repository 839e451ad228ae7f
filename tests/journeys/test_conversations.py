"""Conversations over HTTP: messages, tools, answers in JSON, and the record of each inference."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from tools.devstack.client import Api
from tools.devstack.problems import problem

PATH = "/v1/inference"
FERRY = "The ferry to Ellan leaves the north pier at seven in the morning."
TIMES = {
    "name": "tide_table",
    "description": "Looks up the tide at a harbour.",
    "input_schema": {"type": "object", "properties": {"harbour": {"type": "string"}}, "required": ["harbour"]},
}


@pytest.fixture(scope="module", autouse=True)
def harbour(api: Api, ready: Callable[..., Any]) -> str:
    document = api.add_document("Ferry", FERRY)["id"]
    ready(api, document)
    api.save_template("harbour", "You answer for {{ name | default('the harbour') }}.")
    return document


def asked(**more: Any) -> dict[str, Any]:
    return {"template": "harbour", **more}


def said(role: str, content: str | None = None, **more: Any) -> dict[str, Any]:
    return {"role": role, **({"content": content} if content else {}), **more}


def test_last_message_is_the_question(api: Api) -> None:
    messages = [
        said("user", "Who sells rye bread?"),
        said("assistant", "I do not know."),
        said("user", "When does the ferry to Ellan leave?"),
    ]
    answer = api.post(PATH, asked(messages=messages)).expect(200)
    assert "seven in the morning" in answer["answer"] and answer["finish_reason"] == "stop", answer
    assert answer["citations"][0]["title"] == "Ferry"
    alone = api.post(PATH, asked(question=messages[-1]["content"])).expect(200)
    assert answer["citations"] == alone["citations"]
    assert answer["usage"]["input_tokens"] > alone["usage"]["input_tokens"], "the model gets the whole conversation"


def test_answer_without_passages(api: Api) -> None:
    question = "When does the ferry to Ellan leave?"
    answer = api.post(PATH, asked(question=question, retrieval={"enabled": False})).expect(200)
    assert answer["citations"] == [] and "seven" not in answer["answer"], answer
    # What the caller says itself is a source.
    messages = [said("user", "The ferry to Ellan leaves at nine.\n\nWhen does the ferry to Ellan leave?")]
    answer = api.post(PATH, asked(messages=messages, retrieval={"enabled": False})).expect(200)
    assert "nine" in answer["answer"], answer
    problem(api.post("/v1/search", {"question": question, "retrieval": {"enabled": False}}), 422, "retrieval.enabled")


def test_answer_ends_at_a_stop_text(api: Api) -> None:
    question = "When does the ferry to Ellan leave?"
    whole = api.post(PATH, asked(question=question, temperature=0.3)).expect(200)
    cut = api.post(PATH, asked(question=question, stop=["north"])).expect(200)
    assert whole["answer"].startswith(cut["answer"]) and "north" not in cut["answer"], cut
    assert cut["finish_reason"] == "stop"
    short = api.post(PATH, asked(question=question, max_tokens=3)).expect(200)
    assert short["finish_reason"] == "length"


def test_model_calls_a_tool_and_uses_its_result(api: Api) -> None:
    first = said("user", "How high is the tide at Skerrow?")
    asking = asked(messages=[first], tools=[TIMES])
    answer = api.post(PATH, asking).expect(200)
    assert answer["finish_reason"] == "tool_calls" and answer["answer"] == "", answer
    (call,) = answer["tool_calls"]
    assert call["name"] == "tide_table" and call["input"] == {"harbour": "Skerrow"}

    result = said("tool", "The tide at Skerrow is two metres high.", tool_call_id=call["id"])
    continued = [first, said("assistant", tool_calls=[call]), result]
    answer = api.post(PATH, asking | {"messages": continued}).expect(200)
    assert "two metres" in answer["answer"] and answer["finish_reason"] == "stop", answer
    assert "tool_calls" not in answer
    # The same conversation goes on.
    more = [*continued, said("assistant", answer["answer"]), said("user", "When does the ferry to Ellan leave?")]
    answer = api.post(PATH, asking | {"messages": more}).expect(200)
    assert "seven in the morning" in answer["answer"], answer


def test_caller_chooses_the_tool(api: Api) -> None:
    other = {**TIMES, "name": "weather", "description": "Looks up the wind."}
    question = {"question": "When does the ferry to Ellan leave?", "tools": [TIMES, other]}
    assert api.post(PATH, asked(**question)).expect(200)["finish_reason"] == "stop", "the passages answer it"
    for choice, names in (("any", {"tide_table", "weather"}), ("weather", {"weather"})):
        answer = api.post(PATH, asked(**question, tool_choice=choice)).expect(200)
        assert {call["name"] for call in answer["tool_calls"]} <= names, answer


def test_answer_has_the_declared_form(api: Api) -> None:
    schema = {
        "type": "object",
        "properties": {
            "hour": {"type": "integer", "description": "The hour of departure."},
            "place": {"type": "string", "maxLength": 200},
            "when": {"type": "string", "enum": ["morning", "evening"]},
            "days": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["hour", "when"],
    }
    question = "At which hour does the ferry to Ellan leave the north pier?"
    answer = api.post(PATH, asked(question=question, output={"schema": schema})).expect(200)
    output = answer["output"]
    assert (output["hour"], output["when"]) == (7, "morning") and "north pier" in output["place"], output
    assert json.loads(answer["answer"]) == output and answer["finish_reason"] == "stop"
    assert "tool_calls" not in answer and answer["citations"][0]["title"] == "Ferry"
    refused = api.post(PATH, asked(question=question, output={"schema": schema}, max_tokens=2))
    assert "max_tokens" in problem(refused, 422)["detail"]
    wrong = api.post(PATH, asked(question=question, output={"schema": {"type": "object", "properties": {"a": {}}}}))
    assert "`output.schema.properties.a`" in problem(wrong, 422)["detail"]


def test_record_says_what_an_answer_is_based_on(api: Api, harbour: str) -> None:
    question = "When does the ferry to Ellan leave?"
    values = {"variables": {"name": "the pier"}}
    answer = api.post(PATH, asked(question=question, **values)).expect(200)
    record = api.get(f"/v1/inferences/{answer['id']}").expect(200)
    for same in ("id", "template", "prompt_sha256", "model", "finish_reason", "usage"):
        assert record[same] == answer[same], same
    assert "content" not in record and record["created_at"].endswith("Z") and record["created_by"]
    (passage,) = record["passages"]
    assert (passage["document"], passage["revision"], passage["chunk"]) == (harbour, 1, 0)
    assert passage["score"] == answer["citations"][0]["score"] and set(passage) == {
        "document",
        "revision",
        "chunk",
        "score",
    }
    # The hash is the one of a rendering with the same values.
    rendered = api.post("/v1/templates/harbour/render", values).expect(200)
    assert rendered["sha256"] == answer["prompt_sha256"]
    assert answer["prompt_sha256"] == hashlib.sha256(b"You answer for the pier.").hexdigest()


def test_content_is_kept_only_if_the_caller_says_so(api: Api) -> None:
    messages = [said("user", "When does the ferry to Ellan leave?")]
    answer = api.post(PATH, asked(question=messages[0]["content"], store=True)).expect(200)
    path = f"/v1/inferences/{answer['id']}"
    content = api.get(path).expect(200)["content"]
    assert content == {"messages": messages, "answer": answer["answer"]}
    assert api.delete(path).status == 204
    problem(api.get(path), 404, "inference")
    problem(api.delete(path), 404, "inference")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"messages": [said("user", "Why?")]}, "either `question` or `messages`"),
        ({"question": None, "messages": []}, "either `question` or `messages`"),
        ({"question": None, "messages": [said("assistant", "So.")]}, "messages[0]"),
        ({"question": None, "messages": [["user", "Why?"]]}, "messages[0]"),
        ({"question": None, "messages": [said("system", "Obey.")]}, "messages[0].role"),
        ({"question": None, "messages": [said("user", "Why?"), said("assistant", "So.")]}, "messages[1]"),
        ({"question": None, "messages": [said("user", "Why?", name="x")]}, "messages[0]"),
        ({"temperature": 1.5}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": ""}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"tools": [{"name": "a b", "input_schema": {"type": "object"}}]}, "tools[0].name"),
        ({"tools": [{"name": "a"}]}, "tools[0]"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"output": []}, "output"),
        ({"output": {"schema": {"type": "object", "properties": {}}}, "tools": [TIMES]}, "`output` or `tools`"),
        ({"retrieval": {"enabled": "no"}}, "retrieval.enabled"),
        ({"store": "yes"}, "store"),
    ],
)
def test_invalid_request_is_refused_with_the_field_name(api: Api, change: dict[str, Any], word: str) -> None:
    good = {"template": "harbour", "question": "When does the ferry leave?"}
    body = {name: value for name, value in {**good, **change}.items() if value is not None}
    refused = api.post(PATH, body)
    # 400 for a value that its schema does not permit, 422 for values that break another rule.
    assert refused.status in (400, 422), refused.text
    problem(refused, refused.status, word)


def test_unknown_inference_is_not_found(api: Api) -> None:
    problem(api.get(f"/v1/inferences/{'0' * 32}"), 404, "inference")
    problem(api.get("/v1/inferences/latest"), 400, "inference id")


# ── stored conversations ──────────────────────────────────────────────────────


def test_stored_conversation_continues(api: Api) -> None:
    first = api.post(PATH, asked(question="The ferry to Orra leaves at nine.", store=True)).expect(200)
    more = {"question": "When does the ferry to Orra leave?", "retrieval": {"enabled": False}}
    second = api.post(PATH, asked(conversation=first["id"], store=True, **more)).expect(200)
    assert "nine" in second["answer"], second
    kept = api.get(f"/v1/inferences/{second['id']}").expect(200)["content"]["messages"]
    assert [each["role"] for each in kept] == ["user", "assistant", "user"]
    assert kept[1]["content"] == first["answer"]
    # Each answer can be continued, so a conversation may branch. The same question without it knows nothing.
    third = api.post(PATH, asked(conversation=second["id"], **more)).expect(200)
    assert "nine" in third["answer"]
    assert "nine" not in api.post(PATH, asked(**more)).expect(200)["answer"]
    unkept = problem(api.post(PATH, asked(conversation=third["id"], **more)), 422)
    assert "its messages were not kept" in unkept["detail"]


def test_stored_conversation_continues_with_the_result_of_a_tool(api: Api) -> None:
    question = "How high is the tide at Skerrow?"
    first = api.post(PATH, asked(question=question, tools=[TIMES], store=True)).expect(200)
    (call,) = first["tool_calls"]
    result = [said("tool", "The tide at Skerrow is two metres high.", tool_call_id=call["id"])]
    second = api.post(PATH, asked(conversation=first["id"], messages=result, tools=[TIMES])).expect(200)
    assert "two metres" in second["answer"], second


def test_conversation_that_does_not_exist_is_refused(api: Api) -> None:
    problem(api.post(PATH, asked(question="Why?", conversation="0" * 32)), 404)
    assert "`conversation`" in problem(api.post(PATH, asked(question="Why?", conversation="x")), 400)["detail"]
    problem(api.post(PATH, asked(conversation="0" * 32)), 422)


def test_conversation_has_a_bound(api: Api) -> None:
    long = "x " * 60_000
    first = api.post(PATH, asked(messages=[said("user", long)], store=True)).expect(200)
    second = asked(conversation=first["id"], messages=[said("user", long)], store=True)
    second = api.post(PATH, second).expect(200)
    third = asked(conversation=second["id"], messages=[said("user", long)])
    assert "begin a new conversation" in problem(api.post(PATH, third), 422)["detail"]
