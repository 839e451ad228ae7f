"""Only the verified token decides the tenant of a request."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest

from tools.attacks.forged_tokens import BAD_TOKENS, BadToken
from tools.devstack.aws import Tenant
from tools.devstack.changes import configured
from tools.devstack.client import Api
from tools.devstack.poll import until
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


def _refusals(stack: LocalStack) -> int:
    """Returns how many tokens the authorizer has refused."""
    return sum("token refused" in line for _, line in stack.log_lines(stack.outputs["BasicFunctionLog"]))


def test_what_cannot_be_a_token_does_not_reach_the_authorizer(stack: LocalStack, clinic: Tenant) -> None:
    """API Gateway answers, so a flood of such requests uses none of the authorizer's executions."""
    genuine = stack.issuer.mint(clinic.id)
    head, body, signature = genuine.split(".")
    before = _refusals(stack)
    for header in (
        "x",
        "Bearer not-a-token",
        f"Bearer {head}.{body}",
        f"Bearer {head}.{body}.",
        f"Bearer {head}.{body}.{signature[:80]}",
        f"Bearer {head}.{body}.{signature}.{signature}",
        f"Bearer {head}.{body}.{signature[:-1]}!",
        f"Basic {genuine}",
        genuine,
    ):
        assert stack.api().get(DOCUMENTS, headers={"Authorization": header}).status == 401, header
    # The control: a token of the right form with a false signature is refused by the authorizer.
    problem(stack.api(token=f"{head}.{body}.{'A' * len(signature)}").get(DOCUMENTS), 401)
    seen = until(lambda: _refusals(stack), lambda count: count > before, "the authorizer's log of the refusal")
    assert seen == before + 1
    # A scheme in any case, as HTTP allows, is served.
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert stack.api().get(DOCUMENTS, headers={"Authorization": f"{scheme} {genuine}"}).status == 200


def test_claim_names_are_configured(stack: LocalStack, clinic: Tenant) -> None:
    """For issuers that only allow claims with a namespace. The usual names then grant nothing."""
    name, issuer = "https://example.com", stack.issuer
    usual = issuer.claims(clinic.id)
    namespaced = {f"{name}/{claim}" if claim in ("tenant_id", "tier") else claim: usual[claim] for claim in usual}
    problem(stack.api(token=issuer.sign(namespaced)).get(DOCUMENTS), 403)
    function = stack.outputs["BasicAuthorizerFunction"]
    with configured(stack, function, TENANT_CLAIM=f"{name}/tenant_id", TIER_CLAIM=f"{name}/tier"):
        # Other tokens than before, because API Gateway caches the answer for a token.
        stack.api(token=issuer.sign({**namespaced, "jti": "1"})).get(DOCUMENTS).expect(200)
        problem(stack.api(token=issuer.sign({**usual, "jti": "2"})).get(DOCUMENTS), 403)
        for tier in ("premium", ["basic"]):
            changed = {**namespaced, f"{name}/tier": tier}
            problem(stack.api(token=issuer.sign(changed)).get(DOCUMENTS), 403)


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
