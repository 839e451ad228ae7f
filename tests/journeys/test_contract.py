"""The documented, deployed and served routes are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from tools.devstack.client import Api

ROOT = Path(__file__).resolve().parent.parent.parent
# Without OPTIONS: API Gateway answers preflights itself, if CORS is enabled.
METHODS = {"get", "put", "post", "delete", "patch", "head"}


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    return json.loads((ROOT / "docs" / "openapi.json").read_text())


def _routes(paths: dict[str, Any]) -> set[tuple[str, str]]:
    return {(m.upper(), path) for path, item in paths.items() for m in item if m.lower() in METHODS}


def _deployed_paths() -> dict[str, Any]:
    template = yaml_parse((ROOT / "infra" / "tier.yaml").read_text())
    bodies = [
        resource["Properties"]["DefinitionBody"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Api"
    ]
    assert len(bodies) == 1, f"expected one API in infra/tier.yaml, found {len(bodies)}"
    return bodies[0]["paths"]


def test_gateway_has_exactly_the_documented_routes(documented: dict[str, Any]) -> None:
    deployed, documented_routes = _routes(_deployed_paths()), _routes(documented["paths"])
    assert deployed == documented_routes, (
        f"deployed but not documented: {sorted(deployed - documented_routes)}; "
        f"documented but not deployed: {sorted(documented_routes - deployed)}"
    )
    assert documented_routes, "no route is documented"


def test_every_route_takes_the_tenant_from_the_authorizer() -> None:
    """Every route, also a new one, needs the mapping that makes the tenant header unforgeable."""
    for path, item in _deployed_paths().items():
        for method, operation in item.items():
            if method.lower() not in METHODS:
                continue
            mapped = operation["x-amazon-apigateway-integration"].get("requestParameters", {})
            if "Fn::If" in mapped:
                condition, mapped, _ = mapped["Fn::If"]
                assert condition == "PerTenant", f"{method} {path} depends on {condition}"
            found = mapped.get("integration.request.header.X-Amz-Tenant-Id")
            assert found == "context.authorizer.tenantId", f"{method} {path} maps {found!r}"


def test_served_description_is_the_documented_one(api: Api, documented: dict[str, Any]) -> None:
    assert api.get("/v1/openapi.json").expect(200) == documented
