"""Sessions expire, and every service refuses them with its own error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bulkhead_emulator.tests.support import http
from bulkhead_emulator.tests.support.cloud import Cloud, allow, error
from bulkhead_emulator.tests.support.process import Emulator, eventually

SECONDS = 1
OBJECT = {"Bucket": "sessions", "Key": "x"}
# The error code and the HTTP status.
JSON, REST_JSON, QUERY, S3 = (
    ("ExpiredTokenException", 400),
    ("ExpiredTokenException", 403),
    ("ExpiredToken", 403),
    ("ExpiredToken", 400),
)
CALLS = [
    ("dynamodb", "list_tables", {}, JSON),
    ("kms", "list_keys", {}, JSON),
    ("events", "list_rules", {}, JSON),
    ("sqs", "list_queues", {}, QUERY),
    ("sts", "get_caller_identity", {}, QUERY),
    ("iam", "list_roles", {}, QUERY),
    ("cloudformation", "list_stacks", {}, QUERY),
    ("s3", "list_buckets", {}, S3),
    ("s3", "get_object", OBJECT, S3),
    ("s3", "put_object", OBJECT, S3),
    ("lambda", "list_functions", {}, REST_JSON),
    ("apigateway", "get_rest_apis", {}, REST_JSON),
    ("s3vectors", "list_vector_buckets", {}, REST_JSON),
    ("bedrock-runtime", "invoke_model", {"modelId": "amazon.titan-embed-text-v2:0", "body": b"{}"}, REST_JSON),
]


def assumed(cloud: Cloud, role: str, asked: int) -> tuple[Cloud, datetime]:
    """Returns a session of `asked` seconds and its expiry. Bypasses boto3's check of the minimum."""
    found = cloud.client("sts", parameter_validation=False).assume_role(
        RoleArn=role, RoleSessionName="session", DurationSeconds=asked
    )["Credentials"]
    return cloud.acting_as(
        {
            "aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"],
        }
    ), found["Expiration"]


@pytest.fixture(scope="module")
def brief(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An emulator whose sessions last a second, and the duration to request.

    MiniStack has no such option but grants sessions of a second. So with `--bare` the tests fail because of
    MiniStack's error for an expired session.
    """
    bare = request.config.getoption("--bare", default=False)
    emulator = Emulator.start(bare=True) if bare else Emulator.start(session_seconds=SECONDS)
    yield Cloud(emulator.address), SECONDS if bare else 3600
    emulator.stop()


@pytest.fixture(scope="module")
def expired(brief: Any) -> Any:
    """An expired session, after other sessions started, and a URL that it signed."""
    cloud, asked = brief
    cloud.client("s3").create_bucket(Bucket=OBJECT["Bucket"])
    cloud.client("s3").put_object(**OBJECT, Body=b"x")
    role = cloud.role(allow("*"))
    session, ends = assumed(cloud, role, asked)
    url = session.client("s3").generate_presigned_url("get_object", Params=OBJECT, ExpiresIn=600)
    eventually(lambda: datetime.now(UTC) > ends + timedelta(seconds=1))
    assumed(cloud, role, asked)
    return session, url


@pytest.mark.extension
@pytest.mark.parametrize(
    ("service", "operation", "arguments", "refusal"),
    CALLS,
    ids=[f"{service}.{operation}" for service, operation, *_ in CALLS],
)
def test_refuses_an_expired_session_as_expired(
    expired: Any, service: str, operation: str, arguments: Any, refusal: Any
) -> None:
    session, _ = expired
    assert error(getattr(session.client(service), operation), **arguments)[:2] == refusal


@pytest.mark.extension
def test_expired_session_cannot_renew_itself(expired: Any, brief: Any) -> None:
    session, _ = expired
    role = brief[0].role(allow("*"))
    assert error(session.client("sts").assume_role, RoleArn=role, RoleSessionName="again")[:2] == QUERY


@pytest.mark.extension
def test_signed_url_expires_with_its_session(expired: Any) -> None:
    answer = http.call("GET", expired[1])
    assert answer.status == 400 and b"<Code>ExpiredToken</Code>" in answer.body


@pytest.mark.extension
def test_option_overrides_the_requested_duration(brief: Any) -> None:
    cloud, _ = brief
    _, ends = assumed(cloud, cloud.role(allow("*")), 900)
    assert abs((ends - datetime.now(UTC)).total_seconds() - SECONDS) < 2


@pytest.mark.extension
def test_refuses_a_too_short_duration_with_the_option(brief: Any) -> None:
    """The option changes the granted duration, not the valid requests."""
    cloud, _ = brief
    call = cloud.client("sts", parameter_validation=False).assume_role
    refused = error(call, RoleArn=cloud.role(allow("*")), RoleSessionName="session", DurationSeconds=899)
    assert refused[:2] == ("ValidationError", 400)


@pytest.mark.parametrize("asked", [900, 3600])
def test_session_has_the_requested_duration_without_the_option(cloud: Cloud, asked: Any) -> None:
    _, ends = assumed(cloud, cloud.role(allow("*")), asked)
    assert abs((ends - datetime.now(UTC)).total_seconds() - asked) < 5
