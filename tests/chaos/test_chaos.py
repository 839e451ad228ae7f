"""A small storm with faults, kills and repetitions: nothing is lost, crossed or doubled.

`make chaos` is the same with more of everything, and draws what it saw.
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
SETTLE_SECONDS = 70.0


@pytest.fixture(scope="module")
def outcome(deployed: Callable) -> Outcome:
    plan = plans.make(SEED, JOBS)
    assert plan.storm.repaired, "a seed whose storm ends lets every job come to its end"
    with deployed("chaos", faults=True, judgements=False, parameters=PARAMETERS) as stack:
        return Chaos(Console(), stack, plan).run(SETTLE_SECONDS)


def test_every_accepted_job_is_in_one_place(outcome: Outcome) -> None:
    verdict = outcome.verdict
    assert verdict.accepted >= JOBS, f"only {verdict.accepted} were accepted: {outcome.figures}"
    assert not verdict.lost and not verdict.duplicates and not verdict.unsettled, verdict


def test_no_job_was_ever_out_of_sight(outcome: Outcome) -> None:
    """While a tenant has a job, the backlog says that it has: without it nobody brings the job back."""
    assert not outcome.verdict.forgotten, outcome.verdict


def test_no_tenants_word_is_anywhere_but_with_its_owner(outcome: Outcome) -> None:
    assert not outcome.verdict.crossed and not outcome.verdict.unproven, outcome.verdict


def test_it_was_a_bad_day(outcome: Outcome) -> None:
    """What nothing happened to proves nothing."""
    figures = outcome.figures
    assert sum(figures["faults"].values()) >= 20, figures
    assert sum(figures["killed"].values()) >= 5, figures
    assert figures["messages sent again"] + figures["events sent again"] >= 5, figures
    states = {sample.looks[-1].circuit for sample in outcome.samples}
    assert states & {"open", "half_open"}, "the storming tenant's circuit never opened"
    assert all(look.circuit == "closed" for sample in outcome.samples for look in sample.looks[:-1]), (
        "the circuit of a tenant that did nothing opened"
    )


def test_the_page_is_written(outcome: Outcome) -> None:
    folder = report.write(outcome)
    assert "<svg" in (folder / "index.html").read_text()
