"""The policies in force, the record of the run and the second engine; prints a report at the end.

These tests judge the calls of all other tests, so they run last, in one session with them:

    python -m tools.suite stack

Without the other tests they fail, because there are too few calls to judge.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.policies import deployed
from tests.policies.deployed import Deployment, Policies
from tests.policies.record import Judgement, Record
from tests.policies.second_engine import SecondEngine
from tools.devstack.stack import LocalStack

Report = list[str]
_REPORT = pytest.StashKey[Report]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_REPORT] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash[_REPORT]:
        terminalreporter.section("least privilege, judged twice")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Report:
    """Lines to print after all tests."""
    return request.config.stash[_REPORT]


@pytest.fixture(scope="session")
def engine(report: Report) -> Iterator[SecondEngine]:
    found = SecondEngine()
    yield found
    report.append(f"{len(found.judged)} different requests judged by the second engine in {found.seconds:.1f} s")


@pytest.fixture(scope="session")
def stacks(stack: LocalStack) -> list[Deployment]:
    """The basic tier represents all tiers; `test_deployed.py` compares the others with the templates."""
    return deployed.deployments(stack.account, leave_out={"Premium"})


@pytest.fixture(scope="session")
def policies(stack: LocalStack, stacks: list[Deployment]) -> Policies:
    """Reads the policies in force from AWS."""
    return deployed.in_force(stack.account, stacks)


@pytest.fixture(scope="session")
def names(stacks: list[Deployment]) -> dict[str, str]:
    """Maps role names to logical ids."""
    return {each.physical[name]: name for each in stacks for name in each.of("AWS::IAM::Role")}


@pytest.fixture(scope="session")
def record(stack: LocalStack) -> Record:
    if not stack.judgements.exists():
        pytest.skip("this stack keeps no record of judgements; run without BULKHEAD_STACK")
    return Record(stack.judgements)


@pytest.fixture(scope="session")
def judgements(record: Record, names: dict[str, str], report: Report) -> list[Judgement]:
    """Returns IAM's decisions on the stack's roles and on services that invoke its functions."""
    found = [each for each in record.more() if each.role in names or not each.role]
    report.append(f"{len(found)} judgements of the emulator recorded")
    return found
