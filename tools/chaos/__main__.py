"""Command line: `python -m tools.chaos [--minutes N] [--seed S] [--jobs N]`, or `make chaos ARGS=…`."""

from __future__ import annotations

import argparse
import random
import sys

from tools.devstack.console import Console
from tools.devstack.process import StackError
from tools.devstack.stack import LocalStack

from . import plan as plans
from . import report
from .run import PARAMETERS, Chaos

_JOBS = 360
# Some waiting jobs are requeued only after a minute: those that AWS failed repeatedly.
_IDLE_SECONDS = 70.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.chaos", description="Runs the product under a storm, faults and kills."
    )
    parser.add_argument("--jobs", type=int, default=_JOBS, help=f"documents to upload (default {_JOBS})")
    parser.add_argument("--minutes", type=float, help="time in which they are uploaded (default: six per second)")
    parser.add_argument("--seed", type=int, help="repeat the plan of an earlier run")
    parser.add_argument(
        "--drain",
        type=float,
        metavar="SECONDS",
        default=_IDLE_SECONDS,
        help="how long to wait at the end without progress (default %(default).0f)",
    )
    options = parser.parse_args(arguments)
    if options.jobs < plans.HEALTHY + plans.STORM_TIMES:
        parser.error(f"--jobs must be at least {plans.HEALTHY + plans.STORM_TIMES}")
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    return run(Console(), seed, options.jobs, options.minutes, options.drain)


def run(
    console: Console, seed: int, jobs: int, minutes: float | None = None, idle_seconds: float = _IDLE_SECONDS
) -> int:
    """Makes one run. Returns 0 if no job is lost, crossed or duplicated."""
    console.line(f"seed {seed}")
    plan = plans.make(seed, jobs, minutes)
    report.announce(console, plan)
    stack = LocalStack.temporary("chaos", console, faults=True, judgements=False, parameters=PARAMETERS)
    good = False
    try:
        stack.open()
        outcome = Chaos(console, stack, plan).run(idle_seconds)
        good = outcome.verdict.good
        folder = report.write(outcome)
        report.show(console, outcome, folder)
    except (StackError, AssertionError) as error:
        # Without a verdict the run fails: the stack did not start, or a job failed before the storm.
        console.line(str(error))
    finally:
        stack.close(keep=not good)
        if not good:
            console.line(f"  Logs of this run: {stack.state}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
