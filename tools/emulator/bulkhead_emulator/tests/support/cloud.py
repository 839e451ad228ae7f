"""boto3 clients of the emulator: as root, and as roles and tenant sessions of one test."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"
ACCOUNT = "000000000000"
ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}

_numbers = itertools.count(1)


def unique(prefix: str) -> str:
    """Returns a name that no other test of this run uses."""
    return f"{prefix}-{next(_numbers)}"


@dataclass
class Cloud:
    """Clients of one identity."""

    address: str
    credentials: dict[str, str] = field(default_factory=lambda: dict(ROOT))
    region: str = REGION

    def client(self, service: str, **config: Any) -> Any:
        settings: dict[str, Any] = {
            "retries": {"max_attempts": 0},
            "s3": {"addressing_style": "path"},
            "read_timeout": 60,
            "max_pool_connections": 32,
            **config,
        }
        identity: dict[str, Any] = {"region_name": self.region, **self.credentials}
        return boto3.client(service, endpoint_url=self.address, config=Config(**settings), **identity)  # type: ignore[call-overload] # the name is a variable

    def acting_as(self, credentials: dict[str, str]) -> Cloud:
        return Cloud(self.address, credentials, self.region)

    def user(self, *statements: dict) -> Cloud:
        """Creates an IAM user with one inline policy."""
        iam, name = self.client("iam"), unique("user")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return self.acting_as(
            {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        )

    def role(
        self, *statements: dict, trust: dict | None = None, name: str | None = None, version: str = "2012-10-17"
    ) -> str:
        """Creates a role with one inline policy. By default the account may assume it."""
        iam, name = self.client("iam"), name or unique("role")
        anyone = allow(["sts:AssumeRole", "sts:TagSession"], None, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust or anyone))["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*statements, version=version))
        return arn

    def assume(self, role: str, *, session: str = "session", tags: dict[str, str] | None = None, **more: Any) -> Cloud:
        """Returns a session of ``role`` with session tags."""
        given = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        answer = self.client("sts").assume_role(
            RoleArn=role, RoleSessionName=session, **({"Tags": given} if given else {}), **more
        )
        found = answer["Credentials"]
        return self.acting_as(
            {
                "aws_access_key_id": found["AccessKeyId"],
                "aws_secret_access_key": found["SecretAccessKey"],
                "aws_session_token": found["SessionToken"],
            }
        )

    def tenant(self, tenant: str, *statements: dict, **more: Any) -> Cloud:
        """Returns a session tagged with a tenant id, of a new role with these statements."""
        return self.assume(self.role(*statements, **more), session=tenant, tags={"TenantId": tenant})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict:
    statement = {"Effect": "Allow", "Action": action, **more}
    return statement if resource is None else {**statement, "Resource": resource}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def policy(*statements: dict, version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def error(call: Any, *arguments: Any, **options: Any) -> tuple[str, int, str]:
    """Returns code, HTTP status and message of the error that a call must raise."""
    try:
        answer = call(*arguments, **options)
    except ClientError as raised:
        found = raised.response
        return found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"], found["Error"].get("Message", "")
    answer.pop("ResponseMetadata", None)
    raise AssertionError(f"no error, but {answer!r}")


def denied(call: Any, *arguments: Any, **options: Any) -> bool:
    """Returns whether IAM refuses the call. Any other error fails the test."""
    try:
        call(*arguments, **options)
    except ClientError as raised:
        code = raised.response["Error"]["Code"]
        if code in ("AccessDenied", "AccessDeniedException", "403"):
            return True
        raise
    return False
