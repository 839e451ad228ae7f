"""After everything: one tenant's word turned up nowhere but with its owner.

Each customer of the demo has a word that only its own pages know. These tests run last and look
through all that was answered, listed and logged during the whole run.
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
    """All tokens that named a tenant, by reading their claims."""
    found = set()
    for token, _, _ in recorded_answers.answers:
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            continue
        if claims.get("tenant_id") == tenant:
            found.add(token)
    return found


@pytest.mark.parametrize(("customer", "other"), [(CLINIC, BICYCLES), (BICYCLES, CLINIC)])
def test_no_answer_to_a_tenant_holds_anothers_word(
    stack: LocalStack, clinic: Tenant, bicycles: Tenant, recorded_answers: Any, customer: Customer, other: Customer
) -> None:
    tenant = {CLINIC.name: clinic, BICYCLES.name: bicycles}[customer.name]
    api = stack.api(tenant)
    own = api.ask("What is your out-of-hours line called?", variables={"reader": "me"}, retrieval={"limit": 20})
    assert customer.canary in str(own), "the owner does not find its own word; the test tests nothing"
    answers: list[tuple[str, Answer]] = recorded_answers.given_to(_tokens_of(recorded_answers, tenant.id))
    assert len(answers) > 5, f"only {len(answers)} answers were recorded_answers"
    leaked = [url for url, answer in answers if other.canary.lower() in answer.text.lower()]
    assert not leaked, f"{customer.name} was told {other.canary!r} by {leaked}"


def test_nobody_else_was_told_a_word(clinic: Tenant, bicycles: Tenant, recorded_answers: Any) -> None:
    """Strangers, bad tokens, other tenants: none of them owns a word."""
    owners = _tokens_of(recorded_answers, clinic.id) | _tokens_of(recorded_answers, bicycles.id)
    for token, url, answer in recorded_answers.answers:
        if token in owners or not token:
            continue
        for customer in (CLINIC, BICYCLES):
            assert customer.canary.lower() not in answer.text.lower(), f"{url} told {customer.canary}"


def test_no_log_line_holds_a_tenants_words(stack: LocalStack) -> None:
    """Document text and questions have no place in logs, their owner's logs included."""
    lines = 0
    for group, line in stack.log_lines():
        lines += 1
        for customer in (CLINIC, BICYCLES):
            assert customer.canary.lower() not in line.lower(), f"{group} logged {customer.canary!r}: {line[:300]}"
    assert lines > 50, f"only {lines} log lines were found; the test tests nothing"


def test_no_log_line_holds_a_token_or_a_key(stack: LocalStack, recorded_answers: Any) -> None:
    tokens = {token for token, _, _ in recorded_answers.answers if token.count(".") == 2}
    signatures = {token.rsplit(".", 1)[1] for token in tokens if len(token.rsplit(".", 1)[1]) > 40}
    assert signatures, "no token was recorded_answers; the test tests nothing"
    for group, line in stack.log_lines():
        found = [each for each in signatures if each in line]
        assert not found, f"{group} logged a token: {line[:200]}"
