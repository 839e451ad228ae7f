"""Permissions to write attributes of users and to create users.

AWS (cognito/latest/developerguide/user-pool-settings-attributes, -clients): an access token may write only the
app client's `WriteAttributes`; an attribute that is not mutable never changes; an attribute outside the schema
is refused; with `AllowAdminCreateUserOnly` users cannot sign up. MiniStack writes any attribute. A temporary
password that Cognito generates follows the pool's policy; MiniStack's always has twelve characters.
"""

from __future__ import annotations

import secrets
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cognito

from ..patch import replace


def install() -> None:
    global _update, _admin_update, _admin_create, _sign_up
    _update = replace(cognito, "_update_user_attributes", update)
    _admin_update = replace(cognito, "_admin_update_user_attributes", admin_update)
    _admin_create = replace(cognito, "_admin_create_user", admin_create)
    _sign_up = replace(cognito, "_sign_up", sign_up)


_update: Any = None
_admin_update: Any = None
_admin_create: Any = None
_sign_up: Any = None


def update(data: dict) -> tuple:
    _, pool = cognito._user_pool_for_access_token(data.get("AccessToken", ""))
    if pool is not None:
        client = cognito._token_claims(data["AccessToken"]).get("client_id", "")
        error = refusal(pool, names(data), client=client, exists=True)
        if error:
            return error
    return _update(data)


def admin_update(data: dict) -> tuple:
    pool = cognito._user_pools.get(data.get("UserPoolId"))
    return (refusal(pool, names(data), exists=True) if pool else None) or _admin_update(data)


def admin_create(data: dict) -> tuple:
    pool = cognito._user_pools.get(data.get("UserPoolId"))
    error = refusal(pool, names(data), exists=False) if pool else None
    if pool and not data.get("TemporaryPassword"):
        data = {**data, "TemporaryPassword": temporary_password(pool)}
    return error or _admin_create(data)


def temporary_password(pool: dict) -> str:
    length = (pool.get("Policies") or {}).get("PasswordPolicy", {}).get("MinimumLength", 8)
    return "aA1!" + secrets.token_urlsafe(length)


def sign_up(data: dict) -> tuple:
    client = data.get("ClientId", "")
    pool, _ = cognito._pool_for_client(client)
    if pool is not None:
        if (pool.get("AdminCreateUserConfig") or {}).get("AllowAdminCreateUserOnly"):
            return error_response_json("NotAuthorizedException", "SignUp is not permitted for this user pool", 400)
        error = refusal(pool, names(data), client=client, exists=False)
        if error:
            return error
    return _sign_up(data)


def names(data: dict) -> list[str]:
    return [each.get("Name", "") for each in data.get("UserAttributes") or []]


def refusal(pool: dict, wanted: list[str], *, client: str | None = None, exists: bool) -> tuple | None:
    """Returns why the attributes may not be written, by an app client or, without one, by an administrator."""
    if client is not None:
        writable = (pool["_clients"].get(client) or {}).get("WriteAttributes")
        if writable and not set(wanted) <= set(writable):
            return error_response_json(
                "NotAuthorizedException", "A client attempted to write unauthorized attribute", 400
            )
    schema = {each["Name"]: each for each in pool["SchemaAttributes"]}
    for name in wanted:
        if name not in schema:
            return error_response_json(
                "InvalidParameterException",
                f"Attributes did not conform to the schema: {name}: Attribute does not exist in the schema.",
                400,
            )
        if exists and not schema[name].get("Mutable", True):
            return error_response_json("InvalidParameterException", f"user.{name}: Attribute cannot be updated.", 400)
    return None
