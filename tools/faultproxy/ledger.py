"""What passed: every call by service, action, session, outcome and fault; and the sessions begun."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from .call import Call

OK = "ok"
_KEY = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")
_NAME = re.compile(rb"<AssumedRoleUser>.*?<Arn>[^<]*/([^</]+)</Arn>", re.DOTALL)


@dataclass(frozen=True)
class Passed:
    """A kind of call that passed."""

    service: str
    action: str
    session: str
    # `ok`, or the error's code; empty where there was no answer.
    outcome: str
    # What the proxy did to it, by the effect's name; empty for a call that it left alone.
    fault: str


class Calls:
    """How many calls of each kind. What was counted later minus what was counted before is what
    happened in between."""

    def __init__(self, counts: Iterable[tuple[Passed, int]] = ()) -> None:
        self._counts = Counter(dict(counts))

    def add(self, passed: Passed) -> None:
        self._counts[passed] += 1

    def number(self, **wanted: str) -> int:
        """How many calls have these members, as in `number(service="sts", outcome="ok")`."""
        return sum(count for passed, count in self if _has(passed, wanted))

    def only(self, **wanted: str) -> Calls:
        return Calls((passed, count) for passed, count in self if _has(passed, wanted))

    def __sub__(self, earlier: Calls) -> Calls:
        return Calls((self._counts - earlier._counts).items())

    def __iter__(self) -> Iterator[tuple[Passed, int]]:
        return iter(self._counts.items())

    def __repr__(self) -> str:
        lines = sorted(f"{n} × {p.service}.{p.action} [{p.session}] {p.outcome} {p.fault}".rstrip() for p, n in self)
        return "; ".join(lines) or "no call"

    def to_json(self) -> list[dict[str, Any]]:
        return [{**asdict(passed), "count": count} for passed, count in self]

    @classmethod
    def from_json(cls, found: list[dict[str, Any]]) -> Calls:
        return cls((Passed(**{k: v for k, v in row.items() if k != "count"}), row["count"]) for row in found)


def _has(passed: Passed, wanted: dict[str, str]) -> bool:
    return all(getattr(passed, name) == value for name, value in wanted.items())


class Ledger:
    """The counts of a running proxy."""

    def __init__(self) -> None:
        self.calls = Calls()
        # Access key → name, of the sessions whose beginning passed through here.
        self.sessions: dict[str, str] = {}

    def count(self, call: Call, outcome: str, fault: str) -> None:
        self.calls.add(Passed(call.service, call.action, call.session, outcome, fault))

    def learn(self, answer: bytes) -> None:
        """Remember whose key an AssumeRole's answer gives out."""
        key, name = _KEY.search(answer), _NAME.search(answer)
        if key and name:
            self.sessions[key[1].decode()] = name[1].decode()
