"""Revisions of a document: answers use exactly one complete revision, and old ones are removed."""

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
# Enough paragraphs for several passages.
PARAGRAPHS = 12


def make_text(word: str, paragraphs: int = PARAGRAPHS) -> str:
    """Returns a text of several passages; each contains the word."""
    return "\n\n".join(
        f"Notice {n} about the ferry. The ferry leaves from the {word} pier. " + "Mind the gap. " * 60
        for n in range(paragraphs)
    )


def replace(api: Api, document: str, content: str, title: str = "Ferry") -> dict[str, Any]:
    body = {"title": title, "content_type": "text/plain", "content": content}
    return api.put(f"/v1/documents/{document}", body).expect(202)


def wait_until_indexed(api: Api, document: str) -> dict[str, Any]:
    """Waits until the newest revision is searchable."""

    def look() -> dict[str, Any]:
        return api.get(f"/v1/documents/{document}").expect(200)

    return until(
        look,
        lambda found: found["status"] == "ready" and found["ready_revision"] == found["revision"],
        "the newest revision is searchable",
        SECONDS,
    )


def stored_revisions(stack: LocalStack, tenant: Tenant, document: str) -> tuple[list[str], list[str]]:
    """Returns the revisions of a document in the index and in the bucket."""
    target = Target.of(stack, tenant)
    vectors = {key.split(".")[1] for key in target.vectors if key.startswith(document)}
    objects = {key.rpartition(".")[2] for key in target.objects if document in key}
    return sorted(vectors), sorted(objects)


@pytest.fixture
def prompt_template(api: Api) -> None:
    api.save_template("plain", "Answer from the passages.")


def test_new_content_replaces_the_old(
    stack: LocalStack, tenant: Tenant, api: Api, ready: Ready, prompt_template: None
) -> None:
    document = api.add_document("Ferry", make_text("east"))["id"]
    first = ready(api, document)[0]
    assert (first["revision"], first["ready_revision"]) == (1, 1)
    announced = replace(api, document, make_text("west", 3))
    assert (announced["revision"], announced["status"], announced["ready_revision"]) == (2, "queued", 1)
    second = wait_until_indexed(api, document)
    assert second["ready_revision"] == 2 and second["chunks"] < first["chunks"]
    answer = api.ask("From which pier does the ferry leave?", "plain", retrieval={"limit": 20})
    assert "west" in answer["answer"] and "east" not in str(answer)
    until(
        lambda: stored_revisions(stack, tenant, document),
        lambda seen: seen == (["00000002"], ["00000002"]),
        "the old revision is removed",
        SECONDS,
    )
    api.delete(f"/v1/documents/{document}").expect(204)
    assert stored_revisions(stack, tenant, document) == ([], [])


def test_same_content_is_not_indexed_again(stack: LocalStack, tenant: Tenant, api: Api, ready: Ready) -> None:
    document = api.add_document("Ferry", make_text("north", 2))["id"]
    first = ready(api, document)[0]
    before = stored_revisions(stack, tenant, document)[0]
    replace(api, document, make_text("north", 2))

    def look() -> dict[str, Any]:
        return api.get(f"/v1/documents/{document}").expect(200)

    again = until(look, lambda found: found["ready_revision"] == 2, "the second revision is searchable", SECONDS)
    assert (again["chunks"], again["revision"], again["status"]) == (first["chunks"], 2, "ready")
    assert stored_revisions(stack, tenant, document)[0] == before == ["00000001"]
    # A new title is indexed, because it is part of the passages.
    replace(api, document, make_text("north", 2), title="The northern ferry")
    assert wait_until_indexed(api, document)["title"] == "The northern ferry"


def announce(api: Api, document: str, content: bytes, title: str) -> dict[str, Any]:
    about = {"title": title, "content_type": "text/plain", "bytes": len(content)}
    return api.post(f"/v1/documents/{document}/uploads", about).expect(201)


def upload(announced: dict[str, Any], content: bytes) -> None:
    slot = announced["upload"]
    assert send(slot["method"], slot["url"], content, slot["headers"]).status == 200


