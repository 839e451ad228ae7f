"""Concurrent deletes, uploads and indexing leave nothing half-done."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tools.attacks import Target
from tools.attacks.objects import sealed_for
from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

Ready = Callable[..., list[dict[str, Any]]]
ROUNDS = 40
PAGE = "The short-lived page speaks of ferries and of tides."


def test_delete_at_any_moment_of_ingestion_leaves_nothing(
    stack: LocalStack, tenant: Tenant, api: Api, ready: Ready
) -> None:
    """The pauses spread the deletes over the ingestion, most of them near its end, when passages are written and the
    record is not final yet."""
    first_document = ready(api, api.add_document("Whole", PAGE)["id"])[0]
    assert api.delete(f"/v1/documents/{first_document['id']}").status == 204
    created, indexed = (datetime.fromisoformat(first_document[each]) for each in ("created_at", "updated_at"))
    ingestion_seconds = (indexed - created).total_seconds()
    for n in range(ROUNDS):
        document = api.add_document(f"Short-lived {n}", PAGE)
        time.sleep(ingestion_seconds * (0.4 + 0.8 * n / ROUNDS))
        assert api.delete(f"/v1/documents/{document['id']}").status == 204
        problem(api.get(f"/v1/documents/{document['id']}"), 404)
        problem(api.delete(f"/v1/documents/{document['id']}"), 404)

    def remaining() -> tuple[int, tuple[str, ...], tuple[str, ...]]:
        found = Target.of(stack, tenant)
        return stack.messages(), found.objects, found.vectors

    until(remaining, lambda found: found == (0, (), ()), "nothing of the deleted documents is left", seconds=90)
    assert api.get("/v1/documents").expect(200) == {"documents": [], "cursor": None}


def _update_record(stack: LocalStack, tenant: Tenant, document: str, update: str, values: dict[str, Any]) -> None:
    """Sets a document's record to an intermediate state."""
    stack.account.client("dynamodb").update_item(
        TableName=stack.outputs["DataTable"],
        Key={"pk": {"S": tenant.partition}, "sk": {"S": f"DOCUMENT#{document}"}},
        UpdateExpression=update,
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues=values,
    )


def _vectors(stack: LocalStack, tenant: Tenant, document: str) -> list[str]:
    return [key for key in Target.of(stack, tenant).vectors if key.startswith(document)]


def test_delete_between_index_and_record_removes_the_passages(
    stack: LocalStack, tenant: Tenant, api: Api, ready: Ready
) -> None:
    """The worker has written the passages, but not the record."""
    document = api.add_document("Moment", "The harbour bell rings at noon.")["id"]
    ready(api, document)
    _update_record(
        stack,
        tenant,
        document,
        "SET #status = :running, pending = live REMOVE live",
        {":running": {"S": "running"}},
    )
    assert _vectors(stack, tenant, document)
    assert api.delete(f"/v1/documents/{document}").status == 204
    assert not _vectors(stack, tenant, document), "the index still has a deleted document"


def test_upload_url_accepts_one_content(api: Api, ready: Ready) -> None:
    first, second = b"The ferry leaves from the east pier.", b"The ferry leaves from the west pier."
    body = {"title": "Ferry", "content_type": "text/plain", "bytes": len(first)}
    made = api.post("/v1/documents/uploads", body).expect(201)
    slot = made["upload"]
    assert send("PUT", slot["url"], first, slot["headers"]).status == 200
    assert send("PUT", slot["url"], second, slot["headers"]).status == 412, "a document's bytes never change"
    ready(api, made["document"]["id"])
    api.save_template("plain", "Answer from the passages.")
    assert "east pier" in api.ask("Where does the ferry leave?", "plain")["answer"]


def test_deleted_document_is_not_cited_even_if_passages_remain(
    stack: LocalStack, tenant: Tenant, api: Api, ready: Ready
) -> None:
    """The state after an interrupted delete: the record is deleted, the passages are still in the index."""
    document = api.add_document("Lighthouse", "The lighthouse keeper is called Ottilie.")["id"]
    ready(api, document)
    api.save_template("plain", "Answer from the passages.")
    question = "What is the lighthouse keeper called?"
    assert "Ottilie" in api.ask(question, "plain")["answer"]
    _update_record(stack, tenant, document, "SET #status = :deleted", {":deleted": {"S": "deleted"}})
    answer = api.ask(question, "plain")
    assert "Ottilie" not in str(answer), f"a deleted document is cited: {answer}"
    # A repeated delete completes it.
    assert api.delete(f"/v1/documents/{document}").status == 204
    assert not _vectors(stack, tenant, document)


def test_upload_url_of_a_replaced_revision_stores_nothing(
    stack: LocalStack, tenant: Tenant, api: Api, ready: Ready
) -> None:
    """The clean-up of a revision makes its upload URL usable again. The event of the late object removes it."""
    content = b"The ferry leaves from the east pier."
    body = {"title": "Ferry", "content_type": "text/plain", "bytes": len(content)}
    made = api.post("/v1/documents/uploads", body).expect(201)
    document, slot = made["document"]["id"], made["upload"]
    assert send("PUT", slot["url"], content, slot["headers"]).status == 200
    ready(api, document)
    newer = {"title": "Ferry", "content_type": "text/plain", "content": "The ferry leaves from the west pier."}
    assert api.put(f"/v1/documents/{document}", newer).status == 202

    def objects() -> list[str]:
        return [key.rpartition("/")[2] for key in Target.of(stack, tenant).objects if document in key]

    until(objects, lambda found: found == ["source.00000002"], "the old revision is removed", seconds=90)
    assert send("PUT", slot["url"], content, slot["headers"]).status == 200, "the URL works again"
    until(objects, lambda found: found == ["source.00000002"], "the late object is removed", seconds=90)
    # The same after a deletion.
    assert api.delete(f"/v1/documents/{document}").status == 204
    assert not objects()
    assert send("PUT", slot["url"], content, slot["headers"]).status == 200
    until(objects, lambda found: not found, "the late object of a deleted document is removed", seconds=90)


def test_delete_removes_bytes_that_the_record_does_not_name(stack: LocalStack, tenant: Tenant, api: Api) -> None:
    """The deletion lists what is stored and does not trust the record."""
    document = api.add_document("Ferry", PAGE)["id"]
    target = Target.of(stack, tenant)
    (known,) = (key for key in target.objects if document in key)
    for name in ("source.00000007", "source.00000099", "notes"):
        stack.account.client("s3").put_object(
            Bucket=target.bucket,
            Key=f"{known.rpartition('/')[0]}/{name}",
            Body=PAGE.encode(),
            **sealed_for(target),
        )
    assert api.delete(f"/v1/documents/{document}").status == 204
    assert not [key for key in Target.of(stack, tenant).objects if document in key]
