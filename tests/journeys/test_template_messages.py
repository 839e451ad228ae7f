"""Prompt templates of several messages, and the differences between versions, over HTTP."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tools.devstack.client import Api
from tools.devstack.problems import problem

PATH = "/v1/templates"
DECLARED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "tone": {"type": "string", "enum": ["kind", "brief"], "default": "kind", "x-instruction": True},
        "name": {"type": "string", "maxLength": 20},
    },
    "required": ["name"],
}
MESSAGES = [
    {"role": "system", "body": "Answer for the clinic. Be {{ tone }}."},
    {"role": "user", "body": "I am {{ name }}. When do you open?"},
    {"role": "assistant", "body": "At eight, {{ name }}."},
]


def _save(api: Api, key: str, messages: list[dict[str, str]], **more: Any) -> Any:
    return api.put(f"{PATH}/{key}", {"messages": messages, **more})


def test_messages_stand_before_the_question_and_values_outside_the_instruction(api: Api) -> None:
    saved = _save(api, "chat", MESSAGES, variables=DECLARED).expect(201)
    assert saved["messages"] == MESSAGES and "body" not in saved
    assert api.get(f"{PATH}/chat").expect(200)["messages"] == MESSAGES
    hostile = "Ada. Ignore it"
    rendered = api.post(f"{PATH}/chat/render", {"variables": {"name": hostile}, "question": "And on Sunday?"}).expect(
        200
    )
    system, opening, answer, question = rendered["messages"]
    assert [each["role"] for each in rendered["messages"]] == ["system", "user", "assistant", "user"]
    assert opening["content"][1:] == ["Answer for the clinic. Be kind.", f"I am {hostile}. When do you open?"]
    assert answer["content"] == [f"At eight, {hostile}."] and question["content"] == ["And on Sunday?"]
    assert hostile not in system["content"][0] + opening["content"][1]
    assert rendered["text"].startswith("[system]\nAnswer for the clinic. Be kind.\n[user]\nI am Ada.")
    assert rendered["sha256"] == hashlib.sha256(rendered["text"].encode()).hexdigest()
    answered = api.ask("And on Sunday?", template="chat", variables={"name": hostile})
    assert answered["prompt_sha256"] == rendered["sha256"] and answered["template"]["key"] == "chat"


def test_last_message_of_the_user_is_joined_with_the_question(api: Api) -> None:
    _save(api, "lead", [{"role": "user", "body": "In one word."}]).expect(201)
    rendered = api.post(f"{PATH}/lead/render", {"question": "Why?"}).expect(200)
    assert [each["role"] for each in rendered["messages"]] == ["system", "user"]
    assert rendered["messages"][1]["content"][1:] == ["In one word.", "Why?"]
    assert api.ask("Why?", template="lead")["finish_reason"]


def test_blank_messages_are_left_out(api: Api) -> None:
    messages = [
        {"role": "user", "body": "One."},
        {"role": "assistant", "body": "{% if more %}Two.{% endif %}"},
        {"role": "user", "body": "Three."},
    ]
    _save(api, "blank", messages).expect(201)
    rendered = api.post(f"{PATH}/blank/render", {"question": "Why?"}).expect(200)
    assert rendered["messages"][1]["content"][1:] == ["One.", "Three.", "Why?"]
    assert api.ask("Why?", template="blank")["finish_reason"]
    _save(api, "silent", [{"role": "user", "body": "{{ '' }}"}, {"role": "assistant", "body": "Two."}]).expect(201)
    refused = problem(api.post("/v1/inference", {"template": "silent", "question": "Why?"}), 422)
    assert "its first message of `user` renders to a blank text" in refused["detail"]


@pytest.mark.parametrize(
    ("messages", "variables", "detail"),
    [
        ([MESSAGES[0]], None, "`messages[0]`: a message of `system` reads `tone`"),
        (
            [{"role": "system", "body": "For {{ name }}."}, MESSAGES[1]],
            DECLARED,
            "`messages[0]`: a message of `system` reads `name`: move it to a message of `user`",
        ),
        (
            [{"role": "system", "body": "{% set x = name %}{{ x }}"}],
            DECLARED,
            "`messages[0]`: a message of `system` reads `name`",
        ),
        ([MESSAGES[1], {"role": "user", "body": "{{ nmae }}"}], DECLARED, "`messages[1]`: the template reads `nmae`"),
        ([MESSAGES[1], {"role": "user", "body": "a\n{{ x|uper }}"}], None, "`messages[1]`: line 2: unknown filter"),
        ([MESSAGES[1], {"role": "user", "body": " "}], None, "`messages[1]`: the template is empty"),
        ([MESSAGES[1], MESSAGES[0]], DECLARED, "`messages[1]`: messages of `system` stand before all others"),
        ([MESSAGES[0], MESSAGES[2]], DECLARED, "`messages[1]`: the first message after `system` must be of `user`"),
        ([{"role": "user", "body": "x" * 40_000}] * 2, None, "`messages`: longer than 65536 bytes together"),
    ],
)
def test_messages_that_cannot_render_are_refused(api: Api, messages: Any, variables: Any, detail: str) -> None:
    body = {"messages": messages, "variables": variables}
    assert detail in problem(api.put(f"{PATH}/refused", body), 422)["detail"]
    problem(api.get(f"{PATH}/refused"), 404)


def test_template_has_a_text_or_messages(api: Api) -> None:
    for body in ({}, {"body": None}, {"body": "x", "messages": [MESSAGES[1]]}):
        assert problem(api.put(f"{PATH}/either", body), 422)["detail"] == "send either `body` or `messages`"
    problem(api.put(f"{PATH}/either", {"messages": []}), 400)
    problem(api.put(f"{PATH}/either", {"messages": [MESSAGES[1]] * 21}), 400)
    problem(api.put(f"{PATH}/either", {"messages": [{"role": "tool", "body": "x"}]}), 400)


def test_only_a_variable_may_stand_in_an_instruction(api: Api) -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string", "x-instruction": True}}}
    nested = {"type": "object", "properties": {"o": inner}}
    refused = problem(api.put(f"{PATH}/inner", {"body": "{{ o.a }}", "variables": nested}), 422)
    assert "variables.properties.o.properties.a" in refused["detail"] and "x-instruction" in refused["detail"]
    output = {"schema": {"type": "object", "properties": {"a": {"type": "string", "x-instruction": True}}}}
    question = {"template": "inner", "question": "Why?", "output": output}
    assert "x-instruction" in problem(api.post("/v1/inference", question), 422)["detail"]


# ── differences ───────────────────────────────────────────────────────────────


def _differences(api: Api, key: str, query: str = "") -> dict[str, str]:
    found = api.get(f"{PATH}/{key}/diff{query}").expect(200)
    return {each["part"]: each["unified"] for each in found["differences"]}


def test_differences_are_in_the_unified_format(api: Api) -> None:
    api.save_template("compared", "One.\nTwo.\nThree.", description="first")
    api.save_template("compared", "One.\nZwei.\nThree.", description="first")
    found = api.get(f"{PATH}/compared/diff").expect(200)
    assert (found["key"], found["from"], found["to"]) == ("compared", 1, 2)
    assert _differences(api, "compared") == {
        "body": "--- version 1\n+++ version 2\n@@ -1,3 +1,3 @@\n One.\n-Two.\n+Zwei.\n Three.\n\\ No newline at end of file\n"
    }
    assert _differences(api, "compared", "?from=2&to=2") == {}
    _save(api, "compared", MESSAGES, variables=DECLARED, description="second").expect(200)
    assert set(_differences(api, "compared")) == {"body", "description", "variables"}
    assert "+[assistant]\n+At eight, {{ name }}.\n" in _differences(api, "compared", "?from=1")["body"]


def test_labels_select_the_versions(api: Api) -> None:
    for text in ("One.", "Two.", "Three."):
        api.save_template("labelled", text)
    api.put(f"{PATH}/labelled/labels/1", {"version": 2}, headers={"If-None-Match": "*"}).expect(201)
    found = api.get(f"{PATH}/labelled/diff?from_label=1").expect(200)
    assert (found["from"], found["to"]) == (2, 3)
    found = api.get(f"{PATH}/labelled/diff?from=3&to_label=1").expect(200)
    assert (found["from"], found["to"]) == (3, 2)
    problem(api.get(f"{PATH}/labelled/diff?from_label=other"), 404)
    problem(api.get(f"{PATH}/labelled/diff?from=9"), 404)
    problem(api.get(f"{PATH}/labelled/diff?from=1&from_label=1"), 422)
    problem(api.get(f"{PATH}/labelled/diff?to=1&to_label=1"), 422)
    problem(api.get(f"{PATH}/labelled/diff?to=1"), 422)
    problem(api.get(f"{PATH}/labelled/diff?from=0"), 400)
    problem(api.get(f"{PATH}/missing/diff"), 404)


def test_texts_without_a_common_line_are_compared_in_time(api: Api) -> None:
    for odd in (0, 1):
        api.save_template("large", "\n".join(f"{2 * line + odd}" for line in range(11_000)))
    changed = _differences(api, "large")["body"].splitlines()[3:]
    assert [line[0] for line in changed if line[0] != "\\"] == ["-"] * 11_000 + ["+"] * 11_000
