"""The tests' client: sets fault rules and reads the counts of calls."""

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
    """An active rule."""

    admin: str
    number: int

    @property
    def hits(self) -> int:
        """The number of calls that the effect applied to."""
        return self._seen()["hits"]

    @property
    def matched(self) -> int:
        """The number of calls that matched."""
        return self._seen()["matched"]

    def _seen(self) -> dict[str, int]:
        return send("GET", f"{self.admin}/rules/{self.number}").expect(200)


@dataclass(frozen=True)
class Faults:
    """The admin API of a fault proxy."""

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
        """Applies `effect` to matching calls while the context lasts.

        `more` selects some of the matching calls: `probability` with `seed`, `skip`, `count`.
        """
        rule = Rule(effect, Match(service, action, session, key), **more)
        body = json.dumps(rule.to_json()).encode()
        number = send("POST", f"{self.admin}/rules", body).expect(201)["number"]
        try:
            yield InForce(self.admin, number)
        finally:
            send("DELETE", f"{self.admin}/rules/{number}").expect(200)

    def calls(self) -> Calls:
        """Returns all calls since the proxy's start. Subtract an earlier result to get the calls in between."""
        return Calls.from_json(send("GET", f"{self.admin}/calls").expect(200))
