"""Installs the condition and pattern rules in MiniStack's policy evaluator.

MiniStack evaluates identity, boundary, session and resource policies in `_first_match` and trust policies in
`evaluate_trust_policy`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from ministack.core import iam_evaluator as iam

from ..patch import replace
from . import conditions
from .patterns import parse

_VARIABLES_SINCE = "2012-10-17"
_VERSION_MARK = "__policy_version"
# Maximum number of cached policies; a test run has a few hundred.
_POLICIES = 4096


def install() -> None:
    global _parse_policy_document, _evaluate_resource_policy
    conditions.iam_single_condition = iam._evaluate_single_condition
    _parse_policy_document = replace(iam, "parse_policy_document", parse_policy_document)
    _evaluate_resource_policy = replace(iam, "evaluate_resource_policy", evaluate_resource_policy)
    replace(iam, "_first_match", first_match)
    replace(iam, "_conditions_met", conditions.met)
    replace(iam, "evaluate_trust_policy", evaluate_trust_policy)


_parse_policy_document: Any = None
_evaluate_resource_policy: Any = None


def parse_policy_document(document: str | dict) -> list:
    """Parses a policy with MiniStack and marks each statement whose policy version supports variables.

    AWS: "policy variables were introduced in version 2012-10-17 … if you use an older version,
    variables like ${aws:username} are treated as literal strings".
    """
    return list(_parsed(document)) if isinstance(document, str) else _with_versions(document)


@lru_cache(_POLICIES)
def _parsed(text: str) -> tuple:
    """Caches parsed policies, because the same policies are evaluated often."""
    return tuple(_with_versions(text))


def _with_versions(document: str | dict) -> list:
    loaded = _load(document)
    statements = _parse_policy_document(loaded)
    sources = [s for s in _statements(loaded) if s.get("Effect") in ("Allow", "Deny")]
    for statement, source in zip(statements, sources, strict=True):
        version = source.get(_VERSION_MARK, loaded.get("Version"))
        statement.variables = version == _VARIABLES_SINCE
    return statements


def evaluate_resource_policy(document: str | dict | None, *arguments: Any, **options: Any) -> Any:
    """Marks each statement with its policy version, which MiniStack drops when it collects statements."""
    loaded = _load(document)
    marked = [{**s, _VERSION_MARK: loaded.get("Version")} for s in _statements(loaded)]
    return _evaluate_resource_policy({**loaded, "Statement": marked}, *arguments, **options)


def first_match(context: Any, statements: list, effect: str) -> Any:
    """Returns the first statement of ``effect`` that applies to the request, or None."""
    for statement in statements:
        variables = getattr(statement, "variables", False)
        if (
            statement.effect == effect
            and iam._action_matches(context.action, statement.actions, statement.not_actions)
            and _resource_matches(context, statement, variables)
            and conditions.met(statement.conditions, context, variables)
        ):
            return statement
    return None


def _resource_matches(context: Any, statement: Any, variables: bool) -> bool:
    def named(patterns: list[str]) -> bool:
        filled = (parse(text, variables).substitute(_resolver(context)) for text in patterns)
        return any(pattern is not None and pattern.like_arn(context.resource_arn) for pattern in filled)

    if statement.resources:
        return named(statement.resources)
    if statement.not_resources:
        return not named(statement.not_resources)
    return True


def evaluate_trust_policy(document: str | dict, caller_arn: str, context: Any = None) -> bool:
    """Returns whether a trust policy allows the caller ``context.action`` (AssumeRole, TagSession, …)."""
    loaded = _load(document)
    if context is None:
        context = iam.EvalContext(
            principal_arn=caller_arn,
            principal_type="AssumedRole" if ":assumed-role/" in caller_arn else "User",
            principal_account=iam._account_from_arn(caller_arn) or "",
            action="sts:AssumeRole",
            resource_arn="*",
            region="",
        )
    federated = context.action == "sts:AssumeRoleWithWebIdentity"
    variables = loaded.get("Version") == _VARIABLES_SINCE
    effects = {
        statement.get("Effect")
        for statement in _statements(loaded)
        if _trust_action(statement, context.action)
        and iam._trust_principal_matches(statement.get("Principal", {}), caller_arn, federated)
        and conditions.met(statement.get("Condition"), context, variables)
    }
    return "Allow" in effects and "Deny" not in effects


def _trust_action(statement: dict, action: str) -> bool:
    actions, not_actions = _as_list(statement.get("Action")), _as_list(statement.get("NotAction"))
    return bool(actions or not_actions) and iam._action_matches(action, actions, not_actions)


def _resolver(context: Any) -> Any:
    return lambda key: iam._resolve_condition_key(key, context)


def _load(document: str | dict | None) -> dict:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            document = None
    return document if isinstance(document, dict) else {}


def _statements(document: dict) -> list[dict]:
    found = document.get("Statement", [])
    found = [found] if isinstance(found, dict) else found
    return [s for s in found if isinstance(s, dict)] if isinstance(found, list) else []


def _as_list(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(item) for item in value]
