"""REQUEST authorizers: identity sources, permission, the policy's action, the context.

AWS (apigateway-use-lambda-authorizer): `context.*` are identity sources too; the error message
`Unauthorized`, exactly, is a 401 and any other error a 500; the returned policy must allow
`execute-api:Invoke` on the method's ARN, also when it comes from the cache; API Gateway needs the
function's permission to call it (source ARN `…/authorizers/<id>`).
"""

from __future__ import annotations

from typing import Any

from ministack.core.iam_evaluator import fnmatch_iam
from ministack.services import apigateway_v1, lambda_svc

from ..functions.permissions import API_GATEWAY, service_may_invoke
from ..patch import replace
from .request import context_value, current

_INVOKE = "execute-api:Invoke"
# An authorizer cannot use this name: names in its context are letters, digits and underscores.
_USAGE_KEY = "usage key"


def install() -> None:
    global _authorize, _identity_sources, _invoke, _evaluate
    _authorize = replace(apigateway_v1, "_authorize_request_v1", authorize)
    _identity_sources = replace(apigateway_v1, "_request_identity_sources", identity_sources)
    _invoke = replace(apigateway_v1, "_invoke_authorizer_lambda", invoke)
    _evaluate = replace(apigateway_v1, "_evaluate_policy", evaluate)


_authorize: Any = None
_identity_sources: Any = None
_invoke: Any = None
_evaluate: Any = None


async def authorize(*arguments: Any, **options: Any) -> tuple:
    error, context = await _authorize(*arguments, **options)
    if error is None and context is not None:
        # The answer is cached, so it must not be changed.
        current.get()["usage_key"] = context.get(_USAGE_KEY)
        context = {name: value for name, value in context.items() if name != _USAGE_KEY}
        current.get()["authorizer"] = context
    return error, context


def identity_sources(identity_source: str, headers: dict, query_params: dict, stage: dict) -> tuple[bool, list[str]]:
    """Returns whether every identity source has a value, and the values, which are the cache key."""
    values = []
    for source in (part.strip() for part in (identity_source or "").split(",")):
        if source.startswith("context."):
            values.append(context_value(source.removeprefix("context.")) or "")
        elif source:
            values += _identity_sources(source, headers, query_params, stage)[1]
    return all(values), values


async def invoke(authorizer: dict, event: dict, account_id: str, region: str) -> dict | None:
    """Invokes the authorizer's function if its policy allows API Gateway."""
    reference = apigateway_v1._extract_lambda_ref_from_integration_uri(authorizer.get("authorizerUri", ""))
    function, config, _ = lambda_svc._get_func_record_for_ref_in_scope(reference, account_id=account_id, region=region)
    request = current.get()
    if function is None or config is None:
        return None
    source = f"arn:aws:execute-api:{region}:{account_id}:{request['api_id']}/authorizers/{authorizer['id']}"
    if not authorizer.get("authorizerCredentials") and not service_may_invoke(
        config, function.get("policy"), API_GATEWAY, source
    ):
        lambda_svc.logger.warning(
            "API Gateway: the policy of %s does not let %s invoke it; add an "
            "AWS::Lambda::Permission for apigateway.amazonaws.com",
            reference,
            source,
        )
        return None
    if event.get("type") == "REQUEST":
        event["requestContext"].update(
            {
                "requestId": request["request_id"],
                "path": context_value("path"),
                "identity": {"sourceIp": request["source_ip"], "userAgent": context_value("identity.userAgent")},
            }
        )
    result = await _invoke(authorizer, event, account_id, region)
    return _with_usage_key(_exact(result))


def _with_usage_key(result: dict | None) -> dict | None:
    """Keeps the usage key in the context, because MiniStack keeps only policy and context of an answer."""
    body = (result or {}).get("body")
    if not result or not isinstance(body, dict) or not body.get("usageIdentifierKey"):
        return result
    context = {**(body.get("context") or {}), _USAGE_KEY: str(body["usageIdentifierKey"])}
    return {**result, "body": {**body, "context": context}}


def _exact(result: dict | None) -> dict | None:
    """Hides other spellings of `Unauthorized` from MiniStack. AWS answers 401 only to the exact message."""
    body = (result or {}).get("body")
    if not result or not isinstance(body, dict):
        return result
    message = body.get("errorMessage")
    if result.get("error") and isinstance(message, str) and message != "Unauthorized":
        return {**result, "body": {**body, "errorMessage": f"authorizer failed: {message}"}}
    return result


def evaluate(document: Any, method_arn: str) -> str:
    """Evaluates only the statements about `execute-api:Invoke`."""
    statements = document.get("Statement") if isinstance(document, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements or []
    relevant = [
        s
        for s in statements
        if isinstance(s, dict) and any(fnmatch_iam(_INVOKE, action) for action in _as_list(s.get("Action")))
    ]
    return _evaluate({"Statement": relevant}, method_arn)


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value or []]
