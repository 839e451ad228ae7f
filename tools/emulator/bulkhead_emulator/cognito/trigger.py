"""The pre token generation trigger: one call per sign-in, limited claims, and errors that end the sign-in.

AWS (cognito/latest/developerguide/user-pool-lambda-pre-token-generation, …-working-with-lambda-triggers):
one event serves both tokens; Cognito needs permission by the function's policy; a function that fails or returns
no event ends the sign-in; the trigger cannot change claims about issuer, audience and expiry; only the Essentials
and Plus plans customise access tokens. MiniStack calls the function for each token and without permission, lets
it write any claim, and completes the sign-in if the function fails.
"""

from __future__ import annotations

import json
from contextvars import ContextVar
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import cognito, lambda_svc

from ..functions.permissions import service_may_invoke
from ..patch import replace

SERVICE = "cognito-idp.amazonaws.com"
_NAME = "PreTokenGeneration"
# Claims that the trigger must not add, change or remove.
_RESERVED = frozenset(
    {
        "acr",
        "amr",
        "at_hash",
        "auth_time",
        "azp",
        "client_id",
        "cognito:username",
        "device_key",
        "event_id",
        "exp",
        "iat",
        "identities",
        "iss",
        "jti",
        "nbf",
        "nonce",
        "origin_jti",
        "scope",
        "sub",
        "token_use",
        "username",
        "version",
    }
)
_OF_GROUPS = frozenset({"cognito:groups", "cognito:roles", "cognito:preferred_role"})
_PLAN_ERROR = (
    "The following features need to be disabled for the LITE pricing tier configured: Access token customization"
)

# The trigger's answer in the current sign-in.
_answer: ContextVar[dict[str, Any] | None] = ContextVar("answer_of_the_trigger", default=None)


class SignInRefused(Exception):
    """The trigger's answer is invalid."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def install() -> None:
    global _run_idp_handler, _build_auth_result, _oauth2_token
    _run_idp_handler = replace(cognito, "_run_idp_handler", run_idp_handler)
    _build_auth_result = replace(cognito, "_build_auth_result", build_auth_result)
    _oauth2_token = replace(cognito, "_oauth2_token", oauth2_token)
    replace(cognito, "_apply_pretoken_trigger", apply_trigger)
    for name in ("_create_user_pool", "_update_user_pool"):
        replace(cognito, name, _within_its_plan(getattr(cognito, name)))


_run_idp_handler: Any = None
_build_auth_result: Any = None
_oauth2_token: Any = None


def run_idp_handler(handler: Any, action: str, data: dict) -> tuple:
    try:
        return _run_idp_handler(handler, action, data)
    except SignInRefused as refused:
        return error_response_json(refused.code, refused.message, 400)


def oauth2_token(*arguments: Any, **options: Any) -> tuple:
    """Answers the token endpoint. AWS does not document the code for a trigger that fails; there is no token."""
    try:
        return _oauth2_token(*arguments, **options)
    except SignInRefused as refused:
        body = {"error": "invalid_request", "error_description": refused.message}
        return 400, {"Content-Type": "application/json"}, json.dumps(body).encode()


def build_auth_result(*arguments: Any, **options: Any) -> dict:
    token = _answer.set({})
    try:
        return _build_auth_result(*arguments, **options)
    finally:
        _answer.reset(token)


def apply_trigger(
    pool_id: str,
    claims: dict,
    token_type: str,
    trigger_source: str,
    client_id: str,
    username: str,
    user_attrs: dict,
    groups: list[str],
    client_metadata: dict | None = None,
    scope: str = cognito._API_TOKEN_SCOPE,
) -> dict:
    """Returns the claims of one token with the trigger's changes."""
    pool = cognito._user_pools.get(pool_id) or {}
    arn, version = _configured(pool)
    machine = trigger_source == "TokenGeneration_ClientCredentials"
    if not arn or (version == "V1_0" and token_type != "id") or (machine and version != "V3_0"):
        return claims
    remembered = _answer.get()
    if remembered is None or "response" not in remembered:
        event = cognito._build_pretoken_event(
            pool_id=pool_id,
            client_id=client_id,
            username=username,
            user_attrs=user_attrs,
            groups=groups,
            trigger_source=trigger_source,
            version=version,
            client_metadata=client_metadata,
            scope=scope,
        )
        response = _ask(arn, pool["Arn"], event)
        if remembered is not None:
            remembered["response"] = response
    else:
        response = remembered["response"]
    if version == "V1_0":
        details = response.get("claimsOverrideDetails") or {}
        return _with(claims, details, details.get("groupOverrideDetails"))
    details = response.get("claimsAndScopeOverrideDetails") or {}
    wanted = details.get(f"{token_type}TokenGeneration") or {}
    return _with_scopes(_with(claims, wanted, details.get("groupOverrideDetails")), wanted, token_type)


