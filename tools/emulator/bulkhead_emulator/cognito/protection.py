"""Deletion protection of a user pool, which MiniStack stores and ignores.

AWS (user-pool-settings-deletion-protection): neither the API nor CloudFormation deletes a pool while its
protection is active.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cognito

from ..patch import replace, replace_provisioner

_REFUSED = (
    "The user pool cannot be deleted because deletion protection is activated. "
    "Deletion protection must be inactivated first."
)


def install() -> None:
    global _delete
    _delete = replace(cognito, "_delete_user_pool", delete)
    replace_provisioner("AWS::Cognito::UserPool", "delete", _deleting)


_delete: Any = None


def delete(data: dict) -> tuple:
    if _protected(data.get("UserPoolId")):
        return error_response_json("InvalidParameterException", _REFUSED, 400)
    return _delete(data)


def _deleting(delete_pool: Any) -> Any:
    def delete_user_pool(physical_id: str, props: dict) -> None:
        if _protected(physical_id):
            raise ValueError(f"InvalidParameterException: {_REFUSED}")
        delete_pool(physical_id, props)

    return delete_user_pool


def _protected(pool: str | None) -> bool:
    return (cognito._user_pools.get(pool) or {}).get("DeletionProtection") == "ACTIVE"
