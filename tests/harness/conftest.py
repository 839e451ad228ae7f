"""The harness with the deployed functions, or with small Python functions that need no stack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tools.devstack.stack import LocalStack
from tools.harness import bootstraps
from tools.harness.driver import Harness, Hosted


@pytest.fixture
def start_harness(tmp_path: Path) -> Iterator[Callable[..., Harness]]:
    """Returns a function that starts a harness with one function `f` from Python source."""
    with ExitStack() as running:

        def start(handle: str, *, misroute: bool = False, **options: Any) -> Harness:
            folder = tmp_path / f"f{len(list(tmp_path.iterdir()))}"
            function = Hosted(bootstraps.write(folder, handle), **options)
            return running.enter_context(Harness(folder / "state", {"f": function}, misroute=misroute))

        yield start


class RecordedDecisions:
    """Counts sessions that functions opened for a tenant, from the record of IAM decisions."""

    def __init__(self, stack: LocalStack) -> None:
        self._file = stack.judgements

    def sessions(self, tenant: str) -> int:
        """Returns the number of allowed AssumeRole calls for a tenant so far."""
        lines = (json.loads(line) for line in self._file.read_text().splitlines())
        return sum(
            each["kind"] == "trust"
            and each["action"] == "sts:AssumeRole"
            and each["verdict"] == "Allow"
            and each["context"].get("aws:requesttag/tenantid") == tenant
            for each in lines
        )


@pytest.fixture
def recorded_decisions(stack: LocalStack) -> RecordedDecisions:
    if not stack.judgements.exists():
        pytest.skip("this stack keeps no record of IAM decisions: run without BULKHEAD_STACK")
    return RecordedDecisions(stack)
