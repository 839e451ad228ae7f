"""Prompt templates that are too large, take too long or fail: the tenant gets a reason, the function goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tools.devstack.client import Answer, Api
from tools.devstack.problems import problem

PATH, INFERENCE = "/v1/templates", "/v1/inference"
_DOUBLE = "{% set n = namespace(a=[x], b=[x]) %}{% for i in range(40) %}{% set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}{% endfor %}"

# Too deep for the parser.
DEEP = {
    "minus": "{{ " + "-" * 25_000 + "1 }}",
    "plus": "{{ 1" + "+1" * 25_000 + " }}",
    "text": '{{ "1"' + "~1" * 20_000 + " }}",
    "calls": "{{ x" + "()" * 25_000 + " }}",
    "brackets": "{{ " + "[" * 25_000 + "]" * 25_000 + " }}",
    "attributes": "{{ x" + ".a" * 25_000 + " }}",
    "filters": "{{ x" + "|e" * 25_000 + " }}",
    "branches": "{% if x %}" + "{% elif x %}" * 4_000 + "{% endif %}",
    "blocks": "{% if x %}" * 4_000,
}
# Parsed, but not bounded inside the engine. Each reads a variable, so it is saved.
EXPENSIVE = {
    "comparison": _DOUBLE + "{{ n.a == n.b }}",
    "json": _DOUBLE + "{{ n.a | tojson | length }}",
    "indentation": "{{ [x] | tojson(indent=300000000) | length }}",
    "width": "{{ '{:>300000000}'.format(x) | length }}",
    "overflow": "{{ x[::-9223372036854775808] }}",
    "range": "{{ x }}{{ range(5, 0, -9223372036854775807) | list }}",
    "loops": "{{ x }}{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "recursion": "{% macro m() %}{{ x }}{{ m() }}{% endmacro %}{{ m() }}",
    "output": "{% for i in range(9999) %}{{ x * 99 }}{% endfor %}",
}


def infer(api: Api, template: str, **variables: Any) -> Answer:
    return api.post(INFERENCE, {"template": template, "question": "Why?", "variables": variables})


@pytest.mark.parametrize("name", DEEP)
def test_deep_template_is_refused_with_its_line(api: Api, name: str) -> None:
    problem(api.put(f"{PATH}/deep", {"body": "first line\n" + DEEP[name]}), 422, "line 2")


@pytest.mark.parametrize("name", EXPENSIVE)
def test_expensive_template_is_the_tenants_422(api: Api, name: str) -> None:
    api.save_template(f"expensive-{name}", EXPENSIVE[name])
    problem(infer(api, f"expensive-{name}", x="abc"), 422, "template")
    # The environment still serves.
    api.save_template("cheap", "Hello {{ x }}.")
    assert infer(api, "cheap", x="abc").status == 200


def test_template_that_always_fails_is_refused(api: Api) -> None:
    for body in ("{{ 'abc'[::-9223372036854775808] }}", "{{ 1 / 0 }}", "{{ 'a'.items() }}"):
        problem(api.put(f"{PATH}/always", {"body": body}), 422)


def test_hostile_saves_do_not_lock_the_tenant_out(api: Api) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda name: api.put(f"{PATH}/many", {"body": DEEP[name]}), [*DEEP, "minus"]))
    assert {answer.status for answer in answers} <= {422, 429}, [answer.status for answer in answers]
    assert api.get(PATH).status == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{{ name | uper }}", "unknown filter `uper`: did you mean `upper`?"),
        ("{% if name is evne %}x{% endif %}", "unknown test `evne`: did you mean `even`?"),
        ("{{ rnage(3) }}", "unknown function `rnage`: did you mean `range`?"),
        ("{{ name.uper() }}", "unknown method `uper`: did you mean `upper`?"),
        ('Form: {{"a": 1}}', "{% raw %}"),
    ],
)
def test_template_that_cannot_render_is_not_saved(api: Api, body: str, words: str) -> None:
    answer = api.put(f"{PATH}/unknown", {"body": f"first line\n{body}"})
    problem(answer, 422, "line 2")
    assert words in answer.json["detail"], answer.text
    problem(api.get(f"{PATH}/unknown"), 404)


def test_template_with_python_methods_reaches_the_model(api: Api) -> None:
    body = 'Begin every answer with "{{ name.title() }}{% for k, v in row.items() %} {{ k }}={{ v }}{% endfor %}:"'
    api.save_template("methods", body)
    answer = infer(api, "methods", name="ada", row={"n": 1}).expect(200)["answer"]
    assert answer.startswith("Ada n=1:"), answer


@pytest.mark.parametrize("body", ["{% if formal %}Be formal.{% endif %}", "{{ text }}", " {# note #} \n{{ '' }}"])
def test_template_that_renders_to_nothing_is_left_out(api: Api, body: str) -> None:
    api.save_template("blank", body)
    for text in ("", " \n\t", "\u200b\ufeff", "\x1c\x1f"):
        answer = infer(api, "blank", text=text)
        assert answer.status == 200, answer.text


@pytest.mark.parametrize("question", ["\u200b", "\x1c \x1f", "\ufeff\n"])
def test_question_without_text_is_refused(api: Api, question: str) -> None:
    api.save_template("desk", "Answer from the passages.")
    problem(api.post(INFERENCE, {"template": "desk", "question": question}), 400, "question")
