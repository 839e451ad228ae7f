"""Many documents in one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tools.devstack.client import Api
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

PATH = "/v1/documents"
Ready = Callable[..., list[dict[str, Any]]]


def page(n: int, **more: Any) -> dict[str, Any]:
    return {"title": f"Page {n}", "content_type": "text/plain", "content": f"The crate {n} holds nails.", **more}


def create(api: Api, documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = api.post(f"{PATH}/batch", {"documents": documents}).expect(200)["results"]
    return results


def test_batch_has_one_result_for_each_document_in_order(api: Api, ready: Ready) -> None:
    results = create(api, [page(n, metadata={"n": n}) for n in range(20)])
    assert [each["status"] for each in results] == [202] * 20
    made = [each["document"] for each in results]
    assert [each["title"] for each in made] == [f"Page {n}" for n in range(20)]
    assert [each["metadata"] for each in made] == [{"n": n} for n in range(20)]
    assert len({each["id"] for each in made}) == 20
    found = ready(api, *[each["id"] for each in made[:3]])
    assert [each["chunks"] for each in found] == [1, 1, 1]


def test_largest_batch_is_created_and_deleted(stack: LocalStack, new_tenant: Callable[[str], Any]) -> None:
    api = stack.api(new_tenant("Batches"))
    ids = [each["document"]["id"] for each in create(api, [page(n) for n in range(100)])]
    listed = [each["id"] for found in api.pages(PATH, "documents", 100) for each in found]
    assert sorted(listed) == sorted(ids)
    results = api.post(f"{PATH}/delete", {"ids": ids}).expect(200)["results"]
    assert results == [{"id": each, "status": 204} for each in ids]
    assert api.get(PATH).expect(200) == {"documents": [], "cursor": None}


def test_external_ids_of_a_batch_create_or_replace(api: Api) -> None:
    first = create(api, [page(1, external_id="crate:1"), page(2)])
    again = create(api, [page(3, external_id="crate:1"), page(4, external_id="crate:2")])
    assert again[0]["document"]["id"] == first[0]["document"]["id"] and again[0]["document"]["revision"] == 2
    assert again[1]["document"]["external_id"] == "crate:2" and again[1]["document"]["revision"] == 1
    assert "external_id" not in first[1]["document"]


def test_deletion_reports_each_id(api: Api) -> None:
    made = create(api, [page(n) for n in range(2)])
    ids = [each["document"]["id"] for each in made]
    absent = "0" * 32
    results = api.post(f"{PATH}/delete", {"ids": [ids[0], absent, ids[1]]}).expect(200)["results"]
    assert [(each["id"], each["status"]) for each in results] == [(ids[0], 204), (absent, 404), (ids[1], 204)]
    assert results[1]["problem"]["detail"] == "document not found" and "problem" not in results[0]
    for each in ids:
        problem(api.get(f"{PATH}/{each}"), 404)


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        ([], "documents"),
        ([page(1)] * 101, "documents"),
        ("x", "documents"),
        ([page(1), {"title": "t"}], "documents[1]"),
        ([page(1), page(2, title="")], "documents[1]"),
        ([page(1), page(2, content=" ")], "documents[1]"),
        ([page(1), page(2, content_type="application/pdf")], "documents[1]"),
        ([page(1), page(2, external_id="a/b")], "documents[1]"),
        ([page(1), page(2, metadata={"a": []})], "documents[1]"),
        ([page(1), page(2, id="x")], "documents[1]"),
    ],
)
def test_malformed_batch_creates_nothing(
    stack: LocalStack, new_tenant: Callable[[str], Any], documents: Any, words: str
) -> None:
    api = stack.api(new_tenant("Refused batch"))
    # Metadata has rules beside its schema.
    status = 422 if "metadata" in str(documents) else 400
    problem(api.post(f"{PATH}/batch", {"documents": documents}), status, words)
    assert api.get(PATH).expect(200) == {"documents": [], "cursor": None}


@pytest.mark.parametrize(
    ("ids", "words"),
    [([], "ids"), (["0" * 32] * 101, "ids"), ("x", "ids"), (["0" * 32, "x"], "ids[1]"), ([None], "ids[0]")],
)
def test_malformed_deletion_is_refused_with_the_field_name(api: Api, ids: Any, words: str) -> None:
    problem(api.post(f"{PATH}/delete", {"ids": ids}), 400, words)


# ── deletion by metadata ──────────────────────────────────────────────────────

BY_FILTER = f"{PATH}/delete-by-filter"


def test_deletion_by_filter_goes_on_until_nothing_is_left(stack: LocalStack, new_tenant: Callable[[str], Any]) -> None:
    """One request deletes at most 100 documents, and says how many it left."""
    api = stack.api(new_tenant("By filter"))
    for start in (0, 80):
        create(api, [page(n, metadata={"n": n, "kept": n % 4 == 0}) for n in range(start, start + 80)])
    asked: dict[str, Any] = {"filter": {"kept": False, "n": {"$gte": 4}}}
    counted = api.post(BY_FILTER, {**asked, "dry_run": True}).expect(200)
    assert counted == {"matched": 117, "results": [], "remaining": 117, "cursor": None}
    first = api.post(BY_FILTER, asked).expect(200)
    assert (first["matched"], len(first["results"]), first["remaining"]) == (117, 100, 17)
    assert {each["status"] for each in first["results"]} == {204} and first["cursor"]
    # The same request again deletes nothing else.
    second = api.post(BY_FILTER, {**asked, "cursor": first["cursor"]}).expect(200)
    assert (second["matched"], len(second["results"]), second["remaining"], second["cursor"]) == (17, 17, 0, None)
    assert api.post(BY_FILTER, asked).expect(200) == {"matched": 0, "results": [], "remaining": 0, "cursor": None}
    left = [each["metadata"]["n"] for found in api.pages(PATH, "documents", 100) for each in found]
    assert sorted(left) == [0, 1, 2, 3, *range(4, 160, 4)]


@pytest.mark.parametrize(
    "by",
    [
        {"kind": "a"},
        {"n": {"$gt": 1, "$lte": 3}},
        {"kind": {"$ne": "a"}},
        {"kind": {"$nin": ["a", "b"]}},
        {"kind": {"$in": ["a", "b"]}, "n": {"$lt": 4}},
        {"even": {"$exists": False}},
        {"even": True},
        {"n": "2"},
        {"$or": [{"kind": "c"}, {"$and": [{"even": True}, {"n": {"$gte": 4}}]}]},
    ],
    ids=str,
)
def test_deletion_by_filter_finds_what_a_search_finds(api: Api, ready: Ready, by: dict[str, Any]) -> None:
    """S3 Vectors evaluates the filter of a search, and the function that of a deletion."""
    group = f"{by}"
    kinds = ("a", "b", "c", "a", "b", "c")
    made = create(
        api,
        [
            page(n, metadata={"group": group[:60], "n": n, "kind": kind, **({"even": True} if n % 2 == 0 else {})})
            for n, kind in enumerate(kinds)
        ],
    )
    ready(api, *[each["document"]["id"] for each in made])
    wanted = {"$and": [{"group": group[:60]}, by]}
    asked = {"question": "What does the crate hold?", "retrieval": {"limit": 20, "filter": wanted}}
    found = {each["document"] for each in api.post("/v1/search", asked).expect(200)["passages"]}
    deleted = api.post(BY_FILTER, {"filter": wanted}).expect(200)["results"]
    assert {each["id"] for each in deleted} == found
    assert {each["status"] for each in deleted} <= {204}
