"""The fault proxy: transparent without a rule; with a rule its faults look like faults of AWS.

The emulator verifies signatures of all callers except root. A user makes the calls, so a changed request fails.
"""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, IncompleteReadError, ResponseStreamingError

from tools.devstack.aws import REGION, Account, Credentials, error_code
from tools.devstack.client import send
from tools.devstack.poll import until
from tools.devstack.process import Child, free_port
from tools.faultproxy.call import Call
from tools.faultproxy.client import Faults
from tools.faultproxy.effects import Cut, Delay, DropAfter, DropBefore, Duplicate, Fail, Hold
from tools.faultproxy.ledger import Calls
from tools.faultproxy.rules import ActiveRule, Match, Rule, Rules

BROKEN = (ConnectionClosedError, ConnectionError)
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ANY_PRINCIPAL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}],
}
TABLE, BUCKET, MODEL, TEXT_MODEL = "faults", "faults", "amazon.titan-embed-text-v2:0", "amazon.nova-lite-v1:0"


class Local:
    """A local AWS behind the proxy, the proxy's admin API, and a user with all permissions."""

    def __init__(self, logs: Path) -> None:
        self._children: list[Child] = []
        self.direct = self._start("bulkhead_emulator", logs)
        admin = free_port()
        self.proxy = self._start("tools.faultproxy", logs, "--admin-port", str(admin), "--target", self.direct)
        self.faults = Faults(f"http://127.0.0.1:{admin}")
        self.root = Account(self.direct)
        iam = self.root.client("iam")
        iam.create_user(UserName="user")
        iam.put_user_policy(UserName="user", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        key = iam.create_access_key(UserName="user")["AccessKey"]
        self.credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        role = iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps(ANY_PRINCIPAL))["Role"]
        iam.put_role_policy(RoleName="role", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
        self.role = role["Arn"]
        # The user, through the proxy.
        self.user = Account(self.proxy, self.credentials)

    def _start(self, module: str, logs: Path, *more: str) -> str:
        child = Child(module, ["--port", str(free_port()), *more], logs / module, detached=False)
        self._children.append(child)
        return child.ready(60, lambda _: None)

    def stop(self) -> None:
        for child in reversed(self._children):
            child.stop()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    running = Local(tmp_path_factory.mktemp("faults"))
    running.root.client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    running.root.client("s3").create_bucket(Bucket=BUCKET)
    yield running
    running.stop()


@pytest.fixture
def seen(aws: Local) -> Callable[[], Any]:
    """Returns the calls since the start of the test."""
    before = aws.faults.calls()
    return lambda: aws.faults.calls() - before


def put(account: Account, key: str, **more: Any) -> Any:
    return account.client("dynamodb").put_item(TableName=TABLE, Item={"pk": {"S": key}}, **more)


def stored(aws: Local, key: str) -> bool:
    answer = aws.root.client("dynamodb").get_item(TableName=TABLE, Key={"pk": {"S": key}})
    return "Item" in answer


# ── errors ──────────────────────────────────────────────────────────────────

ANY_KEY = {"pk": {"S": "x"}}
ASK = {"modelId": TEXT_MODEL, "messages": [{"role": "user", "content": [{"text": "x"}]}]}
ERRORS = [
    ("dynamodb", "GetItem", {"TableName": TABLE, "Key": ANY_KEY}, "ThrottlingException", 400),
    ("dynamodb", "PutItem", {"TableName": TABLE, "Item": ANY_KEY}, "ProvisionedThroughputExceededException", 400),
    ("dynamodb", "Query", {"TableName": TABLE}, "InternalServerError", 500),
    ("s3", "GetObject", {"Bucket": BUCKET, "Key": "x"}, "SlowDown", 503),
    ("s3", "PutObject", {"Bucket": BUCKET, "Key": "x", "Body": b"x"}, "InternalError", 500),
    ("s3", "GetObject", {"Bucket": BUCKET, "Key": "x"}, "NoSuchKey", 404),
    ("s3", "ListObjectsV2", {"Bucket": BUCKET}, "ServiceUnavailable", 503),
    ("kms", "Decrypt", {"CiphertextBlob": b"x"}, "KMSInternalException", 500),
    ("kms", "GenerateDataKey", {"KeyId": "x"}, "DependencyTimeoutException", 503),
    ("kms", "GenerateDataKey", {"KeyId": "x"}, "ThrottlingException", 400),
    (
        "sts",
        "AssumeRole",
        {"RoleArn": "arn:aws:iam::0:role/x", "RoleSessionName": "xx"},
        "RegionDisabledException",
        403,
    ),
    ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::0:role/x", "RoleSessionName": "xx"}, "Throttling", 400),
    ("sts", "GetCallerIdentity", {}, "InternalFailure", 500),
    ("sqs", "SendMessage", {"QueueUrl": "http://localhost/x", "MessageBody": "x"}, "RequestThrottled", 403),
    ("sqs", "ReceiveMessage", {"QueueUrl": "http://localhost/x"}, "InternalFailure", 500),
    ("lambda", "Invoke", {"FunctionName": "x"}, "TooManyRequestsException", 429),
    ("lambda", "Invoke", {"FunctionName": "x"}, "ServiceException", 500),
    (
        "s3vectors",
        "QueryVectors",
        {"topK": 1, "queryVector": {"float32": [1.0]}, "indexArn": "x"},
        "TooManyRequestsException",
        429,
    ),
    ("s3vectors", "DeleteVectors", {"keys": ["x"], "indexArn": "x"}, "ServiceUnavailableException", 503),
    ("s3vectors", "GetVectors", {"keys": ["x"], "indexArn": "x"}, "InternalServerException", 500),
    ("bedrock-runtime", "Converse", ASK, "ThrottlingException", 429),
    ("bedrock-runtime", "ConverseStream", ASK, "ModelNotReadyException", 429),
    ("bedrock-runtime", "InvokeModel", {"modelId": MODEL, "body": b"{}"}, "ServiceUnavailableException", 503),
]


@pytest.mark.parametrize(
    ("service", "action", "arguments", "code", "status"), ERRORS, ids=[f"{s}.{a}-{c}" for s, a, _, c, _ in ERRORS]
)
def test_error_has_the_services_format(
    aws: Local, seen: Any, service: str, action: str, arguments: Any, code: str, status: int
) -> None:
    client = aws.user.client(service)
    # The SDK raises the model's exception if the model has the code.
    expected = getattr(client.exceptions, code, ClientError) if code in _modelled(client) else ClientError
    method = next(name for name, operation in client.meta.method_to_api_mapping.items() if operation == action)
    with aws.faults.rule(Fail(code, message="busy & <tired>"), service=service, action=action):
        with pytest.raises(expected) as raised:
            getattr(client, method)(**arguments)
    answer = raised.value.response
    assert (answer["Error"]["Code"], answer["Error"]["Message"]) == (code, "busy & <tired>")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert seen().number(service=service, action=action, outcome=code, fault="Fail") == 1, seen()
    assert seen().number() == 1, f"the call reached the service: {seen()}"


def signed_url(aws: Local, method: str, key: str) -> str:
    """Returns a URL with signature version 4; boto3's default for URLs is an older version."""
    session = boto3.Session(aws.credentials.key, aws.credentials.secret, region_name=REGION)
    settings = Config(signature_version="s3v4", s3={"addressing_style": "path"})
    s3 = session.client("s3", endpoint_url=aws.proxy, config=settings)
    return s3.generate_presigned_url(method, Params={"Bucket": BUCKET, "Key": key})


def _modelled(client: Any) -> set[str]:
    return {shape.error_code for shape in client.meta.service_model.error_shapes}


def test_error_of_a_head_request_has_no_body(aws: Local) -> None:
    with aws.faults.rule(Fail("SlowDown"), service="s3", action="HeadObject"), pytest.raises(ClientError) as raised:
        aws.user.client("s3").head_object(Bucket=BUCKET, Key="x")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    put(aws.user, "after-head")


# ── without a rule ──────────────────────────────────────────────────────────


def test_calls_pass_unchanged_without_a_rule(aws: Local, seen: Any) -> None:
    s3 = aws.user.client("s3")
    large = bytes(range(256)) * 24_000
    s3.put_object(Bucket=BUCKET, Key="large", Body=large)
    s3.put_object(Bucket=BUCKET, Key="a key/with ünusual+characters", Body=b"odd")
    assert s3.get_object(Bucket=BUCKET, Key="large")["Body"].read() == large
    assert s3.get_object(Bucket=BUCKET, Key="a key/with ünusual+characters")["Body"].read() == b"odd"
    assert s3.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == len(large)
    part = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")
    named = {"Bucket": BUCKET, "Key": "parts", "UploadId": part["UploadId"]}
    tag = s3.upload_part(**named, PartNumber=1, Body=b"one")["ETag"]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "parts"})
    assert {each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]} >= {"large", "parts", "copy"}
    s3.delete_object(Bucket=BUCKET, Key="copy")
    put(aws.user, "plain")
    assert aws.user.client("sts").get_caller_identity()["Arn"].endswith("user/user")
    body = b'{"inputText": "x"}'
    assert aws.user.client("bedrock-runtime").invoke_model(modelId=MODEL, body=body)["body"].read()
    stream = aws.user.client("bedrock-runtime").converse_stream(**ASK)["stream"]
    assert any("messageStop" in event for event in stream)
    expected = {
        ("s3", "PutObject"): 2,
        ("s3", "GetObject"): 2,
        ("s3", "HeadObject"): 1,
        ("s3", "CreateMultipartUpload"): 1,
        ("s3", "UploadPart"): 1,
        ("s3", "CompleteMultipartUpload"): 1,
        ("s3", "CopyObject"): 1,
        ("s3", "ListObjectsV2"): 1,
        ("s3", "DeleteObject"): 1,
        ("dynamodb", "PutItem"): 1,
        ("sts", "GetCallerIdentity"): 1,
        ("bedrock-runtime", "InvokeModel"): 1,
        ("bedrock-runtime", "ConverseStream"): 1,
    }
    found = {(passed.service, passed.action): count for passed, count in seen().only(outcome="ok", fault="")}
    assert found == expected


