"""Functions: which services may start them, for which tenant, and how many at once."""

from __future__ import annotations

from collections.abc import Iterator

from tests.infrastructure.guards.template import Template, names, text

GATEWAY = "apigateway.amazonaws.com"
# Resources that start a function without a tenant.
_SOURCES = (
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Url",
    "AWS::Events::Rule",
    "AWS::Scheduler::Schedule",
    "AWS::SNS::Subscription",
    "AWS::S3::Bucket",
    "AWS::Logs::SubscriptionFilter",
    "AWS::IoT::TopicRule",
)
CONCURRENCY: dict[str, str] = {
    "Control": "operators call it rarely; it uses unreserved concurrency and may wait",
}


def tenant_functions(template: Template) -> set[str]:
    """Returns the functions in Lambda's tenant isolation mode."""
    return {
        name
        for name, properties in template.of("AWS::Lambda::Function")
        if properties.get("TenancyConfig", {}).get("TenantIsolationMode") == "PER_TENANT"
    }


def tenant_functions_have_no_event_source(template: Template) -> Iterator[str]:
    """Only API Gateway and Invoke name the tenant when they start a function."""
    isolated = tenant_functions(template)
    for kind in _SOURCES:
        for source, properties in template.of(kind):
            for function in sorted(names(properties) & isolated):
                yield f"{function}: {source} ({kind}) starts it without a tenant"
    for name, properties in template.of("AWS::Lambda::Permission"):
        named = names(properties.get("FunctionName")) & isolated
        if named and properties.get("Principal") != GATEWAY:
            yield f"{name}: lets {text(properties.get('Principal'))} start {named.pop()} for any tenant"


def functions_reserve_concurrency(template: Template) -> Iterator[str]:
    """Reserved concurrency limits what one function can take from all others."""
    for name, properties in template.of("AWS::Lambda::Function"):
        if "ReservedConcurrentExecutions" not in properties and name not in CONCURRENCY:
            yield f"{name}: reserves no concurrency, so it can use all unreserved concurrency of the account"


def permissions_name_their_source(template: Template) -> Iterator[str]:
    """Without a source, any API or rule of any account may call through the service."""
    for name, properties in template.of("AWS::Lambda::Permission"):
        source = properties.get("SourceArn")
        if source is None:
            yield f"{name}: lets {properties.get('Principal')} call for any account; add SourceArn"
        elif not names(source) - {"AWS::Partition", "AWS::Region", "AWS::AccountId"}:
            yield f"{name}: its SourceArn {text(source)} names no resource of this stack"
        if properties.get("Principal") == "*":
            yield f"{name}: lets any principal call"
