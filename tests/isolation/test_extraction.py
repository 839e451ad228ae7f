"""The function that parses documents reads one object that a tenant's session signed, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tools.devstack.aws import Account, InvokeFailed, Tenant
from tools.devstack.client import Api, send
from tools.devstack.stack import LocalStack

TEXT = "The tide table hangs beside the chandlery."


@pytest.fixture(scope="module")
def document(api: Api, ready: Callable[..., list[dict[str, Any]]]) -> str:
    made = api.add_document("Tides", TEXT)["id"]
    ready(api, made)
    return made


@pytest.fixture(scope="module")
def session(stack: LocalStack, tenant: Tenant) -> Account:
    """The tenant's session, as `ingestion` has it."""
    return stack.session(tenant)


@pytest.fixture(scope="module")
def read(stack: LocalStack, tenant: Tenant) -> Callable[[str], Any]:
    """Invokes `extraction` for the tenant with a URL, as `ingestion` does."""

    def invoke(url: str) -> Any:
        request = {
            "content_type": "text/plain",
            "options": {"keep_boilerplate": False},
            "url": url,
            "first": 0,
            "within_ms": 20_000,
        }
        return stack.account.invoke(stack.outputs["BasicExtractionFunction"], request, tenant.id)

    return invoke


def source(tenant: Tenant, document: str) -> str:
    return f"{tenant.prefix}documents/{document}/source.00000001"


def test_extraction_reads_the_object_of_the_url(
    stack: LocalStack, tenant: Tenant, session: Account, document: str, read: Callable[[str], Any]
) -> None:
    url = session.signed_read(stack.outputs["BasicBucket"], source(tenant, document), 60)
    page = read(url)["page"]["page"]
    assert [each["text"] for each in page["passages"]] == [TEXT], page


def test_extraction_reads_from_no_other_place(
    stack: LocalStack, tenant: Tenant, session: Account, document: str, read: Callable[[str], Any]
) -> None:
    """Lambda's own interface, the rest of the local AWS, and other hosts answer on the same machine."""
    bucket = stack.outputs["BasicBucket"]
    url = session.signed_read(bucket, source(tenant, document), 60)
    assert read(url)["page"], "control"
    for elsewhere in (
        "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
        "http://169.254.169.254/latest/meta-data/",
        f"{stack.endpoint}/",
        url.replace(f"/{bucket}/", f"/{bucket}-other/"),
        url.replace("127.0.0.1", "localhost"),
        url.replace("http://", "https://"),
    ):
        assert elsewhere != url
        with pytest.raises(InvokeFailed, match="not in the bucket of this tier"):
            read(elsewhere)


def test_signed_url_reads_only_its_object(
    stack: LocalStack,
    tenant: Tenant,
    session: Account,
    document: str,
    read: Callable[[str], Any],
    new_tenant: Callable[[str], Tenant],
    ready: Callable[..., Any],
) -> None:
    other = new_tenant("A neighbour with a document")
    theirs = stack.api(other).add_document("Tides", "Their tide table is secret.")["id"]
    ready(stack.api(other), theirs)
    bucket = stack.outputs["BasicBucket"]
    url = session.signed_read(bucket, source(tenant, document), 60)
    assert send("GET", url).status == 200, "control"
    own, key = source(tenant, document), source(other, theirs)
    assert own in url, "the URL does not contain the key; the test proves nothing"
    # Another key under the same signature, and a signature of this tenant for another tenant's key.
    for forged in (url.replace(own, key), session.signed_read(bucket, key, 60)):
        assert send("GET", forged).status == 403
        assert read(forged) == "unavailable"
    assert send("PUT", url, b"x").status == 403, "a URL for reading also writes"
