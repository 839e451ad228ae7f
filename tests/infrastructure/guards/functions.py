"""Functions: who may start them, with whose tenant, and how many at a time."""

from __future__ import annotations

from collections.abc import Iterator

from tests.infrastructure.guards.template import Template, names, text

GATEWAY = "apigateway.amazonaws.com"
# What starts a function without being able to say for which tenant.
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
    "Control": "operators call it now and then; it takes what is left, and may wait",
}


def tenant_functions(template: Template) -> set[str]:
    """Functions in Lambda's tenant isolation mode."""
    return {
        name
        for name, properties in template.of("AWS::Lambda::Function")
        if properties.get("TenancyConfig", {}).get("TenantIsolationMode") == "PER_TENANT"
    }


def tenant_functions_have_no_event_source(template: Template) -> Iterator[str]:
    """Only API Gateway and Invoke can say for which tenant a function starts."""
    isolated = tenant_functions(template)
    for kind in _SOURCES:
        for source, properties in template.of(kind):
            for function in sorted(names(properties) & isolated):
                yield f"{function}: is started by {source} ({kind}), which names no tenant"
    for name, properties in template.of("AWS::Lambda::Permission"):
        named = names(properties.get("FunctionName")) & isolated
        if named and properties.get("Principal") != GATEWAY:
            yield f"{name}: lets {text(properties.get('Principal'))} start {named.pop()} for any tenant"


def functions_reserve_concurrency(template: Template) -> Iterator[str]:
    """Reserved concurrency bounds what one function can take from all others."""
    for name, properties in template.of("AWS::Lambda::Function"):
        if "ReservedConcurrentExecutions" not in properties and name not in CONCURRENCY:
            yield f"{name}: reserves no concurrency, so it can take all that the account has left"


def permissions_name_their_source(template: Template) -> Iterator[str]:
    """Without a source, any API or rule of any account may call through the same service."""
    for name, properties in template.of("AWS::Lambda::Permission"):
        source = properties.get("SourceArn")
        if source is None:
            yield f"{name}: lets {properties.get('Principal')} in whoever stands behind it; add SourceArn"
        elif not names(source) - {"AWS::Partition", "AWS::Region", "AWS::AccountId"}:
            yield f"{name}: its SourceArn {text(source)} names nothing of this stack"
        if properties.get("Principal") == "*":
            yield f"{name}: lets anybody in"
