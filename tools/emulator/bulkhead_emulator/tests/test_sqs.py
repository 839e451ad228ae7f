"""SQS with IAM, event source mappings with the execution role, partial batches, dead letters, fair queues."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkhead_emulator.tests.support.cloud import ACCOUNT, Cloud, allow, denied, error, unique
from bulkhead_emulator.tests.support.functions import invoke, make
from bulkhead_emulator.tests.support.process import Emulator, eventually

RIGHTS = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]


def queue(cloud: Cloud, **attributes: Any) -> Any:
    name = unique("queue")
    url = cloud.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def lines(path: Path) -> Any:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_iam_applies_to_queues(cloud: Cloud) -> None:
    url, arn = queue(cloud)
    sender = cloud.tenant("acme", allow("sqs:SendMessage", arn)).client("sqs")
    assert not denied(sender.send_message, QueueUrl=url, MessageBody="x")
    assert denied(sender.receive_message, QueueUrl=url)
    other, _ = queue(cloud)
    assert denied(sender.send_message, QueueUrl=other, MessageBody="x")


@pytest.mark.extension
@pytest.mark.parametrize("missing", RIGHTS)
def test_mapping_needs_the_roles_permissions(cloud: Cloud, missing: Any) -> None:
    _, arn = queue(cloud)
    name = make(cloud, allow([right for right in RIGHTS if right != missing], arn))
    create = cloud.client("lambda").create_event_source_mapping
    code, status, message = error(create, FunctionName=name, EventSourceArn=arn)
    assert (code, status) == ("InvalidParameterValueException", 400) and missing.removeprefix("sqs:") in message


@pytest.mark.extension
def test_mapping_stops_if_the_role_loses_its_permissions(cloud: Cloud, tmp_path: Path) -> None:
    url, arn = queue(cloud)
    journal = tmp_path / "journal"
    name = make(cloud, allow(RIGHTS, arn), environment={"JOURNAL": str(journal)})
    client, iam = cloud.client("lambda"), cloud.client("iam")
    mapping = client.create_event_source_mapping(FunctionName=name, EventSourceArn=arn)["UUID"]
    role = client.get_function_configuration(FunctionName=name)["Role"].rpartition("/")[2]
    iam.delete_role_policy(RoleName=role, PolicyName="p")
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    eventually(lambda: "PROBLEM" in client.get_event_source_mapping(UUID=mapping)["LastProcessingResult"], within=5)
    assert not journal.exists()
    iam.put_role_policy(
        RoleName=role,
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow(RIGHTS, arn)]}),
    )
    eventually(lambda: lines(journal))


@pytest.mark.extension
def test_visibility_timeout_must_cover_the_functions(cloud: Cloud) -> None:
    _, arn = queue(cloud, VisibilityTimeout="5")
    name = make(cloud, allow(RIGHTS, arn), Timeout=10)
    code, _, message = error(cloud.client("lambda").create_event_source_mapping, FunctionName=name, EventSourceArn=arn)
    assert code == "InvalidParameterValueException" and "visibility timeout" in message


def mapped(cloud: Cloud, tmp_path: Path, **attributes: Any) -> Any:
    """Returns a queue with a dead-letter queue and a function that reports messages with `poison` as failed."""
    dead, dead_arn = queue(cloud)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = queue(cloud, RedrivePolicy=redrive, **attributes)
    journal = tmp_path / "journal"
    name = make(cloud, allow(RIGHTS, arn), environment={"JOURNAL": str(journal)}, Timeout=1)
    cloud.client("lambda").create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=arn,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        BatchSize=10,
        ScalingConfig={"MaximumConcurrency": 2},
    )
    return url, dead, journal


def test_partial_batches_and_dead_letters(cloud: Cloud, tmp_path: Path) -> None:
    sqs = cloud.client("sqs")
    url, dead, journal = mapped(cloud, tmp_path, VisibilityTimeout="1")
    sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": str(n), "MessageBody": body, "MessageGroupId": f"tenant-{n}"}
            for n, body in enumerate(["fine", "poison"])
        ],
    )
    found = eventually(lambda: sqs.receive_message(QueueUrl=dead, AttributeNames=["All"]).get("Messages"))
    assert [m["Body"] for m in found] == ["poison"] and found[0]["Attributes"]["MessageGroupId"] == "tenant-1"
    records = lines(journal)
    assert [r["body"] for r in records].count("fine") == 1 and [r["body"] for r in records].count("poison") == 2
    assert {r["attributes"]["MessageGroupId"] for r in records} == {"tenant-0", "tenant-1"}
    assert eventually(
        lambda: (
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"][
                "ApproximateNumberOfMessagesNotVisible"
            ]
            == "0"
        )
    )


@pytest.mark.extension
@pytest.mark.parametrize("failure", [{"itemIdentifier": ""}, {"itemIdentifier": "unknown"}, {"wrong": "x"}])
def test_malformed_failure_report_fails_the_whole_batch(cloud: Cloud, tmp_path: Path, failure: Any) -> None:
    url, arn = queue(cloud, VisibilityTimeout="1")
    journal = tmp_path / "journal"
    answer = json.dumps({"batchItemFailures": [failure]})
    name = make(cloud, allow(RIGHTS, arn), environment={"JOURNAL": str(journal), "ANSWER": answer}, Timeout=1)
    cloud.client("lambda").create_event_source_mapping(
        FunctionName=name, EventSourceArn=arn, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    cloud.client("sqs").send_message(QueueUrl=url, MessageBody="x")
    eventually(lambda: len(lines(journal)) >= 2, within=8)
    assert {r["attributes"]["ApproximateReceiveCount"] for r in lines(journal)} >= {"1", "2"}


def test_empty_failure_report_is_a_success(cloud: Cloud, tmp_path: Path) -> None:
    url, arn = queue(cloud, VisibilityTimeout="1")
    journal = tmp_path / "journal"
    name = make(cloud, allow(RIGHTS, arn), environment={"JOURNAL": str(journal), "ANSWER": "null"}, Timeout=1)
    cloud.client("lambda").create_event_source_mapping(
        FunctionName=name, EventSourceArn=arn, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    eventually(lambda: lines(journal))

    def left() -> Any:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesNotVisible"])

    eventually(lambda: left() == 0)


@pytest.mark.extension
def test_quiet_tenant_overtakes_a_noisy_one(cloud: Cloud) -> None:
    url, _ = queue(cloud)
    sqs = cloud.client("sqs")

    def send(group: str, count: int) -> None:
        for start in range(0, count, 10):
            sqs.send_message_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(n), "MessageBody": group, "MessageGroupId": group} for n in range(min(10, count - start))
                ],
            )

    def receive(number: Any) -> Any:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=number).get("Messages", [])
        return [m["Body"] for m in found]

    send("noisy", 60)
    for _ in range(3):
        assert receive(10) == ["noisy"] * 10
    send("quiet", 2)
    sqs.send_message(QueueUrl=url, MessageBody="alone")
    assert sorted(receive(3)) == ["alone", "quiet", "quiet"]
    assert receive(10) == ["noisy"] * 10


@pytest.mark.extension
def test_tenant_with_few_slow_messages_is_overtaken(cloud: Cloud) -> None:
    """Noisy only by processing time, with fewer than thirty messages."""
    url, _ = queue(cloud)
    sqs = cloud.client("sqs")
    for body in ("slow", "slow", "quiet"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "slow"
    time.sleep(0.2)
    assert [sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] for _ in range(2)] == ["quiet", "slow"]


def test_returned_message_keeps_its_place(cloud: Cloud) -> None:
    url, _ = queue(cloud)
    sqs = cloud.client("sqs")
    for body in ("first", "second"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="tenant")
    assert sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"][0]["Body"] == "first"
    again = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"][0]
    assert (again["Body"], again["Attributes"]["ApproximateReceiveCount"]) == ("first", "2")


def batches_of(cloud: Cloud, tmp_path: Path, messages: Any, **settings: Any) -> Any:
    """Sends messages to a function that takes half a second per batch, and returns its batches."""
    url, arn = queue(cloud)
    file = tmp_path / "batches"
    name = make(cloud, allow(RIGHTS, arn), environment={"BATCHES": str(file), "BATCH_SECONDS": "0.5"})
    for start in range(0, messages, 10):
        cloud.client("sqs").send_message_batch(
            QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(min(10, messages - start))]
        )
    cloud.client("lambda").create_event_source_mapping(FunctionName=name, EventSourceArn=arn, **settings)
    return eventually(lambda: sum(b["size"] for b in lines(file)) >= messages and lines(file))


def most_at_once(batches: Any) -> Any:
    return max(sum(each["started"] <= moment["started"] < each["ended"] for each in batches) for moment in batches)


@pytest.mark.parametrize("limit", [2, 4])
def test_concurrent_batches_reach_the_mappings_limit(cloud: Cloud, tmp_path: Path, limit: int) -> None:
    batches = batches_of(cloud, tmp_path, 24, BatchSize=3, ScalingConfig={"MaximumConcurrency": limit})
    assert most_at_once(batches) == limit and max(each["size"] for each in batches) == 3


def test_batch_does_not_wait_until_full(cloud: Cloud, tmp_path: Path) -> None:
    assert [each["size"] for each in batches_of(cloud, tmp_path, 1, BatchSize=10)] == [1]


def test_loses_no_message_between_sender_and_poller(cloud: Cloud, tmp_path: Path) -> None:
    """Both change the same long queue in separate threads."""
    _dead, dead_arn = queue(cloud)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 5})
    url, arn = queue(cloud, RedrivePolicy=redrive)
    file = tmp_path / "batches"
    name = make(cloud, allow(RIGHTS, arn), environment={"BATCHES": str(file)})
    cloud.client("lambda").create_event_source_mapping(FunctionName=name, EventSourceArn=arn, BatchSize=1)
    sqs = cloud.client("sqs")
    for _ in range(60):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(10)])
    eventually(lambda: sum(each["size"] for each in lines(file)) >= 600, within=60)


@pytest.fixture(scope="module")
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An emulator without fair queues that records invocations, and the file."""
    file = tmp_path_factory.mktemp("record") / "invocations.jsonl"
    bare = request.config.getoption("--bare", default=False)
    emulator = Emulator.start(more=() if bare else ("--no-fair-queues", "--invocations", str(file)), bare=bare)
    yield Cloud(emulator.address), file
    emulator.stop()


def test_without_fair_queues_messages_keep_the_order_of_sending(plain: Any) -> None:
    cloud, _ = plain
    url, _ = queue(cloud)
    sqs = cloud.client("sqs")
    for body in ("slow", "slow", "quiet"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "slow"
    time.sleep(0.2)
    assert [sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] for _ in range(2)] == ["slow", "quiet"]


@pytest.mark.extension
def test_records_invocations(plain: Any) -> None:
    cloud, file = plain
    name = make(cloud, tenants=True)
    before = time.time()
    invoke(cloud, name, {"sleep": 0.2}, tenant="acme")
    found = [each for each in lines(file) if each["function"] == name]
    assert [(each["tenant"], each["event"], each["new"]) for each in found] == [("acme", {"sleep": 0.2}, True)]
    assert before <= found[0]["started"] <= found[0]["ended"] - 0.2
