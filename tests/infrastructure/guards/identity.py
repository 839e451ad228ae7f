"""User pools: only an administrator sets a user's tenant, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.infrastructure.guards.template import Template

TENANT, TIER, ROLE = "tenant_id", "tier", "role"
_CUSTOM = "custom:"
# Flows that send the password itself, or prove nothing. SRP and refresh are allowed.
_WEAK_FLOWS = {"ALLOW_USER_PASSWORD_AUTH", "ALLOW_CUSTOM_AUTH", "USER_PASSWORD_AUTH", "CUSTOM_AUTH_FLOW_ONLY"}


def users_cannot_set_their_tenant(template: Template) -> Iterator[str]:
    """Users cannot sign up, a user's tenant cannot change, and no app may write it."""
    for pool, properties in template.of("AWS::Cognito::UserPool"):
        if properties.get("AdminCreateUserConfig", {}).get("AllowAdminCreateUserOnly") is not True:
            yield f"{pool}: users can sign themselves up and choose their tenant"
        yield from _attributes(pool, properties.get("Schema", []))
        trigger = properties.get("LambdaConfig", {})
        if trigger.get("PreTokenGenerationConfig", {}).get("LambdaVersion") != "V3_0":
            yield f"{pool}: no version 3 trigger writes the tenant into access tokens"
        # A trigger that creates or migrates users could also set tenants.
        for name in sorted(trigger.keys() - {"PreTokenGenerationConfig"}):
            yield f"{pool}: the trigger {name} may change a user's tenant"
    for client, properties in template.of("AWS::Cognito::UserPoolClient"):
        yield from _client(client, properties)
    for kind in ("AWS::Cognito::IdentityPool", "AWS::Cognito::UserPoolIdentityProvider"):
        for name, _ in template.of(kind):
            yield f"{name}: {kind} accepts users whose tenant no administrator set"


def _attributes(pool: str, schema: list[dict[str, Any]]) -> Iterator[str]:
    given = {each.get("Name"): each for each in schema}
    for name in (TENANT, TIER, ROLE):
        if name not in given:
            yield f"{pool}: has no attribute {name}"
    if given.get(TENANT, {}).get("Mutable") is not False:
        yield f"{pool}: {TENANT} can be changed after the user was created"


def _client(client: str, properties: dict[str, Any]) -> Iterator[str]:
    if "WriteAttributes" not in properties:
        # AWS: without the list an app may write every mutable attribute.
        yield f"{client}: does not list the attributes that the app may write, so it may write all"
    for name in properties.get("WriteAttributes", []):
        if str(name).startswith(_CUSTOM):
            yield f"{client}: the app may write {name}"
    for flow in properties.get("ExplicitAuthFlows", []):
        if flow in _WEAK_FLOWS:
            yield f"{client}: {flow} sends the password or requires none"
    if properties.get("AllowedOAuthFlows"):
        yield f"{client}: OAuth flows are allowed; this project does not check their tokens"
