"""Metadata filters of QueryVectors.

AWS (s3-vectors-metadata-filtering): $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $startsWith, $and,
$or; a plain value means $eq; a list is compared element by element; at most 100 constraints; a key
declared non-filterable cannot be used.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

from .errors import invalid

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_LOGICAL = {"$and": all, "$or": any}
_LIMIT = 100

Predicate = Callable[[dict], bool]


def compile_filter(expression: Any, non_filterable: Iterable[str]) -> Predicate:
    """Returns a predicate over a vector's metadata. Raises ValidationException if the filter is invalid."""
    counter = _Counter()
    predicate = _document(expression, frozenset(non_filterable), counter)
    if counter.constraints > _LIMIT:
        raise invalid(f"A filter can hold at most {_LIMIT} constraints")
    return predicate


class _Counter:
    constraints = 0


def _document(expression: Any, forbidden: frozenset[str], counter: _Counter) -> Predicate:
    if not isinstance(expression, dict) or not expression:
        raise invalid("Invalid query filter: it must be a non-empty object")
    terms = []
    for key, value in expression.items():
        if key in _LOGICAL:
            if not isinstance(value, list) or not value:
                raise invalid(f"Invalid query filter: {key} needs a non-empty array")
            parts = [_document(part, forbidden, counter) for part in value]
            terms.append(_combined(_LOGICAL[key], parts))
        elif key.startswith("$"):
            raise invalid(f"Invalid query filter: unknown operator {key}")
        else:
            if key in forbidden:
                raise invalid(f"Invalid use of non-filterable metadata in filter: {key}")
            terms.append(_field(key, value, counter))
    return _combined(all, terms)


def _combined(combine: Callable[[Iterable[bool]], bool], parts: list[Predicate]) -> Predicate:
    return lambda metadata: combine(part(metadata) for part in parts)


def _field(key: str, value: Any, counter: _Counter) -> Predicate:
    constraints = value if isinstance(value, dict) else {"$eq": value}
    if not constraints:
        raise invalid(f"Invalid query filter: {key} has no constraint")
    counter.constraints += len(constraints)
    tests = [_constraint(name, wanted) for name, wanted in constraints.items()]

    def check(metadata: dict) -> bool:
        present = key in metadata
        found = metadata.get(key)
        values = found if isinstance(found, list) else [found]
        return all(test(present, values if present else []) for test in tests)

    return check


def _constraint(name: str, wanted: Any) -> Callable[[bool, list], bool]:
    if name == "$exists":
        if not isinstance(wanted, bool):
            raise invalid("Invalid query filter: $exists needs a boolean")
        return lambda present, values: present == wanted
    if name in ("$in", "$nin"):
        if not isinstance(wanted, list) or not wanted or not all(_primitive(item) for item in wanted):
            raise invalid(f"Invalid query filter: {name} needs a non-empty array of primitives")
        inside = name == "$in"
        return lambda present, values: any(_same(v, w) for v in values for w in wanted) == inside
    if name in _ORDER:
        if not _number(wanted):
            raise invalid(f"Invalid query filter: {name} needs a number")
        compare = _ORDER[name]
        return lambda present, values: any(_number(v) and compare(v, wanted) for v in values)
    if name == "$startsWith":
        if not isinstance(wanted, str):
            raise invalid("Invalid query filter: $startsWith needs a string")
        return lambda present, values: any(isinstance(v, str) and v.startswith(wanted) for v in values)
    if name not in ("$eq", "$ne") or not _primitive(wanted):
        raise invalid(f"Invalid query filter: {name} cannot be compared with {wanted!r}")
    equal = name == "$eq"
    return lambda present, values: any(_same(v, wanted) for v in values) == equal


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _primitive(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool))
