"""Statements of identity, trust, key and bucket policies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.infrastructure.guards.template import Statement, Template

# (resource, Sid) of an Allow that may use `*`, and why.
WILDCARDS: dict[tuple[str, str], str] = {
    ("Key", "Account"): "a key policy covers only its own key; this lets IAM policies decide, "
    "and without it no one could change the key",
    (
        "ControlRole",
        "MakeTenantKeys",
    ): "a key that does not exist yet has no ARN; the statement creates keys and changes none",
}
# Everything, or everything of one kind: `*`, `arn:…:*`, `arn:…:table/*`, `${Documents.Arn}/*`.
_EVERYTHING = re.compile(r"\*|arn:.*:\*|arn:[^/]*/\*|\$\{[^}]+\}/?\*")


def for_all_values_has_a_null_check(template: Template) -> Iterator[str]:
    """`ForAllValues` is true for a request without the key, so it needs `Null` to require the key."""
    for statement in template.statements():
        for key in statement.keys("forallvalues:"):
            if str(statement.keys("null").get(key)).lower() != "false" and not _is_required(key, statement):
                yield (
                    f"{statement.name}: ForAllValues over {key} is also true for a request without the key; "
                    f"add 'Null': {{{key}: 'false'}}"
                )


def _is_required(key: str, statement: Statement) -> bool:
    """Reports whether the statement requires a request tag, which implies `aws:TagKeys`."""
    required = statement.keys("stringequals", "stringlike")
    return key == "aws:tagkeys" and any(each.startswith("aws:requesttag/") for each in required)


def allows_name_actions_and_resources(template: Template) -> Iterator[str]:
    """An Allow names its actions and resources."""
    for statement in template.statements():
        if not statement.allows or (statement.resource, statement.sid) in WILDCARDS:
            continue
        for exclusion in ("NotAction", "NotResource", "NotPrincipal"):
            if exclusion in statement.body:
                yield f"{statement.name}: allows everything except what {exclusion} lists"
        for action in statement.actions:
            if "*" in action or "?" in action:
                yield f"{statement.name}: allows {action}; name the actions"
        for resource in statement.resources:
            if _EVERYTHING.fullmatch(resource):
                yield f"{statement.name}: allows {', '.join(statement.actions)} on {resource}; name the resource"
