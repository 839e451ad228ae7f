"""Bedrock runtime behind MiniStack's router and IAM check.

AWS (Service Authorization Reference): Converse is authorised as `bedrock:InvokeModel`, ConverseStream as
`bedrock:InvokeModelWithResponseStream`, on the foundation model or inference profile.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import StreamingResponse, get_account_id, get_region

from ..patch import replace
from . import cohere, embeddings, eventstream, guardrails, models
from .converse import converse
from .errors import ApiError, invalid

_SERVICE = "bedrock-runtime"
_PATH = re.compile(r"/model/(.+)/(invoke|converse|converse-stream|invoke-with-response-stream)/?")
_ACTIONS = {
    "bedrock:Converse": "bedrock:InvokeModel",
    "bedrock:ConverseStream": "bedrock:InvokeModelWithResponseStream",
}


class CalledModel(str):
    """The ARN that a call names, with the condition keys of the call."""

    keys: dict[str, Any]

    def __new__(cls, arn: str, keys: dict[str, Any]) -> CalledModel:
        made = super().__new__(cls, arn)
        made.keys = keys
        return made


def install() -> None:
    global _extract_iam_action, _resource_arn, _enforce
    guardrails.install()
    _enforce = replace(iam_evaluator, "enforce", enforce)
    app.SERVICE_HANDLERS[_SERVICE] = handle_request
    _extract_iam_action = replace(iam_actions, "extract_iam_action", extract_iam_action)
    _resource_arn = replace(iam_actions, "extract_resource_arn", extract_resource_arn)


_extract_iam_action: Any = None
_resource_arn: Any = None
_enforce: Any = None


def enforce(access_key: str, action: str, service: str, region: str, **more: Any) -> Any:
    """Calls the check with the condition keys of a call of a model."""
    keys = getattr(more.get("resource_arn"), "keys", None)
    if isinstance(keys, dict):
        more["service_context"] = {**(more.get("service_context") or {}), **keys}
    return _enforce(access_key, action, service, region, **more)


def extract_iam_action(service: str, *arguments: Any, **options: Any) -> str | None:
    action = _extract_iam_action(service, *arguments, **options)
    return _ACTIONS.get(action, action) if service == _SERVICE else action


def extract_resource_arn(
    service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict, region: str, account_id: str
) -> str:
    found = _PATH.fullmatch(unquote(path)) if service == _SERVICE else None
    if not found:
        return _resource_arn(service, method, path, headers, body, query_params, region, account_id)
    identifier = found.group(1)
    try:
        model = models.find(identifier, region, account_id)
        return CalledModel(model.arns[0], _condition_keys(model, body))
    except ApiError:
        # IAM checks the name in the request first; only an allowed caller learns that the model does not exist.
        named = identifier.startswith("arn:")
        return identifier if named else f"arn:aws:bedrock:{region}::foundation-model/{identifier}"


def _condition_keys(model: models.Model, body: bytes) -> dict[str, Any]:
    keys = {"bedrock:InferenceProfileArn": model.profile_arn} if model.profile_arn else {}
    try:
        guardrail = guardrails.named(_json(body).get("guardrailConfig"))
    except ApiError:
        # The call fails after IAM has judged it.
        guardrail = None
    return keys | ({"bedrock:GuardrailIdentifier": guardrail.condition} if guardrail else {})


async def handle_request(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> tuple:
    try:
        found = _PATH.fullmatch(unquote(path))
        if method != "POST" or not found:
            raise ApiError("UnknownOperationException", 404, f"this emulator has no Bedrock operation at {path}")
        model, operation = models.find(found.group(1), get_region(), get_account_id()), found.group(2)
        denied = _denied_on_models(model, operation, headers, query_params, body)
        return denied or _operate(model, operation, _json(body))
    except ApiError as error:
        return (
            error.status,
            {"Content-Type": "application/json", "x-amzn-ErrorType": error.code},
            json.dumps({"message": error.message}).encode(),
        )


def _operate(model: models.Model, operation: str, request: dict) -> tuple:
    if operation == "invoke" and model.embeds:
        models.require_on_demand(model)
        of_cohere = model.name in cohere.MODELS
        embedded, tokens = cohere.invoke(model.name, request) if of_cohere else embeddings.invoke(request)
        return (
            200,
            {"Content-Type": "application/json", "X-Amzn-Bedrock-Input-Token-Count": str(tokens)},
            json.dumps(embedded).encode(),
        )
    if operation.startswith("invoke"):
        raise invalid(f"this emulator offers {model.name} through Converse and ConverseStream only")
    if model.embeds:
        raise invalid(
            "This action doesn't support the model that you provided. Try again with a supported text or chat model"
        )
    models.require_on_demand(model)
    answer = converse(request, model.context, guardrails.named(request.get("guardrailConfig")))
    if operation == "converse":
        return 200, {"Content-Type": "application/json"}, json.dumps(answer.response()).encode()
    frames = [eventstream.message(kind, payload) for kind, payload in answer.events()]
    return 200, {"Content-Type": "application/vnd.amazon.eventstream"}, StreamingResponse(_sender(frames))


def _sender(frames: list[bytes]) -> Any:
    async def run(send: Any, receive: Any) -> None:
        for frame in frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return run


def _denied_on_models(
    model: models.Model, operation: str, headers: dict, query_params: dict, body: bytes
) -> tuple | None:
    """Returns a refusal if the caller may not call the model in one of the profile's Regions, or not the guardrail."""
    action = "bedrock:InvokeModelWithResponseStream" if operation.endswith("stream") else "bedrock:InvokeModel"
    guardrail = guardrails.named(_json(body).get("guardrailConfig"))
    checks = [(action, arn) for arn in model.arns[1:]]
    if guardrail:
        checks.append(("bedrock:ApplyGuardrail", guardrail.arn))
    for action, arn in checks:
        denied = app._enforce_data_plane(
            _SERVICE,
            action,
            headers,
            query_params,
            "",
            resource_arn=arn,
            service_context=_condition_keys(model, body),
        )
        if denied:
            return denied
    return None


def _json(body: bytes) -> dict:
    try:
        loaded = json.loads(body or b"{}")
    except ValueError:
        loaded = None
    if not isinstance(loaded, dict):
        raise invalid("The format of the request body is invalid: it must be a JSON object")
    return loaded
