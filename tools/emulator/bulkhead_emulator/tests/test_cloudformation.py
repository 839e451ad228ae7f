"""Nested SAM applications through `sam deploy`, created, updated and removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bulkhead_emulator.tests.support import http
from bulkhead_emulator.tests.support.cloud import Cloud, allow, denied
from bulkhead_emulator.tests.support.functions import invoke
from bulkhead_emulator.tests.support.process import eventually
from bulkhead_emulator.tests.support.stack import deploy, prepare, sam_deploy


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return prepare(tmp_path_factory.mktemp("nested"))


def functions(cloud: Cloud, *names: Any) -> Any:
    return [cloud.client("lambda").get_function(FunctionName=name) for name in names]


@pytest.mark.extension
def test_nested_sam_applications(cloud: Cloud, directory: Any) -> None:
    first = deploy(cloud, directory, "root.yaml", "nested", Endpoint=cloud.address)
    basic, premium = functions(cloud, first["BasicFunction"], first["PremiumFunction"])
    assert [f["Concurrency"]["ReservedConcurrentExecutions"] for f in (basic, premium)] == [3, 7]
    assert [f["Configuration"]["TenancyConfig"]["TenantIsolationMode"] for f in (basic, premium)] == ["PER_TENANT"] * 2
    assert http.call("POST", first["BasicUrl"] + "/work", {}, Authorization="allow acme").json()["tenant"] == "acme"
    vectors_work(cloud, first)
    alias_is_seen_by_iam(cloud, first)

    second = deploy(cloud, directory, "root.yaml", "nested", Endpoint=cloud.address, Message="second", Premium="no")
    assert second["BasicUrl"] == first["BasicUrl"] and "PremiumFunction" not in second
    assert second["BasicFunction"] == first["BasicFunction"]
    body = http.call("POST", second["BasicUrl"] + "/work", {"env": True}, Authorization="allow acme").json()
    assert body["env"]["MESSAGE"] == "second" and body["tenant"] == "acme"
    (basic,) = functions(cloud, second["BasicFunction"])
    assert basic["Concurrency"]["ReservedConcurrentExecutions"] == 3
    assert basic["Configuration"]["TenancyConfig"]["TenantIsolationMode"] == "PER_TENANT"
    missing = cloud.client("lambda").exceptions.ResourceNotFoundException
    with pytest.raises(missing):
        functions(cloud, first["PremiumFunction"])

    unchanged = deploy(cloud, directory, "root.yaml", "nested", Endpoint=cloud.address, Message="second", Premium="no")
    assert unchanged == second
    cloud.client("cloudformation").delete_stack(StackName="nested")
    cloud.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName="nested", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    with pytest.raises(missing):
        functions(cloud, second["BasicFunction"])


def vectors_work(cloud: Cloud, outputs: Any) -> None:
    """`Ref` of bucket and index are their ARNs, as the resource schemas say."""
    api = cloud.client("s3vectors")
    assert outputs["IndexArn"] == outputs["VectorBucket"] + "/index/t-acme-docs"
    api.put_vectors(indexArn=outputs["IndexArn"], vectors=[{"key": "a", "data": {"float32": [1, 0, 0, 0]}}])
    assert api.get_vector_bucket(vectorBucketArn=outputs["VectorBucket"])


def alias_is_seen_by_iam(cloud: Cloud, outputs: Any) -> None:
    session = cloud.tenant(
        "acme", allow("kms:Encrypt", Condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": outputs["Alias"]}})
    ).client("kms")
    assert not denied(session.encrypt, KeyId=outputs["KeyArn"], Plaintext=b"x")
    other = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    assert denied(session.encrypt, KeyId=other, Plaintext=b"x")


@pytest.mark.extension
def test_nested_transforms_need_auto_expand(cloud: Cloud, directory: Any) -> None:
    """The root template has no transform; only the nested template needs the capability."""
    plain = directory / "plain-root.yaml"
    plain.write_text("""
AWSTemplateFormatVersion: '2010-09-09'
Resources:
  Tier:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: tier.yaml
      Parameters:
        {Tier: t, Endpoint: e, Message: m, TableArn: 'arn:aws:dynamodb:us-east-1:1:table/x', Reserved: 2,
         Isolation: NONE}
