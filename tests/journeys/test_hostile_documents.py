"""Files that were made to do harm: each ends as a dead letter with its reason, and nobody else notices.

`tests/extraction` hands the whole corpus to the program itself; here are those that have to be refused.
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
FEW = 8
FILES = [each for each in corpus() if each.content and each.reason]


def upload(api: Api, title: str, content_type: str, content: bytes) -> str:
    about = {"title": title, "content_type": content_type, "bytes": len(content)}
    slot = api.post("/v1/documents/uploads", about).expect(201)
    where = slot["upload"]
    assert send(where["method"], where["url"], content, where["headers"]).status == 200
    return slot["document"]["id"]


@pytest.fixture(scope="module")
def ended(stack: LocalStack, new_tenant: Callable[..., Tenant]) -> dict[str, dict[str, Any]]:
    """What became of each file, handed in by several tenants while a neighbour hands in its own.

    By fewer than what opens a circuit each: it would put the rest aside for longer than a test waits.
    """
    other = stack.api(new_tenant("A neighbour of hostile files"))
    apis = [stack.api(new_tenant(f"Hostile files {number}")) for number in range(-(-len(FILES) // FEW))]
    owner = {each.name: apis[number // FEW] for number, each in enumerate(FILES)}
    ids = {each.name: upload(owner[each.name], each.name, each.content_type, each.content) for each in FILES}
    pages = [other.add_document(f"Page {n}", f"Page {n} of a neighbour.")["id"] for n in range(5)]

    def look() -> list[str]:
        stack.sweep()
        final = {"ready", "dead"}
        left = [
            name
            for name, each in ids.items()
            if owner[name].get(f"/v1/documents/{each}").expect(200)["status"] not in final
        ]
        return left + [each for each in pages if other.get(f"/v1/documents/{each}").expect(200)["status"] != "ready"]

    until(look, lambda left: not left, "every file has ended, and the neighbour's are found", SECONDS, every=0.5)
    return {name: owner[name].get(f"/v1/documents/{each}").expect(200) for name, each in ids.items()}


@pytest.mark.parametrize("hostile", FILES, ids=lambda each: each.name)
def test_a_hostile_file_ends_with_its_reason(hostile: Hostile, ended: dict[str, dict[str, Any]]) -> None:
    document = ended[hostile.name]
    assert document["status"] == "dead" and hostile.reason in document["last_error"], document