def test_announced_content_that_does_not_arrive_expires(
    stack: LocalStack, tenant: Tenant, api: Api, ready: Ready
) -> None:
    document = api.add_document("Ferry", make_text("north", 2))["id"]
    before = ready(api, document)[0]
    content = b"The boat leaves from the outer pier."
    announced = announce(api, document, content, "Boat")
    shown = api.get(f"/v1/documents/{document}").expect(200)
    listed = {each["id"]: each for page in api.pages("/v1/documents", "documents", 100) for each in page}
    assert shown == announced["document"] == listed[document]
    assert (shown["title"], shown["bytes"], shown["status"]) == ("Boat", len(content), "awaiting_upload")
    assert (shown["revision"], shown["ready_revision"]) == (2, 1)
    stack.account.client("dynamodb").update_item(
        TableName=stack.outputs["DataTable"],
        Key={"pk": {"S": tenant.partition}, "sk": {"S": f"DOCUMENT#{document}"}},
        UpdateExpression="SET announced.#revision.#until = :past",
        ExpressionAttributeNames={"#revision": "2", "#until": "until"},
        ExpressionAttributeValues={":past": {"N": "1"}},
    )
    after = api.get(f"/v1/documents/{document}").expect(200)
    assert after == {**before, "updated_at": after["updated_at"]}
    # A late upload still counts, with the title that was announced for it.
    upload(announced, content)
    late = until(
        lambda: api.get(f"/v1/documents/{document}").expect(200),
        lambda found: found["ready_revision"] == 2,
        "the late revision is searchable",
        SECONDS,
    )
    assert (late["title"], late["bytes"], late["revision"]) == ("Boat", len(content), 2)


def test_each_revision_keeps_the_title_that_was_announced_for_it(api: Api, ready: Ready) -> None:
    document = api.add_document("Ferry", make_text("north", 2))["id"]
    ready(api, document)
    second, third = b"The boat leaves at noon.", b"The raft leaves at one."
    boat, raft = announce(api, document, second, "Boat"), announce(api, document, third, "Raft")
    upload(boat, second)

    def look() -> dict[str, Any]:
        return api.get(f"/v1/documents/{document}").expect(200)

    until(look, lambda found: found["ready_revision"] == 2, "the second revision is searchable", SECONDS)
    api.save_template("plain", "Answer from the passages.")
    cited = api.ask("When does the boat leave?", "plain")["citations"]
    assert {each["title"] for each in cited if each["document"] == document} == {"Boat"}
    assert look()["title"] == "Raft", "the newest announced revision is shown"
    upload(raft, third)
    assert wait_until_indexed(api, document)["title"] == "Raft"


def test_outstanding_revisions_of_a_document_are_bounded(api: Api, ready: Ready) -> None:
    document = api.add_document("Ferry", make_text("north", 2))["id"]
    ready(api, document)
    content = b"The boat leaves at noon."
    announced = [announce(api, document, content, f"Boat {n}") for n in range(16)]
    about = {"title": "One too many", "content_type": "text/plain", "bytes": len(content)}
    assert "16 revisions" in problem(api.post(f"/v1/documents/{document}/uploads", about), 409)["detail"]
    upload(announced[-1], content)
    assert wait_until_indexed(api, document)["title"] == "Boat 15"
    announce(api, document, content, "Boat 16")


