"""Keeps partitions sorted, so that a Query reads only the items of its range.

MiniStack sorts and checks every item of a partition for each page, which is slow for thousands of items. With this
module it receives only the items of a plain Query's range, after the starting key and up to the limit. Other
queries still see all items.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ministack.services import dynamodb

from .dynamodb_speed import range_of
from .patch import replace


def install() -> None:
    global _query, _set_item
    _query = replace(dynamodb, "_query", query)
    _set_item = replace(dynamodb, "_set_item", set_item)


_query: Any = None
_set_item: Any = None


@dataclass(frozen=True)
class _Asked:
    """The part of a partition that a Query reads."""

    # A prefix of the sort key, or both ends of a range.
    prefix: str | None
    low: str
    high: str | None
    start: str | None
    forward: bool
    limit: int | None

    def of(self, keys: list[str]) -> list[str]:
        if self.prefix is not None:
            length = len(self.prefix)
            first = bisect_left(keys, self.prefix)
            end = bisect_right(keys, self.prefix, lo=first, key=lambda key: key[:length])
        else:
            first = bisect_left(keys, self.low)
            end = len(keys) if self.high is None else bisect_right(keys, self.high, lo=first)
        # The starting key is included, because MiniStack removes it; the limit is one higher.
        if self.start is not None:
            if self.forward:
                first = max(first, bisect_left(keys, self.start))
            else:
                end = min(end, bisect_right(keys, self.start))
        if self.limit is not None:
            if self.forward:
                end = min(end, first + self.limit + 1)
            else:
                first = max(first, end - self.limit - 1)
        return keys[first:end]


_asked: ContextVar[_Asked | None] = ContextVar("part_of_a_partition", default=None)
# MiniStack deletes expired items in a separate thread.
_changing = threading.RLock()


class Partition(dict):
    """Items by sort key. During a plain Query its values are only the items of the range."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._keys = sorted(self)

    def __setitem__(self, key: str, item: Any) -> None:
        with _changing:
            if key not in self:
                insort(self._keys, key)
            super().__setitem__(key, item)

    def __delitem__(self, key: str) -> None:
        with _changing:
            super().__delitem__(key)
            del self._keys[bisect_left(self._keys, key)]

    def pop(self, key: str, *default: Any) -> Any:
        with _changing:
            if key in self:
                del self._keys[bisect_left(self._keys, key)]
            return super().pop(key, *default)

    def values(self) -> Any:
        asked = _asked.get()
        if asked is None:
            return super().values()
        with _changing:
            return [self[key] for key in asked.of(self._keys)]

    def __deepcopy__(self, memo: dict[int, Any]) -> Partition:
        return Partition({key: deepcopy(item, memo) for key, item in self.items()})

    def __reduce__(self) -> Any:
        return Partition, (dict(self),)


def set_item(table: dict, pk: str, sk: str, item: dict) -> Any:
    """Stores an item with MiniStack, in a sorted partition."""
    there = table["items"].get(pk)
    if not isinstance(there, Partition):
        table["items"][pk] = Partition(there or {})
    return _set_item(table, pk, sk, item)


def query(request: dict[str, Any]) -> Any:
    token = _asked.set(_part(request))
    try:
        return _query(request)
    finally:
        _asked.reset(token)


def _part(request: dict[str, Any]) -> _Asked | None:
    try:
        table = dynamodb._tables.get(dynamodb._normalize_table_name(request["TableName"]))
        pk, sk = table["pk_name"], table["sk_name"]
        if "IndexName" in request or "KeyConditions" in request or not sk:
            return None
        if {dynamodb._get_attr_type(table, name) for name in (pk, sk)} != {"S"}:
            return None
        asked = range_of(
            request["KeyConditionExpression"],
            request["ExpressionAttributeValues"],
            request.get("ExpressionAttributeNames", {}),
        )
        if asked is None or asked[0] != pk or asked[1] not in (None, sk):
            return None
        _, _, prefix, low, high = asked
        start, limit = request.get("ExclusiveStartKey"), request.get("Limit")
        return _Asked(
            prefix,
            low,
            high,
            start[sk]["S"] if start else None,
            request.get("ScanIndexForward", True) is not False,
            int(limit) if limit is not None else None,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        # Invalid or not plain: MiniStack handles it.
        return None
