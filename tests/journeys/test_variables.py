"""Declared variables and rendering without the model, over HTTP."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Answer, Api
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

PATH = "/v1/templates"
DECLARED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20, "description": "whom to greet"},
        "tone": {"type": "string", "enum": ["kind", "brief"], "default": "kind"},
        "items": {
            "type": "array",
            "maxItems": 3,
            "default": [],
            "items": {
                "type": "object",
                "properties": {"sku": {"type": "string"}, "price": {"type": "number"}},
                "required": ["sku"],
            },
        },
    },
    "required": ["name"],
}
BODY = "Dear {{ name }}, {{ tone }}.{% for item in items %} {{ item.sku }}{% endfor %}"


def _render(api: Api, key: str, variables: Any = None, **more: Any) -> Answer:
    return api.post(f"{PATH}/{key}/render", {"variables": variables or {}, **more})


def test_declaration_is_saved_with_its_version(api: Api) -> None:
    saved = api.save_template("declared", BODY, variables=DECLARED)
    assert saved["variables"] == DECLARED
    api.save_template("declared", "Without a declaration: {{ anything }}")
    assert api.get(f"{PATH}/declared?version=1").expect(200)["variables"] == DECLARED
    assert "variables" not in api.get(f"{PATH}/declared").expect(200)
    assert _render(api, "declared", {"anything": [1], "more": 2}).expect(200)["text"] == "Without a declaration: [1]"


def test_values_are_checked_and_defaults_filled_in(api: Api) -> None:
    api.save_template("checked", BODY, variables=DECLARED)
    assert _render(api, "checked", {"name": "Ada"}).expect(200)["text"] == "Dear Ada, kind."
    full = {"name": "Ada", "tone": "brief", "items": [{"sku": "A1", "price": 2.5}, {"sku": "B2"}]}
    assert _render(api, "checked", full).expect(200)["text"] == "Dear Ada, brief. A1 B2"
    answer = api.ask("Why?", template="checked", variables={"name": "Ada"})
    assert answer["template"] == {"key": "checked", "version": 1}


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "`variables.name`: missing, expected a string"),
        ({"name": 7}, "`variables.name`: found a number, expected a string"),
        ({"name": None}, "`variables.name`: found null, expected a string"),
        ({"name": "x" * 21}, "`variables.name`: found a string of 21 characters, expected at most 20"),
        ({"name": "x", "tone": "rude"}, '`variables.tone`: found another string, expected one of "kind", "brief"'),
        ({"name": "x", "items": [{}]}, "`variables.items[0].sku`: missing, expected a string"),
        (
            {"name": "x", "items": [{"sku": "A", "price": "2"}]},
            "`variables.items[0].price`: found a string, expected a number",
        ),
        (
            {"name": "x", "items": [{"sku": "A"}] * 4},
            "`variables.items`: found an array of 4 items, expected at most 3",
        ),
        ({"name": "x", "nmae": "y"}, "`variables.nmae`: not declared; declared are `items`, `name`, `tone`"),
    ],
)
def test_value_that_is_not_declared_is_refused_with_its_path(api: Api, variables: Any, message: str) -> None:
    api.save_template("refusing", BODY, variables=DECLARED)
    refused = problem(_render(api, "refusing", variables), 422)
    assert refused["detail"] == message
    question = {"template": "refusing", "variables": variables, "question": "Why?"}
    assert problem(api.post("/v1/inference", question), 422)["detail"] == message


@pytest.mark.parametrize(
    ("declaration", "path"),
    [
        ([], "`variables`"),
        ("object", "`variables`"),
        ({"type": "string"}, "`variables`"),
        ({"type": "object", "properties": {"name": {"type": "text"}}}, "`variables.properties.name.type`"),
        (
            {"type": "object", "properties": {"name": {"type": "string", "format": "x"}}},
            "`variables.properties.name.format`",
        ),
        (
            {"type": "object", "properties": {"name": {"type": "integer", "default": "1"}}},
            "`variables.properties.name.default`",
        ),
        ({"type": "object", "properties": {}, "required": ["name"]}, "`variables.required[0]`"),
    ],
)
def test_invalid_declaration_is_refused_with_its_path(api: Api, declaration: Any, path: str) -> None:
    refused = problem(api.put(f"{PATH}/misdeclared", {"body": "{{ name }}", "variables": declaration}), 422)
    assert refused["detail"].startswith(f"{path}: "), refused
    problem(api.get(f"{PATH}/misdeclared"), 404)


def test_template_may_read_only_declared_variables(api: Api) -> None:
    body = {"body": "{{ name }} {{ nmae }} {{ range(3) }} {% set x = 1 %}{{ x }}", "variables": DECLARED}
    refused = problem(api.put(f"{PATH}/misspelt", body), 422)
    assert "`nmae`" in refused["detail"] and "range" not in refused["detail"] and "`x`" not in refused["detail"]
    problem(api.get(f"{PATH}/misspelt"), 404)


def test_rendering_shows_text_and_messages_of_a_version(api: Api) -> None:
    for number in (1, 2):
        api.save_template("shown", f"Version {number} for {{{{ name }}}} – é")
    created = api.put(f"{PATH}/shown/labels/production", {"version": 1}, headers={"If-None-Match": "*"})
    created.expect(201)
    for selected, template in (
        ({}, {"key": "shown", "version": 2}),
        ({"version": 1}, {"key": "shown", "version": 1}),
        ({"label": "production"}, {"key": "shown", "version": 1, "label": "production"}),
    ):
        found = _render(api, "shown", {"name": "Ada"}, **selected).expect(200)
        assert found["template"] == template
        assert found["text"] == f"Version {template['version']} for Ada – é"
        assert found["sha256"] == hashlib.sha256(found["text"].encode()).hexdigest()
        system, user = found["messages"]
        assert (system["role"], user["role"], user["content"][1:]) == ("system", "user", [found["text"]])
    asked = _render(api, "shown", {"name": "Ada"}, question="When?").expect(200)["messages"]
    assert asked[1]["content"] == [user["content"][0], "Version 2 for Ada – é", "When?"]


def test_rendered_messages_are_what_the_model_receives(stack: LocalStack, tenant: Tenant, api: Api) -> None:
    """The local model answers from the prompt: without documents, it receives the messages of the rendering."""
    api.save_template("received", 'Begin every answer with "From {{ shop }}:"')
    answer = api.ask("When do you open?", template="received", variables={"shop": "the boathouse"})
    found = _render(api, "received", {"shop": "the boathouse"}, question="When do you open?").expect(200)
    assert found["text"] == 'Begin every answer with "From the boathouse:"'
    assert answer["answer"].startswith("From the boathouse:") and answer["citations"] == []


def test_rendering_refuses_what_inference_refuses(api: Api) -> None:
    api.save_template("plain-render", "Dear {{ name }}")
    problem(_render(api, "plain-render"), 422, "name")
    problem(_render(api, "plain-render", {"name": "x"}, version=1, label="a"), 422, "only one")
    problem(_render(api, "plain-render", {"name": "x"}, version=0), 400, "version")
    problem(_render(api, "plain-render", {"name": "x"}, version=2), 404, "template")
    problem(_render(api, "plain-render", {"name": "x"}, label="production"), 404, "label")
    problem(_render(api, "plain-render", {"name": "x"}, question=" "), 400, "question")
    problem(_render(api, "plain-render", {"name": "x"}, colour="blue"), 400, "colour")
    problem(_render(api, "never-saved", {"name": "x"}), 404, "template")
    problem(api.post(f"{PATH}/plain-render/render", raw=b"[]"), 400)


def test_declaration_is_sealed_in_the_table(stack: LocalStack, tenant: Tenant, api: Api) -> None:
    api.save_template("sealed-declared", BODY, variables=DECLARED)
    assert "whom to greet" not in str(Target.of(stack, tenant).item("VERSION#sealed-declared#"))
