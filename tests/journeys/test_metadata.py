"""Metadata of documents, filters of searches, and changes of title and metadata."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

PATH = "/v1/documents"
Ready = Callable[..., list[dict[str, Any]]]
QUESTION = "Where does the heron sleep?"


def metadata_of(n: int) -> dict[str, Any]:
    return {"shelf": f"s{n}", "year": 2020 + n, "public": n % 2 == 0}


@pytest.fixture(scope="module")
def library(api: Api, ready: Ready) -> dict[str, str]:
    """Four documents with metadata and one without. Returns their ids by title."""
    ids = {}
    for n in range(4):
        text = f"The heron sleeps on pole number {n}."
        ids[f"Pole {n}"] = api.add_document(f"Pole {n}", text, metadata=metadata_of(n))["id"]
    ids["Reed"] = api.add_document("Reed", "The heron sleeps in the reed.")["id"]
    ready(api, *ids.values())
    api.save_template("plain", "Answer from the passages.")
    return ids


def found(api: Api, wanted: Any) -> list[str]:
    """Returns the titles that a search with a filter finds, sorted."""
    asked = {"question": QUESTION, "retrieval": {"limit": 20, "filter": wanted}}
    return sorted(each["title"] for each in api.post("/v1/search", asked).expect(200)["passages"])


# ── metadata ──────────────────────────────────────────────────────────────────


def test_metadata_is_returned_as_given(api: Api, library: dict[str, str]) -> None:
    first = api.get(f"{PATH}/{library['Pole 1']}").expect(200)
    assert first["metadata"] == {"shelf": "s1", "year": 2021, "public": False}
    assert api.get(f"{PATH}/{library['Reed']}").expect(200)["metadata"] == {}
    listed = {each["id"]: each["metadata"] for page in api.pages(PATH, "documents", 50) for each in page}
    assert listed[library["Pole 2"]] == metadata_of(2)


def test_upload_and_replacement_bring_their_metadata(api: Api, ready: Ready) -> None:
    content = b"The bittern booms at dawn."
    about = {"title": "Bittern", "content_type": "text/plain", "bytes": len(content), "metadata": {"bird": "bittern"}}
    made = api.post(f"{PATH}/uploads", about).expect(201)
    slot, document = made["upload"], made["document"]
    assert document["metadata"] == {"bird": "bittern"}
    assert send(slot["method"], slot["url"], content, slot["headers"]).status == 200
    assert ready(api, document["id"])[0]["metadata"] == {"bird": "bittern"}
    body = {"title": "Bittern", "content_type": "text/plain", "content": content.decode()}
    replaced = api.put(f"{PATH}/{document['id']}", {**body, "metadata": {"bird": "crane"}}).expect(202)
    assert replaced["metadata"] == {"bird": "crane"} and replaced["revision"] == 2
    assert api.put(f"{PATH}/{document['id']}", body).expect(202)["metadata"] == {}


def test_metadata_is_sealed_in_the_record_and_readable_in_the_index(
    stack: LocalStack, tenant: Tenant, api: Api, library: dict[str, str]
) -> None:
    target = Target.of(stack, tenant)
    record = next(each for each in target.items if each["sk"]["S"] == f"DOCUMENT#{library['Pole 3']}")
    assert "shelf" not in str(record)
    keys = [key for key in target.vectors if key.startswith(library["Pole 3"])]
    [vector] = stack.account.client("s3vectors").get_vectors(**target.index, keys=keys, returnMetadata=True)["vectors"]
    assert {key for key in vector["metadata"] if key != "sealed"} == {"m_shelf", "m_year", "m_public"}
    assert (vector["metadata"]["m_shelf"], vector["metadata"]["m_year"]) == ("s3", 2023)


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ("x", "metadata"),
        ([], "metadata"),
        ({"a": None}, "metadata.a"),
        ({"a": ["x"]}, "metadata.a"),
        ({"a": {"b": 1}}, "metadata.a"),
        ({"a": ""}, "metadata.a"),
        ({"a": "x" * 501}, "metadata.a"),
        ({"a": 2**53 + 1}, "metadata.a"),
        ({"a": -1e300}, "metadata.a"),
        ({"a.b": 1}, "a.b"),
        ({"$ne": 1}, "$ne"),
        ({f"k{n}": n for n in range(33)}, "32 keys"),
        ({f"k{n}": "x" * 400 for n in range(4)}, "1536 bytes"),
    ],
)
def test_invalid_metadata_is_refused_with_the_field_name(api: Api, metadata: Any, words: str) -> None:
    about = {"title": "t", "content_type": "text/plain", "metadata": metadata}
    status = 422 if isinstance(metadata, dict) else 400
    problem(api.post(PATH, {**about, "content": "c"}), status, words)
    problem(api.post(f"{PATH}/uploads", {**about, "bytes": 5}), status, words)


def test_largest_metadata_is_indexed(api: Api, ready: Ready) -> None:
    """The limits of the API keep within those of S3 Vectors."""
    metadata = {f"{n:02}-{'k' * 37}": n for n in range(32)}
    document = api.add_document("Keys", "The coot has a white shield.", metadata=metadata)["id"]
    other = api.add_document("Texts", "The coot dives for weed.", metadata={"t": "é" * 500, "u": "x" * 500})
    ready(api, document, other["id"])
    asked = {"question": "Which shield has the coot?", "retrieval": {"filter": {"t": "é" * 500}}}
    assert [each["title"] for each in api.post("/v1/search", asked).expect(200)["passages"]] == ["Texts"]


# ── filters ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wanted", "poles"),
    [
        ({"shelf": "s1"}, "1"),
        ({"shelf": {"$eq": "s1"}}, "1"),
        ({"year": 2022}, "2"),
        ({"public": True}, "02"),
        ({"public": 1}, ""),
        ({"year": {"$gte": 2021, "$lt": 2023}}, "12"),
        ({"year": {"$gt": 2021}}, "23"),
        ({"year": {"$lte": 2020}}, "0"),
        ({"shelf": {"$in": ["s0", "s3", "s9"]}}, "03"),
        ({"shelf": {"$nin": ["s0", "s3"]}}, "12"),
        ({"shelf": {"$ne": "s0"}}, "123"),
        ({"shelf": {"$exists": True}}, "0123"),
        ({"shelf": {"$exists": False}}, "R"),
        ({"public": True, "year": {"$gt": 2020}}, "2"),
        ({"$or": [{"shelf": "s0"}, {"year": 2023}]}, "03"),
        ({"$and": [{"public": False}, {"$or": [{"shelf": "s1"}, {"shelf": "s2"}]}]}, "1"),
        # Keys of the stored form are not keys of a tenant.
        ({"sealed": {"$exists": True}}, ""),
        ({"m_shelf": "s1"}, ""),
    ],
)
def test_filter_finds_the_documents_that_match(api: Api, library: dict[str, str], wanted: Any, poles: str) -> None:
    expected = ["Reed"] if poles == "R" else [f"Pole {n}" for n in poles]
    assert [title for title in found(api, wanted) if title in library] == expected


def test_answer_uses_only_documents_that_match(api: Api, library: dict[str, str]) -> None:
    answer = api.ask(QUESTION, "plain", retrieval={"filter": {"shelf": "s2"}})
    assert [each["document"] for each in answer["citations"]] == [library["Pole 2"]]
    assert "pole number 2" in answer["answer"]
    assert api.ask(QUESTION, "plain", retrieval={"filter": {"shelf": "none"}})["citations"] == []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("x", "retrieval.filter"),
        ([], "retrieval.filter"),
        ({}, "retrieval.filter"),
        ({"$not": {"a": 1}}, "retrieval.filter.$not"),
        ({"a": {"$like": "x"}}, "retrieval.filter.a.$like"),
        ({"a": None}, "retrieval.filter.a"),
        ({"a": {"$gt": "x"}}, "retrieval.filter.a.$gt"),
        ({"a": {"$in": []}}, "retrieval.filter.a.$in"),
        ({"a": {"$in": [1] * 51}}, "retrieval.filter.a.$in"),
        ({"$or": [{"a": 1}, {}]}, "retrieval.filter.$or[1]"),
        ({"$or": [{"$or": [{"$or": [{"$or": [{"$or": [{"a": 1}]}]}]}]}]}, "4 levels"),
        ({"a.b": 1}, "a.b"),
    ],
)
def test_invalid_filter_is_refused_with_its_place(api: Api, wanted: Any, words: str) -> None:
    asked = {"question": QUESTION, "retrieval": {"filter": wanted}}
    status = 422 if isinstance(wanted, dict) else 400
    problem(api.post("/v1/search", asked), status, words)
    problem(api.post("/v1/inference", {**asked, "template": "plain"}), status, words)


# ── changes of title and metadata ─────────────────────────────────────────────


def wait_until_indexed(api: Api, document: str, revision: int) -> dict[str, Any]:
    return until(
        lambda: api.get(f"{PATH}/{document}").expect(200),
        lambda seen: seen["status"] == "ready" and seen["ready_revision"] == revision,
        f"revision {revision} is searchable",
    )


@pytest.fixture
def heron(stack: LocalStack, new_tenant: Callable[[str], Tenant], ready: Ready) -> tuple[Api, str]:
    """A tenant with one document."""
    api = stack.api(new_tenant("Patches"))
    document = api.add_document("Heron", "The heron sleeps on a pole.", "text/markdown", metadata=metadata_of(0))["id"]
    ready(api, document)
    return api, document


def test_patch_changes_title_and_metadata_and_keeps_the_content(
    stack: LocalStack, heron: tuple[Api, str], ready: Ready
) -> None:
    api, document = heron
    before = api.get(f"{PATH}/{document}").expect(200)
    patched = api.patch(f"{PATH}/{document}", {"metadata": {"year": 2030, "public": None, "new": "x"}}).expect(202)
    assert patched["metadata"] == {"shelf": "s0", "year": 2030, "new": "x"}
    assert (patched["title"], patched["revision"], patched["ready_revision"]) == ("Heron", 2, 1)
    after = wait_until_indexed(api, document, 2)
    assert after["metadata"] == patched["metadata"]
    for same in ("title", "content_type", "bytes", "chunks", "created_at"):
        assert after[same] == before[same], same
    assert found(api, {"year": 2030}) == ["Heron"] and found(api, {"year": 2020}) == []
    api.patch(f"{PATH}/{document}", {"title": "Grey heron"}).expect(202)
    renamed = wait_until_indexed(api, document, 3)
    assert (renamed["title"], renamed["metadata"]) == ("Grey heron", after["metadata"])
    assert found(api, {"new": "x"}) == ["Grey heron"]
    api.patch(f"{PATH}/{document}", {"metadata": None}).expect(202)
    assert wait_until_indexed(api, document, 4)["metadata"] == {}


def test_search_during_a_patch_finds_one_of_the_two_revisions(heron: tuple[Api, str]) -> None:
    """Title and metadata switch together: a filter by the old value never finds the new title."""
    api, document = heron
    change = {"title": "Grey heron", "metadata": {"year": 2031}}
    api.patch(f"{PATH}/{document}", change).expect(202)
    seen = set()

    def look() -> Any:
        old, new = found(api, {"year": 2020}), found(api, {"year": 2031})
        assert old in ([], ["Heron"]) and new in ([], ["Grey heron"]), (old, new)
        seen.add((bool(old), bool(new)))
        return new

    until(look, lambda new: new == ["Grey heron"], "the new revision is found")
    assert (False, False) not in seen, "neither revision was found"


def test_parallel_patches_are_all_applied(heron: tuple[Api, str]) -> None:
    api, document = heron
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: api.patch(f"{PATH}/{document}", {"metadata": {f"p{n}": n}}), range(4)))
    # A patch of a revision whose bytes are still being copied is refused, and changes nothing.
    applied = [n for n, answer in enumerate(answers) if answer.status == 202]
    assert applied and all(answer.status in (202, 409) for answer in answers)
    final = wait_until_indexed(api, document, 1 + len(applied))
    assert final["metadata"] == {**metadata_of(0), **{f"p{n}": n for n in applied}}


def test_patch_of_a_document_without_content_is_refused(api: Api) -> None:
    about = {"title": "Late", "content_type": "text/plain", "bytes": 9}
    document = api.post(f"{PATH}/uploads", about).expect(201)["document"]["id"]
    problem(api.patch(f"{PATH}/{document}", {"title": "Later"}), 409, "revision 1")
    assert api.get(f"{PATH}/{document}").expect(200)["title"] == "Late"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "title"),
        ({"title": None}, 400, "title"),
        ({"title": ""}, 400, "title"),
        ({"title": 7}, 400, "title"),
        ({"metadata": "x"}, 400, "metadata"),
        ({"metadata": {"a": ["x"]}}, 422, "metadata.a"),
        ({"metadata": {"a.b": None}}, 422, "a.b"),
        ({"content": "x"}, 400, "content"),
        ({"content_type": "text/plain"}, 400, "content_type"),
        ({"metadata": {f"k{n}": n for n in range(33)}}, 422, "32 keys"),
    ],
)
def test_invalid_patch_is_refused_with_the_field_name(
    api: Api, library: dict[str, str], body: Any, status: int, words: str
) -> None:
    path = f"{PATH}/{library['Reed']}"
    before = api.get(path).expect(200)
    problem(api.patch(path, body), status, words)
    assert api.get(path).expect(200) == before


def test_patch_of_a_missing_document_is_not_found(api: Api) -> None:
    problem(api.patch(f"{PATH}/{'0' * 32}", {"title": "Mine"}), 404)
