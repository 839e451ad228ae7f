"""Command line of the mutants."""

from __future__ import annotations

import argparse
import sys

from tools.devstack.console import Console

from .catalogue import MUTANTS, fast
from .run import run


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutants", description="Remove each boundary in turn; a test must fail."
    )
    parser.add_argument("names", nargs="*", help="run only mutants whose name contains one of these words")
    parser.add_argument("--fast", action="store_true", help="run only mutants that need no AWS SDK and no stack")
    parser.add_argument("--list", action="store_true", help="print the catalogue and exit")
    parser.add_argument("--keep", action="store_true", help="keep the built functions for the next run")
    options = parser.parse_args()
    chosen = fast() if options.fast else MUTANTS
    if options.names:
        chosen = [mutant for mutant in chosen if any(word in mutant.name for word in options.names)]
    if options.list or not chosen:
        print("\n".join(f"{mutant.suite.value:<13} {mutant.name:<56} {mutant.file}" for mutant in chosen))
        return 0 if options.list else 2
    killed = run(Console(), chosen, keep=options.keep)
    return 0 if killed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
