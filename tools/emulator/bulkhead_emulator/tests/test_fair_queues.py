"""The rules of fair queues (SQS: sqs-fair-queues-detailed), with a simulated clock."""

from __future__ import annotations

import itertools
from typing import Any

from bulkhead_emulator.fairness import Fairness, in_fair_order


class Queue:
    """A queue with a simulated clock."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.fairness, self.now = Fairness(), 1000.0
        self._numbers = itertools.count()

    def send(self, group: str | None, count: int = 1) -> None:
        for _ in range(count):
            number = next(self._numbers)
            self.messages.append({"id": str(number), "group_id": group, "receipt_handle": None, "visible_at": self.now})

    def receive(self, limit: int = 1, visible_after: float = 10_000.0) -> Any:
        """Receives messages and returns their groups."""
        self.fairness.notice(self.messages, self.now)
        waiting = [each for each in self.messages if each["visible_at"] <= self.now]
        noisy = self.fairness.judge({each["group_id"] or (each["id"],) for each in waiting}, self.now)
        received = in_fair_order(waiting, noisy, self.fairness.flying(), limit)
        for message in received:
            message["receipt_handle"], message["visible_at"] = str(next(self._numbers)), self.now + visible_after
        self.fairness.deliver(received, self.now)
        return [each["group_id"] for each in received]

    def finish(self, group: Any = None) -> None:
        """Deletes the messages in flight, of one group or of all."""
        self.messages = [
            each for each in self.messages if each["visible_at"] <= self.now or group not in (None, each["group_id"])
        ]
        self.fairness.notice(self.messages, self.now)


def busy(groups: Any, count: int, seconds: Any) -> Any:
    """Returns a queue in which each group had `count` messages in flight for the given seconds."""
    queue = Queue()
    for group in groups:
        queue.send(group, count)
    queue.receive(len(groups) * count)
    queue.now += seconds
    return queue


def test_noisy_with_thirty_in_flight_and_more_than_a_tenth() -> None:
    for in_flight, first in ((29, "many"), (30, "quiet")):
        queue = Queue()
        queue.send("many", in_flight + 1)
        # At one moment, so that no group has used processing time.
        assert queue.receive(in_flight) == ["many"] * in_flight
        queue.send("quiet")
        assert queue.receive() == [first], f"with {in_flight} in flight"


def test_quiet_with_thirty_in_flight_and_only_a_tenth() -> None:
    queue = Queue()
    for group in range(10):
        queue.send(f"tenant-{group}", 30)
    queue.receive(300)
    queue.send("tenant-0")
    queue.send("quiet")
    assert queue.receive(2) == ["tenant-0", "quiet"]


def test_noisy_with_more_than_a_tenth_of_the_processing_time() -> None:
    queue = busy(["slow"], 1, 5.0)
    queue.send("slow")
    queue.send("quiet")
    assert queue.receive(2) == ["quiet", "slow"]


def test_quiet_with_a_tenth_of_the_processing_time() -> None:
    queue = busy([f"tenant-{group}" for group in range(10)], 1, 5.0)
    queue.send("tenant-0")
    queue.send("quiet")
    assert queue.receive(2) == ["tenant-0", "quiet"]


def test_processing_time_counts_for_five_minutes_after_the_delivery() -> None:
    for pause, order in ((0.0, ["quiet", "slow"]), (301.0, ["slow", "quiet"])):
        queue = busy(["slow"], 1, 60.0)
        queue.finish()
        queue.now += pause
        queue.send("slow")
        queue.send("quiet")
        assert queue.receive(2) == order, f"after {pause} s"


def test_undeleted_message_counts_until_its_visibility_timeout() -> None:
    queue = Queue()
    queue.send("slow")
    queue.receive(visible_after=2.0)
    queue.now += 1000.0
    queue.fairness.notice(queue.messages, queue.now)
    assert [ended - started for started, ended, _ in queue.fairness.spent] in ([2.0], [])


def test_no_limit_per_tenant_if_no_other_tenant_waits() -> None:
    queue = busy(["many"], 40, 60.0)
    queue.send("many", 200)
    assert queue.receive(200) == ["many"] * 200


def test_each_message_without_a_group_counts_as_a_separate_tenant() -> None:
    queue = busy([None], 40, 5.0)
    queue.send(None)
    queue.send("quiet")
    assert queue.receive(2) == [None, "quiet"], "forty separate tenants are not one noisy tenant"
    queue = busy(["slow"], 1, 5.0)
    queue.send("slow")
    queue.send(None)
    assert queue.receive(2) == [None, "slow"]


def test_messages_without_a_group_count_as_in_flight() -> None:
    queue = Queue()
    queue.send("many", 31)
    queue.send(None, 300)
    assert queue.receive(30) == ["many"] * 30
    queue.fairness.deliver([], queue.now)
    queue.messages.append(queue.messages.pop(30))
    queue.receive(300)
    queue.send("quiet")
    assert queue.receive() == ["many"], "thirty of 330 are less than a tenth"


def test_noisy_tenant_with_the_fewest_in_flight_is_first() -> None:
    queue = Queue()
    queue.send("more", 3)
    queue.send("less", 1)
    queue.receive(4)
    queue.now += 5.0
    queue.send("more", 3)
    queue.send("less", 3)
    assert queue.receive(4) == ["less", "less", "more", "less"]


def test_quiet_again_if_no_message_waits() -> None:
    queue = busy(["slow", "other"], 1, 5.0)
    queue.send("slow")
    assert queue.receive() == ["slow"]
    queue.finish()
    assert queue.receive() == [], "its backlog is consumed"
    queue.send("slow")
    queue.send("quiet")
    assert queue.receive(2) == ["slow", "quiet"]


def test_quiet_again_after_five_minutes_without_messages_in_flight() -> None:
    queue = busy(["slow"], 1, 5.0)
    queue.finish()
    queue.now += 200.0
    queue.send("slow")
    queue.send("quiet")
    assert queue.receive() == ["quiet"]
    queue.now += 101.0
    queue.send("other")
    assert queue.receive() == ["slow"]


def test_quiet_again_if_its_shares_are_at_most_a_tenth() -> None:
    queue = Queue()
    queue.send("many", 40)
    queue.receive(30)
    queue.send("quiet")
    assert queue.receive() == ["quiet"]
    queue.send("quiet", 400)
    assert queue.receive(400) == ["quiet"] * 400
    queue.send("other")
    assert queue.receive() == ["many"], "thirty of 431 are less than a tenth"


def test_quiet_tenants_keep_the_order_of_sending() -> None:
    queue = busy(["slow"], 1, 5.0)
    for group in ("a", "slow", "b", "a", "slow", "c"):
        queue.send(group)
    assert queue.receive(10) == ["a", "b", "a", "c", "slow", "slow"]
    assert [each["group_id"] for each in queue.messages][1:] == ["a", "slow", "b", "a", "slow", "c"]
