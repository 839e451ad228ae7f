"""Selects the calls that get a fault. Deterministic: the same calls in the same order get the same faults."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields
from typing import Any

from . import effects
from .call import Call
from .effects import Delay, Effect


@dataclass(frozen=True)
class Match:
    """Matches calls by service, action, session and access key; None matches any value."""

    service: str | None = None
    action: str | None = None
    session: str | None = None
    key: str | None = None

    def fits(self, call: Call) -> bool:
        wanted = ((getattr(self, each.name), getattr(call, each.name)) for each in fields(self))
        return all(given is None or given == found for given, found in wanted)


@dataclass(frozen=True)
class Rule:
    """An effect on all or some of the matching calls."""

    effect: Effect
    match: Match = Match()
    # Share of the matching calls after `skip`; each rule has a separate random generator.
    probability: float = 1.0
    seed: int = 0
    # Number of matching calls to pass first, and maximum number of faults.
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
    """A rule with its counts."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.matched = self.hits = 0
        self._random = random.Random(rule.seed)

    def takes(self, call: Call) -> bool:
        """Returns whether the rule's effect applies to this call, and counts the call."""
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
    """The active rules, oldest first."""

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

    def has(self, effect: Effect) -> bool:
        """Returns whether the rule with this effect, the same object, is still active."""
        return any(active.rule.effect is effect for active in self._active.values())

    def judge(self, call: Call) -> tuple[int, Effect | None]:
        """Returns the delay in milliseconds and the effect of the oldest rule that applies."""
        wait = 0
        for active in self._active.values():
            if active.takes(call):
                if not isinstance(active.rule.effect, Delay):
                    return wait, active.rule.effect
                wait += active.rule.effect.milliseconds
        return wait, None
