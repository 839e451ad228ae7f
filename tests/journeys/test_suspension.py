"""A suspended tenant is refused and keeps all data until it is resumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tools.attacks import Target
from tools.devstack.aws import InvokeFailed, Tenant
from tools.devstack.client import Api
from tools.devstack.poll import until
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack

# The gateway may cache the authorizer's answer for its TTL.
CACHE_SECONDS = 90.0


def test_suspended_tenant_is_refused_until_it_is_resumed(
    stack: LocalStack, new_tenant: Callable[[str], Tenant]
) -> None:
    tenant, neighbour = new_tenant("Suspended"), new_tenant("Neighbour")
    api, other = stack.api(tenant), stack.api(neighbour)
    api.save_template("kept", "Still here.")
    answer = stack.control("suspend", tenant=tenant.id)
    assert answer["status"] == "suspended", answer
    suspended_api = _wait_for_status(stack, tenant, 403)
    problem(suspended_api.get("/v1/templates/kept"), 403)
    other.get("/v1/templates").expect(200)
    assert stack.control("show", tenant=tenant.id)["status"] == "suspended"
    assert stack.control("resume", tenant=tenant.id)["status"] == "active"
    resumed_api = _wait_for_status(stack, tenant, 200)
    assert resumed_api.get("/v1/templates/kept").expect(200)["body"] == "Still here."


def _wait_for_status(stack: LocalStack, tenant: Tenant, status: int) -> Api:
    api = stack.api(tenant)
    until(
        lambda: api.get("/v1/templates").status,
        lambda seen: seen == status,
        f"the tenant is answered {status}",
        CACHE_SECONDS,
        every=0.5,
    )
    return api


@pytest.mark.parametrize("wrong", ["", "x", "0" * 31, "TENANT#" + "0" * 25, "../" + "0" * 29])
def test_control_plane_refuses_an_invalid_tenant_id(stack: LocalStack, wrong: str) -> None:
    for action in ("show", "suspend", "resume"):
        _assert_refused(stack, action, tenant=wrong)


def test_control_plane_refuses_an_unknown_tenant(stack: LocalStack) -> None:
    for action in ("show", "suspend", "resume"):
        _assert_refused(stack, action, tenant="0" * 32)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"display_name": ""},
        {"display_name": 7},
        {"display_name": "x" * 5000},
        {"display_name": "x", "colour": "blue"},
    ],
)
def test_onboarding_refuses_invalid_arguments(stack: LocalStack, arguments: dict) -> None:
    _assert_refused(stack, "onboard", **arguments)


def test_unknown_action_is_refused(stack: LocalStack) -> None:
    _assert_refused(stack, "erase-everything")


def test_tenants_with_the_same_name_are_separate(stack: LocalStack) -> None:
    one, two = stack.onboard("Twin"), stack.onboard("Twin")
    assert one.id != two.id and one.index != two.index
    assert one.id in one.index and two.id in two.index


def _assert_refused(stack: LocalStack, action: str, **arguments: Any) -> None:
    """Asserts an error answer, or Lambda's error if the request cannot be read."""
    try:
        answer = stack.control(action, **arguments)
    except InvokeFailed as failed:
        assert "errorMessage" in str(failed) and "panic" not in str(failed), failed
        return
    error = answer.get("error")
    assert error and error["code"] and error["message"], f"{action} {arguments}: {answer}"


@pytest.mark.parametrize("status", ["active", "suspended"])
def test_onboarded_tenant_cannot_be_onboarded_again(stack: LocalStack, status: str) -> None:
    """It would get a new key, bucket or index, and lose access to its data."""
    tenant = stack.onboard("Finished")
    if status == "suspended":
        stack.control("suspend", tenant=tenant.id)
    before = Target.of(stack, tenant).items
    assert stack.control("onboard", tenant=tenant.id)["error"]["code"] == "wrong_status"
    assert Target.of(stack, tenant).items == before
