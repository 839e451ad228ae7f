"""One mutant: the change and the tests that must fail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Suite(Enum):
    """The tests that judge a mutant; they decide what must be built."""

    # Without AWS SDK and stack: seconds per mutant. They run in CI.
    CRATES = "crates"
    TEMPLATES = "templates"
    # Tests of crates that use the SDK.
    STORES = "stores"
    # With a deployed stack: changed templates, changed functions, changed command line.
    INFRA = "infra"
    FUNCTIONS = "functions"
    COMMAND_LINE = "command line"


FAST = (Suite.CRATES, Suite.TEMPLATES)


class NotApplicable(Exception):
    """The code has changed and the mutant does not fit. Update the mutant; do not skip it."""


@dataclass(frozen=True)
class Mutant:
    """A named change that removes a boundary.

    `find` must occur exactly once, unless `everywhere` is set. `tests` are the arguments of `cargo test` or
    `pytest`. `builds` names the functions that must be built with the change.
    """

    name: str
    suite: Suite
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]
    builds: tuple[str, ...] = ()
    everywhere: bool = False

    def apply(self, tree: Path) -> str:
        """Changes the file in a copy of the tree and returns its original text."""
        path = tree / self.file
        text = path.read_text()
        count = text.count(self.find)
        if count < 1 or (count > 1 and not self.everywhere):
            raise NotApplicable(f"{self.file} contains {self.find!r} {count} times, not once")
        path.write_text(text.replace(self.find, self.replace))
        return text