def _configured(pool: dict) -> tuple[str | None, str]:
    config = pool.get("LambdaConfig") or {}
    detailed = config.get("PreTokenGenerationConfig") or {}
    if detailed.get("LambdaArn"):
        return detailed["LambdaArn"], (detailed.get("LambdaVersion") or "V1_0").upper()
    return config.get("PreTokenGeneration"), "V1_0"


def _ask(arn: str, pool_arn: str, event: dict) -> dict:
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if function is None or config is None:
        raise SignInRefused(
            "UnexpectedLambdaException", f"{_NAME} invocation failed due to error ResourceNotFoundException."
        )
    if not service_may_invoke(config, function.get("policy"), SERVICE, pool_arn):
        raise SignInRefused(
            "UnexpectedLambdaException", f"{_NAME} invocation failed due to error AccessDeniedException."
        )
    record = lambda_svc._execution_record_for_config(function, config)
    result = lambda_svc._execute_function_with_config_scope(record, event)
    body = _parsed(result.get("body"))
    if result.get("throttle"):
        raise SignInRefused(
            "UnexpectedLambdaException", f"{_NAME} invocation failed due to error TooManyRequestsException."
        )
    if result.get("error"):
        message = body.get("errorMessage") if isinstance(body, dict) else None
        raise SignInRefused("UserLambdaValidationException", f"{_NAME} failed with error {message}.")
    if not isinstance(body, dict) or not isinstance(body.get("response"), dict):
        raise SignInRefused("InvalidLambdaResponseException", "Unrecognizable lambda output")
    return body["response"]


def _parsed(body: Any) -> Any:
    try:
        return json.loads(body) if isinstance(body, str | bytes | bytearray) else body
    except ValueError:
        return None


def _with(claims: dict, wanted: dict, groups: dict | None) -> dict:
    """Applies the trigger's changes. Suppressing wins over overriding; protected claims stay unchanged."""
    made = dict(claims)
    for name, value in (wanted.get("claimsToAddOrOverride") or {}).items():
        own_audience = name == "aud" and claims.get("token_use") == "access" and value == claims.get("client_id")
        if own_audience or (_customisable(name) and not name.startswith("dev:")):
            made[name] = value
    for name in wanted.get("claimsToSuppress") or []:
        if _customisable(name):
            made.pop(name, None)
    if groups and isinstance(groups.get("groupsToOverride"), list):
        made["cognito:groups"] = groups["groupsToOverride"]
    return made


def _customisable(name: str) -> bool:
    return name not in _RESERVED and name != "aud" and (not name.startswith("cognito:") or name in _OF_GROUPS)


def _with_scopes(claims: dict, wanted: dict, token_type: str) -> dict:
    if token_type != "access":
        return claims
    suppressed = wanted.get("scopesToSuppress") or []
    kept = [scope for scope in claims.get("scope", "").split() if scope not in suppressed]
    added = [scope for scope in wanted.get("scopesToAdd") or [] if scope not in kept]
    return {**claims, "scope": " ".join(kept + added)}


def _within_its_plan(operation: Any) -> Any:
    """Refuses a pool whose plan does not support its trigger."""

    def check(data: dict) -> tuple:
        there = cognito._user_pools.get(data.get("UserPoolId")) or {}
        wanted = {**there, **data}
        if cognito._user_pool_tier(wanted) == "LITE" and _configured(wanted)[1] != "V1_0":
            return error_response_json("FeatureUnavailableInTierException", _PLAN_ERROR, 400)
        return operation(data)

    return check
