"""The IAM action of a request: always the action that the service performs.

MiniStack reads the action from several places. It does not check a request without an action, so
InvokeWithResponseStream needed no permission. It may also check another action than the performed one, for example
an `Action` in the query string of a JSON request. This module reads the action from the same place as the service. A
request with an unknown or contradictory action is checked as an action that no policy grants by name.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_actions

from ..patch import replace

_REST = frozenset({"apigateway", "bedrock-runtime", "lambda", "s3", "s3vectors"})
_TARGET = frozenset({"dynamodb", "dynamodbstreams", "events", "kms", "logs"})
_QUERY = frozenset({"cloudformation", "iam", "sqs", "sts"})
_UNKNOWN, _CONTRADICTION = "UnrecognizedOperation", "ContradictoryRequest"

# Operations with another name in IAM (Service Authorization Reference).
_LAMBDA_NAMES = {
    "Invoke": "InvokeFunction",
    "InvokeWithResponseStream": "InvokeFunction",
    "GetLayerVersionByArn": "GetLayerVersion",
}


def install() -> None:
    global _extract
    iam_actions._BOTOCORE_SERVICE_MAP["lambda"] = ["lambda"]
    _extract = replace(iam_actions, "extract_iam_action", extract_iam_action)


_extract: Any = None


def extract_iam_action(
    service: str, method: str, path: str, headers: dict, body: bytes, query_params: dict
) -> str | None:
    namespace = iam_actions.SERVICE_TO_IAM_NAMESPACE.get(service)
    if namespace is None:
        return _extract(service, method, path, headers, body, query_params)
    action = _action(service, namespace, method, path, headers, body, query_params)
    return action or f"{namespace}:{_UNKNOWN}"


def _action(
    service: str, namespace: str, method: str, path: str, headers: dict, body: bytes, query_params: dict
) -> str | None:
    untyped = {name: value for name, value in headers.items() if name != "content-type"}
    without_action = {name: value for name, value in query_params.items() if name != "Action"}
    if service in _TARGET or (service in _QUERY and _is_json(headers)):
        return _extract(service, method, path, untyped, b"", without_action)
    untargeted = {name: value for name, value in untyped.items() if name != "x-amz-target"}
    if service == "lambda":
        operation = iam_actions._match_rest_action(service, method, path, without_action)
        return f"{namespace}:{_LAMBDA_NAMES.get(operation, operation)}" if operation else None
    if service in _REST:
        return _extract(service, method, path, untargeted, b"", without_action)
    if service in _QUERY:
        form = parse_qs((body or b"").decode("utf-8", "replace"), keep_blank_values=True) if method == "POST" else {}
        if any(name in query_params and query_params[name] != value for name, value in form.items()):
            return f"{namespace}:{_CONTRADICTION}"
        return _extract(service, method, path, untargeted, b"", {**form, **query_params})
    return _extract(service, method, path, headers, body, query_params)


def _is_json(headers: dict) -> bool:
    return "json" in headers.get("content-type", "") and "." in headers.get("x-amz-target", "")
