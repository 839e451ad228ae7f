"""Each hostile file ends as a dead letter with its reason and affects no other tenant.

`tests/extraction` tests the program with the whole corpus; this test uses the files that must be refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.hostile import Hostile, corpus
from tools.devstack.aws import Tenant
from tools.devstack.client import Api, send
from tools.devstack.poll import until
from tools.devstack.stack import LocalStack

Ready = Callable[..., list[dict[str, Any]]]
SECONDS = 240.0
FILES_PER_TENANT = 8
FILES = [each for each in corpus() if each.content and each.reason]


def upload(api: Api, title: str, content_type: str, content: bytes) -> str:
    about = {"title": title, "content_type": content_type, "bytes": len(content)}
    slot = api.post("/v1/documents/uploads", about).expect(201)
    target = slot["upload"]
    assert send(target["method"], target["url"], content, target["headers"]).status == 200
    return slot["document"]["id"]


@pytest.fixture(scope="module")
def final_documents(stack: LocalStack, new_tenant: Callable[..., Tenant]) -> dict[str, dict[str, Any]]:
    """The final document of each file, added by several tenants while a neighbour adds its own.

    Each tenant adds fewer files than open its circuit: an open circuit would delay the rest too long.
    """
    other = stack.api(new_tenant("A neighbour of hostile files"))
    apis = [stack.api(new_tenant(f"Hostile files {number}")) for number in range(-(-len(FILES) // FILES_PER_TENANT))]
    owner = {each.name: apis[number // FILES_PER_TENANT] for number, each in enumerate(FILES)}
    ids = {each.name: upload(owner[each.name], each.name, each.content_type, each.content) for each in FILES}
    pages = [other.add_document(f"Page {n}", f"Page {n} of a neighbour.")["id"] for n in range(5)]

    def look() -> list[str]:
        stack.sweep()
        final = {"ready", "dead"}
        unfinished = [
            name
            for name, each in ids.items()
            if owner[name].get(f"/v1/documents/{each}").expect(200)["status"] not in final
        ]
        return unfinished + [
            each for each in pages if other.get(f"/v1/documents/{each}").expect(200)["status"] != "ready"
        ]

    until(
        look,
        lambda unfinished: not unfinished,
        "every file is final and the neighbour's documents are ready",
        SECONDS,
        every=0.5,
    )
    return {name: owner[name].get(f"/v1/documents/{each}").expect(200) for name, each in ids.items()}


@pytest.mark.parametrize("hostile", FILES, ids=lambda each: each.name)
def test_hostile_file_is_dead_with_its_reason(hostile: Hostile, final_documents: dict[str, dict[str, Any]]) -> None:
    document = final_documents[hostile.name]
    assert document["status"] == "dead" and hostile.reason in document["last_error"], document
