"""Documents by the ids of the tenant's own system."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from tools.attacks import Target
from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

PATH = "/v1/documents"
BY = "/v1/external-ids"
Ready = Callable[..., list[dict[str, Any]]]


def body(content: str, **more: Any) -> dict[str, Any]:
    return {"title": "Handbook", "content_type": "text/plain", "content": content, **more}


def wait_until_searchable(api: Api, external_id: str, revision: int) -> None:
    until(
        lambda: api.get(f"{BY}/{external_id}").expect(200),
        lambda found: found["ready_revision"] == revision,
        f"revision {revision} is searchable",
    )


def external_items(stack: LocalStack, tenant: Tenant) -> list[dict[str, Any]]:
    return [each for each in Target.of(stack, tenant).items if each["sk"]["S"].startswith("EXTERNAL#")]


def test_upsert_creates_then_replaces(api: Api, ready: Ready) -> None:
    problem(api.get(f"{BY}/handbook:7"), 404)
    made = api.put(f"{BY}/handbook:7", body("The gate opens at six.", metadata={"year": 1})).expect(202)
    assert (made["external_id"], made["revision"], made["metadata"]) == ("handbook:7", 1, {"year": 1})
    ready(api, made["id"])
    again = api.put(f"{BY}/handbook:7", body("The gate opens at seven.")).expect(202)
    assert (again["id"], again["revision"], again["external_id"]) == (made["id"], 2, "handbook:7")
    wait_until_searchable(api, "handbook:7", 2)
    # The id stays with the document, through every way to read or change it.
    read = api.get(f"{PATH}/{made['id']}").expect(200)
    assert read == api.get(f"{BY}/handbook:7").expect(200) and read["external_id"] == "handbook:7"
    listed = {each["id"]: each.get("external_id") for page in api.pages(PATH, "documents", 50) for each in page}
    assert listed[made["id"]] == "handbook:7"
    assert api.put(f"{PATH}/{made['id']}", body("The gate opens at eight.")).expect(202)["external_id"] == "handbook:7"
    assert api.patch(f"{PATH}/{made['id']}", {"title": "Book"}).expect(202)["external_id"] == "handbook:7"
    # The escape of a character is the character.
    assert api.get(f"{BY}/handbook%3A7").expect(200)["id"] == made["id"]


def test_upload_by_external_id_creates_then_replaces(api: Api, ready: Ready) -> None:
    for revision, content in enumerate((b"The lamp is oil.", b"The lamp is gas."), 1):
        about = {"title": "Lamp", "content_type": "text/plain", "bytes": len(content)}
        made = api.post(f"{BY}/lamp/uploads", about).expect(201)
        document, slot = made["document"], made["upload"]
        assert (document["external_id"], document["revision"]) == ("lamp", revision)
        assert send(slot["method"], slot["url"], content, slot["headers"]).status == 200
        wait_until_searchable(api, "lamp", revision)


def test_parallel_upserts_create_one_document(api: Api) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: api.put(f"{BY}/race", body(f"Version {n}.")), range(6)))
    made = [answer.expect(202) for answer in answers]
    assert len({each["id"] for each in made}) == 1, made
    assert sorted(each["revision"] for each in made) == [1, 2, 3, 4, 5, 6]
    listed = [each for page in api.pages(PATH, "documents", 50) for each in page if each.get("external_id") == "race"]
    assert len(listed) == 1


def test_deletion_frees_the_id(stack: LocalStack, new_tenant: Callable[[str], Tenant]) -> None:
    tenant = new_tenant("Freed")
    api = stack.api(tenant)
    first = api.put(f"{BY}/freed", body("One.")).expect(202)["id"]
    [item] = external_items(stack, tenant)
    api.delete(f"{PATH}/{first}").expect(204)
    problem(api.get(f"{BY}/freed"), 404)
    assert external_items(stack, tenant) == []
    second = api.put(f"{BY}/freed", body("Two.")).expect(202)
    assert second["id"] != first and second["revision"] == 1
    # A deletion that ended before it removed the item blocks nothing.
    api.delete(f"{PATH}/{second['id']}").expect(204)
    stack.account.client("dynamodb").put_item(TableName=stack.outputs["DataTable"], Item=item)
    problem(api.get(f"{BY}/freed"), 404)
    third = api.put(f"{BY}/freed", body("Three.")).expect(202)
    assert third["id"] not in (first, second["id"]) and third["revision"] == 1
    assert api.get(f"{BY}/freed").expect(200)["id"] == third["id"]


def test_id_is_not_readable_in_the_table(stack: LocalStack, new_tenant: Callable[[str], Tenant]) -> None:
    one, two = new_tenant("Sealed id"), new_tenant("Same id")
    for tenant in (one, two):
        stack.api(tenant).put(f"{BY}/case-4711-smith", body("A case.")).expect(202)
    assert "smith" not in str(Target.of(stack, one).items)
    # Nothing stored shows that two tenants use one id.
    [first], [second] = external_items(stack, one), external_items(stack, two)
    assert first["sk"] != second["sk"]


@pytest.mark.parametrize("wrong", [".", "..", ".a", "-a", "a%20b", "a%25b", "ä", "%00", "a%2Fb", "x" * 129, "a+b"])
def test_invalid_external_id_is_refused(api: Api, wrong: str) -> None:
    path = f"{BY}/{quote(wrong, safe='%.+-')}"
    for answer in (api.get(path), api.put(path, body("x"))):
        assert answer.status in (400, 403, 404, 405), f"{wrong!r}: {answer.status} {answer.text}"
