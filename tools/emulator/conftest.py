"""Starts one emulator per test run. The option `--bare` proves that every extension is needed.

With `--bare` only tests marked `extension` run, against plain MiniStack, and each must fail in its body. A test
that passes is an error, because its extension is needless or untested. A test whose fixtures fail is an error,
because it proves nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from bulkhead_emulator.tests.support.cloud import Cloud
from bulkhead_emulator.tests.support.process import Emulator


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bare", action="store_true", help="prove that extension tests fail on plain MiniStack")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "extension: needs an extension; must fail on bare MiniStack")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if _bare(config):
        kept = [item for item in items if item.get_closest_marker("extension")]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Generator[None, Any, None]:
    outcome = yield
    report = outcome.get_result()
    if not _bare(item.config) or report.skipped:
        return
    if report.when == "setup" and report.failed:
        report.longrepr = f"a fixture failed on plain MiniStack, so the test proves nothing:\n{report.longrepr}"
    elif report.when == "call" and report.failed:
        report.outcome, report.longrepr = "passed", None
    elif report.when == "call":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} passes on plain MiniStack: its extension is untested or needless"


@pytest.fixture(scope="session")
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """The emulator as the account's root user. Keeps the emulator's log if a test failed."""
    emulator = Emulator.start(bare=_bare(request.config))
    yield Cloud(emulator.address)
    emulator.stop(keep_log=request.session.testsfailed > 0)


def _bare(config: pytest.Config) -> bool:
    # The option is missing when pytest reads this file after the command line, as for `pytest tools`.
    return bool(config.getoption("--bare", default=False))
