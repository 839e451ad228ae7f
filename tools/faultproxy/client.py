"""How a test asks for faults, and learns what passed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tools.devstack.client import send

from .effects import Effect
from .ledger import Calls
from .rules import Match, Rule


@dataclass(frozen=True)
class InForce:
    """A rule that is in force."""

    admin: str
    number: int

    @property
    def hits(self) -> int:
        """How many calls it happened to so far."""
        return self._seen()["hits"]

    @property
    def matched(self) -> int:
        """How many calls it could have happened to."""
        return self._seen()["matched"]

    def _seen(self) -> dict[str, int]:
        return send("GET", f"{self.admin}/rules/{self.number}").expect(200)


@dataclass(frozen=True)
class Faults:
    """The proxy's other port."""

    admin: str

    @contextmanager
    def rule(
        self,
        effect: Effect,
        *,
        service: str | None = None,
        action: str | None = None,
        session: str | None = None,
        key: str | None = None,
        **more: Any,
    ) -> Iterator[InForce]:
        """`effect` happens to the calls that match, for as long as the context lasts.

        `more` limits it to some of them: `probability` with `seed`, `skip`, `count`.
        """
        rule = Rule(effect, Match(service, action, session, key), **more)
        body = json.dumps(rule.to_json()).encode()
        number = send("POST", f"{self.admin}/rules", body).expect(201)["number"]
        try:
            yield InForce(self.admin, number)
        finally:
            send("DELETE", f"{self.admin}/rules/{number}").expect(200)

    def calls(self) -> Calls:
        """Every call since the proxy's start. Subtract an earlier answer for those in between."""
        return Calls.from_json(send("GET", f"{self.admin}/calls").expect(200))
