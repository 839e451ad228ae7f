"""API keys over HTTP: create, list, read, rotate, delete, and use them instead of a token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tools.attacks.forged_keys import in_seconds, with_checksum
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.problems import problem
from tools.devstack.stack import STAGE, LocalStack

KEYS = "/v1/keys"
# The form in docs/api.md, for secret scanners.
FORM = re.compile(r"bk_[a-z][a-z0-9]{1,11}_[a-z0-9]{16,32}_[0-9a-f]{16}_[0-9a-f]{72}")


@pytest.fixture
def key(api: Api) -> Iterator[Any]:
    made = api.post(KEYS, {"name": "Build server", "role": "writer"}).expect(201)
    yield made
    api.delete(f"{KEYS}/{made['id']}")


def test_key_is_shown_once_and_works_as_a_bearer(stack: LocalStack, api: Api, tenant: Tenant, key: Any) -> None:
    text = key["key"]
    assert FORM.fullmatch(text) and text.startswith(f"bk_{STAGE}_{tenant.id}_{key['id']}_")
    assert with_checksum(text[:-8]) == text
    machine = stack.api(token=text)
    machine.save_template("by-machine", "Hello.")
    saved = api.get("/v1/templates/by-machine").expect(200)
    assert saved["created_by"] == f"key:{key['id']}"
    shown = api.get(f"{KEYS}/{key['id']}").expect(200)
    assert shown == {name: value for name, value in key.items() if name != "key"}
    assert shown in api.get(KEYS).expect(200)["keys"]
    assert (shown["name"], shown["role"], shown["created_by"]) == ("Build server", "writer", "developer")
    assert shown["expires_at"] is shown["rotated_at"] is shown["previous_until"] is None


def test_key_may_expire(api: Api) -> None:
    at = in_seconds(3600)
    made = api.post(KEYS, {"name": "Soon gone", "role": "reader", "expires_at": at}).expect(201)
    assert made["expires_at"].endswith("Z") and made["expires_at"] > made["created_at"]
    api.delete(f"{KEYS}/{made['id']}").expect(204)


def test_rotation_changes_the_secret_and_nothing_else(stack: LocalStack, api: Api, key: Any) -> None:
    rotated = api.post(f"{KEYS}/{key['id']}/rotate", {"overlap_seconds": 60.0}).expect(200)
    assert rotated["key"] != key["key"]
    changed = {"key", "rotated_at", "previous_until"}
    same = [{k: v for k, v in each.items() if k not in changed} for each in (key, rotated)]
    assert same[0] == same[1] and rotated["rotated_at"] < rotated["previous_until"]
    for each in (key, rotated):
        stack.api(token=each["key"]).get("/v1/templates").expect(200)
    ended = api.post(f"{KEYS}/{key['id']}/rotate", {}).expect(200)
    assert ended["previous_until"] is None
    stack.api(token=ended["key"]).get("/v1/templates").expect(200)


def test_admin_key_manages_keys(stack: LocalStack, api: Api) -> None:
    """A key creates keys, also with its role, and deletes itself."""
    admin = api.post(KEYS, {"name": "Admin", "role": "admin"}).expect(201)
    machine = stack.api(token=admin["key"])
    made = machine.post(KEYS, {"name": "Made by a key", "role": "admin"}).expect(201)
    assert made["created_by"] == f"key:{admin['id']}"
    for each in (made, admin):
        machine.delete(f"{KEYS}/{each['id']}").expect(204)
    problem(api.get(f"{KEYS}/{admin['id']}"), 404)


def test_listing_is_sorted_by_age(api: Api) -> None:
    made = [api.post(KEYS, {"name": f"Number {n}", "role": "reader"}).expect(201)["id"] for n in range(3)]
    listed = [each["id"] for each in api.get(KEYS).expect(200)["keys"]]
    assert [each for each in listed if each in made] == made
    for each in made:
        api.delete(f"{KEYS}/{each}").expect(204)
