"""One deployed stack for all journeys and attacks, and the tenants that live on it.

`BULKHEAD_STACK=.local/up python -m pytest tests/…` uses the stack of `make up` instead of starting
one, which is what one wants while writing a test.
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

LAST = "after_everything"
# Environments are counted, idle ones too: 2.5 for each execution. More tenants work at the same time
# in a test than a basic tier is made for.
ROOM = {"BasicIngestionConcurrency": "60", "BasicExtractionConcurrency": "60"}
READY_SECONDS = 60.0


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{LAST}: judges what all other tests left behind")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that judge the whole run come last, wherever they stand."""
    items.sort(key=lambda item: item.get_closest_marker(LAST) is not None)


# ── the stack ───────────────────────────────────────────────────────────────


Deployed = Callable[..., AbstractContextManager[LocalStack]]


@pytest.fixture(scope="session")
def deployed(request: pytest.FixtureRequest) -> Deployed:
    """Deploys the product for as long as a context lasts; for tests that need a stack of their own.

    Its start is shown although pytest captures output.
    """

    @contextmanager
    def deploy(name: str, **options: Any) -> Iterator[LocalStack]:
        if state := os.environ.get("BULKHEAD_STACK"):
            yield LocalStack.attach(ROOT / state)
            return
        capture = request.config.pluginmanager.getplugin("capturemanager")
        shown = capture.global_and_fixture_disabled() if capture else nullcontext()
        options = {**options, "parameters": ROOM | dict(options.get("parameters") or {})}
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
                    print(f"\n  The logs of this run: {running.state}")

    return deploy


@pytest.fixture(scope="session")
def stack(deployed: Deployed) -> Iterator[LocalStack]:
    """The product, deployed."""
    with deployed("tests") as running:
        yield running


class Overheard:
    """Every answer of the whole run, by the token it was given to."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, Answer]] = []

    def given_to(self, tokens: set[str]) -> list[tuple[str, Answer]]:
        return [(url, answer) for token, url, answer in self.answers if token in tokens]


@pytest.fixture(scope="session", autouse=True)
def overheard() -> Iterator[Overheard]:
    """Listens to every HTTP answer, so that the canary test can judge them all."""
    heard = Overheard()
    original = client.send

    def send(method: str, url: str, body: Any = None, headers: Any = None) -> Answer:
        answer = original(method, url, body, headers)
        authorization = (headers or {}).get("Authorization", "")
        heard.answers.append((authorization.removeprefix("Bearer "), f"{method} {url}", answer))
        return answer

    client.send = send
    yield heard
    client.send = original


# ── tenants ─────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def newcomer(stack: LocalStack) -> Callable[[str], Tenant]:
    """Onboards a tenant that nothing else uses."""
    return stack.onboard


@pytest.fixture(scope="module")
def tenant(newcomer: Callable[[str], Tenant], request: pytest.FixtureRequest) -> Tenant:
    """A tenant of the test module's own."""
    return newcomer(request.module.__name__.rsplit(".", 1)[-1])


@pytest.fixture(scope="module")
def api(stack: LocalStack, tenant: Tenant) -> Api:
    """The API as the module's tenant."""
    return stack.api(tenant)


def wait_ready(api: Api, *ids: str, status: str = "ready") -> list[dict[str, Any]]:
    """Wait until documents have a status; another final one fails at once."""
    final = {"ready", "dead"}

    def look() -> list[dict[str, Any]]:
        return [api.get(f"/v1/documents/{each}").expect(200) for each in ids]

    seen = until(
        look,
        lambda found: all(each["status"] in final for each in found),
        f"documents {ids} become {status}",
        READY_SECONDS,
    )
    wrong = [each for each in seen if each["status"] != status]
    assert not wrong, f"expected {status}: {wrong}"
    return seen


@pytest.fixture(scope="session")
def ready() -> Callable[..., list[dict[str, Any]]]:
    return wait_ready


def settle(stack: LocalStack, customer: Customer) -> Tenant:
    """A customer of the demo with its templates and its whole handbook."""
    tenant = stack.onboard(customer.name)
    api = stack.api(tenant)
    for text in customer.templates:
        api.save_template("default_summary", text)
    pages = [api.add_document(p.title, p.content, p.content_type)["id"] for p in customer.pages()]
    wait_ready(api, *pages)
    return tenant


@pytest.fixture(scope="session")
def settled() -> Callable[[LocalStack, Customer], Tenant]:
    """For tests that bring a stack of their own."""
    return settle


@pytest.fixture(scope="session")
def clinic(stack: LocalStack) -> Tenant:
    """Tenant A of the attacks: the one that has something to hide."""
    return settle(stack, CLINIC)


@pytest.fixture(scope="session")
def bicycles(stack: LocalStack) -> Tenant:
    """Tenant B of the attacks: the intruder, with a handbook of its own."""
    return settle(stack, BICYCLES)


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
