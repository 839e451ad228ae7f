"""Only the verified token decides the tenant of a request."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest

from tools.attacks.forged_tokens import BAD_TOKENS, BadToken
from tools.devstack.aws import Tenant
from tools.devstack.client import Api
from tools.devstack.problems import problem
from tools.devstack.stack import LocalStack
from tools.devstack.tokens import ALGORITHMS, b64url

DOCUMENTS = "/v1/documents"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_valid_token_is_served(stack: LocalStack, clinic: Tenant, algorithm: str) -> None:
    token = stack.issuer.mint(clinic.id, algorithm=algorithm)
    assert stack.api(token=token).get(DOCUMENTS).expect(200)["documents"]


@pytest.mark.parametrize("bad", BAD_TOKENS, ids=lambda bad: bad.what.replace(" ", "-"))
def test_bad_token_is_refused(stack: LocalStack, clinic: Tenant, bad: BadToken) -> None:
    token = bad.forge(stack.issuer, clinic.id)
    problem(stack.api(token=token).get(DOCUMENTS), bad.status)


@pytest.mark.parametrize(
    "changes",
    [
        {"token_use": "id"},
        {"token_use": ["access"]},
        {"iat": "now"},
        {"iat": 300},
        {"nbf": "now"},
        {"nbf": 300},
        {"exp": "never"},
        {"exp": -300},
        {"iss": []},
        {"aud": {"bulkhead-local": True}},
        {"aud": None, "client_id": "bulkhead-local", "token_use": "access"},
    ],
    ids=str,
)
def test_token_with_an_invalid_claim_is_refused(stack: LocalStack, clinic: Tenant, changes: dict[str, Any]) -> None:
    """Numbers are seconds from now. An issuer in a list and an audience in another claim are invalid."""
    issuer = stack.issuer
    claims = issuer.claims(clinic.id)
    for name, value in changes.items():
        claims[name] = int(time.time()) + value if isinstance(value, int) else value
    if changes.get("iss") == []:
        claims["iss"] = [issuer.url]
    claims = {name: value for name, value in claims.items() if value is not None}
    problem(stack.api(token=_sign_by_hand(stack, claims)).get(DOCUMENTS), 401)


def _sign_by_hand(stack: LocalStack, claims: dict[str, Any]) -> str:
    """Signs claims that no library would sign, with the genuine key."""
    issuer = stack.issuer
    head = jwt.get_unverified_header(issuer.mint("x"))
    unsigned = ".".join(b64url(json.dumps(part).encode()) for part in (head, claims))
    signature = jwt.get_algorithm_by_name("ES256").sign(unsigned.encode(), issuer.keys.private["ES256"])
    return f"{unsigned}.{b64url(signature)}"


def test_valid_claims_signed_by_hand_are_served(stack: LocalStack, clinic: Tenant) -> None:
    """The control of the test above."""
    claims = stack.issuer.claims(clinic.id)
    for good in (claims, {**claims, "token_use": "access", "iat": time.time() + 10}):
        stack.api(token=_sign_by_hand(stack, good)).get(DOCUMENTS).expect(200)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic dGVzdDp0ZXN0", "Token {t}", "{t}", "Bearer {t} {t}", "Bearer {t},{t}"],
)
def test_other_authorization_forms_are_refused(stack: LocalStack, clinic: Tenant, authorization: str) -> None:
    header = {"Authorization": authorization.format(t=stack.issuer.mint(clinic.id))}
    answer = stack.api().get(DOCUMENTS, headers=header)
    assert answer.status == 401, f"{authorization!r}: {answer.status} {answer.text[:300]}"


def test_token_in_the_query_is_ignored(stack: LocalStack, clinic: Tenant) -> None:
    token = stack.issuer.mint(clinic.id)
    for name in ("access_token", "token", "Authorization"):
        problem(stack.api().get(f"{DOCUMENTS}?{name}={token}"), 401)


def test_similar_tokens_keep_their_own_decisions(stack: LocalStack, clinic: Tenant) -> None:
    """A cached decision must not apply to a similar token."""
    good = stack.issuer.mint(clinic.id)
    broken = good[:-6] + ("AAAAAA" if not good.endswith("AAAAAA") else "BBBBBB")
    for _ in range(3):
        stack.api(token=good).get(DOCUMENTS).expect(200)
        problem(stack.api(token=broken).get(DOCUMENTS), 401)


def test_tenants_with_the_same_subject_are_not_confused(stack: LocalStack, clinic: Tenant, bicycles: Tenant) -> None:
    issuer = stack.issuer
    for _ in range(3):
        for tenant in (clinic, bicycles):
            token = issuer.sign({**issuer.claims(tenant.id), "sub": "same", "jti": "same"})
            keys = stack.api(token=token).get(DOCUMENTS).expect(200)["documents"]
            assert _ids(stack.api(tenant)) == [each["id"] for each in keys]


TENANT_HEADERS = [
    "X-Amz-Tenant-Id",
    "x-amz-tenant-id",
    "X-Tenant-Id",
    "Tenant-Id",
    "X-Tenant",
    "X-Amzn-Tenant-Id",
    "Lambda-Runtime-Aws-Tenant-Id",
    "X-Amzn-Remapped-X-Amz-Tenant-Id",
    "X-Forwarded-Tenant",
]


@pytest.mark.parametrize("header", TENANT_HEADERS)
def test_client_header_does_not_set_the_tenant(
    stack: LocalStack, clinic: Tenant, bicycles: Tenant, header: str
) -> None:
    intruder = stack.api(bicycles)
    answer = intruder.get(DOCUMENTS, headers={header: clinic.id})
    assert [each["id"] for each in answer.expect(200)["documents"]] == _ids(intruder)
    created = intruder.put("/v1/templates/spoofed", {"body": "by the bicycles"}, headers={header: clinic.id})
    assert created.status in (200, 201), created.text
    problem(stack.api(clinic).get("/v1/templates/spoofed"), 404)


@pytest.mark.parametrize("name", ["tenant", "tenant_id", "tenantId", "TenantId", "X-Amz-Tenant-Id"])
def test_query_parameter_does_not_set_the_tenant(
    stack: LocalStack, clinic: Tenant, bicycles: Tenant, name: str
) -> None:
    answer = stack.api(bicycles).get(f"{DOCUMENTS}?{name}={clinic.id}")
    assert answer.status in (200, 400), answer.text
    if answer.status == 200:
        assert [each["id"] for each in answer.json["documents"]] == _ids(stack.api(bicycles))


def _ids(api: Api) -> list[str]:
    return [each["id"] for each in api.get(DOCUMENTS).expect(200)["documents"]]
