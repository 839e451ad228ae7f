"""One deployed stack for all journeys and attacks, and its tenants.

`BULKHEAD_STACK=.local/up python -m pytest tests/…` uses the stack of `make up` instead of starting one.
Use it while you write a test.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest

from tools.attacks import Target
from tools.demo.corpus import BICYCLES, CLINIC, Customer
from tools.devstack import client
from tools.devstack.aws import Account, Tenant
from tools.devstack.client import Answer, Api
from tools.devstack.console import Console
from tools.devstack.poll import until
from tools.devstack.process import ROOT
from tools.devstack.stack import LocalStack

RUNS_LAST = "after_everything"
# Lambda allows 2.5 environments per reserved execution and counts idle ones. The tests use more tenants at
# the same time than the defaults of the basic tier allow. The premium tier gives some of its share of the account.
CONCURRENCY = {
    "BasicDocumentsConcurrency": "110",
    "BasicIngestionConcurrency": "60",
    "BasicExtractionConcurrency": "60",
    "PremiumTemplatesConcurrency": "40",
    "PremiumInferenceConcurrency": "40",
}
READY_SECONDS = 60.0


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{RUNS_LAST}: judges the results of all other tests, runs after them")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Moves the tests that judge the whole run to the end."""
    items.sort(key=lambda item: item.get_closest_marker(RUNS_LAST) is not None)


# ── the stack ─────────────────────────────────────────────────────────────────


Deployed = Callable[..., AbstractContextManager[LocalStack]]


@pytest.fixture(scope="session")
def deployed(request: pytest.FixtureRequest) -> Deployed:
    """Returns a context manager that deploys a separate stack and removes it at the end.

    Shows the start of the stack although pytest captures output.
    """

    @contextmanager
    def deploy(name: str, **options: Any) -> Iterator[LocalStack]:
        if state := os.environ.get("BULKHEAD_STACK"):
            yield LocalStack.attach(ROOT / state)
            return
        capture = request.config.pluginmanager.getplugin("capturemanager")
        shown = capture.global_and_fixture_disabled() if capture else nullcontext()
        options = {**options, "parameters": CONCURRENCY | dict(options.get("parameters") or {})}
        running = LocalStack.temporary(name, Console(sys.__stdout__), **options)
        failed_before = request.session.testsfailed
        try:
            with shown:
                print()
                running.open()
            yield running
        finally:
            failed = request.session.testsfailed > failed_before or sys.exc_info()[0] is not None
            running.close(keep=failed)
            if failed and capture:
                with capture.global_and_fixture_disabled():
                    print(f"\n  the logs of this run: {running.state}")

    return deploy


@pytest.fixture(scope="session")
def stack(deployed: Deployed) -> Iterator[LocalStack]:
    """Deploys the stack that the tests share."""
    with deployed("tests") as running:
        yield running


class RecordedAnswers:
    """Every HTTP answer of the run, with the token of its request."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, Answer]] = []

    def answers_to(self, tokens: set[str]) -> list[tuple[str, Answer]]:
        return [(url, answer) for token, url, answer in self.answers if token in tokens]


@pytest.fixture(scope="session", autouse=True)
def recorded_answers() -> Iterator[RecordedAnswers]:
    """Records every HTTP answer, so that the canary test can check all of them."""
    recorded = RecordedAnswers()
    original = client.send

    def send(method: str, url: str, body: Any = None, headers: Any = None) -> Answer:
        answer = original(method, url, body, headers)
        authorization = (headers or {}).get("Authorization", "")
        recorded.answers.append((authorization.removeprefix("Bearer "), f"{method} {url}", answer))
        return answer

    client.send = send
    yield recorded
    client.send = original


# ── tenants ───────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def new_tenant(stack: LocalStack) -> Callable[[str], Tenant]:
    """Onboards a tenant for one test."""
    return stack.onboard


@pytest.fixture(scope="module")
def tenant(new_tenant: Callable[[str], Tenant], request: pytest.FixtureRequest) -> Tenant:
    """Onboards one tenant for the test module."""
    return new_tenant(request.module.__name__.rsplit(".", 1)[-1])


@pytest.fixture(scope="module")
def api(stack: LocalStack, tenant: Tenant) -> Api:
    """The API as the module's tenant."""
    return stack.api(tenant)


def wait_ready(api: Api, *ids: str, status: str = "ready") -> list[dict[str, Any]]:
    """Waits until all documents have `status`; fails at once if a document reaches another final status."""
    final = {"ready", "dead"}

    def look() -> list[dict[str, Any]]:
        return [api.get(f"/v1/documents/{each}").expect(200) for each in ids]

    seen = until(
        look,
        lambda found: all(each["status"] in final for each in found),
        f"documents {ids} are {status}",
        READY_SECONDS,
    )
    wrong = [each for each in seen if each["status"] != status]
    assert not wrong, f"expected {status}: {wrong}"
    return seen


@pytest.fixture(scope="session")
def ready() -> Callable[..., list[dict[str, Any]]]:
    return wait_ready


def onboard_with_handbook(stack: LocalStack, customer: Customer) -> Tenant:
    """Onboards a customer of the demo with its prompt templates and all pages of its handbook."""
    tenant = stack.onboard(customer.name)
    api = stack.api(tenant)
    for text in customer.templates:
        api.save_template("default_summary", text)
    pages = [api.add_document(p.title, p.content, p.content_type)["id"] for p in customer.pages()]
    wait_ready(api, *pages)
    return tenant


@pytest.fixture(scope="session")
def tenant_with_handbook() -> Callable[[LocalStack, Customer], Tenant]:
    """Returns `onboard_with_handbook`, for tests with a separate stack."""
    return onboard_with_handbook


@pytest.fixture(scope="session")
def clinic(stack: LocalStack) -> Tenant:
    """Tenant A of the attacks: the victim."""
    return onboard_with_handbook(stack, CLINIC)


@pytest.fixture(scope="session")
def bicycles(stack: LocalStack) -> Tenant:
    """Tenant B of the attacks: the intruder, with its own handbook."""
    return onboard_with_handbook(stack, BICYCLES)


@pytest.fixture(scope="session")
def clinic_session(stack: LocalStack, clinic: Tenant) -> Account:
    return stack.session(clinic)


@pytest.fixture(scope="session")
def bicycles_session(stack: LocalStack, bicycles: Tenant) -> Account:
    return stack.session(bicycles)


@pytest.fixture(scope="session")
def clinic_target(stack: LocalStack, clinic: Tenant) -> Target:
    return Target.of(stack, clinic)


@pytest.fixture(scope="session")
def bicycles_target(stack: LocalStack, bicycles: Tenant) -> Target:
    return Target.of(stack, bicycles)
