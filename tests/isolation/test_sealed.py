"""A sealed value opens for its tenant, at its address, and nowhere else.

Here the attacker is worse than a tenant: somebody who can write to the table as the account's root,
and moves ciphertexts around.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.aws import Account, Tenant
from local.client import Api
from local.intrusion import Target
from local.intrusion.sealing import authenticated, seal
from local.problems import problem
from local.stack import LocalStack

SECRET = "The clinic's own words, sealed."


@pytest.fixture
def secret(stack: LocalStack, clinic: Tenant) -> dict[str, Any]:
    """The clinic's item, as it lies in the table."""
    stack.api(clinic).save_template("sealed-secret", SECRET)
    return Target.of(stack, clinic).item("VERSION#sealed-secret#")


@pytest.fixture
def place(stack: LocalStack, bicycles: Tenant) -> Iterator[tuple[Api, dict[str, Any]]]:
    """An item of the bicycles' that root will overwrite, and the API to read it by."""
    api = stack.api(bicycles)
    version = api.save_template("overwritten", "The bicycles' own words.")["version"]
    target = Target.of(stack, bicycles)
    yield api, target.item(f"VERSION#overwritten#{version:08}")
    api.delete("/v1/templates/overwritten").expect(204)


def _sealed_name(item: dict[str, Any]) -> str:
    return next(name for name, value in item.items() if "B" in value)


def _overwrite(stack: LocalStack, item: dict[str, Any], sealed: bytes) -> None:
    changed = {**item, _sealed_name(item): {"B": sealed}}
    stack.account.client("dynamodb").put_item(TableName=stack.outputs["DataTable"], Item=changed)


def test_a_stored_template_is_not_readable_in_the_table(secret: dict[str, Any]) -> None:
    assert SECRET.encode() not in secret[_sealed_name(secret)]["B"]
    assert SECRET not in str(secret)


def test_no_document_text_lies_readable_beside_its_vectors(
    stack: LocalStack, clinic: Tenant, clinic_target: Target
) -> None:
    vectors = stack.account.client("s3vectors").get_vectors(
        **clinic_target.index, keys=list(clinic_target.vectors), returnMetadata=True
    )["vectors"]
    assert vectors, "the clinic has no vectors; the test tests nothing"
    for each in vectors:
        assert "Skerrow" not in str(each["metadata"]) and "clinic" not in str(each["metadata"]).lower()


def test_another_tenants_sealed_value_does_not_open_in_ones_own_item(
    stack: LocalStack, secret: dict[str, Any], place: tuple[Api, dict[str, Any]]
) -> None:
    api, item = place
    _overwrite(stack, item, secret[_sealed_name(secret)]["B"])
    answer = api.get("/v1/templates/overwritten")
    problem(answer, 500)
    assert SECRET not in answer.text


def test_ones_own_sealed_value_does_not_open_at_another_address(
    stack: LocalStack, place: tuple[Api, dict[str, Any]]
) -> None:
    api, item = place
    api.save_template("elsewhere", "At home elsewhere.")
    moved = Target.of(stack, _tenant_of(stack, item)).item("VERSION#elsewhere#")
    _overwrite(stack, item, moved[_sealed_name(moved)]["B"])
    answer = api.get("/v1/templates/overwritten")
    problem(answer, 500)
    assert "At home" not in answer.text


def test_a_changed_ciphertext_does_not_open(
    stack: LocalStack, place: tuple[Api, dict[str, Any]]
) -> None:
    api, item = place
    sealed = bytearray(item[_sealed_name(item)]["B"])
    sealed[-1] ^= 1
    _overwrite(stack, item, bytes(sealed))
    problem(api.get("/v1/templates/overwritten"), 500)


def test_the_documented_form_of_a_sealed_value_is_what_the_product_opens(
    stack: LocalStack,
    bicycles_session: Account,
    bicycles_target: Target,
    place: tuple[Api, dict[str, Any]],
) -> None:
    """The control of this module: a value sealed by the book, at the right address, opens."""
    api, item = place
    name = _sealed_name(item)
    address = authenticated(
        "template", stack.outputs["DataTable"], item["pk"]["S"], item["sk"]["S"], name
    )
    text = b'{"body":"Sealed by the book.","description":null}'
    _overwrite(stack, item, seal(bicycles_session, bicycles_target, "template", address, text))
    assert api.get("/v1/templates/overwritten").expect(200)["body"] == "Sealed by the book."


def _tenant_of(stack: LocalStack, item: dict[str, Any]) -> Tenant:
    shown = stack.control("show", tenant=item["pk"]["S"].removeprefix("TENANT#"))
    return Tenant(
        shown["tenant"], shown["display_name"], shown["index"], shown["vector_bucket"], shown["key_arn"]
    )
