"""S3: encryption on behalf of the caller, prefixes, presigned requests and events."""

from __future__ import annotations

import base64
import json
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from bulkhead_emulator.tests.support import http
from bulkhead_emulator.tests.support.cloud import ACCOUNT, Cloud, allow, denied, error, policy, unique
from bulkhead_emulator.tests.support.functions import make
from bulkhead_emulator.tests.support.process import eventually

VIA = "s3.us-east-1.amazonaws.com"


@pytest.fixture(scope="module")
def s3(cloud: Cloud) -> Any:
    return cloud.client("s3")


@pytest.fixture(scope="module")
def bucket(s3: Any) -> Any:
    name = unique("docs")
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def key(cloud: Cloud) -> Any:
    return cloud.client("kms").create_key()["KeyMetadata"]["Arn"]


def encrypted(key: Any, context: Any = None) -> Any:
    header = {"SSEKMSEncryptionContext": base64.b64encode(json.dumps(context).encode()).decode()} if context else {}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, **header}


def tenant_key(key: Any, *actions: Any) -> Any:
    return allow(
        [f"kms:{a}" for a in actions],
        key,
        Condition={
            "StringEquals": {"kms:EncryptionContext:tenant": "${aws:PrincipalTag/TenantId}", "kms:ViaService": VIA}
        },
    )


