"""Where a cited passage stands: ranges of characters over HTTP, for documents with and without pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys import hostile
from tools.devstack.client import Api, send

Ready = Callable[..., list[dict[str, Any]]]

BERTHS = {word: f"The {word} lies at the quay. " + f"Paint the {word} in spring. " * 40 for word in ("cutter", "sloop")}
PARAGRAPHS = [text.strip() for text in BERTHS.values()]
HEADING = "Boats of Öland ⛵"


def _upload(api: Api, title: str, content_type: str, content: bytes) -> str:
    about = {"title": title, "content_type": content_type, "bytes": len(content)}
    made = api.post("/v1/documents/uploads", about).expect(201)
    slot = made["upload"]
    assert send(slot["method"], slot["url"], content, slot["headers"]).status == 200
    document: str = made["document"]["id"]
    return document


def _passages(api: Api, document: str) -> list[dict[str, Any]]:
    """Returns all passages of a document in their order."""
    asked = {"question": "Where does the cutter or the sloop lie?", "retrieval": {"limit": 20}}
    found = api.post("/v1/search", asked).expect(200)["passages"]
    return sorted((each for each in found if each["document"] == document), key=lambda each: each["chunk"])


@pytest.mark.parametrize(
    ("content_type", "content", "text"),
    [
        ("text/plain", "\r\n\r\n".join([HEADING, *PARAGRAPHS]), "\n\n".join([HEADING, *PARAGRAPHS])),
        (
            "text/html",
            f"<h1>{HEADING}</h1>" + "".join(f"<p>{each}</p>" for each in PARAGRAPHS),
            "\n\n".join([HEADING, *PARAGRAPHS]),
        ),
        ("application/pdf", hostile.pdf(PARAGRAPHS), "\n\n".join(PARAGRAPHS)),
    ],
    ids=["text", "html", "pdf"],
)
def test_range_finds_the_passage_in_the_text(
    api: Api, ready: Ready, content_type: str, content: str | bytes, text: str
) -> None:
    content = content.encode() if isinstance(content, str) else content
    document = _upload(api, f"Boats ({content_type})", content_type, content)
    count = ready(api, document)[0]["chunks"]
    passages = _passages(api, document)
    assert len(passages) == count > 1, passages
    listed = api.get(f"/v1/documents/{document}/passages").expect(200)["passages"]
    assert [each["range"] for each in listed] == [each["range"] for each in passages]
    end = 0
    for each in passages:
        start, last_end = each["range"]["start"], end
        end = each["range"]["end"]
        assert last_end <= end and text[last_end:start].strip() == "", each["range"]
        own = text[start:end]
        if content_type != "text/plain":
            own = own.removeprefix(HEADING).strip()
        assert each["text"].endswith(own), (own, each["text"])
    assert end == len(text)
    assert ("page" in passages[0]) == (content_type == "application/pdf")
    api.save_template("plain", "Answer from the passages.")
    cited = api.ask("Where does the cutter or the sloop lie?", "plain", retrieval={"limit": 20})["citations"]
    assert all(each["range"]["start"] < each["range"]["end"] for each in cited), cited
    api.delete(f"/v1/documents/{document}").expect(204)
