"""Fair queues by the rules of `fairness.py`, and a lock so that MiniStack's threads lose no message."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.services import sqs

from .fairness import Fairness, group_of, in_fair_order
from .patch import replace

_fair = True


def install() -> None:
    global _collect
    _collect = replace(sqs, "_collect_msgs", collect)
    _let_one_thread_in()


_collect: Any = None


def be_fair(fair: bool) -> None:
    """Sets whether standard queues use message groups. Otherwise they deliver in the order of sending."""
    global _fair
    _fair = fair


def collect(queue: dict, limit: int, visibility_timeout: int) -> list[dict]:
    """Calls MiniStack's receive with the messages in the order of a fair queue."""
    with sqs._queues_lock:
        if queue["is_fifo"] or not _fair:
            return _collect(queue, limit, visibility_timeout)
        now = time.time()
        known = _fairness(queue)
        known.notice(queue["messages"], now)
        waiting = [each for each in queue["messages"] if each.get("visible_at", 0) <= now]
        chosen = in_fair_order(waiting, known.judge({group_of(each) for each in waiting}, now), known.flying(), limit)
        # The queue keeps the order in which messages were sent.
        received = _collect({**queue, "messages": chosen}, limit, visibility_timeout)
        known.deliver(received, now)
        return received


def _fairness(queue: dict) -> Fairness:
    # Stored with the queue, so that it is deleted with it.
    return queue.setdefault("fairness", Fairness())


def _let_one_thread_in() -> None:
    """Locks queues, because MiniStack's poller and server both rebuild a queue's list of messages."""
    sqs._queues_lock = threading.RLock()
    for name in ("_expire_retained", "_dlq_sweep"):
        replace(sqs, name, _alone(getattr(sqs, name)))
    replace(sqs, "_delete_messages_for_esm", _noticing(sqs._delete_messages_for_esm, lambda url, *_: url))
    _replace_action("send_message", _alone)
    for name in (
        "purge_queue",
        "delete_message",
        "delete_message_batch",
        "change_visibility",
        "change_visibility_batch",
    ):
        _replace_action(name, lambda act: _noticing(act, lambda data, url: data.get("QueueUrl", url)))


def _replace_action(name: str, wrap: Callable[[Any], Any]) -> None:
    old = getattr(sqs, f"_act_{name}")
    new = wrap(old)
    replace(sqs, f"_act_{name}", new)
    for action, handler in sqs._HANDLERS.items():
        if handler is old:
            sqs._HANDLERS[action] = new


def _alone(act: Callable[..., Any]) -> Callable[..., Any]:
    def alone(*arguments: Any) -> Any:
        with sqs._queues_lock:
            return act(*arguments)

    return alone


def _noticing(act: Callable[..., Any], url_of: Callable[..., str]) -> Callable[..., Any]:
    """Runs the action and records the deliveries that it ended."""

    def noticing(*arguments: Any) -> Any:
        with sqs._queues_lock:
            answer = act(*arguments)
            queue = sqs._get_q(url_of(*arguments))
            if _fair and not queue["is_fifo"]:
                _fairness(queue).notice(queue["messages"], time.time())
            return answer

    return noticing
