"""The API: where the tenant of a request comes from, and how long the authorizer's answer is cached."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.infrastructure.guards.functions import tenant_functions
from tests.infrastructure.guards.template import Template, names
from tools.devstack.process import ROOT

HEADER = "integration.request.header.x-amz-tenant-id"
VERIFIED = "context.authorizer.tenantId"
_KEY = f"bk_prod_{'a1' * 16}_{'0f' * 8}_{'0f' * 36}"
# Headers with the shortest accepted signature and with a long one, and headers that cannot hold a token.
_TOKENS = (
    *(
        f"{scheme} eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiIifQ.{'A_-9' * n}"
        for scheme in ("Bearer", "bearer")
        for n in (22, 171)
    ),
    f"Bearer {_KEY}",
    f"bearer {_KEY.replace('prod', 'a1')}",
)
_NO_TOKENS = (
    "",
    "x",
    "Bearer",
    "Bearer x",
    "Bearer a.b.c",
    f"Basic {_TOKENS[0]}",
    _TOKENS[0].rsplit(".", 1)[0],
    f"{_TOKENS[0]}.A",
    _KEY,
    f"Bearer {_KEY[:-1]}",
    f"Bearer {_KEY}0",
    f"Bearer {_KEY.upper()}",
    f"Bearer {_KEY.replace('bk_', 'sk_')}",
)
# A request's tenant depends on these. With a smaller cache key one tenant would get another tenant's answer.
CACHE_KEYS = {"method.request.header.Authorization"}
MAX_CACHE_SECONDS = 60
_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}
_ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"


def _bodies(template: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    for api, properties in template.of("AWS::ApiGateway::RestApi"):
        yield api, properties.get("Body") or {}


def _schemes(body: dict[str, Any]) -> dict[str, Any]:
    return body.get("components", {}).get("securitySchemes", {}) | body.get("securityDefinitions", {})


def tenant_comes_from_the_authorizer(template: Template) -> Iterator[str]:
    """Every route takes the tenant header from the verified token, not from the client's request."""
    isolated = tenant_functions(template)
    for api, body in _bodies(template):
        if not body.get("paths"):
            yield f"{api}: its routes are not in the template, so this guard cannot check the tenant mapping"
        custom = {name for name, scheme in _schemes(body).items() if "x-amazon-apigateway-authorizer" in scheme}
        for path, item in body.get("paths", {}).items():
            for method in item.keys() & _METHODS:
                route = f"{api}: {method.upper()} {path}"
                operation = item[method]
                if _is_preflight(method, operation):
                    continue
                security = operation.get("security", body.get("security", []))
                if not security or not all(set(each) & custom for each in security):
                    yield f"{route} accepts requests without an authorizer"
                yield from _mapping(route, operation.get(_INTEGRATION) or {}, isolated)
    for kind in ("AWS::ApiGateway::Method", "AWS::ApiGatewayV2::Api"):
        for name, _ in template.of(kind):
            yield f"{name}: this guard cannot check {kind}"


def _is_preflight(method: str, operation: dict[str, Any]) -> bool:
    """Reports whether API Gateway itself answers this preflight; browsers send it without a token."""
    return method == "options" and (operation.get(_INTEGRATION) or {}).get("type") == "mock"


def bodies_arrive_unaltered(template: Template) -> Iterator[str]:
    """Functions get the bytes of the client: API Gateway would replace what is not UTF-8 with U+FFFD.

    With binary media types, API Gateway answers a preflight only if it converts its body to text.
    """
    for api, body in _bodies(template):
        if body.get("x-amazon-apigateway-binary-media-types") != ["*/*"]:
            yield f"{api}: alters bodies that are not UTF-8; set x-amazon-apigateway-binary-media-types: ['*/*']"
        for path, item in body.get("paths", {}).items():
            for method in item.keys() & _METHODS:
                integration = item[method].get(_INTEGRATION) or {}
                if integration.get("type") == "mock" and integration.get("contentHandling") != "CONVERT_TO_TEXT":
                    yield f"{api}: {method.upper()} {path} fails: its template applies to text only"


def paths_refuse_other_methods(template: Template) -> Iterator[str]:
    """A function answers the methods that a path does not have, with 405 and `Allow`."""
    for api, body in _bodies(template):
        for path, item in body.get("paths", {}).items():
            if _ANY not in item:
                yield f"{api}: {path} answers 404 to other methods; add {_ANY}"


def streams_are_passed_on(template: Template) -> Iterator[str]:
    """API Gateway passes on the parts of an answer if the document promises events, and only then.

    A function whose answer comes in parts has no body behind another integration.
    """
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())["paths"]
    for api, body in _bodies(template):
        for path, item in body.get("paths", {}).items():
            for method in item.keys() & _METHODS:
                integration = item[method].get(_INTEGRATION) or {}
                answers = document.get(path, {}).get(method, {}).get("responses", {}).get("200", {})
                promised = "text/event-stream" in answers.get("content", {})
                streams = integration.get("responseTransferMode") == "STREAM"
                calls = "response-streaming-invocations" in json.dumps(integration.get("uri"))
                if not promised == streams == calls:
                    yield (
                        f"{api}: {method.upper()} {path}: a stream needs responseTransferMode STREAM, the URI "
                        "response-streaming-invocations, and text/event-stream in docs/openapi.json"
                    )


