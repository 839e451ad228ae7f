"""Documents over HTTP: adding, reading, failing with a reason, deleting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.client import Api, send
from tools.devstack.poll import until
from tools.devstack.problems import problem

PATH = "/v1/documents"
Ready = Callable[..., list[dict[str, Any]]]

PAGES = [
    ("text/plain", "The night porter keeps the spare key behind the barometer.", "barometer"),
    ("text/markdown", "# Keys\n\nThe **day porter** keeps the key in the *umbrella stand*.", "umbrella"),
    (
        "text/html",
        "<html><head><style>p{color:red}</style><script>var x='secret'</script></head>"
        "<body><h1>Keys</h1><p>The caretaker keeps the key under the &uuml;ber-large geranium.</p></body>",
        "geranium",
    ),
]


@pytest.mark.parametrize(("content_type", "content", "word"), PAGES)
def test_document_becomes_ready_and_is_cited(
    api: Api, ready: Ready, content_type: str, content: str, word: str
) -> None:
    made = api.add_document(f"Keys ({content_type})", content, content_type)
    assert made["status"] == "queued" and made["content_type"] == content_type, made
    found = ready(api, made["id"])[0]
    assert found["chunks"] >= 1 and found["bytes"] == len(content.encode()), found
    assert found["created_at"] <= found["updated_at"]
    api.save_template("plain", "Answer from the passages.")
    answer = api.ask(f"Who keeps the key with the {word}?", "plain")
    assert any(each["document"] == made["id"] for each in answer["citations"]), answer
    cited = " ".join(each["text"] for each in answer["citations"])
    assert word in cited and "<" not in cited and "var x" not in cited, cited


def test_presigned_upload_becomes_ready(api: Api, ready: Ready) -> None:
    content = b"The attic ladder squeaks on the third rung."
    upload = _request_upload(api, content)
    document, slot = upload["document"], upload["upload"]
    assert document["status"] == "awaiting_upload" and slot["method"] == "PUT", upload
    assert 0 < slot["expires_in_seconds"] <= 3600
    assert send(slot["method"], slot["url"], content, slot["headers"]).status == 200
    assert ready(api, document["id"])[0]["chunks"] == 1


def test_presigned_url_writes_only_one_object(api: Api) -> None:
    slot = _request_upload(api, b"x" * 20)["upload"]
    changed_url = slot["url"].replace("/documents/", "/documents/0", 1)
    assert changed_url != slot["url"], "the URL does not contain the document; the test proves nothing"
    assert send("PUT", changed_url, b"x" * 20, slot["headers"]).status == 403
    assert send("GET", slot["url"]).status == 403, "an upload URL also reads"


def test_document_awaits_its_upload(api: Api) -> None:
    made = _request_upload(api, b"never sent")["document"]
    assert api.get(f"{PATH}/{made['id']}").expect(200)["status"] == "awaiting_upload"


def test_listing_pages_are_complete_and_without_duplicates(api: Api) -> None:
    made = {api.add_document(f"Listed {n}", f"Text number {n}.")["id"] for n in range(5)}
    pages = api.pages(PATH, "documents", 2)
    assert all(len(page) <= 2 for page in pages)
    ids = [each["id"] for page in pages for each in page]
    assert len(ids) == len(set(ids)), f"a document came twice: {ids}"
    assert made <= set(ids), f"missing: {made - set(ids)}"


def test_deleted_document_is_removed_everywhere(api: Api, ready: Ready, stack: Any, tenant: Any) -> None:
    made = api.add_document("Soon gone", "The tin of biscuits stands beside the gramophone.")
    ready(api, made["id"])
    answer = api.delete(f"{PATH}/{made['id']}")
    assert (answer.status, answer.body) == (204, b""), answer.text
    problem(api.get(f"{PATH}/{made['id']}"), 404)
    problem(api.delete(f"{PATH}/{made['id']}"), 404)
    assert made["id"] not in [d["id"] for page in api.pages(PATH, "documents", 50) for d in page]
    api.save_template("plain", "Answer from the passages.")
    answer = api.ask("Where does the tin of biscuits stand, beside the gramophone?", "plain")
    assert "gramophone" not in str(answer["citations"]), answer
    remaining = until(
        lambda: [each for each in Target.of(stack, tenant).objects if made["id"] in each],
        lambda found: not found,
        "the source object is deleted",
    )
    assert not remaining
    assert not [each for each in Target.of(stack, tenant).vectors if made["id"] in each]


def test_unreadable_document_fails_with_a_readable_reason(api: Api, ready: Ready) -> None:
    made = api.post(PATH, {"title": "Nothing", "content_type": "text/html", "content": "<p> </p>"})
    if made.status == 400:
        problem(made, 400)
        return
    found = ready(api, made.expect(202)["id"], status="dead")[0]
    assert found["last_error"] and "Error" not in found["last_error"], found


def test_binary_upload_fails_with_a_reason(api: Api, ready: Ready) -> None:
    content = b"\x7fELF is no text"
    upload = _request_upload(api, content)
    slot = upload["upload"]
    assert send(slot["method"], slot["url"], content, slot["headers"]).status == 200
    found = ready(api, upload["document"]["id"], status="dead")[0]
    assert found["last_error"], found


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"title": "t", "content_type": "text/plain"}, "content"),
        ({"title": "t", "content": "c"}, "content_type"),
        ({"content_type": "text/plain", "content": "c"}, "title"),
        ({"title": "", "content_type": "text/plain", "content": "c"}, "title"),
        ({"title": "t" * 2000, "content_type": "text/plain", "content": "c"}, "title"),
        ({"title": "t", "content_type": "text/plain", "content": ""}, "content"),
        ({"title": "t", "content_type": "application/pdf", "content": "c"}, "content_type"),
        ({"title": 7, "content_type": "text/plain", "content": "c"}, "title"),
        ({"title": "t", "content_type": "text/plain", "content": "c", "id": "x"}, "id"),
        ({"title": "t", "content_type": "text/plain", "content": "c", "tenant_id": "x"}, "tenant_id"),
    ],
)
def test_invalid_document_is_refused_with_the_field_name(api: Api, body: Any, word: str) -> None:
    problem(api.post(PATH, body), 400, word)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"title": "t", "content_type": "text/plain"}, "bytes"),
        ({"title": "t", "content_type": "text/plain", "bytes": 0}, "bytes"),
        ({"title": "t", "content_type": "text/plain", "bytes": -1}, "bytes"),
        ({"title": "t", "content_type": "text/plain", "bytes": "many"}, "bytes"),
        ({"title": "t", "content_type": "image/png", "bytes": 5}, "content_type"),
    ],
)
def test_invalid_upload_is_refused_with_the_field_name(api: Api, body: Any, word: str) -> None:
    problem(api.post(f"{PATH}/uploads", body), 400, word)


def test_too_large_upload_is_refused_in_advance(api: Api) -> None:
    body = {"title": "t", "content_type": "text/plain", "bytes": 10**12}
    problem(api.post(f"{PATH}/uploads", body), 400, "bytes")


@pytest.mark.parametrize("wrong", ["x", "0" * 32, "..%2F..%2Fx", "%00", "a" * 500])
def test_invalid_or_unknown_id_is_refused(api: Api, wrong: str) -> None:
    for method in ("GET", "DELETE"):
        answer = api.call(method, f"{PATH}/{wrong}")
        assert answer.status in (400, 403, 404), f"{method} {wrong!r}: {answer.status} {answer.text}"


def _request_upload(api: Api, content: bytes) -> Any:
    body = {"title": "Uploaded", "content_type": "text/plain", "bytes": len(content)}
    return api.post(f"{PATH}/uploads", body).expect(201)


def test_missing_bytes_are_no_refused_access(api: Api, ready: Ready, stack: Any, tenant: Any) -> None:
    """S3 answers 403 for a missing object, because the tenant role may not list the whole bucket."""
    document = _request_upload(api, b"never stored")["document"]
    key = f"{tenant.prefix}documents/{document['id']}/source.00000001"
    stored = {"bucket": {"name": stack.outputs["BasicBucket"]}, "object": {"key": key, "size": 12}}
    event = {"source": "aws.s3", "detail-type": "Object Created", "detail": stored}
    stack.account.invoke(stack.outputs["BasicIntakeFunction"], event)
    [found] = ready(api, document["id"], status="dead")
    assert found["last_error"] == "the bytes of the document are missing"
    group = stack.outputs["BasicFunctionLog"]
    refused = [line for _, line in stack.log_lines(group) if '"AccessDenied"' in line and tenant.id in line]
    assert not refused, "a missing object rings the alarm access-denied"


def test_listing_is_newest_first_and_filtered(stack: Any, new_tenant: Callable[[str], Any], ready: Ready) -> None:
    api = stack.api(new_tenant("Listed"))
    made = []
    for n in range(6):
        kind = "text/markdown" if n % 2 else "text/plain"
        made.append(api.add_document(f"Page {n}", f"Text {n}.", kind, metadata={"n": n, "even": n % 2 == 0, "t": "7"}))
    late = _request_upload(api, b"never sent")["document"]
    ids = [each["id"] for each in made]
    ready(api, *ids)

    def listed(query: str) -> list[str]:
        """Returns the ids on all pages, in order."""
        found: list[str] = []
        cursor = ""
        while True:
            page = api.get(f"{PATH}?{query}{cursor}").expect(200)
            found += [each["id"] for each in page["documents"]]
            if page["cursor"] is None:
                return found
            cursor = f"&cursor={page['cursor']}"

    newest = [late["id"], *reversed(ids)]
    for limit in (1, 2, 3, 7, 100):
        assert listed(f"limit={limit}") == newest, limit
    odd, even = [ids[5], ids[3], ids[1]], [ids[4], ids[2], ids[0]]
    for query, expected in (
        ("status=ready", newest[1:]),
        ("status=awaiting_upload", newest[:1]),
        ("status=dead", []),
        ("type=text/markdown", odd),
        ("type=text/markdown%3B%20charset%3Dutf-8", odd),
        ("metadata[even]=true", even),
        ("metadata%5Beven%5D=true", even),
        ("metadata[n]=4", ids[4:5]),
        ("metadata[n]=4.0", ids[4:5]),
        ("metadata[t]=7", newest[1:]),
        ("metadata[t]=7.0", []),
        ("metadata[none]=x", []),
        ("metadata[even]=true&metadata[n]=2", ids[2:3]),
        ("metadata[even]=true&type=text/markdown", []),
        ("status=ready&type=text/plain&metadata[even]=true", even),
    ):
        for limit in (1, 2, 100):
            assert listed(f"limit={limit}&{query}") == expected, query


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("status=deleted", "status"),
        ("status=", "status"),
        ("status=ready&status=dead", "status"),
        ("type=image/png", "type"),
        ("metadata=x", "metadata"),
        ("metadata[=x", "metadata["),
        ("metadata[]=x", "metadata"),
        ("metadata[a.b]=x", "a.b"),
        ("metadata[a]=x&metadata[a]=y", "metadata[a]"),
        ("metadata.a=x", "metadata.a"),
        ("order=oldest", "order"),
    ],
)
def test_invalid_filter_of_a_listing_is_refused(api: Api, query: str, words: str) -> None:
    problem(api.get(f"{PATH}?{query}"), 400, words)


# ── the file and the passages ─────────────────────────────────────────────────


def test_source_downloads_the_file(api: Api, ready: Ready) -> None:
    title, content = 'Über "rules"/x', "# Keys\n\nThe porter keeps the kéy."
    document = api.add_document(title, content, "text/markdown")["id"]
    ready(api, document)
    source = api.get(f"{PATH}/{document}/source").expect(200)
    assert (source["file_name"], source["revision"]) == ("Über _rules__x.md", 1)
    assert source["bytes"] == len(content.encode()) and 0 < source["expires_in_seconds"] <= 60
    file = send("GET", source["url"])
    assert (file.status, file.body) == (200, content.encode())
    assert file.headers["content-type"] == source["content_type"] == "text/markdown; charset=utf-8"
    disposition = file.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="_ber _rules__x.md"; filename*=UTF-8'), disposition
    # The URL gives access to this file alone, and only to read it.
    other = source["url"].replace("source.00000001", "source.00000002")
    assert other != source["url"] and send("GET", other).status == 403
    assert send("PUT", source["url"], b"x").status == 403
    assert send("GET", source["url"].replace("attachment", "inline")).status == 403


def test_source_and_passages_of_a_document_without_content_are_refused(api: Api) -> None:
    document = _request_upload(api, b"never sent")["document"]["id"]
    problem(api.get(f"{PATH}/{document}/source"), 409, "has not arrived")
    problem(api.get(f"{PATH}/{document}/passages"), 409, "searchable")
    for more in ("source", "passages"):
        problem(api.get(f"{PATH}/{'0' * 32}/{more}"), 404)
        problem(api.get(f"{PATH}/{document}/{more}?format=pdf"), 400, "format")


def test_passages_are_listed_in_order(api: Api, ready: Ready) -> None:
    words = ["anchor", "barnacle", "capstan", "dinghy", "ensign"]
    text = "\n\n".join(f"# The {word}\n\n" + f"The {word} is checked. " * 60 for word in words)
    document = api.add_document("Ship", text, "text/markdown")["id"]
    chunks = ready(api, document)[0]["chunks"]
    assert chunks >= 5
    path = f"{PATH}/{document}/passages"
    whole = api.get(path).expect(200)
    assert whole["cursor"] is None and whole["revision"] == 1
    assert [each["chunk"] for each in whole["passages"]] == list(range(chunks))
    assert next(each["headings"] for each in whole["passages"] if each["headings"]) == ["The anchor"]
    for limit in (1, 2, chunks, 100):
        pages = api.pages(path, "passages", limit)
        assert [each for page in pages for each in page] == whole["passages"]
        assert all(len(page) <= limit for page in pages)
    for wrong in ("x", "1", "1.", "0.1", "1.-1", "1.1.1", "99999999999.1"):
        problem(api.get(f"{path}?cursor={wrong}"), 400, "cursor")
    # A cursor of another revision does not mix the two.
    cursor = api.get(f"{path}?limit=2").expect(200)["cursor"]
    api.put(f"{PATH}/{document}", {"title": "Ship", "content_type": "text/plain", "content": "Sunk."}).expect(202)
    until(lambda: api.get(path).expect(200), lambda found: found["revision"] == 2, "the new revision is listed")
    problem(api.get(f"{path}?cursor={cursor}"), 409, "newer revision")
    # A cursor after the last passage has an empty page.
    assert api.get(f"{path}?cursor=2.100").expect(200)["passages"] == []
