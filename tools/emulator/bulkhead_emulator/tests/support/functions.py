"""Creates and invokes Lambda functions in tests."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

from bulkhead_emulator.tests.support.cloud import Cloud, allow, unique
from bulkhead_emulator.tests.support.process import eventually

_SOURCE = Path(__file__).with_name("bootstrap.py").read_text()


def package() -> bytes:
    """Returns a deployment package with the test runtime as bootstrap."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, f"#!{sys.executable}\n{_SOURCE}")
    return buffer.getvalue()


def function_role(cloud: Cloud, *statements: dict) -> str:
    return cloud.role(*statements, trust=allow("sts:AssumeRole", None, Principal={"Service": "lambda.amazonaws.com"}))


def make(
    cloud: Cloud,
    *statements: dict,
    tenants: bool = False,
    environment: dict | None = None,
    reserved: int | None = None,
    **settings: Any,
) -> str:
    """Creates a function and returns its name."""
    name, client = unique("function"), cloud.client("lambda")
    if tenants:
        settings["TenancyConfig"] = {"TenantIsolationMode": "PER_TENANT"}
    client.create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=function_role(cloud, *statements),
        Code={"ZipFile": package()},
        Timeout=settings.pop("Timeout", 10),
        Environment={"Variables": {"ENDPOINT": cloud.address, **(environment or {})}},
        **settings,
    )
    eventually(lambda: client.get_function_configuration(FunctionName=name)["State"] == "Active")
    if reserved is not None:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    return name


def invoke(cloud: Cloud, name: str, event: Any = None, tenant: str | None = None, **more: Any) -> Any:
    """Returns the function's answer, or `{"FunctionError": …, "payload": …}`."""
    answer = cloud.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event or {}), **({"TenantId": tenant} if tenant else {}), **more
    )
    payload = json.loads(answer["Payload"].read() or "null")
    return {"FunctionError": answer["FunctionError"], "payload": payload} if "FunctionError" in answer else payload
