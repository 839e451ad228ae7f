"""One break: what is changed, and who should notice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Suite(Enum):
    """Which tests judge a mutant, and so what has to be built for it."""

    # No AWS SDK, no stack: seconds each. These run in CI.
    CRATES = "crates"
    TEMPLATES = "templates"
    # The stores' own tests, with the SDK.
    STORES = "stores"
    # A deployed stack: with changed templates, with changed functions, with a changed command line.
    INFRA = "infra"
    FUNCTIONS = "functions"
    COMMAND_LINE = "command line"


FAST = (Suite.CRATES, Suite.TEMPLATES)


class NotApplicable(Exception):
    """The code has moved on and the mutant no longer fits: it must be mended, not skipped."""


@dataclass(frozen=True)
class Mutant:
    """A named break.

    `everywhere` makes it at each place that looks like `find`, otherwise there must be one. `tests` is what `cargo test` or `pytest` is told to run; `builds` names the functions whose binaries
    the break reaches, all others are the product's own.
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
        """Make the break in a copy of the tree and return the text that was there."""
        path = tree / self.file
        text = path.read_text()
        count = text.count(self.find)
        if count < 1 or (count > 1 and not self.everywhere):
            raise NotApplicable(f"{self.file} has {count} places like {self.find!r}, not one")
        path.write_text(text.replace(self.find, self.replace))
        return text
