"""Condition blocks: operators, set operators, missing keys.

AWS (reference_policies_elements_condition_operators, ..._condition-single-vs-multi-valued-context-keys):
- a key that is not in the request makes a condition false, a negated one (`StringNotLike`) true;
- `ForAllValues` is true when the key is missing or empty, `ForAnyValue` is false;
- `Null` tests presence; `...IfExists` is true when the key is missing;
- several policy values are alternatives; for a negated operator all of them must differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .patterns import Pattern, parse

_EQUALS = {
    "stringequals": lambda pattern, value: pattern.text == value,
    "stringequalsignorecase": lambda pattern, value: pattern.text.lower() == value.lower(),
    "stringlike": lambda pattern, value: pattern.like(value),
    "arnequals": lambda pattern, value: pattern.like_arn(value),
    "arnlike": lambda pattern, value: pattern.like_arn(value),
}
_NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
}


def met(conditions: Any, context: Any, variables: bool = True) -> bool:
    """Returns whether every condition of a statement holds for the request in ``context``."""
    for operator, block in (conditions or {}).items():
        if not isinstance(block, dict):
            return False
        for key, expected in block.items():
            if not _holds(operator, key, _as_list(expected), context, variables):
                return False
    return True


def _holds(operator: str, key: str, expected: list[str], context: Any, variables: bool) -> bool:
    from ministack.core import iam_evaluator as iam

    actual = iam._resolve_condition_key(key, context)
    name = operator.lower()
    if key.lower().startswith("aws:requesttag/") and isinstance(actual, list):
        # Tags whose names differ only in case are separate values of the key.
        combine = all if _base(name) in _NEGATED else any
        return combine(_compare(name, value, expected, context, variables) for value in actual)
    return _compare(name, actual, expected, context, variables)


def _compare(name: str, actual: Any, expected: list[str], context: Any, variables: bool) -> bool:
    from ministack.core import iam_evaluator as iam

    if isinstance(actual, list) and not actual:
        actual = None
    base = _base(name)
    if base not in _EQUALS and base not in _NEGATED:
        return iam_single_condition(name, actual, expected)
    for_all, for_any = name.startswith("forallvalues:"), name.startswith("foranyvalue:")
    if actual is None:
        return name.endswith("ifexists") or for_all or (base in _NEGATED and not for_any)
    negated = base in _NEGATED
    equal = _EQUALS[_NEGATED.get(base, base)]
    patterns = _substituted(expected, lambda key: iam._resolve_condition_key(key, context), variables)

    def matches(value: Any) -> bool:
        found = any(equal(pattern, str(value)) for pattern in patterns)
        return not found if negated else found

    if for_all or for_any:
        values = actual if isinstance(actual, list) else [actual]
        return (all if for_all else any)(matches(value) for value in values)
    if isinstance(actual, list):
        # AWS does not define a multivalued key without a set operator, so it never matches.
        return negated
    return matches(actual)


def _substituted(expected: Iterable[str], resolve: Any, variables: bool) -> list[Pattern]:
    """Returns the values to compare with. A value whose variable is missing is null and equals nothing."""
    filled = (parse(text, variables).substitute(resolve) for text in expected)
    return [pattern for pattern in filled if pattern is not None]


def _base(name: str) -> str:
    return name.removesuffix("ifexists").removeprefix("forallvalues:").removeprefix("foranyvalue:")


def _as_list(expected: Any) -> list[str]:
    values = expected if isinstance(expected, list) else [expected]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


# MiniStack's evaluation of the operators without variables (Bool, Null, Numeric…, Date…, IpAddress).
iam_single_condition: Any = None
