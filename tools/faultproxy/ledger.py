"""Counts calls by service, action, session, outcome and fault, and remembers sessions."""

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
    """A kind of call."""

    service: str
    action: str
    session: str
    # `ok` or the error's code; empty if there was no answer.
    outcome: str
    # The name of the applied effect; empty if the call passed unchanged.
    fault: str


class Calls:
    """The number of calls of each kind. Subtracting an earlier count gives the calls in between."""

    def __init__(self, counts: Iterable[tuple[Passed, int]] = ()) -> None:
        self._counts = Counter(dict(counts))

    def add(self, passed: Passed) -> None:
        self._counts[passed] += 1

    def number(self, **wanted: str) -> int:
        """Returns the number of calls with these fields, for example `number(service="sts", outcome="ok")`."""
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
        # Session names by access key id, of sessions that were created through the proxy.
        self.sessions: dict[str, str] = {}

    def count(self, call: Call, outcome: str, fault: str) -> None:
        self.calls.add(Passed(call.service, call.action, call.session, outcome, fault))

    def learn(self, answer: bytes) -> None:
        """Remembers the access key id in an answer to AssumeRole."""
        key, name = _KEY.search(answer), _NAME.search(answer)
        if key and name:
            self.sessions[key[1].decode()] = name[1].decode()
