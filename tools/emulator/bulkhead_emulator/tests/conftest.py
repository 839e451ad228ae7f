"""One emulator for the whole run, on a free port; `--bare` proves that every extension is needed.

With `--bare` only tests marked `extension` run, against MiniStack alone, and each must fail in its own
body: one that passes is an error (the extension is needless or untested), and so is one whose fixtures
already fail (it would prove nothing).
"""

from __future__ import annotations

import pytest

from bulkhead_emulator.tests.support.cloud import Cloud
from bulkhead_emulator.tests.support.process import Emulator

_BARE = pytest.StashKey[bool]()
_emulator: Emulator | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bare", action="store_true", help="prove that extension tests fail on MiniStack alone")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "extension: needs an extension; must fail on bare MiniStack")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--bare"):
        kept = [item for item in items if item.get_closest_marker("extension")]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


def pytest_sessionstart(session: pytest.Session) -> None:
    global _emulator
    if not session.config.option.collectonly:
        _emulator = Emulator.start(bare=session.config.getoption("--bare"))


def pytest_sessionfinish(exitstatus: int) -> None:
    if _emulator is not None:
        _emulator.stop(keep_log=exitstatus != 0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    outcome = yield
    report = outcome.get_result()
    if not item.config.getoption("--bare") or report.skipped:
        return
    if report.when == "setup" and report.failed:
        report.longrepr = f"fixture failed on the bare emulator, so the test proves nothing:\n{report.longrepr}"
    elif report.when == "call" and report.failed:
        report.outcome, report.longrepr = "passed", None
    elif report.when == "call":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} passes on bare MiniStack: its extension is untested or needless"


@pytest.fixture(scope="session")
def cloud() -> Cloud:
    """The emulator as the account's root."""
    assert _emulator is not None
    return Cloud(_emulator.address)
