"""`AWS::ApiGateway::RestApi`: a changed body overwrites the API in place.

AWS (PutRestApi, mode overwrite; the resource's Body is "No interruption"): the API id, and so every
client's URL, survives an update. MiniStack creates a new API instead.
"""

from __future__ import annotations

from typing import Any

import yaml
from ministack.services import lambda_svc

from ..apigateway import openapi
from ..patch import replace_provisioner

_TYPE = "AWS::ApiGateway::RestApi"


def install() -> None:
    replace_provisioner(_TYPE, "create", _creating)
    replace_provisioner(_TYPE, "update", _updating)


def _creating(create: Any) -> Any:
    return lambda logical_id, props, stack: create(logical_id, _with_body(props), stack)


def _updating(update: Any) -> Any:
    def update_rest_api(physical_id: str, old: dict, new: dict, stack: str, logical_id: str | None = None) -> tuple:
        body = _with_body(new).get("Body")
        if isinstance(body, dict) and body != _with_body(old).get("Body"):
            openapi.overwrite(physical_id, body)
        # If the bodies are equal, MiniStack updates the other properties in place.
        return update(physical_id, {**old, "Body": body}, {**new, "Body": body}, stack, logical_id)

    return update_rest_api


def _with_body(props: dict) -> dict:
    """Returns the properties with a body from S3 included, as CloudFormation does."""
    location = props.get("BodyS3Location")
    if not location or props.get("Body"):
        return props
    content = lambda_svc._fetch_code_from_s3(location["Bucket"], location["Key"], location.get("Version"))
    if content is None:
        raise ValueError(f"{_TYPE}: there is no object s3://{location['Bucket']}/{location['Key']}")
    return {**props, "Body": yaml.safe_load(content)}
