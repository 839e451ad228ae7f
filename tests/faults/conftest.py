"""A stack of its own: sessions that end within seconds, and the fault proxy before the local AWS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from tools.devstack.aws import InvokeFailed, Tenant
from tools.devstack.stack import LocalStack
from tools.faultproxy.client import Faults

# A third of it is left when a renewal begins, and a second of that is not used: two seconds remain
# in which a failed renewal must not be noticed, enough for a busy machine.
SESSION_SECONDS = 9


@pytest.fixture(scope="session")
def stack(deployed: Callable) -> Iterator[LocalStack]:
    with deployed("faults", faults=True, session_seconds=SESSION_SECONDS) as running:
        assert running.session_seconds == SESSION_SECONDS and running.faults
        with releasing(running):
            yield running


@contextmanager
def releasing(stack: LocalStack) -> Iterator[None]:
    """What is brought back every minute is brought back every second: a test waits for it."""
    enough = threading.Event()

    def run() -> None:
        while not enough.wait(1.0):
            try:
                stack.sweep()
            except (InvokeFailed, ClientError):
                # A fault that a test asked for; the next second tries again, as the next minute would.
                continue

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


@pytest.fixture(scope="session")
def newcomer(stack: LocalStack) -> Callable[..., Tenant]:
    """Said again, so that it is this stack's also where one run has both."""
    return stack.onboard


@pytest.fixture
def faults(stack: LocalStack) -> Faults:
    return stack.faults
