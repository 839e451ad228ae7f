"""DynamoDB's conditions, checked once for each text instead of once for each item.

MiniStack parses a condition anew for every item that a Query looks at, so a partition of thousands takes
a quarter of a second for each look. Nothing else changes: what is wrong is left to MiniStack to say.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from .patch import replace

_TEXTS = 4096


def install() -> None:
    global _evaluate
    _evaluate = replace(dynamodb, "_evaluate_condition", evaluate)


_evaluate: Any = None


def evaluate(expression: str, item: Any, values: Any, names: Any, slot: str = "ConditionExpression") -> Any:
    """Whether `item` meets a condition."""
    found = _parsed(expression, slot) if expression and expression.strip() else None
    if found is not None:
        tokens, ranges = found
        try:
            if not any(dynamodb._between_bounds_error(values.get(low), values.get(high)) for low, high in ranges):
                return dynamodb._ExprEval(tokens, item, values, names).evaluate()
        except Exception:  # noqa: BLE001 - said once more, in MiniStack's words
            pass
    return _evaluate(expression, item, values, names, slot)


@lru_cache(_TEXTS)
def _parsed(expression: str, slot: str) -> tuple[list[Any], list[tuple[str, str]]] | None:
    """The tokens of a condition and the bounds of its ranges; none where something is wrong with it."""
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
    return tokens, ranges
