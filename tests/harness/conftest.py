"""The harness before the deployed stack, and small functions behind it where no stack is needed."""

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
def small(tmp_path: Path) -> Iterator[Callable[..., Harness]]:
    """Starts a harness with one function `f` made of Python source."""
    with ExitStack() as running:

        def start(handle: str, *, misroute: bool = False, **options: Any) -> Harness:
            folder = tmp_path / f"f{len(list(tmp_path.iterdir()))}"
            function = Hosted(bootstraps.write(folder, handle), **options)
            return running.enter_context(Harness(folder / "state", {"f": function}, misroute=misroute))

        yield start


class Judgements:
    """How often a function's own role took a tenant's session, by the record of IAM's decisions."""

    def __init__(self, stack: LocalStack) -> None:
        self._file = stack.judgements

    def sessions(self, tenant: str) -> int:
        """AssumeRole calls for a tenant that were allowed so far."""
        lines = (json.loads(line) for line in self._file.read_text().splitlines())
        return sum(
            each["kind"] == "trust"
            and each["action"] == "sts:AssumeRole"
            and each["verdict"] == "Allow"
            and each["context"].get("aws:requesttag/tenantid") == tenant
            for each in lines
        )


@pytest.fixture
def judgements(stack: LocalStack) -> Judgements:
    if not stack.judgements.exists():
        pytest.skip("this stack keeps no record of IAM's decisions: let the tests start their own")
    return Judgements(stack)
