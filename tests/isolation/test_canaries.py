"""Each tenant's secret word appeared only in answers to that tenant.

Each customer of the demo has a word that only its own pages contain. These tests run last and search all
answers, listings and logs of the run.
"""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from tools.demo.corpus import BICYCLES, CLINIC, Customer
from tools.devstack.aws import Tenant
from tools.devstack.client import Answer
from tools.devstack.stack import LocalStack

pytestmark = pytest.mark.after_everything


def _tokens_of(recorded_answers: Any, tenant: str) -> set[str]:
    """Returns all recorded tokens whose claims name the tenant."""
    found = set()
    for token, _, _ in recorded_answers.answers:
        # An API key names its tenant, too.
        if token.startswith("bk_") and token.split("_")[2:3] == [tenant]:
            found.add(token)
            continue
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            continue
        if claims.get("tenant_id") == tenant:
            found.add(token)
    return found


@pytest.mark.parametrize(("customer", "other"), [(CLINIC, BICYCLES), (BICYCLES, CLINIC)])
def test_no_answer_to_a_tenant_contains_another_tenants_word(
    stack: LocalStack, clinic: Tenant, bicycles: Tenant, recorded_answers: Any, customer: Customer, other: Customer
) -> None:
    tenant = {CLINIC.name: clinic, BICYCLES.name: bicycles}[customer.name]
    api = stack.api(tenant)
    own = api.ask("What is your out-of-hours line called?", variables={"reader": "me"}, retrieval={"limit": 20})
    assert customer.canary in str(own), "the owner does not find its own word; the test proves nothing"
    answers: list[tuple[str, Answer]] = recorded_answers.answers_to(_tokens_of(recorded_answers, tenant.id))
    assert len(answers) > 5, f"only {len(answers)} answers were recorded"
    leaked = [url for url, answer in answers if other.canary.lower() in answer.text.lower()]
    assert not leaked, f"{customer.name} got {other.canary!r} from {leaked}"


def test_no_answer_to_other_callers_contains_a_tenants_word(
    clinic: Tenant, bicycles: Tenant, recorded_answers: Any
) -> None:
    """Callers without a tenant, bad tokens and other tenants."""
    owners = _tokens_of(recorded_answers, clinic.id) | _tokens_of(recorded_answers, bicycles.id)
    for token, url, answer in recorded_answers.answers:
        if token in owners or not token:
            continue
        for customer in (CLINIC, BICYCLES):
            assert customer.canary.lower() not in answer.text.lower(), f"{url} revealed {customer.canary}"


def test_no_log_line_contains_a_tenants_word(stack: LocalStack) -> None:
    """Logs never contain document text or questions, not even the owner's logs."""
    lines = 0
    for group, line in stack.log_lines():
        lines += 1
        for customer in (CLINIC, BICYCLES):
            assert customer.canary.lower() not in line.lower(), f"{group} logged {customer.canary!r}: {line[:300]}"
    assert lines > 50, f"only {lines} log lines were found; the test proves nothing"


def test_no_log_line_contains_a_token(stack: LocalStack, recorded_answers: Any) -> None:
    tokens = {token for token, _, _ in recorded_answers.answers if token.count(".") == 2}
    signatures = {token.rsplit(".", 1)[1] for token in tokens if len(token.rsplit(".", 1)[1]) > 40}
    assert signatures, "no token was recorded; the test proves nothing"
    for group, line in stack.log_lines():
        found = [each for each in signatures if each in line]
        assert not found, f"{group} logged a token: {line[:200]}"
