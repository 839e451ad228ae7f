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
# Of waiting jobs some come back after a minute only: those that AWS spoilt again and again.
_SETTLE_SECONDS = 70.0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description="The product on its worst day.")
    parser.add_argument("--jobs", type=int, default=_JOBS, help=f"documents to hand in (default {_JOBS})")
    parser.add_argument("--minutes", type=float, help="to hand them in within (default: as fast as they get done)")
    parser.add_argument("--seed", type=int, help="the plan of an earlier run, again")
    parser.add_argument(
        "--settle",
        type=float,
        metavar="SECONDS",
        default=_SETTLE_SECONDS,
        help="to wait at the end without a job less to wait for (default %(default).0f)",
    )
    options = parser.parse_args(arguments)
    if options.jobs < plans.HEALTHY + plans.STORM_TIMES:
        parser.error(f"--jobs is at least {plans.HEALTHY + plans.STORM_TIMES}: one for each part of the load")
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    return run(Console(), seed, options.jobs, options.minutes, options.settle)


def run(console: Console, seed: int, jobs: int, minutes: float | None = None, settle: float = _SETTLE_SECONDS) -> int:
    """One run; 0 where nothing was lost, crossed or doubled."""
    console.line(f"seed {seed}")
    plan = plans.make(seed, jobs, minutes)
    report.announce(console, plan)
    stack = LocalStack.temporary("chaos", console, faults=True, judgements=False, parameters=PARAMETERS)
    good = False
    try:
        stack.open()
        outcome = Chaos(console, stack, plan).run(settle)
        good = outcome.verdict.good
        folder = report.write(outcome)
        report.show(console, outcome, folder)
    except (StackError, AssertionError) as error:
        # What cannot be judged is not good: a stack that does not start, a calm day that is none.
        console.line(str(error))
    finally:
        stack.close(keep=not good)
        if not good:
            console.line(f"  The logs of this run: {stack.state}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
