"""Access to the local account: as root, as the operator and as a tenant's session.

Attacks need a real session of the wrong tenant. The path is the operator's: the control function records a run and
gives the tenant's session. No policy is widened.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"
_ONCE = Config(
    retries={"total_max_attempts": 1, "mode": "standard"},
    s3={"addressing_style": "path"},
    connect_timeout=5,
    read_timeout=90,
)


def only_local_aws(environment: MutableMapping[str, str], endpoint: str | None = None) -> None:
    """Replaces every AWS setting of an environment with the local ones.

    A developer's profile, SSO session or endpoint override must never send a deployment or an attack to
    a real account.
    """
    for name in [name for name in environment if name.startswith("AWS_")]:
        del environment[name]
    environment.update(
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION=REGION,
        AWS_REGION=REGION,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="127.0.0.1,localhost",
        no_proxy="127.0.0.1,localhost",
    )
    if endpoint:
        environment["AWS_ENDPOINT_URL"] = endpoint


@dataclass(frozen=True)
class Credentials:
    """Access key, secret and session token."""

    key: str
    secret: str
    token: str | None = None

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Credentials:
        found = answer["Credentials"]
        return cls(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


ROOT_CREDENTIALS = Credentials("test", "test")


class InvokeFailed(Exception):
    """A function returned an error instead of a result."""


class Account:
    """The local AWS account, accessed with one set of credentials."""

    def __init__(self, endpoint: str, credentials: Credentials = ROOT_CREDENTIALS) -> None:
        only_local_aws(os.environ)
        self.endpoint = endpoint
        self.credentials = credentials
        self._clients: dict[str, Any] = {}
        # Threads may share a client but must not create one at the same time.
        self._making = threading.Lock()
        self._session = boto3.Session(
            aws_access_key_id=credentials.key,
            aws_secret_access_key=credentials.secret,
            aws_session_token=credentials.token,
            region_name=REGION,
        )

    def client(self, service: str) -> Any:
        """Returns a client for one service. It makes one attempt, so that retries hide no refusal."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = self._session.client(service, endpoint_url=self.endpoint, config=_ONCE)  # type: ignore[call-overload] # the name is a variable
            return self._clients[service]

    def assume(self, role: str, name: str, tags: Mapping[str, str] | None = None, **more: Any) -> Account:
        """Returns the account as a session of `role`, with optional session tags."""
        if tags:
            more["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
        answer = self.client("sts").assume_role(RoleArn=role, RoleSessionName=name, **more)
        return Account(self.endpoint, Credentials.of(answer))

    def signed_read(self, bucket: str, key: str, seconds: int) -> str:
        """Returns a URL that reads one object with these credentials' rights."""
        config = _ONCE.merge(Config(signature_version="s3v4"))
        s3 = self._session.client("s3", endpoint_url=self.endpoint, config=config)
        url: str = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}, ExpiresIn=seconds)
        return url

    def invoke(self, function: str, payload: Any, tenant: str | None = None) -> Any:
        """Invokes a function and returns its result. A function error raises :class:`InvokeFailed`."""
        more = {"TenantId": tenant} if tenant is not None else {}
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload).encode(), **more)
        body = answer["Payload"].read().decode()
        if answer.get("FunctionError"):
            raise InvokeFailed(f"{function}: {body}")
        return json.loads(body) if body else None


@dataclass(frozen=True)
class Tenant:
    """A tenant, as returned by onboarding."""

    id: str
    name: str
    index: str
    vector_bucket: str
    key_arn: str
    tier: str = "basic"

    @property
    def partition(self) -> str:
        return f"TENANT#{self.id}"

    @property
    def prefix(self) -> str:
        return f"t/{self.id}/"


def error_code(error: ClientError) -> str:
    """Returns the service's error code."""
    return error.response.get("Error", {}).get("Code", "")
