"""Logs of a stage need the role of the account.

AWS (API Gateway: set-up-logging): a stage with access logs or execution logs is refused until the account's
settings name a role for CloudWatch, and API Gateway must be able to assume the role. MiniStack checks neither.
"""

from __future__ import annotations

from typing import Any

from ministack.services import apigateway_v1, iam

from ..functions.quotas import trusts
from ..patch import replace_provisioner

_STAGE, _ACCOUNT = "AWS::ApiGateway::Stage", "AWS::ApiGateway::Account"


def install() -> None:
    for operation in ("create", "update"):
        replace_provisioner(_STAGE, operation, _checked(_check_stage))
        replace_provisioner(_ACCOUNT, operation, _checked(_check_account))


def _checked(check: Any) -> Any:
    """Checks the new properties, which are the last dictionary among the arguments."""

    def wrap(operate: Any) -> Any:
        def checked(*arguments: Any) -> tuple:
            check([each for each in arguments if isinstance(each, dict)][-1])
            return operate(*arguments)

        return checked

    return wrap


def _check_stage(props: dict) -> None:
    methods = props.get("MethodSettings") or []
    logged = (props.get("AccessLogSetting") or {}).get("DestinationArn") or any(
        each.get("LoggingLevel", "OFF") != "OFF" for each in methods
    )
    if logged and not (apigateway_v1._account_settings.get("settings") or {}).get("cloudwatchRoleArn"):
        raise ValueError("CloudWatch Logs role ARN must be set in account settings to enable logging")


def _check_account(props: dict) -> None:
    arn = props.get("CloudWatchRoleArn")
    role = iam._roles.get(arn.rpartition("/")[2]) if arn else None
    if arn and (role is None or not trusts(role, "apigateway.amazonaws.com")):
        raise ValueError(
            "The role ARN does not have required permissions configured. Please grant trust permission for "
            "API Gateway and add the required role policy."
        )
