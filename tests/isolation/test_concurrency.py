"""Concurrent requests of two tenants: no answer contains data of the other tenant."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from tools.demo.corpus import BICYCLES, CLINIC, QUESTIONS
from tools.devstack.aws import Tenant
from tools.devstack.client import Answer, Api
from tools.devstack.stack import LocalStack

WORKERS = 6
ROUNDS = 5


def _with_retries(call: object) -> Answer:
    """Repeats a throttled request, at most 50 times."""
    assert callable(call)
    for _ in range(50):
        answer: Answer = call()
        if answer.status not in (429, 503):
            return answer
        assert answer.headers.get("retry-after"), f"{answer.status} without Retry-After"
    return answer


def test_concurrent_answers_to_two_tenants_are_not_mixed(stack: LocalStack, clinic: Tenant, bicycles: Tenant) -> None:
    apis = {CLINIC: stack.api(clinic), BICYCLES: stack.api(bicycles)}
    titles = {customer: {page.title for page in customer.pages()} for customer in apis}
    asked = [(customer, question) for _ in range(ROUNDS) for question in QUESTIONS for customer in apis]

    def ask(each: tuple) -> Answer:
        customer, question = each
        body = {"template": "default_summary", "question": question, "variables": {"reader": "me"}}
        return _with_retries(lambda: apis[customer].post("/v1/inference", body))

    with ThreadPoolExecutor(WORKERS) as pool:
        answers = list(pool.map(ask, asked))
    for (customer, question), answer in zip(asked, answers, strict=True):
        body = answer.expect(200)
        foreign = {each["title"] for each in body["citations"]} - titles[customer] - {"Tyres"}
        assert not foreign, f"{customer.name} asked {question!r} and got citations of {foreign}"
        greeting = "Gannet Point Clinic:" if customer is CLINIC else "Larkwheel says:"
        assert body["answer"].startswith(greeting), f"{customer.name} got {body['answer'][:80]!r}"


def test_concurrent_listings_of_two_tenants_are_not_mixed(stack: LocalStack, clinic: Tenant, bicycles: Tenant) -> None:
    apis = [stack.api(clinic), stack.api(bicycles)]
    expected = [_ids(api) for api in apis]
    with ThreadPoolExecutor(WORKERS) as pool:
        found = list(pool.map(lambda n: _ids(apis[n % 2]), range(40)))
    for number, ids in enumerate(found):
        assert ids == expected[number % 2], f"listing {number} belongs to the other tenant"


@pytest.mark.parametrize("writers", [6])
def test_concurrent_saves_make_distinct_versions(stack: LocalStack, bicycles: Tenant, writers: int) -> None:
    api = stack.api(bicycles)

    def save(number: int) -> Answer:
        return _with_retries(lambda: api.put("/v1/templates/contended", {"body": f"by writer {number}"}))

    with ThreadPoolExecutor(writers) as pool:
        answers = list(pool.map(save, range(writers)))
    saved = {a.json["version"]: a.json["body"] for a in answers if a.status in (200, 201)}
    refused = [a.status for a in answers if a.status not in (200, 201)]
    assert set(refused) <= {409}, f"a writer got {refused}"
    assert sorted(saved) == list(range(1, len(saved) + 1)), f"versions {sorted(saved)}"
    for version, body in saved.items():
        found = api.get(f"/v1/templates/contended?version={version}").expect(200)
        assert found["body"] == body, f"version {version} became {json.dumps(found)}"


def _ids(api: Api) -> list[str]:
    answer = _with_retries(lambda: api.get("/v1/documents?limit=50"))
    return [each["id"] for each in answer.expect(200)["documents"]]
