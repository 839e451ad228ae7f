"""DynamoDB's conditions, checked once for each text instead of once for each item.

MiniStack parses a condition anew for every item of a partition, so a Query of thousands takes a second.
Nothing else changes: whatever is wrong, or not plain, is left to MiniStack to say.
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
    # What a Query of one partition asks, where that is all: `pk = :a AND sk …`.
    tests: tuple[_Test, ...]


def install() -> None:
    global _evaluate
    _evaluate = replace(dynamodb, "_evaluate_condition", evaluate)


_evaluate: Any = None


def evaluate(expression: str, item: Any, values: Any, names: Any, slot: str = "ConditionExpression") -> Any:
    """Whether `item` meets a condition."""
    found = _parsed(expression, slot) if expression and expression.strip() else None
    if found is not None:
        try:
            if not any(dynamodb._between_bounds_error(values.get(low), values.get(high)) for low, high in found.ranges):
                known = _compared(found.tests, item, values, names)
                if known is None:
                    return dynamodb._ExprEval(found.tokens, item, values, names).evaluate()
                return known
        except Exception:  # noqa: BLE001 - said once more, in MiniStack's words
            pass
    return _evaluate(expression, item, values, names, slot)


def _compared(tests: tuple[_Test, ...], item: Any, values: Any, names: Any) -> bool | None:
    """Whether all tests hold; none where there are none, or something is no text."""
    if not tests:
        return None
    holds = True
    for test in tests:
        name = names[test.name] if test.name[0] == "#" else test.name
        texts = [item[name].get("S"), *(values[value].get("S") for value in test.values)]
        if None in texts:
            return None
        holds = holds and test.compare(*texts)
    return holds


@lru_cache(_TEXTS)
def _parsed(expression: str, slot: str) -> _Parsed | None:
    """A condition that nothing is wrong with."""
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
        if token[0] == "IDENT" and token[1].upper() == "BETWEEN"
        and tokens[at + 1][0] == tokens[at + 3][0] == "VALUE_REF" and tokens[at + 2][1].upper() == "AND"
    ]  # fmt: skip
    return _Parsed(tokens, tuple(ranges), _tests(tokens) if slot == "KeyConditionExpression" else ())


def _tests(tokens: _Tokens) -> tuple[_Test, ...]:
    match [(kind, text.upper() if kind == "IDENT" else text) for kind, text in tokens]:
        case [(kind, _), ("EQ", _), ("VALUE_REF", value), *rest] if kind in _NAMES:
            first = _Test(str.__eq__, tokens[0][1], (value,))
        case _:
            return ()
    match rest:
        case []:
            return (first,)
        case [("IDENT", "AND"), ("IDENT", "BEGINS_WITH"), ("LPAREN", _), (kind, _), ("COMMA", _), ("VALUE_REF", value), ("RPAREN", _)] if kind in _NAMES:
            return first, _Test(str.startswith, tokens[6][1], (value,))
        case [("IDENT", "AND"), (kind, _), ("IDENT", "BETWEEN"), ("VALUE_REF", low), ("IDENT", "AND"), ("VALUE_REF", high)] if kind in _NAMES:
            return first, _Test(_between, tokens[4][1], (low, high))
    return ()


def _between(text: str, low: str, high: str) -> bool:
    return low <= text <= high
