"""A separate stack for the corrupted build; no other test may use it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tests.isolation.corrupted.corrupted_source import FUNCTIONS, ROOT, build, copy_tree, corrupt
from tools.demo.corpus import BICYCLES, CLINIC
from tools.devstack.aws import Tenant
from tools.devstack.changes import configured
from tools.devstack.console import Console
from tools.devstack.stack import LocalStack

OnboardWithHandbook = Callable[[LocalStack, object], Tenant]


@pytest.fixture(scope="package")
def corrupted_stack(request: pytest.FixtureRequest) -> Iterator[LocalStack]:
    """The corrupted build, deployed like the product."""
    tree = ROOT / "target" / "corrupted"
    console = Console(sys.__stdout__)
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print()
        with console.step("build the functions with corrupted names"):
            copy_tree(tree)
            corrupt(tree)
            build(tree)
    running = LocalStack.temporary("corrupted", console, root=tree)
    failed_before = request.session.testsfailed
    try:
        with capture.global_and_fixture_disabled():
            running.open()
        yield running
    finally:
        running.close(keep=request.session.testsfailed > failed_before)


@pytest.fixture(scope="package")
def victim(corrupted_stack: LocalStack, tenant_with_handbook: OnboardWithHandbook) -> Tenant:
    """The tenant that the corrupted names point at."""
    return tenant_with_handbook(corrupted_stack, CLINIC)


@pytest.fixture(scope="package")
def caller(corrupted_stack: LocalStack, tenant_with_handbook: OnboardWithHandbook) -> Tenant:
    """The tenant whose requests use corrupted names."""
    return tenant_with_handbook(corrupted_stack, BICYCLES)


@pytest.fixture(scope="package")
def corruption(corrupted_stack: LocalStack, victim: Tenant) -> Callable[..., AbstractContextManager[None]]:
    """Returns a context manager that points names of the given kinds at the victim."""
    names = [corrupted_stack.outputs[f"Basic{name.capitalize()}Function"] for name in FUNCTIONS]

    @contextmanager
    def corrupted(*kinds: str) -> Iterator[None]:
        # Each change replaces the running environments and their caches.
        variables = {"CORRUPTED": ",".join(kinds), "CORRUPTED_VICTIM": victim.id}
        with ExitStack() as changes:
            for name in names:
                changes.enter_context(configured(corrupted_stack, name, None, **variables))
            yield

    return corrupted
