"""Fair queues: on a standard queue, messages of noisy groups wait for those of quiet ones.

AWS (sqs-fair-queues-detailed): a message group is noisy when it holds more than 10 % of the messages in
flight and at least 30 of them, or took more than 10 % of the recent processing time; messages without a
group are each a group of their own; there is no limit, noisy messages are delivered when nothing else
waits. "Recent" is taken as five minutes here.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from ministack.services import sqs

from .patch import replace

_SHARE, _IN_FLIGHT, _RECENT = 0.1, 30, 300.0


@dataclass
class Delivery:
    """One delivery of a message of a group."""

    message: dict
    handle: str
    group: str
    started: float
    ended: float | None = None


_deliveries: dict[int, deque[Delivery]] = {}


def install() -> None:
    global _collect
    _collect = replace(sqs, "_collect_msgs", collect)


_collect: Any = None


def collect(queue: dict, limit: int, visibility_timeout: int) -> list[dict]:
    """MiniStack's receive, with the messages of noisy groups moved behind all others first."""
    if queue["is_fifo"]:
        return _collect(queue, limit, visibility_timeout)
    now = time.time()
    recent = _recent_deliveries(queue, now)
    noisy = noisy_groups(recent, now)
    waiting = queue["messages"]
    if noisy:
        queue["messages"] = [m for m in waiting if m.get("group_id") not in noisy] + [
            m for m in waiting if m.get("group_id") in noisy]
    received = _collect(queue, limit, visibility_timeout)
    recent.extend(Delivery(m, m["receipt_handle"], m["group_id"], now) for m in received if m.get("group_id"))
    return received


def noisy_groups(deliveries: deque[Delivery], now: float) -> set[str]:
    in_flight: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for delivery in deliveries:
        seconds[delivery.group] = seconds.get(delivery.group, 0.0) + (delivery.ended or now) - delivery.started
        if delivery.ended is None:
            in_flight[delivery.group] = in_flight.get(delivery.group, 0) + 1
    flying, spent = sum(in_flight.values()), sum(seconds.values())
    return {group for group, count in in_flight.items() if count >= _IN_FLIGHT and count > _SHARE * flying} | {
        group for group, used in seconds.items() if spent > 0 and used > _SHARE * spent}


def _recent_deliveries(queue: dict, now: float) -> deque[Delivery]:
    """The deliveries of the last minutes, those that ended meanwhile marked so."""
    found = _deliveries.setdefault(id(queue), deque())
    held = {id(message) for message in queue["messages"]}
    for delivery in found:
        message = delivery.message
        if delivery.ended is None and (id(message) not in held or message["receipt_handle"] != delivery.handle
                                       or message["visible_at"] <= now):
            delivery.ended = now
    while found and found[0].ended is not None and found[0].started < now - _RECENT:
        found.popleft()
    return found
