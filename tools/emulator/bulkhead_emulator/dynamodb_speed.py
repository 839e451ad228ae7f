"""Parses each DynamoDB condition once instead of once per item.

MiniStack parses a condition for every item of a partition, so a Query of thousands of items takes a second. Results
do not change: MiniStack still handles conditions that are invalid or not plain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from .patch import replace

_TEXTS = 4096
_Tokens = list[tuple[str, str]]
_NAMES = ("IDENT", "NAME_REF")


@dataclass(frozen=True)
class _Test:
    """A comparison of one attribute's text."""

    compare: Callable[..., bool]
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class _Parsed:
    tokens: _Tokens
    # Names of the lower and the upper bound of each range.
    ranges: tuple[tuple[str, str], ...]
    # The key condition, if the condition is only `pk = :a AND sk …`.
    tests: tuple[_Test, ...]


def install() -> None:
    global _evaluate
    _evaluate = replace(dynamodb, "_evaluate_condition", evaluate)


_evaluate: Any = None


def evaluate(expression: str, item: Any, values: Any, names: Any, slot: str = "ConditionExpression") -> Any:
    """Returns whether `item` meets a condition."""
    global _last
    found = _parsed(expression, slot) if expression and expression.strip() else None
    if found is None:
        return _evaluate(expression, item, values, names, slot)
    try:
        if found.tests:
            last = _last
            # A Query passes the same values for every item.
            if last is None or last[0] is not found or last[1] is not values or last[2] is not names:
                last = _last = found, values, names, _predicate(found, values, names)
            return last[3](item)
    except (KeyError, TypeError, AttributeError, _NotPlain):
        pass
    try:
        if not any(dynamodb._between_bounds_error(values.get(low), values.get(high)) for low, high in found.ranges):
            return dynamodb._ExprEval(found.tokens, item, values, names).evaluate()
    except Exception:  # noqa: BLE001 - MiniStack reports it with its own error
        pass
    return _evaluate(expression, item, values, names, slot)


# The last condition, its values and its parsed form.
_last: tuple[_Parsed, Any, Any, Callable[[Any], bool]] | None = None


def range_of(expression: str, values: Any, names: Any) -> tuple[str, str | None, str | None, str, str | None] | None:
    """A plain key condition: names of partition and sort key, and a prefix or both ends of a range."""
    found = _parsed(expression, "KeyConditionExpression") if expression else None
    if found is None or not found.tests:
        return None
    name, *more = (names[test.name] if test.name[0] == "#" else test.name for test in found.tests)
    if not more:
        return name, None, None, "", None
    test = found.tests[1]
    texts = [values[each]["S"] for each in test.values]
    if test.compare is str.startswith:
        return name, more[0], texts[0], "", None
    return name, more[0], None, *texts


class _NotPlain(Exception):
    """The condition is not a comparison of texts or not a range."""


def _predicate(found: _Parsed, values: Any, names: Any) -> Callable[[Any], bool]:
    """Applies the tests to an item. Raises KeyError if the item lacks an attribute."""
    if any(dynamodb._between_bounds_error(values.get(low), values.get(high)) for low, high in found.ranges):
        raise _NotPlain
    made = [
        (
            names[test.name] if test.name[0] == "#" else test.name,
            test.compare,
            [values[each]["S"] for each in test.values],
        )
        for test in found.tests
    ]
    (first, is_first, [text]), *rest = made
    if not rest:
        return lambda item: is_first(item[first]["S"], text)
    [(second, is_second, texts)] = rest
    return lambda item: is_second(item[second]["S"], *texts) and is_first(item[first]["S"], text)


@lru_cache(_TEXTS)
def _parsed(expression: str, slot: str) -> _Parsed | None:
    """A valid condition."""
    try:
        tokens = dynamodb._tokenize(expression)
        wrong = (
            dynamodb._check_redundant_parens(tokens, slot)
            or dynamodb._check_reserved_keyword_usage(tokens)
            or dynamodb._condition_syntax_error(expression, slot)
        )
    except Exception:  # noqa: BLE001 - as above
        return None
    if wrong:
        return None
    ranges = [
        (tokens[at + 1][1], tokens[at + 3][1])
        for at, token in enumerate(tokens[:-3])
        if token[0] == "IDENT"
        and token[1].upper() == "BETWEEN"
        and tokens[at + 1][0] == tokens[at + 3][0] == "VALUE_REF"
        and tokens[at + 2][1].upper() == "AND"
    ]
    return _Parsed(tokens, tuple(ranges), _tests(tokens) if slot == "KeyConditionExpression" else ())


def _tests(tokens: _Tokens) -> tuple[_Test, ...]:
    match [(kind, text.upper() if kind == "IDENT" else text) for kind, text in tokens if kind != "EOF"]:
        case [(kind, _), ("EQ", _), ("VALUE_REF", value), *rest] if kind in _NAMES:
            first = _Test(str.__eq__, tokens[0][1], (value,))
        case _:
            return ()
    match rest:
        case []:
            return (first,)
        case [
            ("IDENT", "AND"),
            ("IDENT", "BEGINS_WITH"),
            ("LPAREN", _),
            (kind, _),
            ("COMMA", _),
            ("VALUE_REF", value),
            ("RPAREN", _),
        ] if kind in _NAMES:
            return first, _Test(str.startswith, tokens[6][1], (value,))
        case [
            ("IDENT", "AND"),
            (kind, _),
            ("IDENT", "BETWEEN"),
            ("VALUE_REF", low),
            ("IDENT", "AND"),
            ("VALUE_REF", high),
        ] if kind in _NAMES:
            return first, _Test(_between, tokens[4][1], (low, high))
    return ()


def _between(text: str, low: str, high: str) -> bool:
    return low <= text <= high