def usage_plan_counts_every_call(template: Template) -> Iterator[str]:
    """The usage plan counts every call under the key that the authorizer names, not a key of the client."""
    for api, body in _bodies(template):
        if body.get("x-amazon-apigateway-api-key-source") != "AUTHORIZER":
            yield f"{api}: takes the usage key from the client; set x-amazon-apigateway-api-key-source: AUTHORIZER"
        keys = {
            name
            for name, scheme in _schemes(body).items()
            if scheme.get("name") == "x-api-key" and "x-amazon-apigateway-authorizer" not in scheme
        }
        for path, item in body.get("paths", {}).items():
            for method in item.keys() & _METHODS:
                security = item[method].get("security", body.get("security", []))
                if not _is_preflight(method, item[method]) and not all(set(each) & keys for each in security):
                    yield f"{api}: {method.upper()} {path} is not counted by the usage plan"


def stages_limit_every_method(template: Template) -> Iterator[str]:
    """A stage limits each of its methods for all callers, so that a flood does not use up the authorizer."""
    for stage, properties in template.of("AWS::ApiGateway::Stage"):
        settings = properties.get("MethodSettings") or []
        if not any((each.get("ResourcePath"), each.get("HttpMethod")) == ("/*", "*") for each in settings):
            yield f"{stage}: limits no method; add MethodSettings for /* and *"
        # Settings of one method replace those of all methods.
        for each in settings:
            for limit in ("ThrottlingRateLimit", "ThrottlingBurstLimit"):
                if limit not in each:
                    yield f"{stage}: {each.get('HttpMethod')} {each.get('ResourcePath')} has no {limit}"


def _mapping(route: str, integration: dict[str, Any], isolated: set[str]) -> Iterator[str]:
    parameters = integration.get("requestParameters") or {}
    given = {name: source for name, source in parameters.items() if name.lower() == HEADER}
    isolated_targets = names(integration.get("uri")) & isolated
    if isolated_targets and not given:
        yield f"{route} passes no tenant to {', '.join(sorted(isolated_targets))}"
    for name, source in given.items():
        if source != VERIFIED:
            yield f"{route} takes the tenant from {source}; only {VERIFIED} was verified"
        elif not isolated_targets:
            yield f"{route} sets {name} for a function without tenant isolation, which Lambda refuses"


def authorizers_cache_by_token(template: Template) -> Iterator[str]:
    """The cache key of an authorizer's answer includes the token, and the cache time is short."""
    for api, body in _bodies(template):
        found = [
            (name, scheme["x-amazon-apigateway-authorizer"])
            for name, scheme in _schemes(body).items()
            if "x-amazon-apigateway-authorizer" in scheme
        ]
        if not found:
            yield f"{api}: has no authorizer"
        for name, authorizer in found:
            yield from _check_cache(f"{api}: authorizer {name}", authorizer)
    for name, properties in template.of("AWS::ApiGateway::Authorizer"):
        yield from _check_cache(
            name,
            {
                "authorizerResultTtlInSeconds": properties.get("AuthorizerResultTtlInSeconds"),
                "identitySource": properties.get("IdentitySource"),
            },
        )


def authorizers_refuse_malformed_tokens(template: Template) -> Iterator[str]:
    """API Gateway refuses what cannot be a token before it uses an execution of the authorizer."""
    for api, body in _bodies(template):
        for name, scheme in _schemes(body).items():
            authorizer = scheme.get("x-amazon-apigateway-authorizer")
            if authorizer is None:
                continue
            # Only this type has the expression.
            if authorizer.get("type") != "token":
                yield f"{api}: authorizer {name} is invoked for any header"
                continue
            expression = str(authorizer.get("identityValidationExpression") or ".*")
            if not all(re.fullmatch(expression, header) for header in _TOKENS):
                yield f"{api}: authorizer {name} refuses a genuine token"
            if passed := [header for header in _NO_TOKENS if re.fullmatch(expression, header)]:
                yield f"{api}: authorizer {name} is invoked for {passed[0]!r}"


def _check_cache(name: str, authorizer: dict[str, Any]) -> Iterator[str]:
    seconds = authorizer.get("authorizerResultTtlInSeconds")
    sources = {each.strip() for each in str(authorizer.get("identitySource") or "").split(",")}
    if missing := CACHE_KEYS - sources:
        yield f"{name} is cached without {', '.join(sorted(missing))}, which determines the tenant"
    if not isinstance(seconds, int) or seconds > MAX_CACHE_SECONDS:
        yield (
            f"{name} is cached for {seconds if seconds is not None else 'API Gateway’s 300'} seconds; a suspended "
            f"tenant would be served longer than the {MAX_CACHE_SECONDS} seconds in docs/isolation.md"
        )
