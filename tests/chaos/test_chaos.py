"""A small storm with faults, kills and repeated messages: no job is lost, crossed or duplicated.

`make chaos` makes a larger run and draws it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tools.chaos import plan as plans
from tools.chaos import report
from tools.chaos.run import PARAMETERS, Chaos, Outcome
from tools.devstack.console import Console

JOBS = 150
SEED = 25
IDLE_SECONDS = 70.0


@pytest.fixture(scope="module")
def outcome(deployed: Callable) -> Outcome:
    plan = plans.make(SEED, JOBS)
    assert plan.storm.repaired, "the seed must repair the cause, so that every job completes"
    with deployed("chaos", faults=True, judgements=False, parameters=PARAMETERS) as stack:
        return Chaos(Console(), stack, plan).run(IDLE_SECONDS)


def test_every_accepted_job_is_in_one_location(outcome: Outcome) -> None:
    verdict = outcome.verdict
    assert verdict.accepted >= JOBS, f"only {verdict.accepted} were accepted: {outcome.figures}"
    assert not verdict.lost and not verdict.duplicates and not verdict.unsettled, verdict


def test_every_job_had_a_backlog_entry(outcome: Outcome) -> None:
    """The scheduler finds a tenant's jobs only through its backlog entry."""
    assert not outcome.verdict.forgotten, outcome.verdict


def test_no_tenant_sees_another_tenants_word(outcome: Outcome) -> None:
    assert not outcome.verdict.crossed and not outcome.verdict.unproven, outcome.verdict


def test_faults_and_kills_happened(outcome: Outcome) -> None:
    """A run without faults proves nothing."""
    figures = outcome.figures
    assert sum(figures["faults"].values()) >= 20, figures
    assert sum(figures["killed"].values()) >= 5, figures
    assert figures["messages sent again"] + figures["events sent again"] >= 5, figures
    states = {sample.tenants[-1].circuit for sample in outcome.samples}
    assert states & {"open", "half_open"}, "the storming tenant's circuit never opened"
    assert all(tenant.circuit == "closed" for sample in outcome.samples for tenant in sample.tenants[:-1]), (
        "the circuit of a healthy tenant opened"
    )


def test_report_page_is_written(outcome: Outcome) -> None:
    folder = report.write(outcome)
    assert "<svg" in (folder / "index.html").read_text()
