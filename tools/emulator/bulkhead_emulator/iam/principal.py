"""`aws:PrincipalArn` of a session: its role.

AWS (IAM, reference_policies_condition-keys): "For IAM roles, the request context returns the ARN of the
role, not the ARN of the user that assumed the role". MiniStack returns the session's ARN, so a policy that exempts
a role by its ARN, as AWS requires, would exempt no session.
"""

from __future__ import annotations

from typing import Any

from ministack.core import iam_evaluator as iam

from ..patch import replace


def install() -> None:
    global _resolve_condition_key
    _resolve_condition_key = replace(iam, "_resolve_condition_key", resolve_condition_key)


_resolve_condition_key: Any = None


def resolve_condition_key(key: str, context: Any) -> Any:
    """Returns the value of a condition key in a request."""
    if key.lower() == "aws:principalarn" and ":assumed-role/" in context.principal_arn:
        return _role_arn(context)
    return _resolve_condition_key(key, context)


def _role_arn(context: Any) -> str:
    from ministack.services import iam as service

    name = iam._role_name_from_assumed_arn(context.principal_arn)
    role = service._roles.get_scoped(context.principal_account, None, name) or {}
    # A session's ARN does not tell the path of its role.
    return role.get("Arn") or f"arn:aws:iam::{context.principal_account}:role/{name}"
