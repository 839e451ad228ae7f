"""Imports an OpenAPI body with API Gateway's extensions.

AWS: api-gateway-swagger-extensions. MiniStack keeps only type, method and URI of an integration. This module
also keeps request parameters, templates, time-outs and responses, and imports
`x-amazon-apigateway-any-method`, `-gateway-responses`, `-binary-media-types`, `-api-key-source` and `-policy`.
"""

from __future__ import annotations

from typing import Any

from ministack.services import apigateway_v1

from ..patch import replace

_KEPT = (
    "requestParameters",
    "requestTemplates",
    "passthroughBehavior",
    "timeoutInMillis",
    "contentHandling",
    "credentials",
    "cacheKeyParameters",
    "responseTransferMode",
)


def install() -> None:
    global _import_rest_api, _import_path_item, _import_operation
    _import_path_item = replace(apigateway_v1, "_import_path_item", import_path_item)
    _import_rest_api = replace(apigateway_v1, "_import_rest_api", import_rest_api)
    _import_operation = replace(apigateway_v1, "_import_operation", import_operation)


_import_rest_api: Any = None
_import_path_item: Any = None
_import_operation: Any = None


def import_rest_api(spec: dict, base_data: dict | None = None) -> str:
    api_id = _import_rest_api(spec, base_data)
    _import_extensions(api_id, spec)
    return api_id


def overwrite(api_id: str, spec: dict) -> None:
    """Replaces everything that an API's body defines. Keeps the API and its stages."""
    resources = apigateway_v1._resources.get(api_id, {})
    root = next(resource for resource in resources.values() if resource.get("path") == "/")
    root["resourceMethods"] = {}
    resources.clear()
    resources[root["id"]] = root
    apigateway_v1._authorizers_v1.pop(api_id, None)
    apigateway_v1._gateway_responses.pop(api_id, None)
    schemes = apigateway_v1._import_security_schemes(api_id, spec)
    for path, item in (spec.get("paths") or {}).items():
        apigateway_v1._import_path_item(api_id, path, item, schemes, spec.get("security"))
    _import_extensions(api_id, spec)


def import_path_item(api_id: str, path: str, item: dict, *more: Any) -> None:
    _import_path_item(api_id, path, item, *more)
    if (operation := item.get("x-amazon-apigateway-any-method")) is not None:
        resources = apigateway_v1._resources[api_id]
        resource_id = next(each["id"] for each in resources.values() if each["path"] == path)
        import_operation(api_id, resource_id, "ANY", operation, *more)


def import_operation(api_id: str, resource_id: str, http_method: str, operation: dict, *more: Any) -> None:
    _import_operation(api_id, resource_id, http_method, operation, *more)
    method = apigateway_v1._resources[api_id][resource_id]["resourceMethods"][http_method]
    given = (operation or {}).get("x-amazon-apigateway-integration")
    integration = method.get("methodIntegration")
    if not given or not integration:
        return
    for name in _KEPT:
        if given.get(name) is not None:
            integration[name] = given[name]
    integration["integrationResponses"] = {
        str(answer.get("statusCode", "200")): {
            "statusCode": str(answer.get("statusCode", "200")),
            **({} if pattern == "default" else {"selectionPattern": pattern}),
            "responseParameters": answer.get("responseParameters") or {},
            "responseTemplates": answer.get("responseTemplates") or {},
        }
        for pattern, answer in (given.get("responses") or {}).items()
    }


def _import_extensions(api_id: str, spec: dict) -> None:
    api = apigateway_v1._rest_apis[api_id]
    if spec.get("x-amazon-apigateway-binary-media-types"):
        api["binaryMediaTypes"] = list(spec["x-amazon-apigateway-binary-media-types"])
    if spec.get("x-amazon-apigateway-api-key-source"):
        api["apiKeySource"] = spec["x-amazon-apigateway-api-key-source"]
    if spec.get("x-amazon-apigateway-policy"):
        api["policy"] = spec["x-amazon-apigateway-policy"]
    for kind, response in (spec.get("x-amazon-apigateway-gateway-responses") or {}).items():
        status = response.get("statusCode")
        answer = apigateway_v1._put_gateway_response(
            api_id, kind, {**response, **({"statusCode": str(status)} if status is not None else {})}
        )
        if answer[0] >= 400:
            raise ValueError(f"x-amazon-apigateway-gateway-responses, {kind}: {answer[2].decode()}")
