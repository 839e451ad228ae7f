"""API Gateway REST: OpenAPI extensions, the tenant header, authorizers and gateway responses."""

from . import access_logs, authorizer, gateway_responses, integration, openapi, request, throttling, usage


def install() -> None:
    for part in (openapi, request, gateway_responses, authorizer, throttling, usage, integration, access_logs):
        part.install()
