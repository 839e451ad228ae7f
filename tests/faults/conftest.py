"""A stack of its own: sessions that end within seconds, and the fault proxy before the local AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from local.aws import Tenant
from local.faults.client import Faults
from local.stack import LocalStack

# A third of it is left when a renewal begins, and a second of that is not used: two seconds remain
# in which a failed renewal must not be noticed, enough for a busy machine.
SESSION_SECONDS = 9


@pytest.fixture(scope="session")
def stack(deployed: Callable) -> Iterator[LocalStack]:
    with deployed("faults", faults=True, session_seconds=SESSION_SECONDS) as running:
        assert running.session_seconds == SESSION_SECONDS and running.faults
        yield running


@pytest.fixture(scope="session")
def newcomer(stack: LocalStack) -> Callable[..., Tenant]:
    """Said again, so that it is this stack's also where one run has both."""
    return stack.onboard


@pytest.fixture
def faults(stack: LocalStack) -> Faults:
    return stack.faults