def test_signed_url_stays_valid_and_is_recognised(aws: Local, seen: Any) -> None:
    url = signed_url(aws, "put_object", "signed")
    # urllib declares the body as a form; S3 stores the bytes.
    assert url.startswith(aws.proxy) and send("PUT", url, b"Action=none").status == 200
    assert send("GET", signed_url(aws, "get_object", "signed")).body == b"Action=none"
    with aws.faults.rule(Fail("SlowDown"), service="s3", action="GetObject", key=aws.credentials.key):
        refused = send("GET", signed_url(aws, "get_object", "signed"))
        assert refused.status == 503 and "<Code>SlowDown</Code>" in refused.text
    assert (seen().number(action="PutObject"), seen().number(action="GetObject")) == (1, 2)


def test_passes_a_chunked_body(aws: Local) -> None:
    parts = [b"%d," % number for number in range(5000)]
    request = urllib.request.Request(signed_url(aws, "put_object", "chunks"), data=iter(parts), method="PUT")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        assert answer.status == 200
    found = aws.root.client("s3").get_object(Bucket=BUCKET, Key="chunks")["Body"].read()
    assert found == b"".join(parts)


def test_answers_expect_100_continue(aws: Local) -> None:
    """SDKs send the header for large objects."""
    url = urlsplit(signed_url(aws, "put_object", "expected"))
    head = (
        f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((url.hostname, url.port), timeout=10) as link, link.makefile("rb") as answers:
        link.sendall(head.encode())
        assert answers.readline().startswith(b"HTTP/1.1 100"), "no 100 Continue"
        assert answers.readline() == b"\r\n"
        link.sendall(b"body")
        assert answers.readline().startswith(b"HTTP/1.1 200")
    assert aws.root.client("s3").get_object(Bucket=BUCKET, Key="expected")["Body"].read() == b"body"


def test_counts_the_services_errors_by_code(aws: Local, seen: Any) -> None:
    for service, method, arguments in (
        ("dynamodb", "get_item", {"TableName": "nowhere", "Key": ANY_KEY}),
        ("s3", "get_object", {"Bucket": BUCKET, "Key": "nowhere"}),
        ("kms", "describe_key", {"KeyId": "nowhere"}),
        ("sts", "assume_role", {"RoleArn": "arn:aws:iam::000000000000:role/missing", "RoleSessionName": "xx"}),
        ("lambda", "invoke", {"FunctionName": "nowhere"}),
        ("sqs", "get_queue_url", {"QueueName": "nowhere"}),
        ("bedrock-runtime", "invoke_model", {"modelId": "unknown.model", "body": b"{}"}),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(aws.user.client(service), method)(**arguments)
        code = error_code(refused.value)
        found = [passed.outcome for passed, _ in seen().only(service=service, fault="")]
        # SQS returns two codes; the older one is in a header.
        assert found == [code] or (service == "sqs" and found[0].endswith("QueueDoesNotExist")), (code, found)


def test_concurrent_calls_do_not_wait_for_each_other(aws: Local) -> None:
    queue = aws.root.client("sqs").create_queue(QueueName="slow")["QueueUrl"]
    with ThreadPoolExecutor(40) as threads:
        poll = aws.user.client("sqs").receive_message
        waiting = [threads.submit(poll, QueueUrl=queue, WaitTimeSeconds=20) for _ in range(8)]
        list(threads.map(lambda number: put(aws.user, f"many-{number}"), range(200)))
        assert not any(each.done() for each in waiting), "a long poll ended early"
        for number in range(8):
            aws.root.client("sqs").send_message(QueueUrl=queue, MessageBody=str(number))
        assert {each.result()["Messages"][0]["Body"] for each in waiting} == {str(n) for n in range(8)}


# ── rules ───────────────────────────────────────────────────────────────────


def test_rule_ends_with_its_context(aws: Local) -> None:
    with aws.faults.rule(Fail("ThrottlingException"), service="dynamodb") as rule:
        with pytest.raises(ClientError):
            put(aws.user, "ends")
        assert (rule.hits, rule.matched) == (1, 1)
    put(aws.user, "ends")


def test_rule_can_match_one_session_or_one_key(aws: Local) -> None:
    """A session is matched by its name, also in its AssumeRole call."""
    one, other = (aws.user.assume(aws.role, name) for name in ("session-one", "session-other"))
    with aws.faults.rule(Fail("ThrottlingException"), session="session-one"):
        with pytest.raises(ClientError):
            put(one, "mine")
        put(other, "mine")
        put(aws.user, "mine")
        with pytest.raises(ClientError, match="ThrottlingException"):
            aws.user.assume(aws.role, "session-one")
        aws.user.assume(aws.role, "session-other")
    with aws.faults.rule(Fail("ThrottlingException"), key=other.credentials.key):
        put(one, "mine")
        with pytest.raises(ClientError):
            put(other, "mine")


def test_rule_can_skip_calls_and_stop_after_a_count(aws: Local) -> None:
    with aws.faults.rule(Fail("ThrottlingException"), action="PutItem", skip=2, count=3) as rule:
        outcomes = [_outcome(aws, "limited") for _ in range(7)]
        assert outcomes == ["ok"] * 2 + ["ThrottlingException"] * 3 + ["ok"] * 2
        assert (rule.hits, rule.matched) == (3, 7)


def _outcome(aws: Local, key: str) -> str:
    try:
        put(aws.user, key)
    except ClientError as refused:
        return error_code(refused)
    return "ok"


def test_same_seed_selects_the_same_calls() -> None:
    def hit(seed: int) -> list[bool]:
        active = ActiveRule(Rule(DropBefore(), probability=0.3, seed=seed))
        return [active.takes(Call("dynamodb", "GetItem")) for _ in range(1000)]

    assert hit(7) == hit(7) != hit(8)
    assert 250 < sum(hit(7)) < 350


def test_calls_that_do_not_match_do_not_change_the_selection() -> None:
    def hit(others: int) -> list[bool]:
        active = ActiveRule(Rule(DropBefore(), Match(service="kms"), probability=0.5, seed=1))
        found = []
        for _ in range(50):
            found.append(active.takes(Call("kms", "Decrypt")))
            assert not any(active.takes(Call("sts", "AssumeRole")) for _ in range(others))
        return found

    assert hit(0) == hit(3)


def test_oldest_rule_decides_and_delays_add_up() -> None:
    rules = Rules()
    rules.add(Rule(Delay(20)))
    first = rules.add(Rule(DropBefore(), count=1))
    rules.add(Rule(Delay(30)))
    rules.add(Rule(DropAfter()))
    assert [rules.judge(Call()) for _ in range(2)] == [(20, DropBefore()), (50, DropAfter())]
    rules.remove(first)
    assert rules.judge(Call()) == (50, DropAfter())


@pytest.mark.parametrize("effect", [Fail("X", 500), Delay(5), DropBefore(), DropAfter(), Duplicate(), Cut(9), Hold(9)])
def test_rule_survives_json(effect: Any) -> None:
    rule = Rule(effect, Match(service="s3", session="x"), probability=0.5, seed=3, skip=1, count=2)
    assert Rule.from_json(json.loads(json.dumps(rule.to_json()))) == rule


# ── effects ─────────────────────────────────────────────────────────────────


def test_drop_before_has_no_effect_on_the_service(aws: Local, seen: Any) -> None:
    with aws.faults.rule(DropBefore(), action="PutItem"), pytest.raises(BROKEN):
        put(aws.user, "before")
    assert not stored(aws, "before")
    assert seen().number(action="PutItem", outcome="", fault="DropBefore") == 1, seen()


def test_drop_after_changes_the_service(aws: Local, seen: Any) -> None:
    with aws.faults.rule(DropAfter(), action="PutItem"), pytest.raises(BROKEN):
        put(aws.user, "after")
    assert stored(aws, "after")
    assert seen().number(action="PutItem", outcome="ok", fault="DropAfter") == 1, seen()


def test_duplicate_changes_the_service_twice_and_answers_once(aws: Local, seen: Any) -> None:
    dynamodb = aws.user.client("dynamodb")
    with aws.faults.rule(Duplicate(), action="UpdateItem"):
        answer = dynamodb.update_item(
            TableName=TABLE,
            Key={"pk": {"S": "twice"}},
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
        )
    assert answer["Attributes"]["n"] == {"N": "1"}
    item = aws.root.client("dynamodb").get_item(TableName=TABLE, Key={"pk": {"S": "twice"}})["Item"]
    assert item["n"] == {"N": "2"}
    assert seen().number(action="UpdateItem", outcome="ok") == 2, seen()


def test_delayed_call_completes_and_does_not_block_others(aws: Local) -> None:
    others = aws.user.client("sts").get_caller_identity
    others()
    with aws.faults.rule(Delay(1000), action="PutItem") as rule, ThreadPoolExecutor(1) as thread:
        started = time.monotonic()
        late = thread.submit(put, aws.user, "late")
        until(lambda: rule.hits, bool, "the call has started")
        others()
        assert not late.done(), "another call waited for the delayed one"
        late.result()
        assert time.monotonic() - started >= 1
    assert stored(aws, "late")


# ── admin API ───────────────────────────────────────────────────────────────


def test_proxy_port_does_not_accept_rules(aws: Local) -> None:
    rule = json.dumps(Rule(DropBefore()).to_json()).encode()
    assert send("POST", f"{aws.proxy}/rules", rule).status >= 400
    put(aws.user, "untouched")


@pytest.mark.parametrize("body", [b"", b"{}", b'{"effect": {"kind": "Explode"}}', b'{"effect": {"kind": "Delay"}}'])
def test_rejects_invalid_rules(aws: Local, body: bytes) -> None:
    assert send("POST", f"{aws.faults.admin}/rules", body).status == 400


def test_counts_can_be_filtered_and_subtracted(aws: Local, seen: Any) -> None:
    put(aws.user, "counted")
    earlier = seen()
    put(aws.user, "counted")
    assert (seen() - earlier).number(action="PutItem") == 1
    assert Calls.from_json(earlier.to_json()).number(service="dynamodb", outcome="ok") == 1


def test_cut_breaks_an_answer_in_its_middle(aws: Local, seen: Any) -> None:
    s3 = aws.user.client("s3")
    s3.put_object(Bucket=BUCKET, Key="long", Body=b"x" * 1000)
    with aws.faults.rule(Cut(100), action="GetObject"):
        body = s3.get_object(Bucket=BUCKET, Key="long")["Body"]
        assert body.read(100) == b"x" * 100
        with pytest.raises((ResponseStreamingError, IncompleteReadError)):
            body.read()
    assert seen().number(action="GetObject", outcome="ok", fault="Cut") == 1, seen()


def test_hold_ends_with_its_rule(aws: Local) -> None:
    s3 = aws.user.client("s3")
    s3.put_object(Bucket=BUCKET, Key="long", Body=b"y" * 1000)
    with aws.faults.rule(Hold(100), action="GetObject") as rule:
        body = s3.get_object(Bucket=BUCKET, Key="long")["Body"]
        assert body.read(100) == b"y" * 100 and rule.hits == 1
    assert body.read() == b"y" * 900