""")
    refused = sam_deploy(cloud, directory, plain.name, "without-expand", "CAPABILITY_IAM CAPABILITY_NAMED_IAM")
    events = cloud.client("cloudformation").describe_stack_events(StackName="without-expand")["StackEvents"]
    assert refused.returncode != 0
    assert any("CAPABILITY_AUTO_EXPAND" in event.get("ResourceStatusReason", "") for event in events)
    allowed = sam_deploy(cloud, directory, plain.name, "with-expand")
    assert allowed.returncode == 0, allowed.stderr
    names = [f["FunctionName"] for f in cloud.client("lambda").list_functions()["Functions"]]
    (work,) = functions(cloud, next(n for n in names if n.startswith("with-expand") and "-Work-" in n))
    assert "TenancyConfig" not in work["Configuration"]


@pytest.mark.extension
def test_refuses_an_unknown_managed_policy(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("""
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}]
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/NoSuchPolicy']
""")
    assert sam_deploy(cloud, tmp_path, "t.yaml", "unknown-policy").returncode != 0


@pytest.mark.extension
def test_document_pipeline(cloud: Cloud, directory: Any, tmp_path: Path) -> None:
    """Deploys every resource type of the pipeline twice and sends an object through it."""
    parameters = {"Endpoint": cloud.address, "Journal": str(tmp_path)}
    out = deploy(cloud, directory, "data.yaml", "pipeline", **parameters)
    s3, bucket = cloud.client("s3"), out["Bucket"]
    put = s3.put_object(Bucket=bucket, Key="t/acme/a b.pdf", Body=b"x")
    assert put["SSEKMSKeyId"] == out["KeyArn"] and put["VersionId"]
    eventually((tmp_path / "intake").exists)
    event = json.loads((tmp_path / "intake").read_text())["event"]
    found = event["detail"]["object"]
    assert (found["key"], found["version-id"]) == ("t/acme/a b.pdf", put["VersionId"])

    cloud.client("sqs").send_message(QueueUrl=out["Queue"], MessageBody="job", MessageGroupId="acme")
    eventually((tmp_path / "dispatch").exists)
    assert json.loads((tmp_path / "dispatch").read_text())["attributes"]["MessageGroupId"] == "acme"
    stranger = cloud.tenant("acme", allow("sqs:SendMessage"), allow("s3:PutObject"), allow("kms:*"))
    assert denied(stranger.client("sqs").send_message, QueueUrl=out["Queue"], MessageBody="x")
    assert denied(stranger.client("s3").put_object, Bucket=bucket, Key="forbidden/x", Body=b"x")
    assert not denied(stranger.client("s3").put_object, Bucket=bucket, Key="t/acme/y", Body=b"x")

    (mapping,) = cloud.client("lambda").list_event_source_mappings(FunctionName=out["Dispatch"])["EventSourceMappings"]
    assert (mapping["BatchSize"], mapping["ScalingConfig"]) == (5, {"MaximumConcurrency": 2})
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert cloud.client("lambda").get_function_configuration(FunctionName=out["Dispatch"])["Timeout"] == 10
    table = cloud.client("dynamodb").describe_table(TableName=out["Table"])["Table"]
    assert [k["AttributeName"] for k in table["KeySchema"]] == ["pk", "sk"]
    (group,) = cloud.client("logs").describe_log_groups(logGroupNamePrefix=out["Logs"])["logGroups"]
    assert group["retentionInDays"] == 14

    again = deploy(cloud, directory, "data.yaml", "pipeline", **parameters, Size="7")
    assert again == out
    (mapping,) = cloud.client("lambda").list_event_source_mappings(FunctionName=out["Dispatch"])["EventSourceMappings"]
    assert (mapping["BatchSize"], mapping["ScalingConfig"]) == (7, {"MaximumConcurrency": 2})
    assert s3.get_object(Bucket=bucket, Key="t/acme/a b.pdf")["Body"].read() == b"x"


@pytest.mark.extension
def test_keeps_a_roles_boundary(cloud: Cloud, directory: Any, tmp_path: Path) -> None:
    out = deploy(cloud, directory, "data.yaml", "bounded", Endpoint=cloud.address, Journal=str(tmp_path))
    call = {"aws": {"service": "s3", "operation": "list_buckets"}}
    assert "AccessDenied" in invoke(cloud, out["Dispatch"], call)["aws"]["message"]


@pytest.mark.extension
@pytest.mark.parametrize("big", ["trust", "inline"])
def test_role_quotas(cloud: Cloud, tmp_path: Path, big: Any) -> None:
    lines = "\n".join(f"              - 's3:Get{'x' * 90}{n}'" for n in range(120 if big == "inline" else 1))
    principals = "\n".join(f"              - 'arn:aws:iam::{n:012}:root'" for n in range(70 if big == "trust" else 1))
    (tmp_path / "t.yaml").write_text(f"""
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: 'sts:AssumeRole'
            Principal:
              AWS:
{principals}
      Policies:
        - PolicyName: p
          PolicyDocument:
            Version: '2012-10-17'
            Statement:
            - Effect: Allow
              Resource: '*'
              Action:
{lines}
""")
    assert sam_deploy(cloud, tmp_path, "t.yaml", f"quota-{big}").returncode != 0
