"""Inference over HTTP: answers with citations, and refusals that name the wrong field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

PATH = "/v1/inference"


@pytest.fixture(scope="module", autouse=True)
def handbook(api: Api, ready: Callable[..., Any]) -> dict[str, str]:
    """Adds three pages that answer three different questions."""
    pages = {
        "Ferry": "The ferry to Ellan leaves the north pier at seven in the morning.",
        "Library": "The library lends sheet music for six weeks.",
        "Bakery": "The bakery on Rope Walk sells rye bread on Thursdays only.",
    }
    ids = {title: api.add_document(title, text)["id"] for title, text in pages.items()}
    ready(api, *ids.values())
    api.save_template("desk", "Answer from the passages.")
    return ids


def test_answer_quotes_the_cited_page(api: Api, handbook: dict[str, str]) -> None:
    answer = api.ask("When does the ferry to Ellan leave?", "desk")
    assert "seven in the morning" in answer["answer"], answer
    best = answer["citations"][0]
    assert (best["document"], best["title"]) == (handbook["Ferry"], "Ferry"), answer["citations"]
    assert "north pier" in best["text"] and isinstance(best["chunk"], int), best


def test_best_citation_comes_first(api: Api) -> None:
    cited = api.ask("Who sells rye bread?", "desk")["citations"]
    scores = [each["score"] for each in cited]
    assert cited[0]["title"] == "Bakery" and scores[0] == max(scores) > min(scores), cited
    assert all(-1.0 <= score <= 1.0 for score in scores), scores


def test_search_finds_the_citations_of_the_answer(api: Api) -> None:
    question = "When does the ferry to Ellan leave?"
    found = api.post("/v1/search", {"question": question, "retrieval": {"limit": 2}}).expect(200)
    assert found["passages"] == api.ask(question, "desk", retrieval={"limit": 2})["citations"]
    assert found["passages"][0]["title"] == "Ferry" and found["request_id"]


def test_passages_below_the_minimum_score_are_left_out(api: Api) -> None:
    question = "Who sells rye bread?"
    every = api.post("/v1/search", {"question": question}).expect(200)["passages"]
    best = max(each["score"] for each in every)
    asked = {"question": question, "retrieval": {"min_score": round(best - 0.01, 4)}}
    kept = api.post("/v1/search", asked).expect(200)["passages"]
    assert [each["title"] for each in kept] == ["Bakery"] and len(every) == 3
    answer = api.ask(question, "desk", retrieval={"min_score": 1.0})
    assert answer["citations"] == [], "no passage is good enough"


def test_equal_passages_crowd_out_nothing(stack: LocalStack, new_tenant: Callable[[str], Tenant], ready: Any) -> None:
    api = stack.api(new_tenant("Copies"))
    # More copies than one query ranks.
    copies = [api.add_document(f"Copy {n}", "The lighthouse keeper paints the door green.")["id"] for n in range(25)]
    other = api.add_document("Original", "The lighthouse keeper feeds the cat at dusk.")["id"]
    ready(api, *copies, other)
    asked = {"question": "What does the lighthouse keeper do with the door?", "retrieval": {"limit": 3}}
    found = api.post("/v1/search", asked).expect(200)["passages"]
    assert len(found) == 2 and found[1]["document"] == other, found


def test_neighbours_surround_a_passage(stack: LocalStack, new_tenant: Callable[[str], Tenant], ready: Any) -> None:
    api = stack.api(new_tenant("A long handbook"))
    words = ["anchor", "barnacle", "capstan", "dinghy", "ensign"]
    text = "\n\n".join(f"Chapter of the {word}. " + f"The {word} is checked. " * 50 for word in words)
    ready(api, api.add_document("Handbook", text)["id"])

    def search(question: str, **retrieval: Any) -> list[dict[str, Any]]:
        body = {"question": question, "retrieval": {"limit": 1, **retrieval}}
        return api.post("/v1/search", body).expect(200)["passages"]

    (alone,) = search("Who checks the capstan?")
    assert "capstan" in alone["text"] and "before" not in alone and "after" not in alone, alone
    (found,) = search("Who checks the capstan?", neighbours=2)
    assert {name: found[name] for name in alone} == alone
    every = [*found["before"], found["text"], *found["after"]]
    assert len(every) == 5 and [word in each for word, each in zip(words, every, strict=True)] == [True] * 5
    (first,) = search("Who checks the anchor?", neighbours=2)
    assert first["chunk"] == 0 and "before" not in first and len(first["after"]) == 2
    # A passage that is found is not a neighbour of another one.
    several = search("Who checks the capstan?", neighbours=1, limit=5)
    texts = [text for each in several for text in (*each.get("before", []), each["text"], *each.get("after", []))]
    assert sorted(texts) == sorted(every), "each passage once"
    api.save_template("desk", "Answer from the passages.")
    asked = {"limit": 1, "neighbours": 1}
    answer = api.ask("Who checks the capstan?", "desk", retrieval=asked)
    more = (
        answer["usage"]["input_tokens"]
        - api.ask("Who checks the capstan?", "desk", retrieval={"limit": 1})["usage"]["input_tokens"]
    )
    assert len(answer["citations"][0]["after"]) == 1 and more > 200, more
    refused = api.post("/v1/search", {"question": "Who?", "retrieval": {"neighbours": 3}})
    assert refused.status == 400 and "retrieval.neighbours" in problem(refused, 400)["detail"]


def test_answer_names_template_model_and_tokens(api: Api) -> None:
    answer = api.ask("Who sells rye bread?", "desk")
    assert answer["template"] == {"key": "desk", "version": 1}
    assert answer["model"] and answer["request_id"]
    assert answer["usage"]["input_tokens"] > 0 and answer["usage"]["output_tokens"] > 0


def test_prompt_template_reaches_the_model(api: Api) -> None:
    text = 'Begin every answer with "Harbour desk:"\nEnd your answer with "Fair winds."'
    api.save_template("voice", text)
    answer = api.ask("Who sells rye bread?", "voice")["answer"]
    assert answer.startswith("Harbour desk:") and answer.rstrip().endswith("Fair winds."), answer


def test_old_template_version_can_be_used(api: Api) -> None:
    api.save_template("tone", 'Begin every answer with "Old:"')
    api.save_template("tone", 'Begin every answer with "New:"')
    latest = api.ask("Who sells rye bread?", "tone")
    pinned = api.ask("Who sells rye bread?", "tone", version=1)
    assert latest["answer"].startswith("New:") and latest["template"]["version"] == 2
    assert pinned["answer"].startswith("Old:") and pinned["template"]["version"] == 1


def test_saved_version_is_used_by_the_next_question(api: Api) -> None:
    """No cache may return an older version."""
    for number in range(1, 6):
        api.save_template("fresh", f'Begin every answer with "Take {number}:"')
        answer = api.ask("Who sells rye bread?", "fresh")
        assert answer["answer"].startswith(f"Take {number}:"), answer
        assert answer["template"]["version"] == number


def test_variables_are_filled_in(api: Api) -> None:
    api.save_template("greeting", 'Begin every answer with "Dear {{ name }},"')
    answer = api.ask("Who sells rye bread?", "greeting", variables={"name": "Ines"})["answer"]
    assert answer.startswith("Dear Ines,"), answer


def test_missing_variable_is_named(api: Api) -> None:
    api.save_template("strict", "Talk to {{ reader }}.")
    cases: list[dict[str, Any]] = [{}, {"variables": {}}, {"variables": {"writer": "x"}}]
    for more in cases:
        answer = api.post(PATH, {"template": "strict", "question": "Why?", **more})
        assert 400 <= answer.status < 500, answer.text
        problem(answer, answer.status, "reader")


def test_template_with_too_much_work_is_stopped(api: Api) -> None:
    loop = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}"
    api.save_template("busy", loop)
    answer = api.post(PATH, {"template": "busy", "question": "Why?"})
    assert 400 <= answer.status < 500, answer.text
    problem(answer, answer.status)


def test_caller_sets_the_number_of_passages(api: Api) -> None:
    for limit in (1, 2, 3):
        answer = api.ask("Who sells rye bread?", "desk", retrieval={"limit": limit})
        assert len(answer["citations"]) == limit, answer["citations"]


def test_answer_keeps_within_max_tokens(api: Api) -> None:
    answer = api.ask("When does the ferry leave?", "desk", max_tokens=5)
    assert 0 < answer["usage"]["output_tokens"] <= 5, answer


def test_missing_template_is_not_found(api: Api) -> None:
    problem(api.post(PATH, {"template": "missing", "question": "Why?"}), 404, "template")
    problem(api.post(PATH, {"template": "desk", "version": 99, "question": "Why?"}), 404, "template")


def test_tenant_without_documents_gets_no_citations(stack: LocalStack, new_tenant: Callable[[str], Tenant]) -> None:
    api = stack.api(new_tenant("An empty shelf"))
    api.save_template("desk", "Answer from the passages.")
    answer = api.ask("When does the ferry to Ellan leave?", "desk")
    assert answer["citations"] == [] and "seven" not in answer["answer"], answer


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"question": None}, "question"),
        ({"question": ""}, "question"),
        ({"question": "   "}, "question"),
        ({"question": 7}, "question"),
        ({"question": "x" * 200_000}, "question"),
        ({"template": None}, "template"),
        ({"template": "Not A Key"}, "template"),
        ({"version": "1"}, "version"),
        ({"version": 0}, "version"),
        ({"variables": []}, "variables"),
        ({"retrieval": {"limit": 0}}, "limit"),
        ({"retrieval": {"limit": 21}}, "limit"),
        ({"retrieval": {"limit": "all"}}, "limit"),
        ({"retrieval": {"filter": {}}}, "filter"),
        ({"retrieval": {"index": "t-x-main"}}, "index"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"tenant_id": "0" * 32}, "tenant_id"),
        ({"model": "anthropic.claude"}, "model"),
    ],
)
def test_invalid_question_is_refused_with_the_field_name(api: Api, change: dict[str, Any], word: str) -> None:
    good = {"template": "desk", "question": "Who sells rye bread?"}
    body = {name: value for name, value in {**good, **change}.items() if value is not None}
    # No schema of a field says that a request has a question or messages, what a filter means, and which models exist.
    status = 422 if "question" not in body or word in ("filter", "model") else 400
    problem(api.post(PATH, body), status, word)