@pytest.mark.extension
def test_writing_needs_generate_data_key_and_reading_decrypt(cloud: Cloud, s3: Any, bucket: str, key: Any) -> None:
    objects = allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/*")
    neither = cloud.tenant("acme", objects).client("s3")
    assert denied(neither.put_object, Bucket=bucket, Key="k1", Body=b"x", **encrypted(key))
    writer = cloud.tenant("acme", objects, allow("kms:GenerateDataKey", key)).client("s3")
    assert not denied(writer.put_object, Bucket=bucket, Key="k1", Body=b"x", **encrypted(key))
    assert denied(writer.get_object, Bucket=bucket, Key="k1")
    assert not denied(writer.head_object, Bucket=bucket, Key="k1")
    reader = cloud.tenant("acme", objects, allow("kms:Decrypt", key)).client("s3")
    assert reader.get_object(Bucket=bucket, Key="k1")["Body"].read() == b"x"
    assert error(writer.get_object, Bucket=bucket, Key="k1")[:2] == ("AccessDenied", 403)


@pytest.mark.extension
def test_checks_the_encryption_context_of_writes_and_reads(cloud: Cloud, s3: Any, bucket: str, key: Any) -> None:
    objects = allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/*")
    acme, other = (
        cloud.tenant(t, objects, tenant_key(key, "GenerateDataKey", "Decrypt")).client("s3") for t in ("acme", "other")
    )
    put = {"Bucket": bucket, "Key": "k2", "Body": b"x"}
    assert denied(acme.put_object, **put, **encrypted(key))
    assert denied(acme.put_object, **put, **encrypted(key, {"tenant": "other"}))
    assert not denied(acme.put_object, **put, **encrypted(key, {"tenant": "acme"}))
    answer = acme.get_object(Bucket=bucket, Key="k2")
    assert answer["SSEKMSKeyId"] == key
    assert "x-amz-server-side-encryption-context" not in answer["ResponseMetadata"]["HTTPHeaders"]
    assert denied(other.get_object, Bucket=bucket, Key="k2")
    assert denied(other.get_object, Bucket=bucket, Key="k2", Range="bytes=0-0")


@pytest.mark.extension
def test_context_contains_the_object_arn(cloud: Cloud, bucket: str, key: Any) -> None:
    objects = allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/*")
    use = allow(
        "kms:*", key, Condition={"StringLike": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}/t/acme/*"}}
    )
    session = cloud.tenant("acme", objects, use).client("s3")
    assert not denied(session.put_object, Bucket=bucket, Key="t/acme/x", Body=b"x", **encrypted(key))
    assert denied(session.put_object, Bucket=bucket, Key="t/other/x", Body=b"x", **encrypted(key))
    assert denied(cloud.tenant("acme", use).client("kms").encrypt, KeyId=key, Plaintext=b"x")


@pytest.mark.extension
def test_unknown_and_unusable_keys(cloud: Cloud, s3: Any, bucket: str) -> None:
    kms = cloud.client("kms")
    missing = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000"
    unknown = error(s3.put_object, Bucket=bucket, Key="u", Body=b"x", **encrypted(missing))
    assert unknown[:2] == ("KMS.NotFoundException", 400)
    mine = kms.create_key()["KeyMetadata"]["Arn"]
    s3.put_object(Bucket=bucket, Key="u", Body=b"x", **encrypted(mine))
    kms.disable_key(KeyId=mine)
    assert error(s3.get_object, Bucket=bucket, Key="u")[:2] == ("KMS.DisabledException", 400)
    kms.schedule_key_deletion(KeyId=mine, PendingWindowInDays=7)
    assert error(s3.get_object, Bucket=bucket, Key="u")[:2] == ("KMS.KMSInvalidStateException", 400)


@pytest.mark.extension
def test_applies_the_buckets_default_encryption(cloud: Cloud, s3: Any, key: Any) -> None:
    name = unique("default")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]
        },
    )
    objects = allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{name}/*")
    assert denied(cloud.tenant("acme", objects).client("s3").put_object, Bucket=name, Key="a", Body=b"x")
    s3.put_object(Bucket=name, Key="a", Body=b"x")
    assert s3.head_object(Bucket=name, Key="a")["SSEKMSKeyId"] == key
    assert denied(cloud.tenant("acme", objects).client("s3").get_object, Bucket=name, Key="a")


@pytest.mark.extension
def test_copies_read_their_source(cloud: Cloud, s3: Any, bucket: str, key: Any) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"x", **encrypted(key, {"tenant": "other"}))
    objects = allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/*")
    copy = {"Bucket": bucket, "Key": "copied", "CopySource": {"Bucket": bucket, "Key": "source"}}
    assert denied(cloud.tenant("acme", objects, tenant_key(key, "Decrypt")).client("s3").copy_object, **copy)
    assert not denied(cloud.tenant("other", objects, tenant_key(key, "Decrypt")).client("s3").copy_object, **copy)
    assert "SSEKMSKeyId" not in s3.head_object(Bucket=bucket, Key="copied")


def test_copying_needs_read_access_to_the_source(cloud: Cloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="t/other/secret", Body=b"x")
    own = allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/t/acme/*")
    session = cloud.tenant("acme", own).client("s3")
    for source in (f"{bucket}/t/other/secret", f"/{bucket}/t%2Fother%2Fsecret"):
        assert denied(session.copy_object, Bucket=bucket, Key="t/acme/stolen", CopySource=source)


@pytest.mark.extension
def test_multipart_uploads(cloud: Cloud, s3: Any, bucket: str, key: Any) -> None:
    objects = allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/*")
    writer = cloud.tenant("acme", objects, allow("kms:GenerateDataKey", key)).client("s3")
    upload = writer.create_multipart_upload(Bucket=bucket, Key="big", **encrypted(key))["UploadId"]
    where = {"Bucket": bucket, "Key": "big", "UploadId": upload}
    part = writer.upload_part(**where, PartNumber=1, Body=b"x")
    complete = {**where, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}}
    assert denied(writer.complete_multipart_upload, **complete)
    both = cloud.tenant("acme", objects, allow(["kms:GenerateDataKey", "kms:Decrypt"], key)).client("s3")
    assert not denied(both.complete_multipart_upload, **complete)
    assert s3.head_object(Bucket=bucket, Key="big")["SSEKMSKeyId"] == key


def test_listing_is_limited_to_the_prefix(cloud: Cloud, bucket: str) -> None:
    session = cloud.tenant(
        "acme", allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", Condition={"StringLike": {"s3:prefix": "t/acme/*"}})
    ).client("s3")
    assert not denied(session.list_objects_v2, Bucket=bucket, Prefix="t/acme/")
    for prefix in ({}, {"Prefix": ""}, {"Prefix": "t/"}, {"Prefix": "t/acme"}, {"Prefix": "t/acmeX/"}):
        assert denied(session.list_objects_v2, Bucket=bucket, **prefix)
        assert denied(session.list_objects, Bucket=bucket, **prefix)
        assert denied(session.list_object_versions, Bucket=bucket, **prefix)


@pytest.mark.extension
def test_checks_keys_literally(cloud: Cloud, s3: Any, bucket: str) -> None:
    own = allow(["s3:PutObject", "s3:GetObject"], f"arn:aws:s3:::{bucket}/t/acme/*")
    session = cloud.tenant("acme", own).client("s3")
    for key in ("t//acme/x", "t/acme//x"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert denied(session.put_object, Bucket=bucket, Key="t//acme/x", Body=b"y")
    assert denied(session.get_object, Bucket=bucket, Key="t//acme/x")
    assert not denied(session.get_object, Bucket=bucket, Key="t/acme//x")


@pytest.mark.extension
def test_form_uploads_need_the_key(cloud: Cloud, s3: Any, key: Any) -> None:
    name = unique("forms")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}]
        },
    )

    def upload(signer: Any) -> Any:
        form = signer.client("s3", signature_version="s3v4").generate_presigned_post(name, "t/acme/x")
        parts = [f'Content-Disposition: form-data; name="{k}"\r\n\r\n{v}' for k, v in form["fields"].items()]
        parts.append('Content-Disposition: form-data; name="file"; filename="x"\r\n\r\ncontent')
        body = "".join(f"--edge\r\n{part}\r\n" for part in parts) + "--edge--\r\n"
        return http.call("POST", form["url"], body.encode(), Content_Type="multipart/form-data; boundary=edge").status

    objects = allow("s3:PutObject", f"arn:aws:s3:::{name}/t/acme/*")
    assert upload(cloud.tenant("acme", objects)) == 403
    here = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{name}/t/acme/x"}}
    assert upload(cloud.tenant("acme", objects, allow("kms:GenerateDataKey", key, Condition=here))) == 204


def test_batch_deletes_are_checked_per_key(cloud: Cloud, s3: Any, bucket: str) -> None:
    session = cloud.tenant("acme", allow("s3:DeleteObject", f"arn:aws:s3:::{bucket}/t/acme/*")).client("s3")
    own, other = {"Key": "t/acme/d"}, {"Key": "t/other/secret"}
    s3.put_object(Bucket=bucket, Key=other["Key"], Body=b"x")
    assert not denied(session.delete_objects, Bucket=bucket, Delete={"Objects": [own]})
    assert denied(session.delete_objects, Bucket=bucket, Delete={"Objects": [own, other]})
    s3.head_object(Bucket=bucket, Key=other["Key"])


def test_encryption_headers_in_a_bucket_policy(cloud: Cloud, s3: Any, key: Any) -> None:
    name = unique("only-kms")
    s3.create_bucket(Bucket=name)
    everything = f"arn:aws:s3:::{name}/*"
    s3.put_bucket_policy(
        Bucket=name,
        Policy=policy(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": everything,
                "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
            }
        ),
    )
    session = cloud.tenant("acme", allow("s3:PutObject", everything), allow("kms:*", key)).client("s3")
    assert denied(session.put_object, Bucket=name, Key="a", Body=b"x")
    assert not denied(session.put_object, Bucket=name, Key="a", Body=b"x", **encrypted(key))


@pytest.mark.extension
def test_key_id_header_in_a_bucket_policy(cloud: Cloud, s3: Any, key: Any) -> None:
    name = unique("only-this-key")
    s3.create_bucket(Bucket=name)
    everything = f"arn:aws:s3:::{name}/*"
    s3.put_bucket_policy(
        Bucket=name,
        Policy=policy(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": everything,
                "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}},
            }
        ),
    )
    other = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    session = cloud.tenant("acme", allow("s3:PutObject", everything), allow("kms:*")).client("s3")
    assert not denied(session.put_object, Bucket=name, Key="a", Body=b"x", **encrypted(key))
    assert denied(session.put_object, Bucket=name, Key="a", Body=b"x", **encrypted(other))


@pytest.mark.extension
def test_loopback_endpoint_counts_as_tls(cloud: Cloud, s3: Any) -> None:
    name = unique("tls")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(
        Bucket=name,
        Policy=policy(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ),
    )
    session = cloud.tenant("acme", allow("s3:PutObject", f"arn:aws:s3:::{name}/*")).client("s3")
    assert not denied(session.put_object, Bucket=name, Key="a", Body=b"x")


@pytest.fixture(scope="module")
def signer(cloud: Cloud, s3: Any, bucket: str) -> Any:
    for tenant in ("acme", "other"):
        s3.put_object(Bucket=bucket, Key=f"t/{tenant}/p", Body=b"content")
    return cloud.tenant("acme", allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/t/acme/*"))


class TestPresigned:
    """A presigned request is verified and checked as the signing session."""

    @staticmethod
    def sign(signer: Any, operation: str, bucket: str, key: Any, expires: int = 60, **more: Any) -> Any:
        client = signer.client("s3", signature_version="s3v4")
        what = {"Bucket": bucket, "Key": key, **more}
        return client.generate_presigned_url(operation, Params=what, ExpiresIn=expires)

    def test_get_and_put(self, signer: Any, bucket: str) -> None:
        assert http.call("GET", self.sign(signer, "get_object", bucket, "t/acme/p")).body == b"content"
        assert http.call("PUT", self.sign(signer, "put_object", bucket, "t/acme/new"), b"new").status == 200

    def test_checked_as_the_session(self, signer: Any, bucket: str) -> None:
        assert http.call("GET", self.sign(signer, "get_object", bucket, "t/other/p")).status == 403
        assert http.call("PUT", self.sign(signer, "put_object", bucket, "t/other/new"), b"new").status == 403

    def test_tampering(self, signer: Any, bucket: str) -> None:
        url = self.sign(signer, "get_object", bucket, "t/acme/p")
        assert http.call("GET", url.replace("t/acme/p", "t/acme/new")).status == 403
        assert http.call("GET", url[:-1] + ("0" if url[-1] != "0" else "1")).status == 403
        assert http.call("PUT", url, b"x").status == 403
        assert http.call("GET", url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")).status == 403

    def test_expiry(self, signer: Any, bucket: str) -> None:
        url = self.sign(signer, "get_object", bucket, "t/acme/p", expires=1)
        assert eventually(lambda: http.call("GET", url).status == 403, within=5)

    def test_signed_headers(self, signer: Any, bucket: str) -> None:
        url = self.sign(signer, "put_object", bucket, "t/acme/typed", ContentType="application/pdf")
        assert "content-type" in urllib.parse.unquote(url)
        assert http.call("PUT", url, b"x", Content_Type="text/html").status == 403
        assert http.call("PUT", url, b"x", Content_Type="application/pdf").status == 200

    @pytest.mark.extension
    def test_encryption_in_a_presigned_put(self, cloud: Cloud, bucket: str, key: Any) -> None:
        signer = cloud.tenant(
            "acme", allow("s3:PutObject", f"arn:aws:s3:::{bucket}/t/acme/*"), tenant_key(key, "GenerateDataKey")
        )
        headers = {"x_amz_server_side_encryption": "aws:kms", "x_amz_server_side_encryption_aws_kms_key_id": key}

        def put(tenant: Any) -> Any:
            sse = encrypted(key, {"tenant": tenant})
            url = self.sign(signer, "put_object", bucket, "t/acme/sealed", **sse)
            return http.call(
                "PUT", url, b"x", **headers, x_amz_server_side_encryption_context=sse["SSEKMSEncryptionContext"]
            )

        assert put("acme").status == 200
        assert put("other").status == 403


@pytest.mark.extension
def test_created_objects_reach_a_function_through_eventbridge(cloud: Cloud, s3: Any, tmp_path: Path) -> None:
    """The key is not URL-encoded, the event has AWS's documented form, and the function's policy must allow it."""
    name, journal, events = unique("events"), tmp_path / "journal", cloud.client("events")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    permitted = make(cloud, environment={"JOURNAL": str(journal)})
    unpermitted = make(cloud, environment={"JOURNAL": str(tmp_path / "never")})
    rule = events.put_rule(
        Name=unique("rule"),
        EventPattern=json.dumps(
            {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [name]}, "object": {"key": [{"prefix": "t/"}]}},
            }
        ),
    )["RuleArn"]
    cloud.client("lambda").add_permission(
        FunctionName=permitted,
        StatementId="e",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    events.put_targets(
        Rule=rule.rpartition("/")[2],
        Targets=[
            {"Id": f, "Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{f}"} for f in (unpermitted, permitted)
        ],
    )
    s3.put_object(Bucket=name, Key="other/x", Body=b"x")
    put = s3.put_object(Bucket=name, Key="t/acme/My file (1)ü.pdf", Body=b"12345")
    eventually(journal.exists)
    event = json.loads(journal.read_text().splitlines()[0])["event"]
    assert (event["source"], event["detail-type"], event["account"]) == ("aws.s3", "Object Created", ACCOUNT)
    assert event["resources"] == [f"arn:aws:s3:::{name}"] and event["region"] == "us-east-1"
    found = event["detail"]["object"]
    assert event["detail"]["bucket"]["name"] == name and event["detail"]["reason"] == "PutObject"
    assert (found["key"], found["size"], found["etag"]) == ("t/acme/My file (1)ü.pdf", 5, put["ETag"].strip('"'))
    assert int(found["sequencer"], 16) > 0
    # When the second event arrives, the first would also have reached the other function.
    s3.put_object(Bucket=name, Key="t/acme/second", Body=b"x")
    keys = eventually(lambda: len(lines := journal.read_text().splitlines()) > 1 and lines)
    assert [json.loads(line)["event"]["detail"]["object"]["key"] for line in keys] == [found["key"], "t/acme/second"]
    assert not (tmp_path / "never").exists()


@pytest.mark.extension
def test_eventbridge_retries_throttled_functions(cloud: Cloud, s3: Any, tmp_path: Path) -> None:
    """AWS retries a throttled asynchronous event for hours; MiniStack drops it."""
    name, journal, events = unique("events"), tmp_path / "journal", cloud.client("events")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    function = make(cloud, environment={"JOURNAL": str(journal)}, reserved=0)
    pattern = json.dumps({"detail": {"bucket": {"name": [name]}}})
    rule = events.put_rule(Name=unique("rule"), EventPattern=pattern)["RuleArn"]
    cloud.client("lambda").add_permission(
        FunctionName=function,
        StatementId="e",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    events.put_targets(
        Rule=rule.rpartition("/")[2],
        Targets=[{"Id": "1", "Arn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}"}],
    )
    s3.put_object(Bucket=name, Key="a", Body=b"x")
    cloud.client("lambda").delete_function_concurrency(FunctionName=function)
    eventually(journal.exists)


@pytest.mark.extension
def test_missing_object_is_404_only_for_callers_that_may_list(cloud: Cloud) -> None:
    bucket = unique("missing")
    cloud.client("s3").create_bucket(Bucket=bucket)
    arn = f"arn:aws:s3:::{bucket}"
    reads = allow("s3:GetObject", f"{arn}/*")
    by_prefix = allow("s3:ListBucket", arn, Condition={"StringLike": {"s3:prefix": "t/acme/*"}})
    missing = {"Bucket": bucket, "Key": "t/acme/x"}

    def answers(*statements: dict) -> list[tuple[str, int]]:
        session = cloud.assume(cloud.role(*statements)).client("s3")
        return [error(call, **missing)[:2] for call in (session.get_object, session.head_object)]

    assert answers(reads, allow("s3:ListBucket", arn)) == [("NoSuchKey", 404), ("404", 404)]
    assert answers(reads) == [("AccessDenied", 403), ("403", 403)]
    assert answers(reads, by_prefix) == [("AccessDenied", 403), ("403", 403)], "the request has no prefix"
    assert error(cloud.client("s3").get_object, **missing)[0] == "NoSuchKey"


def test_copy_if_the_target_does_not_exist(s3: Any, bucket: Any) -> None:
    for name in ("source", "taken"):
        s3.put_object(Bucket=bucket, Key=name, Body=name.encode())
    copy = {"Bucket": bucket, "CopySource": {"Bucket": bucket, "Key": "source"}}
    s3.copy_object(**copy, Key="free", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="free")["Body"].read() == b"source"
    assert error(s3.copy_object, **copy, Key="taken", IfNoneMatch="*")[0] == "PreconditionFailed"
    assert s3.get_object(Bucket=bucket, Key="taken")["Body"].read() == b"taken"
    s3.copy_object(**copy, Key="taken")
    assert s3.get_object(Bucket=bucket, Key="taken")["Body"].read() == b"source"
