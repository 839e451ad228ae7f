"""A document's contents follow one another: what is found is one of them, whole, and nothing of others is left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

Ready = Callable[..., list[dict[str, Any]]]
SECONDS = 90.0
# As many paragraphs as make several passages.
PARAGRAPHS = 12


def told(word: str, paragraphs: int = PARAGRAPHS) -> str:
    """A text of several passages, each of which says the word."""
    return "\n\n".join(
        f"Notice {n} about the ferry. The ferry leaves from the {word} pier. " + "Mind the gap. " * 60
        for n in range(paragraphs)
    )


def replace(api: Api, document: str, content: str, title: str = "Ferry") -> dict[str, Any]:
    body = {"title": title, "content_type": "text/plain", "content": content}
    return api.put(f"/v1/documents/{document}", body).expect(202)


def settled(api: Api, document: str) -> dict[str, Any]:
    """Wait until the newest content can be found."""

    def look() -> dict[str, Any]:
        return api.get(f"/v1/documents/{document}").expect(200)

    return until(
        look,
        lambda found: found["status"] == "ready" and found["ready_revision"] == found["revision"],
        "the newest content is found",
        SECONDS,
    )


def left(stack: LocalStack, tenant: Tenant, document: str) -> tuple[list[str], list[str]]:
    """The revisions of a document in the index and in the bucket."""
    target = Target.of(stack, tenant)
    vectors = {key.split(".")[1] for key in target.vectors if key.startswith(document)}
    objects = {key.rpartition(".")[2] for key in target.objects if document in key}
    return sorted(vectors), sorted(objects)


@pytest.fixture
def template(api: Api) -> None:
    api.save_template("plain", "Answer from the passages.")


def test_new_content_takes_the_place_of_the_old(
    stack: LocalStack, tenant: Tenant, api: Api, ready: Ready, template: None
) -> None:
    document = api.add_document("Ferry", told("east"))["id"]
    first = ready(api, document)[0]
    assert (first["revision"], first["ready_revision"]) == (1, 1)
    announced = replace(api, document, told("west", 3))
    assert (announced["revision"], announced["status"], announced["ready_revision"]) == (2, "queued", 1)
    second = settled(api, document)
    assert second["ready_revision"] == 2 and second["chunks"] < first["chunks"]
    answer = api.ask("From which pier does the ferry leave?", "plain", retrieval={"limit": 20})
    assert "west" in answer["answer"] and "east" not in str(answer)
    until(
        lambda: left(stack, tenant, document),
        lambda seen: seen == (["00000002"], ["00000002"]),
        "nothing of the old content is left",
        SECONDS,
    )
    api.delete(f"/v1/documents/{document}").expect(204)
    assert left(stack, tenant, document) == ([], [])


def test_the_same_content_again_changes_nothing(stack: LocalStack, tenant: Tenant, api: Api, ready: Ready) -> None:
    document = api.add_document("Ferry", told("north", 2))["id"]
    first = ready(api, document)[0]
    before = left(stack, tenant, document)[0]
    replace(api, document, told("north", 2))

    def look() -> dict[str, Any]:
        return api.get(f"/v1/documents/{document}").expect(200)

    again = until(look, lambda found: found["revision"] == 2 and found["status"] == "ready", "it is ready", SECONDS)
    assert (again["chunks"], again["ready_revision"]) == (first["chunks"], 1), "it was not indexed anew"
    assert left(stack, tenant, document)[0] == before == ["00000001"]
    # Another title is something to index: it is part of what is found.
    replace(api, document, told("north", 2), title="The northern ferry")
    assert settled(api, document)["title"] == "The northern ferry"


def test_no_reader_sees_some_of_each(api: Api, ready: Ready, template: None) -> None:
    """While contents follow one another, every answer rests on one of them alone, and on one there is."""
    words = ["amber", "birch", "cobalt", "damson", "elder"]
    document = api.add_document("Ferry", told(words[0]))["id"]
    ready(api, document)
    done, seen, wrong = threading.Event(), set[str](), list[str]()

    def ask() -> None:
        while not done.is_set():
            answer = str(api.ask("From which pier does the ferry leave?", "plain", retrieval={"limit": 20}))
            found = {word for word in words if f"{word} pier" in answer}
            seen.update(found)
            if len(found) != 1:
                wrong.append(f"{found}: {answer[:300]}")

    readers = [threading.Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for word in words[1:]:
            replace(api, document, told(word))
            settled(api, document)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert not wrong, f"{len(wrong)} answers rest on none or several contents: {wrong[0]}"
    assert len(seen) > 1, "nobody asked while contents changed"


def test_contents_that_overtake_one_another_end_with_the_newest(
    stack: LocalStack, tenant: Tenant, api: Api, ready: Ready
) -> None:
    """Handed in faster than they are indexed: the last one wins, and nothing of the others is left."""
    document = api.add_document("Ferry", told("first"))["id"]
    for n in range(6):
        newest = replace(api, document, told(f"number-{n}", 2 + n))["revision"]
    assert newest == 7 and settled(api, document)["ready_revision"] == 7
    last = f"{newest:08}"
    until(lambda: left(stack, tenant, document), lambda seen: seen == ([last], [last]), "nothing else is left", SECONDS)
    jobs = [item["sk"]["S"] for item in Target.of(stack, tenant).items if document in item["sk"]["S"]]
    assert jobs == [f"DOCUMENT#{document}"], "a job is left"


def test_content_that_cannot_be_read_leaves_the_old_in_place(api: Api, ready: Ready, template: None) -> None:
    document = api.add_document("Ferry", told("south", 2))["id"]
    ready(api, document)
    content = b"\xff\xfe\x00 no text"
    about = {"title": "Ferry", "content_type": "text/plain", "bytes": len(content)}
    slot = api.post(f"/v1/documents/{document}/uploads", about).expect(201)
    assert (slot["document"]["status"], slot["document"]["ready_revision"]) == ("awaiting_upload", 1)
    upload = slot["upload"]
    assert send(upload["method"], upload["url"], content, upload["headers"]).status == 200
    failed = ready(api, document, status="dead")[0]
    assert "UTF-8" in failed["last_error"] and failed["ready_revision"] == 1
    assert "south" in api.ask("From which pier does the ferry leave?", "plain")["answer"]
    assert [each["document"] for each in api.get("/v1/dead-letters").expect(200)["dead_letters"]] == [document]
    # Content that can be read ends that.
    replace(api, document, told("inner", 2))
    assert settled(api, document)["ready_revision"] == 3
    assert api.get("/v1/dead-letters").expect(200)["dead_letters"] == []
    api.delete(f"/v1/documents/{document}").expect(204)


def test_a_long_document_shows_how_far_it_is(stack: LocalStack, new_tenant: Callable[..., Tenant]) -> None:
    """Some thousand passages, over several runs of the worker where one does not suffice."""
    tenant = new_tenant("A thousand pages")
    api = stack.api(tenant)
    content = "\n\n".join(f"Page {n}. " + "The catalogue goes on and on. " * 45 for n in range(1_000)).encode()
    about = {"title": "Catalogue", "content_type": "text/plain", "bytes": len(content)}
    slot = api.post("/v1/documents/uploads", about).expect(201)
    upload, document = slot["upload"], slot["document"]["id"]
    assert send(upload["method"], upload["url"], content, upload["headers"]).status == 200
    seen: list[dict[str, int]] = []

    def look() -> dict[str, Any]:
        found = api.get(f"/v1/documents/{document}").expect(200)
        if "progress" in found and found["progress"] not in seen:
            seen.append(found["progress"])
        stack.sweep()
        return found

    done = until(look, lambda found: found["status"] in {"ready", "dead"}, "it is indexed", 240.0)
    assert done["status"] == "ready" and "progress" not in done, done
    assert done["chunks"] >= 1_000 and len(Target.of(stack, tenant).vectors) == done["chunks"]
    counts = [each["indexed"] for each in seen]
    assert len(counts) > 2 and counts == sorted(counts), f"progress: {counts}"
    assert {each["passages"] for each in seen} == {done["chunks"]}


def test_what_is_not_there_cannot_be_replaced(api: Api) -> None:
    nobody = "0" * 32
    body = {"title": "Ferry", "content_type": "text/plain", "content": "x"}
    problem(api.put(f"/v1/documents/{nobody}", body), 404)
    problem(api.post(f"/v1/documents/{nobody}/uploads", {**body, "bytes": 1} | {"content": None}), 400)
    slot = {"title": "Ferry", "content_type": "text/plain", "bytes": 1}
    problem(api.post(f"/v1/documents/{nobody}/uploads", slot), 404)
    problem(api.put("/v1/documents/nonsense", body), 400)
    gone = api.add_document("Ferry", "It leaves.")["id"]
    api.delete(f"/v1/documents/{gone}").expect(204)
    problem(api.put(f"/v1/documents/{gone}", body), 404)
    problem(api.post(f"/v1/documents/{gone}/uploads", slot), 404)