def test_answers_never_mix_revisions(api: Api, ready: Ready, prompt_template: None) -> None:
    """During replacements every answer uses exactly one revision."""
    words = ["amber", "birch", "cobalt", "damson", "elder"]
    document = api.add_document("Ferry", make_text(words[0]))["id"]
    ready(api, document)
    done, seen, mixed = threading.Event(), set[str](), list[str]()

    def ask() -> None:
        while not done.is_set():
            answer = str(api.ask("From which pier does the ferry leave?", "plain", retrieval={"limit": 20}))
            found = {word for word in words if f"{word} pier" in answer}
            seen.update(found)
            if len(found) != 1:
                mixed.append(f"{found}: {answer[:300]}")

    readers = [threading.Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for word in words[1:]:
            replace(api, document, make_text(word))
            wait_until_indexed(api, document)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert not mixed, f"{len(mixed)} answers use no revision or several: {mixed[0]}"
    assert len(seen) > 1, "no answer used a later revision"


def test_rapid_replacements_end_with_the_newest(stack: LocalStack, tenant: Tenant, api: Api, ready: Ready) -> None:
    """Replacements come faster than indexing: the last one wins, and the others are removed."""
    document = api.add_document("Ferry", make_text("first"))["id"]
    for n in range(6):
        newest = replace(api, document, make_text(f"number-{n}", 2 + n))["revision"]
    assert newest == 7 and wait_until_indexed(api, document)["ready_revision"] == 7
    last = f"{newest:08}"
    until(
        lambda: stored_revisions(stack, tenant, document),
        lambda seen: seen == ([last], [last]),
        "only the newest revision is left",
        SECONDS,
    )
    jobs = [item["sk"]["S"] for item in Target.of(stack, tenant).items if document in item["sk"]["S"]]
    assert jobs == [f"DOCUMENT#{document}"], "a job is left"


def test_unreadable_content_keeps_the_old_revision(api: Api, ready: Ready, prompt_template: None) -> None:
    document = api.add_document("Ferry", make_text("south", 2))["id"]
    ready(api, document)
    content = b"\x7fELF is no text"
    about = {"title": "Ferry", "content_type": "text/plain", "bytes": len(content)}
    slot = api.post(f"/v1/documents/{document}/uploads", about).expect(201)
    assert (slot["document"]["status"], slot["document"]["ready_revision"]) == ("awaiting_upload", 1)
    upload = slot["upload"]
    assert send(upload["method"], upload["url"], content, upload["headers"]).status == 200
    failed = ready(api, document, status="dead")[0]
    assert "is a program" in failed["last_error"] and failed["ready_revision"] == 1
    assert "south" in api.ask("From which pier does the ferry leave?", "plain")["answer"]
    assert [each["document"] for each in api.get("/v1/dead-letters").expect(200)["dead_letters"]] == [document]
    # Readable content replaces the dead letter.
    replace(api, document, make_text("inner", 2))
    assert wait_until_indexed(api, document)["ready_revision"] == 3
    assert api.get("/v1/dead-letters").expect(200)["dead_letters"] == []
    api.delete(f"/v1/documents/{document}").expect(204)


def test_long_document_shows_its_progress(stack: LocalStack, new_tenant: Callable[..., Tenant]) -> None:
    """More text than one answer of `extraction` holds, in several runs of the worker if one is not enough."""
    tenant = new_tenant("Two thousand pages")
    api = stack.api(tenant)
    # Each quote and backslash takes two bytes in JSON.
    lines = '"\\" "\\" ' * 180
    content = "\n\n".join(f"Page {n}. The catalogue goes on. {lines}" for n in range(2_000)).encode()
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

    done = until(look, lambda found: found["status"] in {"ready", "dead"}, "the document is ready or dead", 240.0)
    assert done["status"] == "ready" and "progress" not in done, done
    assert done["chunks"] >= 2_000 and len(Target.of(stack, tenant).vectors) == done["chunks"]
    counts = [each["indexed"] for each in seen]
    assert len(counts) > 2 and counts == sorted(counts), f"progress: {counts}"
    assert {each["passages"] for each in seen} == {done["chunks"]}


def test_boilerplate_is_kept_on_request(api: Api, ready: Ready) -> None:
    menu = "<nav><a href=/>Start</a> <a href=/x>Timetables</a> <a href=/y>Moorings</a></nav>"
    page = f"<body>{menu}<main><h1>Winter</h1><p>{'The ferry rests in winter. ' * 20}</p></main></body>"
    about = {"title": "Winter", "content_type": "text/html", "content": page}
    document = api.post("/v1/documents", about).expect(202)
    assert document["keep_boilerplate"] is False
    ready(api, document["id"])

    def texts() -> str:
        found = api.post("/v1/search", {"question": "Does the ferry rest in winter?"}).expect(200)["passages"]
        return " ".join(each["text"] for each in found if each["document"] == document["id"])

    assert "rests in winter" in texts() and "Moorings" not in texts()
    kept = api.put(f"/v1/documents/{document['id']}", {**about, "keep_boilerplate": True}).expect(202)
    assert kept["keep_boilerplate"] is True
    wait_until_indexed(api, document["id"])
    assert "rests in winter" in texts() and "Moorings" in texts()
    api.delete(f"/v1/documents/{document['id']}").expect(204)


def test_missing_document_cannot_be_replaced(api: Api) -> None:
    missing = "0" * 32
    body = {"title": "Ferry", "content_type": "text/plain", "content": "x"}
    problem(api.put(f"/v1/documents/{missing}", body), 404)
    problem(api.post(f"/v1/documents/{missing}/uploads", {**body, "bytes": 1} | {"content": None}), 400)
    slot = {"title": "Ferry", "content_type": "text/plain", "bytes": 1}
    problem(api.post(f"/v1/documents/{missing}/uploads", slot), 404)
    problem(api.put("/v1/documents/nonsense", body), 400)
    gone = api.add_document("Ferry", "It leaves.")["id"]
    api.delete(f"/v1/documents/{gone}").expect(204)
    problem(api.put(f"/v1/documents/{gone}", body), 404)
    problem(api.post(f"/v1/documents/{gone}/uploads", slot), 404)
