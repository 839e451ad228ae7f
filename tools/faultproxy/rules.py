"""Which calls something happens to. Deterministic: the same calls in the same order, the same faults."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields
from typing import Any

from . import effects
from .call import Call
from .effects import Delay, Effect


@dataclass(frozen=True)
class Match:
    """Calls by service, action, session or access key; what is not given matches any."""

    service: str | None = None
    action: str | None = None
    session: str | None = None
    key: str | None = None

    def fits(self, call: Call) -> bool:
        wanted = ((getattr(self, each.name), getattr(call, each.name)) for each in fields(self))
        return all(given is None or given == found for given, found in wanted)


@dataclass(frozen=True)
class Rule:
    """An effect on the calls that match: each of them, or only some."""

    effect: Effect
    match: Match = Match()
    # Of the calls that match and are not skipped; drawn from a generator of the rule's own.
    probability: float = 1.0
    seed: int = 0
    # Calls to leave alone first, and calls to hit at most.
    skip: int = 0
    count: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "effect": effects.to_json(self.effect)}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Rule:
        return cls(
            **{
                **found,
                "effect": effects.from_json(found["effect"]),
                "match": Match(**found.get("match", {})),
            }
        )


class ActiveRule:
    """A rule and what became of it so far."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.matched = self.hits = 0
        self._random = random.Random(rule.seed)

    def takes(self, call: Call) -> bool:
        """Whether the rule's effect happens to this call, the next one of those that match."""
        rule = self.rule
        if not rule.match.fits(call):
            return False
        self.matched += 1
        if self.matched <= rule.skip or (rule.count is not None and self.hits >= rule.count):
            return False
        if self._random.random() >= rule.probability:
            return False
        self.hits += 1
        return True


class Rules:
    """The rules in force, oldest first."""

    def __init__(self) -> None:
        self._active: dict[int, ActiveRule] = {}
        self._last = 0

    def add(self, rule: Rule) -> int:
        self._last += 1
        self._active[self._last] = ActiveRule(rule)
        return self._last

    def get(self, number: int) -> ActiveRule | None:
        return self._active.get(number)

    def remove(self, number: int) -> ActiveRule | None:
        return self._active.pop(number, None)

    def judge(self, call: Call) -> tuple[int, Effect | None]:
        """Milliseconds to wait, and what happens then: the oldest rule's effect that takes the call."""
        wait = 0
        for active in self._active.values():
            if active.takes(call):
                if not isinstance(active.rule.effect, Delay):
                    return wait, active.rule.effect
                wait += active.rule.effect.milliseconds
        return wait, None
