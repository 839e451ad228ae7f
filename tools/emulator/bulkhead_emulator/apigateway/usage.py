"""Usage plans with the key that the authorizer names.

AWS (api-gateway-api-key-source): with the key source AUTHORIZER the key is the `usageIdentifierKey` of the
authorizer's answer and is cached with it; a header of the client is ignored. Key values are unique, and a plan
contains a key once (API reference: CreateApiKey, CreateUsagePlanKey). MiniStack reads keys from headers only.
"""

from __future__ import annotations

from typing import Any

from ministack.services import apigateway_v1

from ..patch import replace
from .request import current

_HEADER, _AUTHORIZER = "x-api-key", "AUTHORIZER"


def install() -> None:
    global _check_api_key, _create_api_key, _create_usage_plan_key
    _check_api_key = replace(apigateway_v1, "_check_api_key", check_api_key)
    _create_api_key = replace(apigateway_v1, "_create_api_key", create_api_key)
    _create_usage_plan_key = replace(apigateway_v1, "_create_usage_plan_key", create_usage_plan_key)


_check_api_key: Any = None
_create_api_key: Any = None
_create_usage_plan_key: Any = None


def check_api_key(method: dict, api_id: str, stage: str, headers: dict) -> tuple:
    if apigateway_v1._rest_apis[api_id].get("apiKeySource") == _AUTHORIZER:
        headers = {name: value for name, value in headers.items() if name.lower() != _HEADER}
        if named := current.get().get("usage_key"):
            headers[_HEADER] = named
    return _check_api_key(method, api_id, stage, headers)


def create_api_key(data: dict) -> tuple:
    value = data.get("value")
    if value is not None and any(key.get("value") == value for key in apigateway_v1._api_keys.values()):
        return apigateway_v1._v1_error("ConflictException", "API Key already exists", 409)
    return _create_api_key(data)


def create_usage_plan_key(plan_id: str, data: dict) -> tuple:
    key = data.get("keyId", "")
    if key not in apigateway_v1._api_keys:
        return apigateway_v1._v1_error("NotFoundException", "Invalid API Key identifier specified", 404)
    if key in (apigateway_v1._usage_plan_keys.get(plan_id) or {}):
        return apigateway_v1._v1_error("ConflictException", "The key is in this usage plan already", 409)
    return _create_usage_plan_key(plan_id, data)
