"""Fair queues: on a standard queue, messages of quiet groups are delivered before those of noisy ones.

AWS (SQS: sqs-fair-queues-detailed), and the implementation here:

- A group becomes noisy if it has at least 30 messages in flight and more than 10 % of all messages in flight. It
  also becomes noisy with more than 10 % of the recent processing time. A message without a group counts as a
  separate group.
- Messages are never dropped or delayed: if no message of a quiet group waits, messages of noisy groups follow.
- The noisy group with the fewest messages in flight is first.
- A noisy group becomes quiet in three cases: none of its messages waits, none was in flight for five minutes, or
  both of its shares are at most 10 %.

AWS does not define "recent"; here it is five minutes. Processing time before a group became quiet does not count
again. Messages of a group, and of quiet groups, keep the order in which they were sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

_SHARE, _IN_FLIGHT, _RECENT = 0.1, 30, 300.0


@dataclass
class Delivery:
    """One delivery of a message."""

    message: dict
    handle: str
    group: Hashable
    started: float

    def ended(self, held: set[int], now: float) -> float | None:
        """When the delivery ended: deleted, returned, or visibility timeout over."""
        message = self.message
        if id(message) in held and message["receipt_handle"] == self.handle and message["visible_at"] > now:
            return None
        return min(now, message["visible_at"])


@dataclass
class Fairness:
    """The state of one queue's groups."""

    in_flight: list[Delivery] = field(default_factory=list)
    # Start, end and group of recent deliveries.
    spent: deque[tuple[float, float, Hashable]] = field(default_factory=deque)
    noisy: set[Hashable] = field(default_factory=set)
    # Start of the current observation of a formerly noisy group, and its last time with a message in flight.
    forgiven: dict[Hashable, float] = field(default_factory=dict)
    last_in_flight: dict[Hashable, float] = field(default_factory=dict)

    def deliver(self, messages: Iterable[dict], now: float) -> None:
        """Records delivered messages."""
        self.in_flight += [Delivery(each, each["receipt_handle"], group_of(each), now) for each in messages]

    def notice(self, messages: list[dict], now: float) -> None:
        """Records which deliveries have ended."""
        held = {id(each) for each in messages}
        going = []
        for delivery in self.in_flight:
            self.last_in_flight[delivery.group] = now
            ended = delivery.ended(held, now)
            if ended is None:
                going.append(delivery)
            else:
                self.spent.append((delivery.started, ended, delivery.group))
        self.in_flight = going
        while self.spent and self.spent[0][1] < now - _RECENT:
            self.spent.popleft()
        for since in (self.forgiven, self.last_in_flight):
            for group in [group for group, moment in since.items() if moment < now - 2 * _RECENT]:
                del since[group]

    def flying(self) -> dict[Hashable, int]:
        """Returns the number of messages in flight per group."""
        found: dict[Hashable, int] = {}
        for delivery in self.in_flight:
            found[delivery.group] = found.get(delivery.group, 0) + 1
        return found

    def judge(self, waiting: set[Hashable], now: float) -> set[Hashable]:
        """Returns the noisy groups; `waiting` are the groups with messages to deliver."""
        flying = self.flying()
        by_count = _over(flying, sum(flying.values()))
        by_time = self._over_in_time(now)
        many = {group for group in by_count if flying[group] >= _IN_FLIGHT}
        self.noisy = (self.noisy & (by_count | by_time)) | many | by_time
        for group in list(self.noisy):
            if group not in waiting or self.last_in_flight.get(group, now) < now - _RECENT:
                self.noisy.discard(group)
                self.forgiven[group] = now
        return self.noisy

    def _over_in_time(self, now: float) -> set[Hashable]:
        total = 0.0
        used: dict[Hashable, float] = {}
        going = ((each.started, now, each.group) for each in self.in_flight)
        for started, ended, group in (*self.spent, *going):
            total += ended - started
            begun = max(started, self.forgiven.get(group, 0.0))
            used[group] = used.get(group, 0.0) + max(0.0, ended - begun)
        return _over(used, total)


def _over(parts: dict[Hashable, Any], whole: float) -> set[Hashable]:
    return {group for group, part in parts.items() if part > _SHARE * whole}


def group_of(message: dict) -> Hashable:
    """Returns a message's group; a message without one is a separate group."""
    return message.get("group_id") or (message["id"],)


def in_fair_order(waiting: list[dict], noisy: set[Hashable], flying: dict[Hashable, int], limit: int) -> list[dict]:
    """Returns the next messages to deliver, at most `limit`."""
    chosen = [each for each in waiting if group_of(each) not in noisy][:limit]
    backlog: dict[Hashable, deque[dict]] = {}
    for message in waiting if len(chosen) < limit else ():
        if group_of(message) in noisy:
            backlog.setdefault(group_of(message), deque()).append(message)
    taken = {group: flying.get(group, 0) for group in backlog}
    while backlog and len(chosen) < limit:
        group = min(backlog, key=lambda each: taken[each])
        chosen.append(backlog[group].popleft())
        taken[group] += 1
        if not backlog[group]:
            del backlog[group]
    return chosen
