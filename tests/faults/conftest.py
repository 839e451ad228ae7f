"""A separate stack: sessions expire within seconds, and functions reach the local AWS through the fault proxy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from tools.devstack.aws import InvokeFailed, Tenant
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults

# A renewal starts when a third of the lifetime is left, and the last second is not used. So 2 seconds remain
# in which a failed renewal must not affect requests: enough on a busy machine.
SESSION_SECONDS = 9


@pytest.fixture(scope="session")
def stack(deployed: Callable) -> Iterator[LocalStack]:
    with deployed("faults", faults=True, session_seconds=SESSION_SECONDS) as running:
        assert running.session_seconds == SESSION_SECONDS and running.faults
        with sweeping(running):
            yield running


@contextmanager
def sweeping(stack: LocalStack) -> Iterator[None]:
    """Runs the scheduler's sweep every second instead of every minute, so that tests do not wait."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(1.0):
            try:
                stack.sweep()
            except (InvokeFailed, ClientError):
                # A fault that a test injected; the next sweep tries again.
                continue

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="session")
def new_tenant(stack: LocalStack) -> Callable[..., Tenant]:
    """Onboards on this stack, also if one run uses the shared stack as well."""
    return stack.onboard


@pytest.fixture
def faults(stack: LocalStack) -> Faults:
    return stack.faults
