"""Direct invocations of functions, without API Gateway, with a chosen tenant.

Only API Gateway and dispatch may invoke these functions. Here the account's root invokes them, and still
cannot mix two tenants.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.attacks import refusal
from tools.devstack.aws import Account, InvokeFailed, Tenant, error_code
from tools.devstack.stack import LocalStack

FUNCTIONS = ["BasicTemplatesFunction", "BasicDocumentsFunction", "BasicInferenceFunction"]
ROUTES = {
    "BasicTemplatesFunction": ("GET", "/v1/templates"),
    "BasicDocumentsFunction": ("GET", "/v1/documents"),
    "BasicInferenceFunction": ("POST", "/v1/inference"),
}


def proxy_event(function: str, authorizer: dict[str, Any] | None, headers: dict[str, str]) -> Any:
    """Returns an event like API Gateway's REST proxy integration sends it."""
    method, path = ROUTES[function]
    context: dict[str, Any] = {
        "accountId": "000000000000",
        "apiId": "api",
        "httpMethod": method,
        "identity": {"sourceIp": "127.0.0.1"},
        "path": path,
        "protocol": "HTTP/1.1",
        "requestId": "forged-request",
        "requestTimeEpoch": 0,
        "resourceId": "r",
        "resourcePath": path,
        "stage": "v1",
    }
    if authorizer is not None:
        context["authorizer"] = authorizer
    body = {"template": "default_summary", "question": "Who?", "variables": {"reader": "me"}}
    sent = {"Content-Type": "application/json", **headers}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": context,
        "body": json.dumps(body) if method == "POST" else None,
        "isBase64Encoded": False,
    }


def _status(stack: LocalStack, function: str, event: Any, tenant: str) -> tuple[int, str]:
    try:
        answer = stack.account.invoke(stack.outputs[function], event, tenant)
    except InvokeFailed as failed:
        return 500, str(failed)
    return answer["statusCode"], answer.get("body") or ""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_consistent_invocation_is_served(stack: LocalStack, clinic: Tenant, function: str) -> None:
    """The control: the forged event below is valid except for its tenant."""
    event = proxy_event(function, {"tenantId": clinic.id, "tier": "basic", "role": "admin"}, {})
    status, body = _status(stack, function, event, clinic.id)
    assert status == 200, body


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("case", ["other", "empty", "absent", "no-authorizer", "header-only", "list"])
def test_invocation_with_another_authorizer_tenant_is_refused(
    stack: LocalStack, clinic: Tenant, bicycles: Tenant, function: str, case: str
) -> None:
    authorizer: dict[str, dict[str, Any] | None] = {
        "other": {"tenantId": clinic.id, "tier": "basic", "role": "admin"},
        "empty": {"tenantId": "", "tier": "basic", "role": "admin"},
        "absent": {"tier": "basic", "role": "admin"},
        "no-authorizer": None,
        "header-only": None,
        "list": {"tenantId": [bicycles.id], "tier": "basic", "role": "admin"},
    }
    headers = {"X-Amz-Tenant-Id": bicycles.id} if case == "header-only" else {}
    event = proxy_event(function, authorizer[case], headers)
    status, body = _status(stack, function, event, bicycles.id)
    assert status == 403, f"{case}: answered {status} {body[:300]}"
    assert clinic.id not in body and bicycles.id not in body, f"the refusal names a tenant: {body}"


@pytest.mark.parametrize("function", [*FUNCTIONS, "BasicIngestionFunction"])
def test_tenant_function_requires_a_tenant(stack: LocalStack, function: str) -> None:
    try:
        stack.account.invoke(stack.outputs[function], {})
    except ClientError as refused:
        assert error_code(refused) == "InvalidParameterValueException", refused
    else:
        pytest.fail(f"{function} ran without a tenant")


@pytest.mark.parametrize("function", ["BasicAuthorizerFunction", "BasicIntakeFunction", "BasicDispatchFunction"])
def test_shared_function_refuses_a_tenant(stack: LocalStack, clinic: Tenant, function: str) -> None:
    with pytest.raises(ClientError) as refused:
        stack.account.invoke(stack.outputs[function], {}, clinic.id)
    assert error_code(refused.value) == "InvalidParameterValueException", refused.value


@pytest.mark.parametrize("function", [*FUNCTIONS, "BasicIngestionFunction", "BasicControlFunction"])
def test_tenant_session_cannot_invoke_functions(
    stack: LocalStack, bicycles_session: Account, bicycles: Tenant, clinic: Tenant, function: str
) -> None:
    for tenant in (bicycles.id, clinic.id):
        more = {} if function == "BasicControlFunction" else {"tenant": tenant}
        refusal(
            f"invoking {function}",
            lambda: bicycles_session.invoke(stack.outputs[function], {}, **more),  # noqa: B023
        )


@pytest.mark.parametrize("function", [*FUNCTIONS, "BasicIngestionFunction"])
def test_tenant_functions_use_tenant_isolation(stack: LocalStack, function: str) -> None:
    found = stack.account.client("lambda").get_function_configuration(FunctionName=stack.outputs[function])
    assert found["TenancyConfig"]["TenantIsolationMode"] == "PER_TENANT"


def test_header_cannot_name_the_subject(stack: LocalStack, clinic: Tenant) -> None:
    """The author of a version is the subject of the verified token."""
    for authorizer, author in (
        ({"tenantId": clinic.id, "tier": "basic", "role": "admin", "subject": "ada"}, "ada"),
        ({"tenantId": clinic.id, "tier": "basic", "role": "admin"}, None),
    ):
        forged = {"subject": "mallory", "principalId": "mallory", "X-Subject": "mallory"}
        event = proxy_event("BasicTemplatesFunction", authorizer, forged)
        event |= {"httpMethod": "PUT", "pathParameters": {"key": "authored"}, "body": json.dumps({"body": "text"})}
        event["requestContext"] |= {"httpMethod": "PUT", "resourcePath": "/v1/templates/{key}"}
        status, body = _status(stack, "BasicTemplatesFunction", event, clinic.id)
        assert status in (200, 201), body
        assert json.loads(body)["created_by"] == author


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("role", [None, "", "Admin", "owner", ["admin"], True], ids=str)
def test_caller_without_a_role_is_refused(stack: LocalStack, clinic: Tenant, function: str, role: Any) -> None:
    """The role comes from the authorizer's context. No header, path or query parameter replaces it."""
    authorizer = {"tenantId": clinic.id, "tier": "basic", "role": role}
    forged = {"role": "admin", "X-Role": "admin", "X-Amz-Role": "admin"}
    event = proxy_event(function, {name: value for name, value in authorizer.items() if value is not None}, forged)
    event |= {"queryStringParameters": {"role": "admin"}, "multiValueQueryStringParameters": {"role": ["admin"]}}
    event["pathParameters"] = {"role": "admin"}
    status, body = _status(stack, function, event, clinic.id)
    assert (status, json.loads(body)["type"]) == (403, "urn:bulkhead:problem:role-required"), body
    assert "the caller has no role" in json.loads(body)["detail"]
    # The control: the same event with a role is served, or its parameter is refused.
    authorizer["role"] = "reader"
    status, body = _status(stack, function, proxy_event(function, authorizer, forged), clinic.id)
    assert status == 200, body
