"""Statements, wherever they stand: identity, trust, key and bucket policies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.infrastructure.guards.template import Statement, Template

# (resource, Sid) of an Allow that may say `*`, and why.
WILDCARDS: dict[tuple[str, str], str] = {
    ("Key", "Account"): "a key policy speaks of its own key; this leaves the deciding to IAM policies, "
    "and without it nobody could ever change the key",
    ("ControlRole", "MakeTenantKeys"): "a key that is still to be made has no ARN; the tags it must be given narrow it",
}
# Everything, or everything of one kind: `*`, `arn:…:*`, `arn:…:table/*`, `${Documents.Arn}/*`.
_EVERYTHING = re.compile(r"\*|arn:.*:\*|arn:[^/]*/\*|\$\{[^}]+\}/?\*")


def for_all_values_is_guarded(template: Template) -> Iterator[str]:
    """`ForAllValues` is true of a request without the key: it needs `Null` to demand the key."""
    for statement in template.statements():
        for key in statement.keys("forallvalues:"):
            if str(statement.keys("null").get(key)).lower() != "false" and not _demanded(key, statement):
                yield (
                    f"{statement.name}: ForAllValues over {key} is also true of a request without it; "
                    f"add 'Null': {{{key}: 'false'}}"
                )


def _demanded(key: str, statement: Statement) -> bool:
    """A request that has a certain tag has tag keys, so demanding the tag demands `aws:TagKeys`."""
    demanded = statement.keys("stringequals", "stringlike")
    return key == "aws:tagkeys" and any(each.startswith("aws:requesttag/") for each in demanded)


def allows_are_spelled_out(template: Template) -> Iterator[str]:
    """An Allow names its actions and what it allows them on."""
    for statement in template.statements():
        if not statement.allows or (statement.resource, statement.sid) in WILDCARDS:
            continue
        for turned in ("NotAction", "NotResource", "NotPrincipal"):
            if turned in statement.body:
                yield f"{statement.name}: allows everything but what {turned} lists"
        for action in statement.actions:
            if "*" in action or "?" in action:
                yield f"{statement.name}: allows {action}; name the actions"
        for resource in statement.resources:
            if _EVERYTHING.fullmatch(resource):
                yield f"{statement.name}: allows {', '.join(statement.actions)} on {resource}; name what"
